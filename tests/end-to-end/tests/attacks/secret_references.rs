//! Pods outside live namespaces name no Secret of the live side, in whichever place a pod can name one.

use std::collections::BTreeSet;

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use crate::{
    actor::Actor::{Controller, Delivery, TeamEditor},
    attack::{Attack, attempt, policy::LIVE_SECRET_REFERENCES},
    ground::TEAM_SPACE,
    lab::Lab,
    pods::{self, altered},
    request::{Request, collection, object},
    schema::{self, collect_fields},
};

/// A place as the API's schema has it, where it is in a pod, and what stands there.
type Place = (&'static str, &'static str, Value);

#[tokio::test]
async fn k1_no_pod_elsewhere_names_a_live_secret_in_any_place() -> Result<()> {
    Lab::get().refuses(attacks()).await
}

/// The places are those of the API server's own schema: a later Kubernetes that adds one fails here.
#[tokio::test]
async fn the_places_where_a_pod_can_name_a_secret_are_all_listed() -> Result<()> {
    let schema = schema::of_core_kinds(Lab::get()).await?;
    let mut found = BTreeSet::new();
    let names_a_secret = |path: &str, field: &str| {
        field == "secretName" || (field == "name" && path.to_lowercase().contains("secret"))
    };
    collect_fields(
        &schema,
        "io.k8s.api.core.v1.PodSpec",
        "",
        &names_a_secret,
        &mut found,
    );
    let listed: BTreeSet<String> = places()
        .into_iter()
        .map(|(place, ..)| place.to_owned())
        .chain([String::from(
            "ephemeralContainers.env.valueFrom.secretKeyRef.name",
        )])
        .chain([String::from("ephemeralContainers.envFrom.secretRef.name")])
        .collect();
    ensure!(
        found == listed,
        "the API has {found:#?}\nlisted are {listed:#?}"
    );
    Ok(())
}

pub(crate) fn attacks() -> Vec<Attack> {
    let refused = |attempt: crate::attack::Attempt| {
        attempt.refused_by(&[LIVE_SECRET_REFERENCES], "may not name Secrets live-*")
    };
    let in_team = |pod| Request::create(collection("core", TEAM_SPACE, "pods"), pod);
    let mut attacks: Vec<Attack> = places()
        .into_iter()
        .map(|(place, pointer, value)| {
            let pod = altered(pods::ordinary("mine"), &[(pointer, value)]);
            refused(attempt(
                format!("name a live Secret in {place}"),
                TeamEditor,
                in_team(pod),
            ))
        })
        .collect();
    let named = |secret: &str| {
        let volume =
            json!({ "name": "mine", "secret": { "secretName": secret, "optional": true } });
        altered(
            pods::ordinary("mine"),
            &[("/spec/volumes", json!([volume]))],
        )
    };
    let attributes = json!({ "name": "mine", "csi": { "driver": "file.csi.example", "volumeAttributes": {
        "secretName": "live-alpha", "secretNamespace": "trading-live-alpha"
    } } });
    let debugger = json!({ "spec": { "ephemeralContainers": [{
        "name": "debug", "image": "registry.example/shell",
        "env": [{ "name": "KEY", "valueFrom": { "secretKeyRef": { "name": "live-alpha", "key": "api-key" } } }]
    }] } });
    let ephemeral = object(
        "core",
        TEAM_SPACE,
        "pods",
        "hypothesis-0/ephemeralcontainers",
    );
    attacks.extend(
        [
            attempt(
                "name a live Secret that may be missing",
                TeamEditor,
                in_team(named("live-not-yet")),
            ),
            attempt(
                "name the ledger's Secret",
                TeamEditor,
                in_team(named("ledger-alpha")),
            ),
            attempt(
                "name a live Secret as an administrator",
                Delivery,
                in_team(named("live-alpha")),
            ),
            attempt(
                "name a live Secret in a Deployment's pod",
                Controller("replicaset-controller"),
                in_team(named("live-alpha")),
            ),
            attempt(
                "name a live Secret in a Job's pod",
                Controller("job-controller"),
                in_team(named("live-alpha")),
            ),
            attempt(
                "name a live Secret by generateName",
                TeamEditor,
                in_team(altered(
                    named("live-alpha"),
                    &[
                        ("/metadata/name", Value::Null),
                        ("/metadata/generateName", json!("mine-")),
                    ],
                )),
            ),
            attempt(
                "name a sealed namespace in a driver's attributes",
                TeamEditor,
                in_team(altered(
                    pods::ordinary("mine"),
                    &[("/spec/volumes", json!([attributes]))],
                )),
            ),
            attempt(
                "name a live Secret in an ephemeral container",
                Delivery,
                Request::strategic_patch(ephemeral, debugger),
            ),
        ]
        .map(refused),
    );
    attacks
}

