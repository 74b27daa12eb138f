//! What a chart says about its values.

use std::fs;

use serde_json::Value;

use crate::Chart;

/// Holds the chart's README against its values: each stands there, or the object that it belongs to
/// where that is in `described_as_a_whole`.
///
/// # Panics
/// When a value is missing.
pub fn readme_describes_every_value(chart: &Chart, described_as_a_whole: &[&str]) {
    let readme = read(chart, "README.md");
    let mut paths = Vec::new();
    leaves("", &values(chart), described_as_a_whole, &mut paths);
    assert!(!paths.is_empty(), "the chart has no values");
    for path in paths {
        assert!(
            readme.contains(&format!("`{path}`")),
            "{path} is not in README.md"
        );
    }
}

/// Holds the chart's schema against its values: each is described, and no other is let through.
///
/// # Panics
/// When one is not described, or an unknown one would be let through.
pub fn schema_describes_every_value(chart: &Chart) {
    let schema = schema(chart);
    describes(&schema, "", &values(chart), &schema["$defs"]);
}

/// The chart's default values.
///
/// # Panics
/// When they cannot be read.
pub fn values(chart: &Chart) -> Value {
    serde_yaml_ng::from_str(&read(chart, "values.yaml")).expect("values.yaml is YAML")
}

/// The schema of the chart's values.
///
/// # Panics
/// When it cannot be read.
pub fn schema(chart: &Chart) -> Value {
    serde_json::from_str(&read(chart, "values.schema.json")).expect("the schema is JSON")
}

fn read(chart: &Chart, file: &str) -> String {
    let path = chart.folder().join(file);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Paths of all values that are no objects with values of their own.
fn leaves(path: &str, value: &Value, whole: &[&str], found: &mut Vec<String>) {
    match value {
        Value::Object(fields) if !fields.is_empty() && !whole.contains(&path) => {
            for (key, field) in fields {
                let path = if path.is_empty() {
                    key.clone()
                } else {
                    format!("{path}.{key}")
                };
                leaves(&path, field, whole, found);
            }
        }
        _ => found.push(path.to_owned()),
    }
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
