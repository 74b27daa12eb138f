//! Checks a manifest as the API server would, without one.

#[cfg(feature = "validate")]
mod rules;

use serde_json::Value;

use crate::{
    hash::{CanonicalConfig, HashError, canonical_config},
    problem::Problem,
    structure,
};

/// What the API server says when it did not run the rules because the structure is wrong.
const RULES_NOT_CHECKED: &str = "Invalid value: null: some validation rules were not checked because the object was invalid; correct the existing errors to complete validation";

/// Everything that the API server would refuse in a new object, or, with `old`, in an update.
/// Empty: it would take it.
///
/// As there, unknown fields are all that is reported while there are any, and rules that look at
/// several fields run once types and required fields are right.
#[cfg(feature = "validate")]
pub fn validate(manifest: &Value, old: Option<&Value>) -> Vec<Problem> {
    let schema = match structure::schema_of(manifest) {
        Ok(schema) => schema,
        Err(problem) => return vec![problem],
    };
    let mut problems = structural(manifest);
    if problems.iter().any(blocks_rules) {
        if !problems.iter().any(is_unknown_field) {
            problems.push(Problem::new("<nil>", RULES_NOT_CHECKED));
        }
        return problems;
    }
    let old = old.map(|old| structure::admitted(schema, old));
    problems.extend(rules::check(
        schema,
        &structure::admitted(schema, manifest),
        old.as_ref(),
    ));
    problems
}

/// The part of [`validate`] that needs no rules: unknown fields, or else the structure.
pub fn structural(manifest: &Value) -> Vec<Problem> {
    let schema = match structure::schema_of(manifest) {
        Ok(schema) => schema,
        Err(problem) => return vec![problem],
    };
    let unknown = structure::unknown_fields(schema, manifest);
    if !unknown.is_empty() {
        return unknown;
    }
    let mut problems = Vec::new();
    check_name(manifest, &mut problems);
    structure::check(
        schema,
        &structure::admitted(schema, manifest),
        "",
        &mut problems,
    );
    problems
}

/// Canonical form and hash of a manifest of a ConfigRevision, or why it has none: another kind,
/// something that the API server would refuse or drop, or a value without a canonical form.
///
/// The hash is that of the object which the API server would store.
pub fn config_of(manifest: &Value) -> Result<CanonicalConfig, Vec<Problem>> {
    if manifest.get("kind").and_then(Value::as_str) != Some("ConfigRevision") {
        let kind = manifest.get("kind").cloned().unwrap_or_default();
        return Err(vec![Problem::invalid(
            "kind",
            &kind,
            "only a ConfigRevision has a hash",
        )]);
    }
    let problems = structural(manifest);
    if !problems.is_empty() {
        return Err(problems);
    }
    canonical_config(&manifest["spec"]).map_err(|error| vec![hash_problem(&error)])
}

fn hash_problem(error: &HashError) -> Problem {
    let text = error.to_string();
    match text.split_once(": ") {
        Some((path, message)) => Problem::new(path, message),
        None => Problem::new("spec", text),
    }
}

fn check_name(manifest: &Value, problems: &mut Vec<Problem>) {
    let metadata = &manifest["metadata"];
    let Some(name) = metadata["name"].as_str().filter(|name| !name.is_empty()) else {
        if metadata["generateName"].as_str().is_none_or(str::is_empty) {
            problems.push(Problem::new(
                "metadata.name",
                "Required value: name or generateName is required",
            ));
        }
        return;
    };
    if name.len() > 253 {
        problems.push(Problem::invalid(
            "metadata.name",
            &name.into(),
            "must be no more than 253 bytes",
        ));
    }
    if !is_subdomain(name) {
        problems.push(Problem::invalid(
            "metadata.name",
            &name.into(),
            "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')",
        ));
    }
}

fn is_subdomain(name: &str) -> bool {
    let alphanumeric = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    name.split('.').all(|label| {
        let bytes = label.as_bytes();
        let ends = [bytes.first(), bytes.last()];
        ends.iter()
            .all(|end| end.is_some_and(|byte| alphanumeric(*byte)))
            && bytes
                .iter()
                .all(|byte| alphanumeric(*byte) || *byte == b'-')
    })
}

#[cfg(feature = "validate")]
fn blocks_rules(problem: &Problem) -> bool {
    let message = problem.message.as_str();
    let kinds = [
        "Unsupported value",
        "Required value",
        "Too long",
        "Too many",
        "unknown field",
    ];
    kinds.iter().any(|kind| message.starts_with(kind))
        || (message.starts_with("Invalid value") && message.contains(" in body must be of type "))
}

#[cfg(feature = "validate")]
fn is_unknown_field(problem: &Problem) -> bool {
    problem.message.starts_with("unknown field")
}
