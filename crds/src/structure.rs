//! The checks of a structural schema, as the API server makes them: types, required fields, bounds,
//! patterns, enumerations, duplicates in lists, unknown fields.
//!
//! Only the keywords that the definitions of this crate use are known; a test holds the definitions
//! against that list.

use std::{collections::HashMap, sync::LazyLock};

use regex::Regex;
use serde_json::{Map, Value};

use crate::{definitions, problem::Problem};

/// Keywords that [`check`] understands or that check nothing.
pub const KNOWN_KEYWORDS: &[&str] = &[
    "additionalProperties",
    "description",
    "enum",
    "format",
    "items",
    "maxItems",
    "maxLength",
    "maxProperties",
    "maximum",
    "minItems",
    "minLength",
    "minimum",
    "pattern",
    "properties",
    "required",
    "title",
    "type",
    "x-kubernetes-list-map-keys",
    "x-kubernetes-list-type",
    "x-kubernetes-validations",
];

/// Fields of `metadata` that a manifest may have.
const METADATA_FIELDS: &[&str] = &[
    "annotations",
    "creationTimestamp",
    "deletionGracePeriodSeconds",
    "deletionTimestamp",
    "finalizers",
    "generateName",
    "generation",
    "labels",
    "managedFields",
    "name",
    "namespace",
    "ownerReferences",
    "resourceVersion",
    "selfLink",
    "uid",
];

/// Schema of a kind, or the problem of the manifest's `apiVersion` or `kind`.
pub fn schema_of(manifest: &Value) -> Result<&'static Value, Problem> {
    static SCHEMAS: LazyLock<HashMap<String, Value>> = LazyLock::new(schemas);
    let expected_version = format!("{}/{}", crate::GROUP, crate::VERSION);
    let version = text_at(manifest, "apiVersion");
    if version != expected_version {
        let detail = format!("must be {expected_version}");
        return Err(Problem::invalid("apiVersion", &version.into(), detail));
    }
    let kind = text_at(manifest, "kind");
    SCHEMAS.get(kind).ok_or_else(|| {
        let mut kinds: Vec<_> = SCHEMAS.keys().map(String::as_str).collect();
        kinds.sort_unstable();
        Problem::invalid(
            "kind",
            &kind.into(),
            format!("must be one of {}", kinds.join(", ")),
        )
    })
}

fn schemas() -> HashMap<String, Value> {
    let schema =
        |definition: Value| definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"].clone();
    definitions::all()
        .into_iter()
        .map(|(_, definition)| {
            let kind = definition.spec.names.kind.clone();
            let value = serde_json::to_value(definition).expect("a definition is plain data");
            (kind, schema(value))
        })
        .collect()
}

fn text_at<'manifest>(manifest: &'manifest Value, field: &str) -> &'manifest str {
    manifest
        .get(field)
        .and_then(Value::as_str)
        .unwrap_or_default()
}

/// The manifest as the API server sees it before it checks it: without nulls where the schema has a
/// field, without a status, and with whole numbers as integers.
pub fn admitted(schema: &Value, manifest: &Value) -> Value {
    let mut admitted = manifest.clone();
    if let Value::Object(fields) = &mut admitted {
        fields.remove("status");
    }
    settle(schema, &mut admitted);
    admitted
}

fn settle(schema: &Value, value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|name, field| !(field.is_null() && field_schema(schema, name).is_some()));
            for (name, field) in fields {
                if let Some(schema) = field_schema(schema, name) {
                    settle(schema, field);
                }
            }
        }
        Value::Array(items) => items
            .iter_mut()
            .for_each(|item| settle(&schema["items"], item)),
        Value::Number(number) if !number.is_i64() && is_whole(value) => {
            if let Ok(whole) = format!("{:.0}", value.as_f64().unwrap_or_default()).parse::<i64>() {
                *value = whole.into();
            }
        }
        _ => {}
    }
}

fn field_schema<'schema>(schema: &'schema Value, name: &str) -> Option<&'schema Value> {
    schema["properties"].get(name).or_else(|| {
        schema
            .get("additionalProperties")
            .filter(|more| more.is_object())
    })
}

