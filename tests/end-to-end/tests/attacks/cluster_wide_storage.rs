//! Storage objects of the whole cluster hand neither Secrets nor journals from one namespace to another.

use std::collections::BTreeSet;

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use crate::{
    actor::Actor::{self, Delivery, Platform, Provisioner},
    attack::{Attack, attempt, policy::VOLUMES},
    ground::{JOURNAL_VOLUME, LIVE, LIVE_EMPTY, TEAM_SPACE},
    lab::Lab,
    pods::altered,
    request::{Request, cluster_wide},
    schema::{self, collect_fields},
};

/// A place as the API's schema has it, and a source that stands there.
type Place = (&'static str, &'static str, Value);

#[tokio::test]
async fn k1_no_volume_names_a_secret_of_a_sealed_namespace() -> Result<()> {
    Lab::get().refuses(secrets_by_namespace()).await
}

#[tokio::test]
async fn the_journals_volume_is_neither_taken_away_nor_slipped_in() -> Result<()> {
    Lab::get().refuses(claims()).await
}

/// The places are those of the API server's own schema: a later Kubernetes that adds one fails here.
#[tokio::test]
async fn the_places_where_a_volume_can_name_a_secrets_namespace_are_all_listed() -> Result<()> {
    let schema = schema::of_core_kinds(Lab::get()).await?;
    let mut found = BTreeSet::new();
    let names_a_namespace = |path: &str, field: &str| {
        field == "secretNamespace"
            || (field == "namespace" && path.to_lowercase().contains("secret"))
    };
    collect_fields(
        &schema,
        "io.k8s.api.core.v1.PersistentVolumeSpec",
        "",
        &names_a_namespace,
        &mut found,
    );
    let listed: BTreeSet<String> = places()
        .into_iter()
        .map(|(place, ..)| place.to_owned())
        .collect();
    ensure!(
        found == listed,
        "the API has {found:#?}\nlisted are {listed:#?}"
    );
    Ok(())
}

pub(crate) fn attacks() -> Vec<Attack> {
    [secrets_by_namespace(), claims()].concat()
}

fn secrets_by_namespace() -> Vec<Attack> {
    let volumes = || cluster_wide("core", "persistentvolumes");
    let refused =
        |attempt: crate::attack::Attempt| attempt.refused_by(&[VOLUMES], "may not name a");
    let mut attacks: Vec<Attack> = places()
        .into_iter()
        .map(|(place, kind, source)| {
            refused(attempt(
                format!("name a live Secret in {place} of a volume"),
                Delivery,
                Request::create(volumes(), volume(kind, &source)),
            ))
        })
        .collect();
    let attributes = json!({ "driver": "x.example", "volumeHandle": "h", "volumeAttributes": { "secretNamespace": LIVE } });
    let annotated = altered(
        volume("nfs", &nfs()),
        &[(
            "/metadata/annotations/volume.kubernetes.io~1provisioner-deletion-secret-namespace",
            json!(LIVE),
        )],
    );
    let own = altered(
        volume("csi", &published(LIVE_EMPTY)),
        &[("/spec/claimRef", claim(LIVE_EMPTY))],
    );
    let class = |parameter: &str, value: &str| {
        json!({
            "apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": { "name": "mine" }, "provisioner": "x.example",
            "parameters": { parameter: value }
        })
    };
    let classes = || cluster_wide("storage.k8s.io/v1", "storageclasses");
    let attributes_class = json!({
        "apiVersion": "storage.k8s.io/v1", "kind": "VolumeAttributesClass", "metadata": { "name": "mine" }, "driverName": "x.example",
        "parameters": { "credentials": "trading-live-alpha/live-alpha" }
    });
    let rows: Vec<(&str, Actor, Request)> = vec![
        (
            "name a sealed namespace in a volume's attributes",
            Delivery,
            Request::create(volumes(), volume("csi", &attributes)),
        ),
        (
            "name a live Secret for the deletion of a volume",
            Delivery,
            Request::create(volumes(), annotated),
        ),
        (
            "name a live Secret in a volume as the platform",
            Platform,
            Request::create(volumes(), volume("csi", &published(LIVE))),
        ),
        (
            "name a live Secret in the live namespace's own volume",
            Provisioner,
            Request::create(volumes(), own),
        ),
        (
            "name a live namespace in a class, by the usual key",
            Delivery,
            Request::create(
                classes(),
                class("csi.storage.k8s.io/node-publish-secret-namespace", LIVE),
            ),
        ),
        (
            "name a live namespace in a class, by another key",
            Delivery,
            Request::create(classes(), class("adminSecretNamespace", LIVE)),
        ),
        (
            "name a live namespace within a value of a class",
            Delivery,
            Request::create(
                classes(),
                class("credentials", "trading-live-alpha/live-alpha"),
            ),
        ),
        (
            "name a demo namespace in a class",
            Delivery,
            Request::create(classes(), class("secretNamespace", "trading-demo-alpha")),
        ),
        (
            "name a live namespace in a class of attributes",
            Delivery,
            Request::create(
                cluster_wide("storage.k8s.io/v1", "volumeattributesclasses"),
                attributes_class,
            ),
        ),
    ];
    attacks.extend(
        rows.into_iter()
            .map(|(what, actor, request)| refused(attempt(what, actor, request))),
    );
    attacks
}

