//! Garbage in every field: it is refused with a path or read by the types, and nothing panics.

#![allow(clippy::unwrap_used, reason = "a test fails where it cannot go on")]

use serde_json::{Value, json};
use triptych_crds::{
    ConfigRevision, TradingAccount, TradingInstance, cases, structure,
    validate::{config_of, validate},
};

/// Values that no field, or few fields, mean.
fn garbage() -> Vec<Value> {
    vec![
        Value::Null,
        json!(true),
        json!(0),
        json!(-1),
        json!(1.5),
        json!(i64::MIN),
        json!(u64::MAX),
        json!(1e300),
        json!(""),
        json!(" "),
        json!("\u{0}\u{7f}\u{2028}💥"),
        json!("-1e999999999"),
        json!("9".repeat(400)),
        json!("x".repeat(100_000)),
        json!([]),
        json!([null]),
        json!([[[]]]),
        json!({}),
        json!({ "": null }),
        json!({ "a.b[0]": { "c": 1 } }),
    ]
}

/// JSON pointers of every value below `value`, itself included.
fn pointers(value: &Value, at: &str, found: &mut Vec<String>) {
    found.push(at.to_owned());
    match value {
        Value::Object(fields) => {
            for (name, field) in fields {
                let name = name.replace('~', "~0").replace('/', "~1");
                pointers(field, &format!("{at}/{name}"), found);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate().take(2) {
                pointers(item, &format!("{at}/{index}"), found);
            }
        }
        _ => {}
    }
}

fn the_types_read(kind: &str, manifest: &Value) -> Result<(), serde_json::Error> {
    let admitted = structure::admitted(structure::schema_of(manifest).unwrap(), manifest);
    match kind {
        "ConfigRevision" => serde_json::from_value::<ConfigRevision>(admitted).map(|_| ()),
        "TradingInstance" => serde_json::from_value::<TradingInstance>(admitted).map(|_| ()),
        _ => serde_json::from_value::<TradingAccount>(admitted).map(|_| ()),
    }
}

/// Accepted manifests that between them have every field, small enough to be spoilt field by field.
fn rich_manifests() -> Vec<(&'static str, Value)> {
    const RICH: [&str; 6] = [
        "every risk rule once",
        "an order-book imbalance with stop and target",
        "a promotion with every gate, a ramp and a break-glass",
        "a node selector",
        "requests and limits",
        "a simulated account",
    ];
    cases::all()
        .into_iter()
        .filter(|case| RICH.contains(&case.name.as_str()) && case.update.is_none())
        .map(|case| (case.kind, case.manifest))
        .collect()
}

#[test]
fn garbage_in_any_field_is_refused_with_a_path_or_read_by_the_types() {
    let mut spoilt = 0;
    let manifests = rich_manifests();
    assert_eq!(manifests.len(), 6);
    for (kind, manifest) in manifests {
        let mut paths = Vec::new();
        pointers(&manifest["spec"], "/spec", &mut paths);
        for path in paths {
            for value in garbage() {
                let mut manifest = manifest.clone();
                *manifest.pointer_mut(&path).unwrap() = value;
                let problems = validate(&manifest, None);
                assert!(
                    problems.iter().all(|problem| !problem.path.is_empty()),
                    "{path}: {problems:?}"
                );
                if problems.is_empty() {
                    let read = the_types_read(kind, &manifest);
                    assert!(read.is_ok(), "{path}: accepted, and the types say {read:?}");
                }
                // Only that it answers: what it answers is held elsewhere.
                let _ = config_of(&manifest);
                spoilt += 1;
            }
        }
    }
    assert!(spoilt > 1_000, "{spoilt} manifests");
}

#[test]
fn what_is_no_manifest_at_all_is_refused() {
    for value in garbage() {
        assert!(!validate(&value, None).is_empty(), "{value}");
        assert!(config_of(&value).is_err(), "{value}");
    }
}

#[test]
fn every_accepted_manifest_of_the_table_is_read_by_the_types() {
    for case in cases::all().iter().filter(|case| case.refused.is_empty()) {
        let manifest = case.update.as_ref().unwrap_or(&case.manifest);
        let read = the_types_read(case.kind, manifest);
        assert!(read.is_ok(), "{} / {}: {read:?}", case.kind, case.name);
    }
}