/// Fields that the schema does not have.
pub fn unknown_fields(schema: &Value, manifest: &Value) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (name, value) in manifest.as_object().into_iter().flatten() {
        match name.as_str() {
            "apiVersion" | "kind" => {}
            "metadata" => {
                let fields = value.as_object().into_iter().flat_map(Map::keys);
                let unknown = fields.filter(|field| !METADATA_FIELDS.contains(&field.as_str()));
                problems.extend(
                    unknown.map(|field| Problem::unknown_field(&format!("metadata.{field}"))),
                );
            }
            _ => collect_unknown(
                &schema["properties"][name.as_str()],
                value,
                name,
                &mut problems,
            ),
        }
    }
    problems
}

fn collect_unknown(schema: &Value, value: &Value, path: &str, problems: &mut Vec<Problem>) {
    if schema.is_null() {
        problems.push(Problem::unknown_field(path));
        return;
    }
    match value {
        Value::Object(fields) if schema["type"] == "object" => {
            for (name, field) in fields {
                let schema = field_schema(schema, name).unwrap_or(&Value::Null);
                collect_unknown(schema, field, &format!("{path}.{name}"), problems);
            }
        }
        Value::Array(items) if schema["type"] == "array" => {
            for (index, item) in items.iter().enumerate() {
                collect_unknown(
                    &schema["items"],
                    item,
                    &format!("{path}[{index}]"),
                    problems,
                );
            }
        }
        _ => {}
    }
}

/// Checks a value against its schema; `path` is its own.
pub fn check(schema: &Value, value: &Value, path: &str, problems: &mut Vec<Problem>) {
    check_type(schema, value, path, problems);
    match value {
        Value::String(text) => check_text(schema, text, path, problems),
        Value::Number(_) => check_number(schema, value, path, problems),
        Value::Array(items) => check_list(schema, items, path, problems),
        Value::Object(fields) => check_object(schema, fields, path, problems),
        Value::Null | Value::Bool(_) => {}
    }
    if let Some(allowed) = schema["enum"].as_array()
        && !allowed.contains(value)
    {
        problems.push(Problem::unsupported(path, value, allowed));
    }
}

fn check_type(schema: &Value, value: &Value, path: &str, problems: &mut Vec<Problem>) {
    let Some(expected) = schema["type"].as_str() else {
        return;
    };
    let found = type_of(value);
    let fits = expected == found
        || (expected == "integer" && is_whole(value))
        || (expected == "number" && found == "integer");
    if fits {
        return;
    }
    // For a number with a format, the API server speaks of the format instead of the type.
    match (schema["format"].as_str(), value) {
        (Some(format @ ("int32" | "int64")), Value::Number(_)) => {
            problems.push(Problem::wrong_type(path, format, "float64"));
        }
        (Some(format @ ("int32" | "int64")), Value::Bool(_) | Value::Object(_)) => {
            problems.push(Problem::wrong_type(path, format, ""));
        }
        _ => problems.push(Problem::wrong_type(path, expected, found)),
    }
}

fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_i64() => "integer",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// A number that JSON writes with a fraction or an exponent and whose value is an integer.
fn is_whole(value: &Value) -> bool {
    value
        .as_f64()
        .is_some_and(|number| number.fract() == 0.0 && number.abs() < 9_007_199_254_740_992.0)
}

fn check_text(schema: &Value, text: &str, path: &str, problems: &mut Vec<Problem>) {
    let length = text.chars().count() as u64;
    let value = Value::from(text);
    if let Some(maximum) = schema["maxLength"]
        .as_u64()
        .filter(|maximum| length > *maximum)
    {
        problems.push(Problem::too_long(path, maximum));
    } else if let Some(minimum) = schema["minLength"]
        .as_u64()
        .filter(|minimum| length < *minimum)
    {
        let detail = format!("{path} in body should be at least {minimum} chars long");
        problems.push(Problem::invalid(path, &value, detail));
    } else if let Some(pattern) = schema["pattern"]
        .as_str()
        .filter(|pattern| !matches(pattern, text))
    {
        let detail = format!("{path} in body should match '{pattern}'");
        problems.push(Problem::invalid(path, &value, detail));
    }
    if schema["format"] == "date-time" && !is_date_time(text) {
        let detail = format!(
            "{path} in body must be of type date-time: {}",
            crate::problem::quoted(text)
        );
        problems.push(Problem::invalid(path, &value, detail));
    }
}

