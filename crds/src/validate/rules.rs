//! The CEL rules of the definitions, run on a manifest.

use std::collections::HashSet;

use kube::core::cel::{ValidationError, Validator};
use serde_json::Value;

use crate::problem::Problem;

/// Problems that the schema's rules find; rules on `oldSelf` run with `old` only.
pub(super) fn check(schema: &Value, manifest: &Value, old: Option<&Value>) -> Vec<Problem> {
    let mut bounded = manifest.clone();
    drop_large_exponents(&mut bounded);
    let Err(errors) = Validator::new().validate(schema, &bounded, old) else {
        return Vec::new();
    };
    let mut scalar_rules = HashSet::new();
    collect_scalar_rules(schema, &mut scalar_rules);
    errors
        .into_iter()
        .map(|error| problem(&error, manifest, &scalar_rules))
        .collect()
}

/// The arithmetic of quantities overflows on exponents such as `1e999`. No pattern allows one, so its
/// text is a problem already; the rules see a text that is no quantity instead.
fn drop_large_exponents(value: &mut Value) {
    match value {
        Value::String(text) if has_large_exponent(text) => text.clear(),
        Value::Array(items) => items.iter_mut().for_each(drop_large_exponents),
        Value::Object(fields) => fields.values_mut().for_each(drop_large_exponents),
        _ => {}
    }
}

fn has_large_exponent(text: &str) -> bool {
    let is_mantissa = |byte: u8| byte.is_ascii_digit() || matches!(byte, b'+' | b'-' | b'.');
    let Some((mantissa, exponent)) = text.split_once(['e', 'E']) else {
        return false;
    };
    let digits = exponent.trim_start_matches(['+', '-']);
    // A name such as ETHUSDT is no number.
    !mantissa.is_empty()
        && mantissa.bytes().all(is_mantissa)
        && digits.len() > 1
        && digits.bytes().all(|byte| byte.is_ascii_digit())
}

fn problem(error: &ValidationError, manifest: &Value, scalar_rules: &HashSet<&str>) -> Problem {
    let path = match error.field_path.trim_start_matches('.') {
        "" => "<nil>",
        path => path,
    };
    let message = &error.message;
    match error.reason.as_deref() {
        Some("FieldValueForbidden") => Problem::new(path, format!("Forbidden: {message}")),
        Some("FieldValueRequired") => Problem::new(path, format!("Required value: {message}")),
        _ if scalar_rules.contains(error.rule.as_str()) => {
            Problem::invalid(path, value_at(manifest, path), message)
        }
        // The API server leaves the value of an object or a list out.
        _ => Problem::new(path, format!("Invalid value: {message}")),
    }
}

fn collect_scalar_rules<'schema>(schema: &'schema Value, found: &mut HashSet<&'schema str>) {
    if !matches!(schema["type"].as_str(), Some("object" | "array")) {
        let rules = schema["x-kubernetes-validations"]
            .as_array()
            .into_iter()
            .flatten();
        found.extend(rules.filter_map(|rule| rule["rule"].as_str()));
    }
    match schema {
        Value::Object(fields) => fields
            .values()
            .for_each(|field| collect_scalar_rules(field, found)),
        Value::Array(items) => items
            .iter()
            .for_each(|item| collect_scalar_rules(item, found)),
        _ => {}
    }
}

fn value_at<'manifest>(manifest: &'manifest Value, path: &str) -> &'manifest Value {
    let pointer = path.replace(['.', '['], "/").replace(']', "");
    manifest
        .pointer(&format!("/{pointer}"))
        .unwrap_or(&Value::Null)
}
