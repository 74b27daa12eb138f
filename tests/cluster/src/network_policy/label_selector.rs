//! Whether labels match a label selector.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, LabelSelectorRequirement};

/// Labels of an object.
pub(crate) type Labels = BTreeMap<String, String>;

/// Whether the labels match every part of the selector; an empty selector matches all.
pub(crate) fn matches(selector: &LabelSelector, labels: &Labels) -> bool {
    let equal = selector
        .match_labels
        .iter()
        .flatten()
        .all(|(key, value)| labels.get(key) == Some(value));
    equal
        && selector
            .match_expressions
            .iter()
            .flatten()
            .all(|part| meets(part, labels))
}

/// An operator that is not known matches nothing, so that it lets nothing through.
fn meets(requirement: &LabelSelectorRequirement, labels: &Labels) -> bool {
    let value = labels.get(&requirement.key);
    let listed = |value| {
        requirement
            .values
            .iter()
            .flatten()
            .any(|other| other == value)
    };
    match requirement.operator.as_str() {
        "In" => value.is_some_and(listed),
        "NotIn" => !value.is_some_and(listed),
        "Exists" => value.is_some(),
        "DoesNotExist" => value.is_none(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn selectors_match_as_the_kubernetes_api_defines() {
        let labels: Labels = [("app", "trader"), ("tier", "R")]
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .into();
        let expression = |key: &str, operator: &str, values: &[&str]| json!({ "matchExpressions": [{ "key": key, "operator": operator, "values": values }] });
        let cases = [
            (json!({}), true),
            (json!({ "matchLabels": { "app": "trader" } }), true),
            (
                json!({ "matchLabels": { "app": "trader", "tier": "W" } }),
                false,
            ),
            (json!({ "matchLabels": { "zone": "a" } }), false),
            (expression("tier", "In", &["W", "R"]), true),
            (expression("tier", "In", &["W"]), false),
            (expression("zone", "In", &["a"]), false),
            (expression("tier", "NotIn", &["W"]), true),
            (expression("zone", "NotIn", &["a"]), true),
            (expression("tier", "NotIn", &["R"]), false),
            (expression("tier", "Exists", &[]), true),
            (expression("zone", "Exists", &[]), false),
            (expression("zone", "DoesNotExist", &[]), true),
            (expression("tier", "DoesNotExist", &[]), false),
            (expression("tier", "Like", &["R"]), false),
        ];
        for (selector, expected) in cases {
            let parsed: LabelSelector = serde_json::from_value(selector.clone()).unwrap();
            assert_eq!(matches(&parsed, &labels), expected, "{selector}");
        }
    }
}