fn places() -> Vec<Place> {
    let from_key = json!([{ "name": "KEY", "valueFrom": { "secretKeyRef": { "name": "live-alpha", "key": "api-key" } } }]);
    let from_all = json!([{ "secretRef": { "name": "live-alpha" } }]);
    let mut init = pods::ordinary("init")["spec"]["containers"][0].clone();
    init["name"] = json!("init");
    let init_with = |field: &str, value: &Value| {
        let mut container = init.clone();
        container[field] = value.clone();
        json!([container])
    };
    let volume = |kind: &str, source: Value| json!([{ "name": "mine", kind: source }]);
    let secret = json!({ "name": "live-alpha" });
    vec![
        (
            "containers.env.valueFrom.secretKeyRef.name",
            "/spec/containers/0/env",
            from_key.clone(),
        ),
        (
            "containers.envFrom.secretRef.name",
            "/spec/containers/0/envFrom",
            from_all.clone(),
        ),
        (
            "initContainers.env.valueFrom.secretKeyRef.name",
            "/spec/initContainers",
            init_with("env", &from_key),
        ),
        (
            "initContainers.envFrom.secretRef.name",
            "/spec/initContainers",
            init_with("envFrom", &from_all),
        ),
        (
            "imagePullSecrets.name",
            "/spec/imagePullSecrets",
            json!([secret]),
        ),
        (
            "volumes.secret.secretName",
            "/spec/volumes",
            volume("secret", json!({ "secretName": "live-alpha" })),
        ),
        (
            "volumes.projected.sources.secret.name",
            "/spec/volumes",
            volume("projected", json!({ "sources": [{ "secret": secret }] })),
        ),
        (
            "volumes.csi.nodePublishSecretRef.name",
            "/spec/volumes",
            volume(
                "csi",
                json!({ "driver": "x.example", "nodePublishSecretRef": secret }),
            ),
        ),
        (
            "volumes.azureFile.secretName",
            "/spec/volumes",
            volume(
                "azureFile",
                json!({ "shareName": "s", "secretName": "live-alpha" }),
            ),
        ),
        (
            "volumes.cephfs.secretRef.name",
            "/spec/volumes",
            volume(
                "cephfs",
                json!({ "monitors": ["192.0.2.1"], "secretRef": secret }),
            ),
        ),
        (
            "volumes.cinder.secretRef.name",
            "/spec/volumes",
            volume("cinder", json!({ "volumeID": "v", "secretRef": secret })),
        ),
        (
            "volumes.flexVolume.secretRef.name",
            "/spec/volumes",
            volume(
                "flexVolume",
                json!({ "driver": "example/x", "secretRef": secret }),
            ),
        ),
        (
            "volumes.iscsi.secretRef.name",
            "/spec/volumes",
            volume(
                "iscsi",
                json!({
                    "targetPortal": "192.0.2.1", "iqn": "iqn.2026-11.example:storage", "lun": 0, "chapAuthSession": true, "secretRef": secret
                }),
            ),
        ),
        (
            "volumes.rbd.secretRef.name",
            "/spec/volumes",
            volume(
                "rbd",
                json!({ "monitors": ["192.0.2.1"], "image": "i", "secretRef": secret }),
            ),
        ),
        (
            "volumes.scaleIO.secretRef.name",
            "/spec/volumes",
            volume(
                "scaleIO",
                json!({
                    "gateway": "https://192.0.2.1", "system": "s", "volumeName": "v", "secretRef": secret
                }),
            ),
        ),
        (
            "volumes.storageos.secretRef.name",
            "/spec/volumes",
            volume(
                "storageos",
                json!({ "volumeName": "v", "secretRef": secret }),
            ),
        ),
    ]
}
