//! Local persistent volumes: a folder on the node that the scheduler chose for the first pod.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::time::Duration;

use futures::{StreamExt, TryStreamExt, stream};
use k8s_openapi::api::core::v1::{
    LocalVolumeSource, NodeSelector, NodeSelectorRequirement, NodeSelectorTerm, ObjectReference,
    PersistentVolume, PersistentVolumeClaim, PersistentVolumeSpec, VolumeNodeAffinity,
};
use kube::api::{DeleteParams, ObjectMeta, PostParams, Preconditions};
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Api, Client, ResourceExt};
use tracing::{info, warn};

use crate::client::client_from;
use crate::directory::create_folder;
use crate::error::{Error, Result};

/// Name of the provisioner in the StorageClass and on its volumes.
pub const PROVISIONER: &str = "triptych.trading/local-volumes";

/// Set by the scheduler once it knows where the first pod goes.
const SELECTED_NODE: &str = "volume.kubernetes.io/selected-node";

/// Set by the volume controller on claims of classes that have an external provisioner.
const CLAIM_PROVISIONER: &str = "volume.kubernetes.io/storage-provisioner";

/// Read by the volume controller, which then leaves the volume's end to its provisioner.
const PROVISIONED_BY: &str = "pv.kubernetes.io/provisioned-by";

/// Pauses after failures.
const RETRIES: [Duration; 4] = [
    Duration::from_millis(200),
    Duration::from_secs(1),
    Duration::from_secs(3),
    Duration::from_secs(10),
];

/// Provides volumes for claims and removes released ones, until it is ended.
pub async fn provide(kubeconfig: &Path, folder: &Path) -> Result<()> {
    let client = client_from(kubeconfig).await?;
    let claims: Api<PersistentVolumeClaim> = Api::all(client.clone());
    let volumes: Api<PersistentVolume> = Api::all(client.clone());
    let changes = stream::select(
        watcher(claims, watcher::Config::default())
            .default_backoff()
            .applied_objects()
            .map_ok(|claim| Change::Claim(Box::new(claim))),
        watcher(volumes, watcher::Config::default())
            .default_backoff()
            .applied_objects()
            .map_ok(|volume| Change::Volume(Box::new(volume))),
    );
    let mut changes = pin!(changes);
    while let Some(change) = changes.next().await {
        match change {
            Ok(change) => settle(&client, folder, &change).await,
            // The watch tries again by itself.
            Err(error) => warn!(%error, "watch interrupted"),
        }
    }
    Ok(())
}

/// Does what a change asks for, again if it fails: no other change may come.
async fn settle(client: &Client, folder: &Path, change: &Change) {
    for pause in RETRIES {
        let done = match change {
            Change::Claim(claim) => create(client, folder, claim).await,
            Change::Volume(volume) => remove(client, folder, volume).await,
        };
        let Err(error) = done else { return };
        warn!(%error, "volume not provided or removed");
        tokio::time::sleep(pause).await;
    }
}

enum Change {
    Claim(Box<PersistentVolumeClaim>),
    Volume(Box<PersistentVolume>),
}

async fn create(client: &Client, folder: &Path, claim: &PersistentVolumeClaim) -> Result<()> {
    let Some((node, volume)) = volume_for(claim, folder) else {
        return Ok(());
    };
    let name = volume.name_any();
    create_folder(&folder.join(&node).join(&name))?;
    let volumes: Api<PersistentVolume> = Api::all(client.clone());
    match volumes.create(&PostParams::default(), &volume).await {
        Ok(_) => info!(volume = name, node, "provided"),
        Err(kube::Error::Api(status)) if status.is_already_exists() => {}
        Err(error) => return Err(Error::kubernetes(format!("create volume {name}"))(error)),
    }
    Ok(())
}

/// The volume that a claim waits for, and the node it must be on; `None` if it waits for none of
/// ours.
fn volume_for(claim: &PersistentVolumeClaim, folder: &Path) -> Option<(String, PersistentVolume)> {
    let spec = claim.spec.as_ref()?;
    let annotations = claim.annotations();
    let is_ours = annotations
        .get(CLAIM_PROVISIONER)
        .is_some_and(|name| name == PROVISIONER);
    let is_bound = spec
        .volume_name
        .as_ref()
        .is_some_and(|name| !name.is_empty());
    if !is_ours || is_bound || claim.metadata.deletion_timestamp.is_some() {
        return None;
    }
    let node = annotations.get(SELECTED_NODE)?.clone();
    let name = format!("pvc-{}", claim.uid()?);
    let capacity = spec.resources.as_ref()?.requests.clone()?;
    let volume = PersistentVolume {
        metadata: ObjectMeta {
            name: Some(name.clone()),
            annotations: Some(BTreeMap::from([(
                PROVISIONED_BY.to_owned(),
                PROVISIONER.to_owned(),
            )])),
            ..ObjectMeta::default()
        },
        spec: Some(PersistentVolumeSpec {
            access_modes: spec.access_modes.clone(),
            capacity: Some(capacity),
            claim_ref: Some(ObjectReference {
                api_version: Some("v1".to_owned()),
                kind: Some("PersistentVolumeClaim".to_owned()),
                namespace: claim.namespace(),
                name: Some(claim.name_any()),
                uid: claim.uid(),
                ..ObjectReference::default()
            }),
            local: Some(LocalVolumeSource {
                path: folder.join(&node).join(&name).display().to_string(),
                ..LocalVolumeSource::default()
            }),
            node_affinity: Some(only_on(&node)),
            persistent_volume_reclaim_policy: Some("Delete".to_owned()),
            storage_class_name: spec.storage_class_name.clone(),
            volume_mode: spec.volume_mode.clone(),
            ..PersistentVolumeSpec::default()
        }),
        status: None,
    };
    Some((node, volume))
}

