//! Applying and reading objects of any kind.

use anyhow::{Context, Result, anyhow};
use kube::{
    Api, Client, ResourceExt,
    api::{DynamicObject, Patch, PatchParams},
    core::{GroupVersionKind, TypeMeta},
    discovery,
};
use serde_json::Value;

/// The field manager of the suite.
pub const MANAGER: &str = "triptych-end-to-end";

/// An interface for an object's kind, in a namespace where the kind has one.
pub async fn api_for(
    client: &Client,
    manifest: &Value,
    namespace: &str,
) -> Result<Api<DynamicObject>> {
    let types: TypeMeta = serde_json::from_value(manifest.clone())
        .with_context(|| format!("a manifest without apiVersion and kind: {manifest}"))?;
    let kind = GroupVersionKind::try_from(&types)?;
    let (resource, capabilities) =
        discovery::pinned_kind(client, &kind)
            .await
            .with_context(|| {
                format!(
                    "the API server does not know {} {}",
                    types.api_version, types.kind
                )
            })?;
    Ok(match capabilities.scope {
        discovery::Scope::Namespaced => Api::namespaced_with(client.clone(), namespace, &resource),
        discovery::Scope::Cluster => Api::all_with(client.clone(), &resource),
    })
}

/// Server-side applies a manifest.
pub async fn apply(client: &Client, namespace: &str, manifest: &Value) -> Result<DynamicObject> {
    let api = api_for(client, manifest, namespace).await?;
    let name = manifest["metadata"]["name"]
        .as_str()
        .ok_or_else(|| anyhow!("a manifest without a name"))?;
    let applied = api
        .patch(
            name,
            &PatchParams::apply(MANAGER).force(),
            &Patch::Apply(manifest),
        )
        .await;
    applied.with_context(|| format!("apply {} {name}", manifest["kind"]))
}

/// Splits a YAML file of several documents.
pub fn documents(yaml: &str) -> Result<Vec<Value>> {
    use serde::Deserialize;
    serde_yaml_ng::Deserializer::from_str(yaml)
        .map(|document| Value::deserialize(document).context("not YAML"))
        .filter(|document| !matches!(document, Ok(Value::Null)))
        .collect()
}

/// The UID of an object that came from the API server.
pub fn uid(object: &impl ResourceExt) -> String {
    object.uid().unwrap_or_default()
}
