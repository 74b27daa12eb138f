//! What the chart says about itself.

use std::fs;

use serde_json::Value;
use triptych_chart_tests::Chart;

fn read(file: &str) -> String {
    fs::read_to_string(Chart::named("triptych").folder().join(file)).unwrap()
}

/// Paths of all values that are no objects with values of their own.
fn leaves(path: &str, value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            for (key, field) in fields {
                let path = if path.is_empty() {
                    key.clone()
                } else {
                    format!("{path}.{key}")
                };
                leaves(&path, field, found);
            }
        }
        _ => found.push(path.to_owned()),
    }
}

#[test]
fn the_readme_describes_every_value() {
    let values: Value = serde_yaml_ng::from_str(&read("values.yaml")).unwrap();
    let mut paths = Vec::new();
    leaves("", &values, &mut paths);
    assert!(paths.len() > 20, "{paths:?}");
    let readme = read("README.md");
    for path in paths
        .iter()
        .filter(|path| !path.starts_with("operator.resources."))
    {
        assert!(
            readme.contains(&format!("`{path}`")),
            "{path} is not in README.md"
        );
    }
    assert!(readme.contains("`operator.resources`"));
}

#[test]
fn the_schema_describes_every_value() {
    let values: Value = serde_yaml_ng::from_str(&read("values.yaml")).unwrap();
    let schema: Value = serde_json::from_str(&read("values.schema.json")).unwrap();
    describes(&schema, "", &values, &schema["$defs"]);
}

fn describes(schema: &Value, path: &str, values: &Value, definitions: &Value) {
    let Value::Object(fields) = values else {
        return;
    };
    let Some(properties) = schema["properties"].as_object() else {
        return;
    };
    assert_eq!(
        schema["additionalProperties"], false,
        "{path}: unknown fields are let through"
    );
    for (key, value) in fields {
        let path = format!("{path}/{key}");
        let property = properties
            .get(key)
            .unwrap_or_else(|| panic!("{path} is not in the schema"));
        let referred = property["$ref"]
            .as_str()
            .and_then(|name| name.strip_prefix("#/$defs/"));
        let shared = referred.map_or(&Value::Null, |name| &definitions[name]);
        let described = property["description"].is_string() || shared["description"].is_string();
        assert!(described, "{path} has no description");
        let nested = if shared.is_null() { property } else { shared };
        describes(nested, &path, value, definitions);
    }
}

#[test]
fn notes_teach_the_next_steps() {
    let notes = notes(&[]);
    for step in [
        "kubectl --namespace triptych-system rollout status deployment/triptych-operator",
        "kubectl --namespace team-a apply -f examples/quickstart",
        "kubectl get tradinginstances",
        "kubectl explain tradinginstance.spec",
        "--clusterrole triptych-platform",
    ] {
        assert!(notes.contains(step), "no {step:?} in:\n{notes}");
    }
    assert!(!notes.contains("WARNING"), "{notes}");
}

#[test]
fn notes_warn_of_what_is_less_safe() {
    for (values, warning) in [
        (&["profile=dev"][..], "profile dev isolates nothing"),
        (&["image.digest="], "can be moved"),
        (&["crds.install=false"], "not part of this release"),
    ] {
        let notes = notes(values);
        assert!(
            notes.contains(warning),
            "{values:?}: no {warning:?} in:\n{notes}"
        );
    }
}

fn notes(values: &[&str]) -> String {
    let digest = format!("image.digest={}", crate::DIGEST);
    let mut all = vec!["image.repository=example/triptych-operator", &digest];
    all.extend_from_slice(values);
    Chart::named("triptych")
        .notes(&all)
        .unwrap_or_else(|refusal| panic!("{}", refusal.0))
}
