//! The ConfigMap that holds a configuration's canonical bytes, named by their hash.

use std::collections::BTreeMap;

use k8s_openapi::{api::core::v1::ConfigMap, apimachinery::pkg::apis::meta::v1::ObjectMeta};
use triptych_crds::{ConfigHash, hash::CanonicalConfig};

use crate::{
    names::{self, CONFIG_FILE, annotation},
    plan::{Action, ConfigMapDeletion, Target},
    world::ConfigMapView,
};

/// What a rendered ConfigMap needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Nothing.
    Settled,
    /// It is missing, or its labels are, or it could be changed.
    Apply,
    /// Its bytes are not those of the hash in its name. They cannot be changed, so it goes first.
    Delete,
    /// It is being deleted.
    Wait,
}

/// What the ConfigMap of `hash` needs.
pub fn next_step(hash: &ConfigHash, live: Option<&ConfigMapView>) -> Step {
    let Some(live) = live else {
        return Step::Apply;
    };
    let labelled = live.managed && live.config_hash.as_deref() == Some(hash.as_str());
    if live.deleting {
        Step::Wait
    } else if live.content.as_ref() != Some(hash) {
        Step::Delete
    } else if live.immutable && labelled {
        Step::Settled
    } else {
        Step::Apply
    }
}

/// The rendered ConfigMap. It has no owner: it outlives its revision while something runs it.
pub fn render(namespace: &str, canonical: &CanonicalConfig) -> ConfigMap {
    let hash = (
        annotation::CONFIG_HASH.to_owned(),
        canonical.hash.to_string(),
    );
    // Canonical JSON is UTF-8 by definition, so nothing is replaced here.
    let text = String::from_utf8_lossy(&canonical.bytes).into_owned();
    ConfigMap {
        metadata: ObjectMeta {
            name: Some(canonical.hash.config_map_name()),
            namespace: Some(namespace.to_owned()),
            labels: Some(names::configuration_labels()),
            annotations: Some(BTreeMap::from([hash])),
            ..Default::default()
        },
        immutable: Some(true),
        data: Some(BTreeMap::from([(CONFIG_FILE.to_owned(), text)])),
        binary_data: None,
    }
}

/// The deletion of the ConfigMap that was looked at, and of no other.
pub fn delete(namespace: &str, live: &ConfigMapView, reason: ConfigMapDeletion) -> Action {
    let target = Target {
        namespace: namespace.to_owned(),
        name: live.name.clone(),
        uid: live.uid.clone(),
    };
    Action::DeleteConfigMap { target, reason }
}
