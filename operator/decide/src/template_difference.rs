//! Differences between objects, leaf by leaf.
//!
//! Two questions are answered: what differs between two templates that the operator rendered
//! ([`between`]), and which of the operator's fields a live object does not have as they were
//! written ([`missing_in`]), where fields that the API server or others added do not count.

use std::fmt;

use serde::Serialize;
use serde_json::Value;

use crate::{quantity, text};

/// Fields whose `false` the API server stores as absence.
const FALSE_IS_ABSENT: [&str; 3] = ["hostNetwork", "hostPID", "hostIPC"];

/// Longest value that is shown, in characters.
const MAX_SHOWN: usize = 64;

/// One leaf that differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Where: `spec.containers[trader].resources.limits.memory`.
    pub path: String,
    /// What was there; `None` where the leaf is new.
    pub before: Option<String>,
    /// What is to be there; `None` where the leaf goes away.
    pub after: Option<String>,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let show = |value: &Option<String>| {
            value.as_deref().map_or("(absent)".to_owned(), |value| {
                text::at_most(value, MAX_SHOWN)
            })
        };
        write!(
            f,
            "{}: {} -> {}",
            self.path,
            show(&self.before),
            show(&self.after)
        )
    }
}

/// Every leaf that differs between two objects, in the order of their paths.
pub fn between<T: Serialize>(before: &T, after: &T) -> Vec<Difference> {
    differences(before, after, Extra::Counts)
}

/// Every leaf of `written` that `live` does not have as it was written, in the order of their paths.
pub fn missing_in<T: Serialize>(live: &T, written: &T) -> Vec<Difference> {
    differences(live, written, Extra::IsIgnored)
}

fn differences<T: Serialize>(before: &T, after: &T, extra: Extra) -> Vec<Difference> {
    let mut found = Vec::new();
    compare(
        "",
        Some(&value(before)),
        Some(&value(after)),
        extra,
        &mut found,
    );
    found.sort_by(|one, other| one.path.cmp(&other.path));
    found
}

/// A sentence that names the first differences and counts the others.
pub fn summary(differences: &[Difference]) -> String {
    const SHOWN: usize = 4;
    let shown: Vec<String> = differences
        .iter()
        .take(SHOWN)
        .map(ToString::to_string)
        .collect();
    match differences.len().checked_sub(SHOWN) {
        Some(further @ 1..) => format!("{} and {further} more", shown.join("; ")),
        _ => shown.join("; "),
    }
}

/// What a leaf means that only the first object has.
#[derive(Clone, Copy, PartialEq)]
enum Extra {
    Counts,
    IsIgnored,
}

fn value<T: Serialize>(object: &T) -> Value {
    // The types of k8s-openapi are plain data; none of them can fail to become JSON.
    serde_json::to_value(object).unwrap_or_default()
}

fn compare(
    path: &str,
    before: Option<&Value>,
    after: Option<&Value>,
    extra: Extra,
    found: &mut Vec<Difference>,
) {
    if after.is_none() && extra == Extra::IsIgnored {
        return;
    }
    match (before, after) {
        (Some(Value::Object(_)) | None, Some(Value::Object(_)) | None)
        | (Some(Value::Array(_)) | None, Some(Value::Array(_)) | None) => {
            let keyed_before = children(before);
            let keyed_after = children(after);
            let keys_before = keyed_before.iter().map(|(key, _)| key);
            let new_keys = keyed_after
                .iter()
                .map(|(key, _)| key)
                .filter(|key| !keyed_before.iter().any(|(known, _)| known == *key));
            for key in keys_before.chain(new_keys) {
                let child = |children: &[(String, &Value)]| -> Option<Value> {
                    children
                        .iter()
                        .find(|(known, _)| known == key)
                        .map(|(_, v)| (*v).clone())
                };
                let path = join(path, key);
                let (before, after) = (child(&keyed_before), child(&keyed_after));
                compare(&path, before.as_ref(), after.as_ref(), extra, found);
            }
        }
        _ if same_leaf(path, before, after) => {}
        // The name of an item that comes or goes stands in the path of its other leaves.
        _ if repeats_its_path(path, before.or(after)) => {}
        _ => found.push(Difference {
            path: path.to_owned(),
            before: before.map(shown),
            after: after.map(shown),
        }),
    }
}

