//! What holds for every definition: the committed YAML, bounds, descriptions, names.

#![allow(clippy::unwrap_used, reason = "a test fails where it cannot go on")]

use std::{fs, path::PathBuf};

use serde_json::Value;
use triptych_crds::{definitions, structure::KNOWN_KEYWORDS};

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("yaml")
}

fn values() -> Vec<(String, Value)> {
    definitions::all()
        .into_iter()
        .map(|(_, definition)| {
            let kind = definition.spec.names.kind.clone();
            (kind, serde_json::to_value(definition).unwrap())
        })
        .collect()
}

fn schema(definition: &Value) -> &Value {
    &definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
}

/// Calls `look` with the path of each schema below `schema`, and whether it describes a field.
fn walk(schema: &Value, path: &str, is_field: bool, look: &mut impl FnMut(&str, &Value, bool)) {
    look(path, schema, is_field);
    for (name, field) in schema["properties"].as_object().into_iter().flatten() {
        walk(field, &format!("{path}.{name}"), true, look);
    }
    if schema["items"].is_object() {
        walk(&schema["items"], &format!("{path}[]"), false, look);
    }
    if schema["additionalProperties"].is_object() {
        walk(
            &schema["additionalProperties"],
            &format!("{path}{{}}"),
            false,
            look,
        );
    }
}

#[test]
fn the_committed_yaml_is_the_generated_one() {
    let mut committed: Vec<_> = fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    committed.sort();
    let mut generated: Vec<_> = definitions::all()
        .iter()
        .map(|(name, _)| (*name).to_owned())
        .collect();
    generated.sort();
    assert_eq!(committed, generated, "run `make generate`");
    for (name, definition) in definitions::all() {
        let file = fs::read_to_string(folder().join(name)).unwrap();
        assert!(
            file == definitions::yaml(&definition),
            "{name} is not what the types say: run `make generate`"
        );
    }
}

#[test]
fn every_value_of_a_spec_is_bounded() {
    let mut unbounded = Vec::new();
    for (kind, definition) in values() {
        walk(
            &schema(&definition)["properties"]["spec"],
            &kind,
            true,
            &mut |path, schema, _| {
                let has = |keyword: &str| !schema[keyword].is_null();
                let bounded = match schema["type"].as_str() {
                    Some("string") => has("maxLength") || has("enum"),
                    Some("array") => has("maxItems"),
                    Some("object") => {
                        !schema["additionalProperties"].is_object() || has("maxProperties")
                    }
                    Some("integer") => has("minimum") && has("maximum"),
                    Some("boolean") => true,
                    _ => false,
                };
                if !bounded {
                    unbounded.push(path.to_owned());
                }
            },
        );
    }
    assert!(unbounded.is_empty(), "{unbounded:#?}");
}

#[test]
fn every_text_and_list_of_a_status_is_bounded() {
    let mut unbounded = Vec::new();
    for (kind, definition) in values() {
        walk(
            &schema(&definition)["properties"]["status"],
            &kind,
            true,
            &mut |path, schema, _| {
                let has = |keyword: &str| !schema[keyword].is_null();
                let bounded = match schema["type"].as_str() {
                    Some("string") => {
                        has("maxLength") || has("enum") || schema["format"] == "date-time"
                    }
                    Some("array") => has("maxItems"),
                    _ => schema["additionalProperties"].is_null(),
                };
                if !bounded {
                    unbounded.push(path.to_owned());
                }
            },
        );
    }
    assert!(unbounded.is_empty(), "{unbounded:#?}");
}

#[test]
fn every_field_says_what_it_is() {
    let mut silent = Vec::new();
    for (kind, definition) in values() {
        walk(
            schema(&definition),
            &kind,
            false,
            &mut |path, schema, is_field| {
                let says = schema["description"]
                    .as_str()
                    .is_some_and(|text| text.len() > 8 && !text.contains('\n'));
                if is_field && !says {
                    silent.push(path.to_owned());
                }
            },
        );
    }
    assert!(silent.is_empty(), "{silent:#?}");
}

#[test]
fn schemas_hold_only_keywords_that_are_checked_without_a_server() {
    let mut unknown = Vec::new();
    for (kind, definition) in values() {
        walk(schema(&definition), &kind, false, &mut |path, schema, _| {
            let keywords = schema.as_object().unwrap().keys();
            unknown.extend(
                keywords
                    .filter(|keyword| !KNOWN_KEYWORDS.contains(&keyword.as_str()))
                    .map(|keyword| format!("{path}: {keyword}")),
            );
        });
    }
    assert!(unknown.is_empty(), "{unknown:#?}");
}