fn only_on(node: &str) -> VolumeNodeAffinity {
    VolumeNodeAffinity {
        required: Some(NodeSelector {
            node_selector_terms: vec![NodeSelectorTerm {
                match_expressions: Some(vec![NodeSelectorRequirement {
                    key: "kubernetes.io/hostname".to_owned(),
                    operator: "In".to_owned(),
                    values: Some(vec![node.to_owned()]),
                }]),
                match_fields: None,
            }],
        }),
    }
}

async fn remove(client: &Client, folder: &Path, volume: &PersistentVolume) -> Result<()> {
    let Some(path) = folder_to_remove(volume, folder) else {
        return Ok(());
    };
    let name = volume.name_any();
    if path.exists() {
        fs::remove_dir_all(&path).map_err(Error::file("remove", &path))?;
    }
    let volumes: Api<PersistentVolume> = Api::all(client.clone());
    let preconditions = Preconditions {
        uid: volume.uid(),
        resource_version: None,
    };
    let parameters = DeleteParams::default().preconditions(preconditions);
    match volumes.delete(&name, &parameters).await {
        Ok(_) => info!(volume = name, "removed"),
        Err(kube::Error::Api(status)) if status.is_not_found() => {}
        Err(error) => return Err(Error::kubernetes(format!("delete volume {name}"))(error)),
    }
    Ok(())
}

/// Folder of a volume whose claim is gone; `None` unless it is ours, and below our folder.
fn folder_to_remove(volume: &PersistentVolume, folder: &Path) -> Option<PathBuf> {
    let spec = volume.spec.as_ref()?;
    let released = volume.status.as_ref()?.phase.as_deref() == Some("Released");
    let ours = volume
        .annotations()
        .get(PROVISIONED_BY)
        .is_some_and(|name| name == PROVISIONER);
    let delete = spec.persistent_volume_reclaim_policy.as_deref() == Some("Delete");
    if !released || !ours || !delete || volume.metadata.deletion_timestamp.is_some() {
        return None;
    }
    let path = PathBuf::from(&spec.local.as_ref()?.path);
    // Whoever may write volumes must not choose what is removed.
    let below = path.parent()?.parent()? == folder
        && path.file_name()? == volume.name_any().as_str()
        && volume.name_any().starts_with("pvc-");
    below.then_some(path)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const FOLDER: &str = "/volumes";

    fn claim(selected_node: Option<&str>, provisioner: &str) -> PersistentVolumeClaim {
        let mut annotations = json!({ CLAIM_PROVISIONER: provisioner });
        if let Some(node) = selected_node {
            annotations[SELECTED_NODE] = node.into();
        }
        serde_json::from_value(json!({
            "metadata": {
                "name": "data", "namespace": "team", "uid": "u-1", "annotations": annotations,
            },
            "spec": {
                "accessModes": ["ReadWriteOncePod"],
                "storageClassName": "local",
                "volumeMode": "Filesystem",
                "resources": { "requests": { "storage": "1Gi" } },
            },
        }))
        .unwrap()
    }

    #[test]
    fn a_claim_gets_a_volume_on_the_node_of_its_first_pod() {
        let claim = claim(Some("dev-node-2"), PROVISIONER);
        let (node, volume) = volume_for(&claim, Path::new(FOLDER)).unwrap();
        assert_eq!(node, "dev-node-2");
        let spec = volume.spec.unwrap();
        assert_eq!(spec.local.unwrap().path, "/volumes/dev-node-2/pvc-u-1");
        assert_eq!(spec.access_modes.unwrap(), ["ReadWriteOncePod"]);
        assert_eq!(spec.claim_ref.unwrap().uid.as_deref(), Some("u-1"));
        assert_eq!(spec.node_affinity.unwrap(), only_on("dev-node-2"));
    }

    #[test]
    fn a_claim_without_a_node_or_of_another_provisioner_gets_none() {
        assert!(volume_for(&claim(None, PROVISIONER), Path::new(FOLDER)).is_none());
        let foreign = claim(Some("dev-node-2"), "example.com/disks");
        assert!(volume_for(&foreign, Path::new(FOLDER)).is_none());
    }

    fn volume(path: &str, phase: &str) -> PersistentVolume {
        serde_json::from_value(json!({
            "metadata": { "name": "pvc-u-1", "annotations": { PROVISIONED_BY: PROVISIONER } },
            "spec": { "local": { "path": path }, "persistentVolumeReclaimPolicy": "Delete" },
            "status": { "phase": phase },
        }))
        .unwrap()
    }

    #[test]
    fn a_released_volume_is_removed_and_a_bound_one_is_kept() {
        let path = "/volumes/dev-node-2/pvc-u-1";
        let removed = folder_to_remove(&volume(path, "Released"), Path::new(FOLDER));
        assert_eq!(removed, Some(PathBuf::from(path)));
        assert_eq!(
            folder_to_remove(&volume(path, "Bound"), Path::new(FOLDER)),
            None
        );
    }

    #[test]
    fn a_volume_that_points_elsewhere_removes_nothing() {
        for path in [
            "/etc",
            "/volumes/a/b/pvc-u-1",
            "/volumes/pvc-u-1",
            "/volumes/a/other",
        ] {
            assert_eq!(
                folder_to_remove(&volume(path, "Released"), Path::new(FOLDER)),
                None
            );
        }
    }
}