fn claims() -> Vec<Attack> {
    let journal = cluster_wide("core", &format!("persistentvolumes/{JOURNAL_VOLUME}"));
    let mine = altered(
        volume("nfs", &nfs()),
        &[("/spec/claimRef", claim(LIVE_EMPTY))],
    );
    let moved = json!({ "spec": { "claimRef": { "namespace": TEAM_SPACE, "name": "mine", "uid": null, "resourceVersion": null } } });
    let patch = |changes: Value| Request::patch(journal.clone(), changes);
    [
        (
            "slip a volume under a live claim",
            Request::create(cluster_wide("core", "persistentvolumes"), mine),
        ),
        ("move the journal's volume to a team", patch(moved)),
        (
            "take the journal's volume from its claim",
            patch(json!({ "spec": { "claimRef": null } })),
        ),
        (
            "have the journal's volume erased with its claim",
            patch(json!({ "spec": { "persistentVolumeReclaimPolicy": "Delete" } })),
        ),
        (
            "delete the journal's volume",
            Request::delete(journal.clone()),
        ),
        (
            "forge the state of the journal's volume",
            Request::patch(
                format!("{journal}/status"),
                json!({ "status": { "phase": "Released" } }),
            ),
        ),
    ]
    .map(|(what, request)| {
        attempt(what, Delivery, request)
            .refused_by(&[VOLUMES], "belongs to the storage controllers")
    })
    .into()
}

fn places() -> Vec<Place> {
    let secret = json!({ "name": "live-alpha", "namespace": LIVE });
    let monitors = json!(["192.0.2.1"]);
    let of_driver =
        |field: &str| json!({ "driver": "x.example", "volumeHandle": "h", field: secret });
    vec![
        (
            "azureFile.secretNamespace",
            "azureFile",
            json!({ "shareName": "s", "secretName": "live-alpha", "secretNamespace": LIVE }),
        ),
        (
            "cephfs.secretRef.namespace",
            "cephfs",
            json!({ "monitors": monitors, "secretRef": secret }),
        ),
        (
            "cinder.secretRef.namespace",
            "cinder",
            json!({ "volumeID": "v", "secretRef": secret }),
        ),
        (
            "csi.controllerExpandSecretRef.namespace",
            "csi",
            of_driver("controllerExpandSecretRef"),
        ),
        (
            "csi.controllerPublishSecretRef.namespace",
            "csi",
            of_driver("controllerPublishSecretRef"),
        ),
        (
            "csi.nodeExpandSecretRef.namespace",
            "csi",
            of_driver("nodeExpandSecretRef"),
        ),
        (
            "csi.nodePublishSecretRef.namespace",
            "csi",
            of_driver("nodePublishSecretRef"),
        ),
        (
            "csi.nodeStageSecretRef.namespace",
            "csi",
            of_driver("nodeStageSecretRef"),
        ),
        (
            "flexVolume.secretRef.namespace",
            "flexVolume",
            json!({ "driver": "example/x", "secretRef": secret }),
        ),
        (
            "iscsi.secretRef.namespace",
            "iscsi",
            json!({
                "targetPortal": "192.0.2.1", "iqn": "iqn.2026-11.example:storage", "lun": 0, "chapAuthSession": true, "secretRef": secret
            }),
        ),
        (
            "rbd.secretRef.namespace",
            "rbd",
            json!({ "monitors": monitors, "image": "i", "secretRef": secret }),
        ),
        (
            "scaleIO.secretRef.namespace",
            "scaleIO",
            json!({
                "gateway": "https://192.0.2.1", "system": "s", "volumeName": "v", "secretRef": secret
            }),
        ),
        (
            "storageos.secretRef.namespace",
            "storageos",
            json!({ "volumeName": "v", "secretRef": secret }),
        ),
    ]
}

fn volume(kind: &str, source: &Value) -> Value {
    json!({
        "apiVersion": "v1", "kind": "PersistentVolume", "metadata": { "name": "mine" },
        "spec": { "capacity": { "storage": "1Gi" }, "accessModes": ["ReadWriteOnce"], kind: source }
    })
}

fn nfs() -> Value {
    json!({ "server": "192.0.2.1", "path": "/" })
}

fn published(namespace: &str) -> Value {
    json!({ "driver": "x.example", "volumeHandle": "h", "nodePublishSecretRef": { "name": "live-alpha", "namespace": namespace } })
}

fn claim(namespace: &str) -> Value {
    json!({ "namespace": namespace, "name": "journal-gamma" })
}
