//! What is kept of each kind.

use std::collections::BTreeSet;

use k8s_openapi::{
    api::{
        apps::v1::StatefulSet,
        core::v1::{ConfigMap, PersistentVolumeClaim, Pod},
    },
    apimachinery::pkg::apis::meta::v1::{Condition, ObjectMeta},
};
use kube::api::DynamicObject;
use serde_json::Value;
use triptych_crds::{
    ConfigHash, TradingAccountSpec, TradingInstance, config_revision::ConfigRevisionStatus,
    trading_account::TradingAccountStatus,
};
use triptych_decide::{
    names::label,
    view,
    world::{Attestation, InstanceUse, PodView, Revision},
};

use crate::subject::NamespacedName;

/// Canonical forms up to this size stay in memory; larger ones are read again when they are needed.
const LARGEST_KEPT_CONFIGURATION: usize = 32 * 1024;

/// A TradingInstance.
#[derive(Clone, Debug, PartialEq)]
pub struct InstanceEntry {
    /// The object, or why it cannot be read.
    pub content: Result<Box<TradingInstance>, Box<UnreadableInstance>>,
    /// How it uses configurations, as far as that can be read.
    pub usage: InstanceUse,
}

/// A TradingInstance that was stored under another schema than this build knows.
#[derive(Clone, Debug, PartialEq)]
pub struct UnreadableInstance {
    /// Field, value and expectation.
    pub error: String,
    /// UID of the object.
    pub uid: String,
    /// Generation of the object.
    pub generation: Option<i64>,
    /// Its conditions, as far as they can be read.
    pub conditions: Vec<Condition>,
}

impl From<DynamicObject> for InstanceEntry {
    fn from(mut object: DynamicObject) -> Self {
        trim(&mut object.metadata);
        let text = |pointer: &str| object.data.pointer(pointer)?.as_str().map(str::to_owned);
        let usage = InstanceUse {
            name: object.metadata.name.clone().unwrap_or_default(),
            declares: text("/spec/configRevision").unwrap_or_default(),
            running: text("/status/running/hash"),
            deleting: object.metadata.deletion_timestamp.is_some(),
        };
        let content = read_instance(&object).map_err(|error| {
            Box::new(UnreadableInstance {
                error,
                uid: object.metadata.uid.clone().unwrap_or_default(),
                generation: object.metadata.generation,
                conditions: part(&object.data, "/status/conditions").unwrap_or_default(),
            })
        });
        Self { content, usage }
    }
}

/// A status that cannot be read is no reason to give up: it is the operator's own, and is written
/// anew.
fn read_instance(object: &DynamicObject) -> Result<Box<TradingInstance>, String> {
    let spec = object.data.get("spec").unwrap_or(&Value::Null);
    let spec = serde_path_to_error::deserialize(spec)
        .map_err(|error| format!("spec.{}: {}", error.path(), error.inner()))?;
    Ok(Box::new(TradingInstance {
        metadata: object.metadata.clone(),
        spec,
        status: part(&object.data, "/status"),
    }))
}

/// A ConfigRevision.
#[derive(Clone, Debug, PartialEq)]
pub struct RevisionEntry {
    /// UID of the object.
    pub uid: String,
    /// Generation of the object.
    pub generation: Option<i64>,
    /// What its stored `spec` value is.
    pub content: RevisionContent,
    /// The status that was reported last.
    pub status: Option<ConfigRevisionStatus>,
}

/// What the stored `spec` value of a ConfigRevision is.
#[derive(Clone, Debug, PartialEq)]
pub enum RevisionContent {
    /// Small enough to be kept whole.
    Kept(Revision),
    /// Too large to be kept: its hash is known, its bytes are read again when they are needed.
    Large(ConfigHash),
}

impl RevisionEntry {
    /// Hash of the configuration, where it has one.
    pub fn hash(&self) -> Option<&ConfigHash> {
        match &self.content {
            RevisionContent::Kept(Revision::Found(usable)) => Some(&usable.canonical.hash),
            RevisionContent::Large(hash) => Some(hash),
            RevisionContent::Kept(Revision::Missing | Revision::Invalid { .. }) => None,
        }
    }
}

impl From<DynamicObject> for RevisionEntry {
    fn from(object: DynamicObject) -> Self {
        let content = match revision(&object) {
            Revision::Found(usable)
                if usable.canonical.bytes.len() > LARGEST_KEPT_CONFIGURATION =>
            {
                RevisionContent::Large(usable.canonical.hash)
            }
            kept => RevisionContent::Kept(kept),
        };
        Self {
            content,
            generation: object.metadata.generation,
            status: part(&object.data, "/status"),
            uid: object.metadata.uid.unwrap_or_default(),
        }
    }
}

/// A ConfigRevision from the stored value of its `spec`.
pub(crate) fn revision(object: &DynamicObject) -> Revision {
    let uid = object.metadata.uid.as_deref().unwrap_or_default();
    view::revision(uid, object.data.get("spec").unwrap_or(&Value::Null))
}

/// A TradingAccount.
#[derive(Clone, Debug, PartialEq)]
pub struct AccountEntry {
    /// UID of the object.
    pub uid: String,
    /// Generation of the object.
    pub generation: Option<i64>,
    /// Its spec, or why it cannot be read.
    pub spec: Result<TradingAccountSpec, String>,
    /// The status that was reported last.
    pub status: Option<TradingAccountStatus>,
}

