//! Kubernetes objects reduced to what decisions need.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::{
    api::core::v1::{
        ConfigMap, ContainerStateTerminated, ContainerStatus, Pod, PodCondition, PodSpec,
    },
    apimachinery::pkg::apis::meta::v1::ObjectMeta,
};
use serde_json::Value;
use triptych_crds::{ConfigHash, hash::canonical_config, text::ImageByDigest};

use crate::{
    image,
    names::{CONFIG_FILE, TRADER_CONTAINER, annotation, is_managed},
    text,
    world::{
        Attestation, ConfigMapView, ContainerView, Exit, PodView, Revision, UsableRevision, Waiting,
    },
};

/// A ConfigRevision from the *stored value* of its `spec`, never from a struct that was read and
/// written again.
pub fn revision(uid: &str, spec: &Value) -> Revision {
    let canonical = match canonical_config(spec) {
        Ok(canonical) => canonical,
        Err(error) => {
            return Revision::Invalid {
                error: error.to_string(),
            };
        }
    };
    let image = spec
        .get("image")
        .and_then(Value::as_str)
        .unwrap_or_default();
    if image::digest(image).is_none() || image.len() > ImageByDigest::MAX_LENGTH {
        let error = format!(
            "spec.image: '{}' names no build: expected registry/name@sha256:<64 hexadecimal digits> of at most {} characters",
            text::at_most(image, 80),
            ImageByDigest::MAX_LENGTH,
        );
        return Revision::Invalid { error };
    }
    Revision::Found(UsableRevision {
        uid: uid.to_owned(),
        canonical,
        image: image.to_owned(),
    })
}

/// A ConfigMap with its content reduced to a hash.
pub fn config_map(object: &ConfigMap) -> ConfigMapView {
    ConfigMapView {
        name: object.metadata.name.clone().unwrap_or_default(),
        uid: object.metadata.uid.clone().unwrap_or_default(),
        created_at: object.metadata.creation_timestamp.clone(),
        deleting: object.metadata.deletion_timestamp.is_some(),
        managed: is_managed(object.metadata.labels.as_ref()),
        immutable: object.immutable == Some(true),
        content: content_hash(object),
        config_hash: annotation_of(&object.metadata, annotation::CONFIG_HASH),
    }
}

fn content_hash(object: &ConfigMap) -> Option<ConfigHash> {
    let text = object.data.as_ref()?.get(CONFIG_FILE)?;
    let alone = object.data.as_ref().is_some_and(|data| data.len() == 1)
        && object.binary_data.as_ref().is_none_or(BTreeMap::is_empty);
    alone.then(|| ConfigHash::of_canonical_bytes(text.as_bytes()))
}

/// A pod, with what its trader said of itself.
pub fn pod(object: &Pod, attestation: Attestation) -> PodView {
    let spec = object.spec.as_ref();
    let status = object.status.as_ref();
    let container = spec.and_then(|spec| {
        spec.containers
            .iter()
            .find(|container| container.name == TRADER_CONTAINER)
    });
    let phase = status.and_then(|status| status.phase.as_deref());
    let ready = condition(object, "Ready").filter(|condition| condition.status == "True");
    PodView {
        name: object.metadata.name.clone().unwrap_or_default(),
        uid: object.metadata.uid.clone().unwrap_or_default(),
        controller: controller(&object.metadata).map(str::to_owned),
        created_at: object.metadata.creation_timestamp.clone(),
        deleting: object.metadata.deletion_timestamp.is_some(),
        config_hash: annotation_of(&object.metadata, annotation::CONFIG_HASH),
        restart: annotation_of(&object.metadata, annotation::RESTART),
        image: container.and_then(|container| container.image.clone()),
        node: spec.and_then(|spec| spec.node_name.clone()),
        ip: status
            .and_then(|status| status.pod_ip.clone())
            .filter(|ip| !ip.is_empty()),
        finished: matches!(phase, Some("Succeeded" | "Failed")),
        ready: ready.is_some(),
        ready_since: ready.and_then(|condition| condition.last_transition_time.clone()),
        unschedulable: condition(object, "PodScheduled")
            .filter(|condition| condition.status == "False")
            .map(|condition| condition.message.clone().unwrap_or_default()),
        container: trader_container(object),
        attestation,
    }
}

/// UID of the owner that controls an object.
pub fn controller(metadata: &ObjectMeta) -> Option<&str> {
    let owners = metadata.owner_references.as_deref().unwrap_or_default();
    owners
        .iter()
        .find(|owner| owner.controller == Some(true))
        .map(|owner| owner.uid.as_str())
}

/// Names of the ConfigMaps that a pod (or a template of pods) refers to in any way.
pub fn named_config_maps(spec: &PodSpec) -> BTreeSet<&str> {
    let volumes = spec.volumes.iter().flatten();
    let mounted = volumes
        .clone()
        .filter_map(|volume| volume.config_map.as_ref());
    let projected = volumes
        .filter_map(|volume| volume.projected.as_ref())
        .flat_map(|volume| volume.sources.iter().flatten())
        .filter_map(|source| source.config_map.as_ref());
    let containers = || {
        spec.containers
            .iter()
            .chain(spec.init_containers.iter().flatten())
    };
    let imported = containers()
        .flat_map(|container| container.env_from.iter().flatten())
        .filter_map(|source| source.config_map_ref.as_ref());
    let variables = containers()
        .flat_map(|container| container.env.iter().flatten())
        .filter_map(|variable| variable.value_from.as_ref()?.config_map_key_ref.as_ref());
    let names = mounted.map(|source| source.name.as_str());
    names
        .chain(projected.map(|source| source.name.as_str()))
        .chain(imported.map(|source| source.name.as_str()))
        .chain(variables.map(|source| source.name.as_str()))
        .collect()
}

fn annotation_of(metadata: &ObjectMeta, key: &str) -> Option<String> {
    metadata.annotations.as_ref()?.get(key).cloned()
}

fn condition<'a>(object: &'a Pod, kind: &str) -> Option<&'a PodCondition> {
    let conditions = object.status.as_ref()?.conditions.as_ref()?;
    conditions.iter().find(|condition| condition.type_ == kind)
}

fn trader_container(object: &Pod) -> ContainerView {
    let statuses = object
        .status
        .as_ref()
        .and_then(|status| status.container_statuses.as_ref());
    statuses
        .and_then(|statuses| {
            statuses
                .iter()
                .find(|status| status.name == TRADER_CONTAINER)
        })
        .map(container_view)
        .unwrap_or_default()
}

fn container_view(status: &ContainerStatus) -> ContainerView {
    let now = status.state.as_ref();
    let waiting = now.and_then(|state| state.waiting.as_ref());
    let ended = now.and_then(|state| state.terminated.as_ref());
    let ended_before = status
        .last_state
        .as_ref()
        .and_then(|state| state.terminated.as_ref());
    ContainerView {
        image_id: Some(status.image_id.clone()).filter(|id| !id.is_empty()),
        container_id: status.container_id.clone(),
        restarts: status.restart_count,
        running: now.is_some_and(|state| state.running.is_some()),
        waiting: waiting.map(|waiting| Waiting {
            reason: waiting.reason.clone().unwrap_or_default(),
            message: waiting.message.clone().unwrap_or_default(),
        }),
        last_exit: ended.or(ended_before).map(exit),
    }
}

fn exit(terminated: &ContainerStateTerminated) -> Exit {
    Exit {
        code: terminated.exit_code,
        message: terminated.message.clone().unwrap_or_default(),
    }
}