/// Fields of an object by `.name`; items of a list by `[name]`, else by `[position]`.
fn children(value: Option<&Value>) -> Vec<(String, &Value)> {
    match value {
        Some(Value::Object(fields)) => fields
            .iter()
            .map(|(name, value)| (format!(".{name}"), value))
            .collect(),
        Some(Value::Array(items)) => items
            .iter()
            .enumerate()
            .map(|(position, item)| (format!("[{}]", item_key(position, item)), item))
            .collect(),
        _ => Vec::new(),
    }
}

/// What identifies an item of a list: its name, the path of a mount, the UID of an owner.
fn item_key(position: usize, item: &Value) -> String {
    let text = |key: &str| item.get(key).and_then(Value::as_str);
    // A mount's name is its volume's, which may be mounted twice.
    let key = text("mountPath")
        .or_else(|| text("uid"))
        .or_else(|| text("name"));
    key.map_or_else(|| position.to_string(), str::to_owned)
}

fn join(path: &str, key: &str) -> String {
    format!("{path}{key}").trim_start_matches('.').to_owned()
}

fn same_leaf(path: &str, before: Option<&Value>, after: Option<&Value>) -> bool {
    match (before, after) {
        (Some(Value::String(before)), Some(Value::String(after))) if is_amount(path) => {
            quantity::equal(before, after)
        }
        (None, Some(Value::Bool(false))) | (Some(Value::Bool(false)), None) => {
            FALSE_IS_ABSENT.iter().any(|field| path.ends_with(field))
        }
        (before, after) => before == after,
    }
}

fn repeats_its_path(path: &str, value: Option<&Value>) -> bool {
    let parent = path.rsplit_once('.').map_or("", |(parent, _)| parent);
    value
        .and_then(Value::as_str)
        .is_some_and(|text| parent.ends_with(&format!("[{text}]")))
}

fn is_amount(path: &str) -> bool {
    path.contains("resources.requests.") || path.contains("resources.limits.")
}

fn shown(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn shown(differences: &[Difference]) -> Vec<String> {
        differences.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn differences_are_leaves_with_readable_paths() {
        let before = json!({
            "spec": { "grace": 30, "containers": [
                { "name": "trader", "env": [{ "name": "LOG", "value": "info" }, { "name": "OLD", "value": "1" }],
                  "resources": { "limits": { "memory": "1024Mi" } } }] }
        });
        let after = json!({
            "spec": { "grace": 60, "containers": [
                { "name": "trader", "env": [{ "name": "NEW", "value": "2" }, { "name": "LOG", "value": "debug" }],
                  "resources": { "limits": { "memory": "1Gi" } } }] }
        });
        assert_eq!(
            shown(&between(&before, &after)),
            [
                "spec.containers[trader].env[LOG].value: info -> debug",
                "spec.containers[trader].env[NEW].value: (absent) -> 2",
                "spec.containers[trader].env[OLD].value: 1 -> (absent)",
                "spec.grace: 30 -> 60",
            ]
        );
        assert_eq!(between(&before, &before), []);
    }

    #[test]
    fn what_others_added_is_not_missing() {
        let written =
            json!({ "hostNetwork": false, "automount": false, "list": [{ "name": "a", "v": 1 }] });
        let table = [
            (
                json!({ "automount": false, "list": [{ "name": "b" }, { "name": "a", "v": 1, "w": 2 }], "x": 1 }),
                vec![],
            ),
            (
                json!({ "hostNetwork": true, "automount": false, "list": [{ "name": "a", "v": 1 }] }),
                vec!["hostNetwork: true -> false"],
            ),
            (
                json!({ "list": [{ "name": "a", "v": 2 }] }),
                vec!["automount: (absent) -> false", "list[a].v: 2 -> 1"],
            ),
            (
                json!({ "automount": false }),
                vec!["list[a].v: (absent) -> 1"],
            ),
        ];
        for (live, expected) in table {
            assert_eq!(shown(&missing_in(&live, &written)), expected, "{live}");
        }
    }

    #[test]
    fn a_summary_counts_what_it_does_not_show() {
        let [before, after] =
            [0, 1].map(|n| json!({ "a": n, "b": n, "c": n, "d": n, "e": n, "f": n }));
        let summary = summary(&between(&before, &after));
        assert!(summary.starts_with("a: 0 -> 1; b: 0 -> 1"), "{summary}");
        assert!(summary.ends_with("and 2 more"), "{summary}");
    }
}