#[test]
fn no_field_names_a_secret() {
    for (kind, definition) in values() {
        walk(schema(&definition), &kind, false, &mut |path, _, _| {
            let name = path.rsplit('.').next().unwrap_or_default().to_lowercase();
            for word in [
                "secret",
                "credential",
                "password",
                "token",
                "apikey",
                "privatekey",
            ] {
                assert!(!name.contains(word), "{path} sounds like a secret");
            }
        });
    }
}

#[test]
fn nothing_has_a_default_and_nothing_is_kept_unknown() {
    for (kind, definition) in values() {
        let text = definition.to_string();
        for keyword in [
            "\"default\":",
            "x-kubernetes-preserve-unknown-fields",
            "\"nullable\":",
        ] {
            assert!(!text.contains(keyword), "{kind}: {keyword}");
        }
    }
}

#[test]
fn every_rule_has_a_message_and_points_at_a_field_that_exists() {
    for (kind, definition) in values() {
        walk(schema(&definition), &kind, false, &mut |path, schema, _| {
            for rule in schema["x-kubernetes-validations"]
                .as_array()
                .into_iter()
                .flatten()
            {
                let message = rule["message"].as_str().unwrap_or_default();
                assert!(message.len() >= 20, "{path}: {rule}");
                let field_path = rule["fieldPath"].as_str().unwrap_or_default();
                let names = field_path.split('.').filter(|name| !name.is_empty());
                let field = names.fold(schema, |schema, name| &schema["properties"][name]);
                // The schema of a root rule lists spec and status only.
                assert!(field.is_object(), "{path}: {field_path} is no field");
            }
        });
    }
}

#[test]
fn short_names_and_category_are_as_documented() {
    let found: Vec<_> = definitions::all()
        .into_iter()
        .map(|(_, definition)| definition.spec)
        .map(|spec| {
            (
                spec.names.kind,
                spec.names.short_names,
                spec.names.categories,
                spec.scope,
            )
        })
        .collect();
    let names = |short: &str| Some(vec![short.to_owned()]);
    let expected = vec![
        (
            "TradingAccount".to_owned(),
            names("ta"),
            names("triptych"),
            "Cluster".to_owned(),
        ),
        (
            "ConfigRevision".to_owned(),
            names("cr"),
            names("triptych"),
            "Namespaced".to_owned(),
        ),
        (
            "TradingInstance".to_owned(),
            names("ti"),
            names("triptych"),
            "Namespaced".to_owned(),
        ),
    ];
    assert_eq!(found, expected);
}

/// The width of a line as `kubectl get` prints it: columns are as wide as their widest cell, with
/// three spaces between them.
fn printed_width(definition: &Value, rows: &[&[&str]]) -> usize {
    let columns = definition["spec"]["versions"][0]["additionalPrinterColumns"]
        .as_array()
        .unwrap();
    let names = columns
        .iter()
        .map(|column| column["name"].as_str().unwrap());
    let headers: Vec<_> = std::iter::once("Name").chain(names).collect();
    let width = |index: usize| {
        rows.iter()
            .map(|row| row[index].len())
            .chain([headers[index].len()])
            .max()
            .unwrap()
    };
    (0..headers.len()).map(width).sum::<usize>() + 3 * (headers.len() - 1)
}

#[test]
fn tables_read_well_at_120_columns() {
    let definitions = values();
    let definition = |kind: &str| &definitions.iter().find(|(name, _)| name == kind).unwrap().1;
    let instances: &[&[&str]] = &[
        &[
            "intelligence",
            "ABH",
            "quickstart-2",
            "Active",
            "Running",
            "0123456789ab",
            "True",
            "",
            "5d12h",
        ],
        &[
            "btc-live",
            "W",
            "btc-2026-11-02",
            "Reducing",
            "Promoting",
            "0123456789ab",
            "False",
            "gate approval",
            "118d",
        ],
        &[
            "btc-demo",
            "R",
            "btc-2026-11-23",
            "Active",
            "Starting",
            "0123456789ab",
            "False",
            "pod to be ready",
            "118d",
        ],
    ];
    assert!(printed_width(definition("TradingInstance"), instances) < 120);
    let revisions: &[&[&str]] = &[&[
        "btc-2026-11-23-tighter-limits",
        "0123456789ab",
        "Unknown",
        "12",
        "118d",
    ]];
    assert!(printed_width(definition("ConfigRevision"), revisions) < 120);
    let accounts: &[&[&str]] = &[&[
        "main",
        "BinanceSpot",
        "btc-live",
        "btc-demo",
        "Unknown",
        "118d",
    ]];
    assert!(printed_width(definition("TradingAccount"), accounts) < 120);
}

#[test]
fn printer_columns_write_no_priority_that_the_api_server_would_drop() {
    for (kind, definition) in values() {
        for column in definition["spec"]["versions"][0]["additionalPrinterColumns"]
            .as_array()
            .unwrap()
        {
            assert!(column["priority"].is_null(), "{kind}: {column}");
        }
    }
}
