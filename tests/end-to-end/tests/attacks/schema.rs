//! What the API server says of its own kinds.

use std::collections::BTreeSet;

use anyhow::{Result, bail};
use serde_json::Value;

use crate::{
    actor::administrator,
    lab::Lab,
    request::{Answer, Request},
};

/// The schema of the core kinds, of which pods and volumes are.
pub(crate) async fn of_core_kinds(lab: &Lab) -> Result<Value> {
    let client = administrator(lab.cluster()).await?;
    match Request::read("/openapi/v3/api/v1").send(&client).await? {
        Answer::Done(schema) => Ok(schema),
        other => bail!("the schema of the core kinds: {other:?}"),
    }
}

/// Collects the paths of those fields below a kind, through lists too, for which `wanted` holds of the
/// path and the name of the field.
pub(crate) fn collect_fields(
    schema: &Value,
    kind: &str,
    path: &str,
    wanted: &impl Fn(&str, &str) -> bool,
    found: &mut BTreeSet<String>,
) {
    let Some(fields) = schema["components"]["schemas"][kind]["properties"].as_object() else {
        return;
    };
    for (field, description) in fields {
        let path = if path.is_empty() {
            field.clone()
        } else {
            format!("{path}.{field}")
        };
        if let Some(kind) = referred_kind(description) {
            collect_fields(schema, kind, &path, wanted, found);
        } else if wanted(&path, field) {
            found.insert(path);
        }
    }
}

/// The kind of a field, or of the items of a list.
fn referred_kind(description: &Value) -> Option<&str> {
    [&description["$ref"], &description["allOf"][0]["$ref"]]
        .into_iter()
        .find_map(Value::as_str)
        .and_then(|reference| reference.rsplit('/').next())
        .or_else(|| description.get("items").and_then(referred_kind))
}
