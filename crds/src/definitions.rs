//! The CustomResourceDefinitions: what the derive makes, with what it cannot say added.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::CustomResourceExt;
use schemars::{Schema, SchemaGenerator, json_schema};
use serde_json::{Map, Value, json};

use crate::{
    config_revision::ConfigRevision, risk_rules::RiskRule, trading_account::TradingAccount,
    trading_instance::TradingInstance,
};

/// All definitions, each with the name of its committed file.
///
/// # Panics
/// Never in practice: the definitions are constant, and a test builds them.
pub fn all() -> Vec<(&'static str, CustomResourceDefinition)> {
    vec![
        (
            "triptych.trading_tradingaccounts.yaml",
            finish(TradingAccount::crd()),
        ),
        (
            "triptych.trading_configrevisions.yaml",
            finish(ConfigRevision::crd()),
        ),
        (
            "triptych.trading_tradinginstances.yaml",
            finish(TradingInstance::crd()),
        ),
    ]
}

/// The YAML of a definition as it is committed.
///
/// # Panics
/// Never in practice: the definitions are constant, and a test renders them.
pub fn yaml(definition: &CustomResourceDefinition) -> String {
    let mut value = serde_json::to_value(definition).expect("a definition is plain data");
    whole_numbers(&mut value);
    let text = serde_yaml_ng::to_string(&value).expect("a definition is plain data");
    format!("# Generated from the types beside it by `make generate`. Do not edit.\n{text}")
}

/// Schema of `status.conditions`: the standard condition, merged by type.
pub(crate) fn conditions_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "array", "maxItems": 16,
        "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"],
        "items": {
            "type": "object",
            "required": ["type", "status", "lastTransitionTime", "reason", "message"],
            "properties": {
                "type": { "type": "string", "maxLength": 316, "description": "Type of the condition." },
                "status": { "type": "string", "enum": ["True", "False", "Unknown"], "description": "Whether it holds." },
                "observedGeneration": { "type": "integer", "format": "int64", "minimum": 0, "description": "The generation that it describes." },
                "lastTransitionTime": { "type": "string", "format": "date-time", "description": "When the status changed last." },
                "reason": { "type": "string", "maxLength": 1024, "description": "One word in CamelCase." },
                "message": { "type": "string", "maxLength": 32768, "description": "A sentence for a person." }
            }
        }
    })
}

fn finish(definition: CustomResourceDefinition) -> CustomResourceDefinition {
    let mut value = serde_json::to_value(definition).expect("a definition is plain data");
    visit(&mut value, &mut |schema| {
        schema.remove("nullable");
        if schema.get("format").is_some_and(|format| !keeps(format)) {
            schema.remove("format");
        }
        unwrap_lines(schema);
    });
    visit(&mut value, &mut exactly_one_variant);
    visit(&mut value, &mut unique_risk_rules);
    serde_json::from_value(value).expect("the finished definition has the same shape")
}

/// A line break inside a paragraph of a doc comment is none in the text: `kubectl explain` wraps it
/// to the width of the terminal.
fn unwrap_lines(schema: &mut Map<String, Value>) {
    if let Some(Value::String(text)) = schema.get_mut("description") {
        let paragraphs: Vec<_> = text
            .split("\n\n")
            .map(|text| text.replace('\n', " "))
            .collect();
        *text = paragraphs.join("\n\n");
    }
}

/// Formats that OpenAPI and the API server know; `uint32` and its kin are Rust's.
fn keeps(format: &Value) -> bool {
    matches!(format.as_str(), Some("int32" | "int64" | "date-time"))
}

/// A union holds exactly one of its variants: as a rule that names them, because the API server's
/// answer to a failed `oneOf` has no path and names one variant at random.
fn exactly_one_variant(schema: &mut Map<String, Value>) {
    let Some(alternatives) = schema.get("oneOf").and_then(Value::as_array) else {
        return;
    };
    let variants: Option<Vec<String>> = alternatives
        .iter()
        .map(|alternative| Some(alternative["required"].get(0)?.as_str()?.to_owned()))
        .collect();
    let Some(variants) = variants else {
        return;
    };
    let present: Vec<_> = variants
        .iter()
        .map(|name| format!("has(self.{name})"))
        .collect();
    let rule = json!({
        "rule": format!("[{}].exists_one(present, present)", present.join(", ")),
        "message": format!("must hold exactly one of {}", variants.join(", "))
    });
    schema.remove("oneOf");
    schema.insert("x-kubernetes-validations".into(), json!([rule]));
}

/// Each risk rule stands at most once: a CEL rule per variant, on the list of them.
fn unique_risk_rules(schema: &mut Map<String, Value>) {
    let Some(list) = schema.get_mut("riskRules").and_then(Value::as_object_mut) else {
        return;
    };
    let rules: Vec<Value> = RiskRule::NAMES
        .iter()
        .map(|name| {
            json!({
                "rule": format!("self.filter(rule, has(rule.{name})).size() <= 1"),
                "message": format!("{name} may stand once in riskRules")
            })
        })
        .collect();
    list.insert("x-kubernetes-validations".into(), rules.into());
}

/// Bounds are floats in the OpenAPI types; as whole numbers they read as they were written.
fn whole_numbers(value: &mut Value) {
    match value {
        Value::Number(number) if number.is_f64() => {
            let text = number.to_string();
            if let Some(whole) = text
                .strip_suffix(".0")
                .and_then(|text| text.parse::<i64>().ok())
            {
                *value = whole.into();
            }
        }
        Value::Object(fields) => fields.values_mut().for_each(whole_numbers),
        Value::Array(items) => items.iter_mut().for_each(whole_numbers),
        _ => {}
    }
}

fn visit(value: &mut Value, change: &mut impl FnMut(&mut Map<String, Value>)) {
    match value {
        Value::Object(fields) => {
            change(fields);
            fields.values_mut().for_each(|field| visit(field, change));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| visit(item, change)),
        _ => {}
    }
}
