//! The table of manifests, checked without a server.

#![allow(clippy::unwrap_used, reason = "a test fails where it cannot go on")]

use std::collections::BTreeSet;

use serde_json::Value;
use triptych_crds::{cases, definitions, manifest, problem::Problem, validate};

fn sorted(problems: &[Problem]) -> Vec<String> {
    let mut lines: Vec<_> = problems.iter().map(ToString::to_string).collect();
    lines.sort();
    lines
}

#[test]
fn every_manifest_is_accepted_or_refused_with_the_api_servers_paths_and_messages() {
    let cases = cases::all();
    assert!(cases.len() >= 80, "{} cases", cases.len());
    let mut wrong = Vec::new();
    for case in cases {
        let found = match &case.update {
            Some(update) => {
                assert_eq!(
                    validate::validate(&case.manifest, None),
                    [],
                    "{}: before the update",
                    case.name
                );
                validate::validate(update, Some(&case.manifest))
            }
            None => validate::validate(&case.manifest, None),
        };
        let (found, expected) = (sorted(&found), sorted(&case.refused));
        if found != expected {
            wrong.push(format!(
                "{} / {}\n  expected {expected:#?}\n  found {found:#?}",
                case.kind, case.name
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_refusal_says_what_to_do() {
    for case in cases::all() {
        let refused = !case.refused.is_empty() || case.hash_refused.is_some();
        assert_eq!(
            case.remedy.is_some(),
            refused,
            "{} / {}",
            case.kind,
            case.name
        );
    }
    for file in cases::files() {
        assert_eq!(
            file.remedy.is_some(),
            file.unreadable.is_some(),
            "{}",
            file.name
        );
    }
}

#[test]
fn names_of_cases_are_unique_within_a_kind() {
    let mut seen = BTreeSet::new();
    for case in cases::all() {
        assert!(
            seen.insert((case.kind, case.name.clone())),
            "{} / {}",
            case.kind,
            case.name
        );
    }
}

#[test]
fn every_rule_and_every_pattern_is_refused_by_a_case() {
    let messages: String = cases::all()
        .iter()
        .flat_map(|case| {
            case.refused
                .iter()
                .map(|problem| format!("{}\n", problem.message))
        })
        .collect();
    let mut untested = BTreeSet::new();
    for (_, definition) in definitions::all() {
        let definition = serde_json::to_value(definition).unwrap();
        let schema = &definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
        collect_untested(
            &schema["x-kubernetes-validations"],
            &messages,
            &mut untested,
        );
        collect_untested(&schema["properties"]["spec"], &messages, &mut untested);
    }
    assert!(untested.is_empty(), "no case is refused by: {untested:#?}");
}

fn collect_untested(schema: &Value, messages: &str, untested: &mut BTreeSet<String>) {
    match schema {
        Value::Object(fields) => {
            for keyword in ["pattern", "message"] {
                if let Some(text) = fields.get(keyword).and_then(Value::as_str)
                    && !messages.contains(text)
                {
                    untested.insert(text.to_owned());
                }
            }
            fields
                .values()
                .for_each(|field| collect_untested(field, messages, untested));
        }
        Value::Array(items) => items
            .iter()
            .for_each(|item| collect_untested(item, messages, untested)),
        _ => {}
    }
}

#[test]
fn the_hash_refuses_what_the_api_server_would_change() {
    for case in cases::all() {
        if case.kind != "ConfigRevision" || case.update.is_some() {
            continue;
        }
        let found = validate::config_of(&case.manifest);
        match &case.hash_refused {
            Some(problem) => assert_eq!(found, Err(vec![problem.clone()]), "{}", case.name),
            None if case.refused.is_empty() => assert!(found.is_ok(), "{}: {found:?}", case.name),
            None => {}
        }
    }
}

#[test]
fn only_a_config_revision_has_a_hash() {
    for case in cases::all()
        .iter()
        .filter(|case| case.kind != "ConfigRevision")
    {
        let problems = validate::config_of(&case.manifest).unwrap_err();
        assert_eq!(problems[0].path, "kind", "{}", case.name);
    }
}

#[test]
fn another_kind_or_version_is_refused_by_name() {
    let mut manifest = cases::all()[0].manifest.clone();
    manifest["kind"] = "TradingInstances".into();
    let problems = sorted(&validate::validate(&manifest, None));
    assert_eq!(
        problems,
        [
            r#"kind: Invalid value: "TradingInstances": must be one of ConfigRevision, TradingAccount, TradingInstance"#
        ]
    );
    manifest["apiVersion"] = "triptych.trading/v1".into();
    let problems = sorted(&validate::validate(&manifest, None));
    assert_eq!(
        problems,
        [r#"apiVersion: Invalid value: "triptych.trading/v1": must be triptych.trading/v1alpha1"#]
    );
}

#[test]
fn files_are_read_as_kubectl_reads_them_or_refused_with_their_line() {
    for file in cases::files() {
        match manifest::read(&file.text) {
            Ok(documents) => {
                assert_eq!(file.unreadable, None, "{}: read {documents:?}", file.name);
                assert_eq!(documents, [file.reads_as.unwrap()], "{}", file.name);
            }
            Err(error) => assert_eq!(Some(error.to_string()), file.unreadable, "{}", file.name),
        }
    }
}

#[test]
fn a_file_holds_several_documents() {
    let documents = manifest::read("---\na: 1\n---\n# nothing\n---\nb: 2\n...\n").unwrap();
    assert_eq!(
        documents,
        [serde_json::json!({"a": 1}), serde_json::json!({"b": 2})]
    );
}

#[test]
fn nesting_and_size_of_files_are_bounded() {
    let deep = format!("a: {}{}", "[".repeat(80), "]".repeat(80));
    assert!(
        manifest::read(&deep)
            .unwrap_err()
            .reason
            .contains("nested deeper")
    );
    let large = " ".repeat(manifest::MAX_FILE_BYTES + 1);
    assert!(manifest::read(&large).unwrap_err().reason.contains("bytes"));
}

#[test]
fn the_page_of_errors_is_made_from_the_table() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/errors.md");
    let page = std::fs::read_to_string(path).unwrap();
    assert!(
        page == cases::errors_page(),
        "docs/errors.md is not what the table says: run `make generate`"
    );
}