fn matches(pattern: &str, text: &str) -> bool {
    Regex::new(pattern).is_ok_and(|pattern| pattern.is_match(text))
}

/// A date and a time of day that exist; the pattern beside the format has seen to the form.
fn is_date_time(text: &str) -> bool {
    text.parse::<jiff::Timestamp>().is_ok()
}

fn check_number(schema: &Value, value: &Value, path: &str, problems: &mut Vec<Problem>) {
    let number = value.as_f64().unwrap_or(f64::NAN);
    if schema["type"] == "integer" && !value.is_i64() && !is_whole(value) {
        let form = match schema["format"].as_str() {
            Some(format) => format!("with format {format}"),
            None => "(default format)".to_owned(),
        };
        let detail = format!("Checked value must be of type integer {form} in {path}");
        problems.push(Problem::invalid("<nil>", &"".into(), detail));
    }
    if let Some(maximum) = schema["maximum"]
        .as_f64()
        .filter(|maximum| number > *maximum)
    {
        let detail = format!("{path} in body should be less than or equal to {maximum}");
        problems.push(Problem::invalid(path, value, detail));
    }
    if let Some(minimum) = schema["minimum"]
        .as_f64()
        .filter(|minimum| number < *minimum)
    {
        let detail = format!("{path} in body should be greater than or equal to {minimum}");
        problems.push(Problem::invalid(path, value, detail));
    }
}

fn check_list(schema: &Value, items: &[Value], path: &str, problems: &mut Vec<Problem>) {
    for (index, item) in items.iter().enumerate() {
        check(
            &schema["items"],
            item,
            &format!("{path}[{index}]"),
            problems,
        );
    }
    let count = items.len();
    if let Some(minimum) = schema["minItems"]
        .as_u64()
        .filter(|minimum| (count as u64) < *minimum)
    {
        let detail = format!("{path} in body should have at least {minimum} items");
        problems.push(Problem::invalid(path, &count.into(), detail));
    }
    if let Some(maximum) = schema["maxItems"]
        .as_u64()
        .filter(|maximum| count as u64 > *maximum)
    {
        problems.push(Problem::too_many(path, count, maximum));
    }
    check_duplicates(schema, items, path, problems);
}

/// Lists of type `set` and `map` hold each item, or each key, once; the second one is reported.
fn check_duplicates(schema: &Value, items: &[Value], path: &str, problems: &mut Vec<Problem>) {
    let identity = |item: &Value| match schema["x-kubernetes-list-type"].as_str() {
        Some("set") => Some(item.clone()),
        Some("map") => {
            let keys = schema["x-kubernetes-list-map-keys"]
                .as_array()
                .into_iter()
                .flatten();
            let named = keys
                .filter_map(Value::as_str)
                .filter_map(|key| Some((key.to_owned(), item.get(key)?.clone())));
            Some(Value::Object(named.collect()))
        }
        _ => None,
    };
    let identities: Vec<_> = items.iter().filter_map(identity).collect();
    for (index, item) in identities.iter().enumerate() {
        let earlier = identities[..index]
            .iter()
            .filter(|other| *other == item)
            .count();
        if earlier == 1 {
            problems.push(Problem::duplicate(&format!("{path}[{index}]"), item));
        }
    }
}

fn check_object(
    schema: &Value,
    fields: &Map<String, Value>,
    path: &str,
    problems: &mut Vec<Problem>,
) {
    let child = |name: &str| {
        if path.is_empty() {
            name.to_owned()
        } else {
            format!("{path}.{name}")
        }
    };
    let count = fields.len();
    if let Some(maximum) = schema["maxProperties"]
        .as_u64()
        .filter(|maximum| count as u64 > *maximum)
    {
        problems.push(Problem::too_many(path, count, maximum));
    }
    for (name, value) in fields {
        if let Some(schema) = field_schema(schema, name) {
            check(schema, value, &child(name), problems);
        }
    }
    for name in schema["required"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
    {
        if !fields.contains_key(name) {
            problems.push(Problem::required(&child(name)));
        }
    }
}