impl From<DynamicObject> for AccountEntry {
    fn from(object: DynamicObject) -> Self {
        let spec = object.data.get("spec").unwrap_or(&Value::Null);
        Self {
            spec: serde_path_to_error::deserialize(spec)
                .map_err(|error| format!("spec.{}: {}", error.path(), error.inner())),
            generation: object.metadata.generation,
            status: part(&object.data, "/status"),
            uid: object.metadata.uid.unwrap_or_default(),
        }
    }
}

/// A rendered configuration, with its bytes reduced to their hash.
pub type ConfigMapEntry = triptych_decide::world::ConfigMapView;

/// A dataset's claim.
#[derive(Clone, Debug, PartialEq)]
pub struct ClaimEntry(pub PersistentVolumeClaim);

impl From<PersistentVolumeClaim> for ClaimEntry {
    fn from(mut object: PersistentVolumeClaim) -> Self {
        trim(&mut object.metadata);
        Self(object)
    }
}

/// A trader's StatefulSet.
#[derive(Clone, Debug, PartialEq)]
pub struct StatefulSetEntry(pub StatefulSet);

impl StatefulSetEntry {
    /// Names of the ConfigMaps that its template refers to.
    pub fn config_maps(&self) -> BTreeSet<String> {
        let spec = self.0.spec.as_ref();
        let template = spec.and_then(|spec| spec.template.spec.as_ref());
        template.map(named_config_maps).unwrap_or_default()
    }
}

impl From<StatefulSet> for StatefulSetEntry {
    fn from(mut object: StatefulSet) -> Self {
        trim(&mut object.metadata);
        Self(object)
    }
}

/// A trader's pod.
#[derive(Clone, Debug, PartialEq)]
pub struct PodEntry {
    /// What decisions need of it; its trader was not asked.
    pub view: PodView,
    /// The instance that its labels name.
    pub instance: Option<NamespacedName>,
    /// Names of the ConfigMaps that it refers to.
    pub config_maps: BTreeSet<String>,
}

impl From<Pod> for PodEntry {
    fn from(object: Pod) -> Self {
        let spec = object.spec.as_ref();
        Self {
            view: view::pod(&object, Attestation::NotAsked),
            config_maps: spec.map(named_config_maps).unwrap_or_default(),
            instance: named_instance(&object.metadata),
        }
    }
}

/// The instance that an object's labels name: in the object's own namespace where they name none.
pub(super) fn named_instance(metadata: &ObjectMeta) -> Option<NamespacedName> {
    let labels = metadata.labels.as_ref()?;
    let namespace = labels.get(label::INSTANCE_NAMESPACE);
    let namespace = namespace.or(metadata.namespace.as_ref())?;
    Some(NamespacedName::new(namespace, labels.get(label::INSTANCE)?))
}

/// Names of the ConfigMaps that a pod refers to.
pub(crate) fn named_config_maps(spec: &k8s_openapi::api::core::v1::PodSpec) -> BTreeSet<String> {
    let names = view::named_config_maps(spec);
    names.into_iter().map(str::to_owned).collect()
}

pub(super) fn config_map(object: &ConfigMap) -> ConfigMapEntry {
    view::config_map(object)
}

/// Drops what changes with every write and decides nothing.
fn trim(metadata: &mut ObjectMeta) {
    metadata.managed_fields = None;
    metadata.resource_version = None;
}

fn part<T: serde::de::DeserializeOwned>(data: &Value, pointer: &str) -> Option<T> {
    T::deserialize(data.pointer(pointer)?).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object(value: Value) -> DynamicObject {
        serde_json::from_value(value).expect("an object")
    }

    fn instance(spec: &Value, status: &Value) -> InstanceEntry {
        object(json!({
            "apiVersion": "triptych.trading/v1alpha1", "kind": "TradingInstance",
            "metadata": { "namespace": "team", "name": "scout", "uid": "1", "generation": 3 },
            "spec": spec, "status": status,
        }))
        .into()
    }

    #[test]
    fn an_instance_of_another_schema_is_kept_as_unreadable_with_what_can_be_read() {
        let condition = json!({
            "type": "Ready", "status": "True", "reason": "Running", "message": "",
            "lastTransitionTime": "2026-01-02T03:04:05Z",
        });
        let entry = instance(
            &json!({ "tier": "Z", "configRevision": "r1" }),
            &json!({ "running": { "hash": "abc" }, "conditions": [condition] }),
        );
        let unreadable = entry.content.expect_err("tier Z is unknown");
        assert!(unreadable.error.contains("`Z`"), "{}", unreadable.error);
        assert_eq!(unreadable.generation, Some(3));
        assert_eq!(unreadable.conditions[0].type_, "Ready");
        assert_eq!(entry.usage.declares, "r1");
        assert_eq!(entry.usage.running.as_deref(), Some("abc"));
    }

    #[test]
    fn a_status_of_another_build_is_written_anew_and_hides_no_instance() {
        let entry = instance(
            &json!({ "tier": "ABH", "configRevision": "r1" }),
            &json!({ "phase": "Sleepwalking" }),
        );
        assert_eq!(entry.content.expect("readable").status, None);
    }

    #[test]
    fn a_large_configuration_is_kept_as_its_hash() {
        let image = format!("registry.example/trader@sha256:{}", "a".repeat(64));
        let revision = |filler: usize| {
            let spec = json!({ "image": image, "files": { "a": "x".repeat(filler) } });
            let metadata = json!({ "namespace": "team", "name": "r1", "uid": "1" });
            RevisionEntry::from(object(json!({ "metadata": metadata, "spec": spec })))
        };
        assert!(matches!(revision(10).content, RevisionContent::Kept(_)));
        let large = revision(LARGEST_KEPT_CONFIGURATION);
        assert!(matches!(large.content, RevisionContent::Large(_)));
        assert!(large.hash().is_some());
    }
}
