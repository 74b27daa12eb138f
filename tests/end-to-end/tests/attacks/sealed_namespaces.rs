//! Sealed namespaces are the platform's, and keep the labels on which other layers hang.

use anyhow::Result;
use serde_json::{Value, json};

use crate::{
    actor::Actor::{Delivery, Platform},
    attack::{Attack, attempt, policy::SEALED_NAMESPACES},
    ground::{DEMO, LIVE, SYSTEM, sealed_namespace},
    lab::Lab,
    pods::altered,
    request::{Request, cluster_wide},
};

#[tokio::test]
async fn k1_sealed_namespaces_belong_to_the_platform_and_keep_their_labels() -> Result<()> {
    Lab::get().refuses(attacks()).await
}

pub(crate) fn attacks() -> Vec<Attack> {
    let by = &[SEALED_NAMESPACES];
    let belongs = "belongs to the platform";
    let of_others = [
        attempt(
            "create a live namespace",
            Delivery,
            create(sealed_namespace("trading-live-mine")),
        ),
        attempt(
            "create a demo namespace",
            Delivery,
            create(sealed_namespace("trading-demo-mine")),
        ),
        attempt(
            "create a live namespace by generateName",
            Delivery,
            create(generated()),
        ),
        attempt(
            "delete a live namespace",
            Delivery,
            Request::delete(path(LIVE)),
        ),
        attempt(
            "delete a demo namespace",
            Delivery,
            Request::delete(path(DEMO)),
        ),
        attempt(
            "delete the operator's namespace",
            Delivery,
            Request::delete(path(SYSTEM)),
        ),
        attempt(
            "add a label to a live namespace",
            Delivery,
            label("injection", &json!("enabled")),
        ),
        attempt(
            "finalize a live namespace",
            Delivery,
            Request::replace(
                cluster_wide("core", &format!("namespaces/{LIVE}/finalize")),
                sealed_namespace(LIVE),
            ),
        ),
    ];
    let keeps = [
        (
            "weaken the Pod Security of a live namespace",
            "pod-security.kubernetes.io/enforce",
            json!("baseline"),
        ),
        (
            "take the Pod Security label from a live namespace",
            "pod-security.kubernetes.io/enforce",
            Value::Null,
        ),
        (
            "pin Pod Security to an old version",
            "pod-security.kubernetes.io/enforce-version",
            json!("v1.24"),
        ),
        (
            "take the account label from a live namespace",
            "triptych.trading/account",
            Value::Null,
        ),
        (
            "forge the account label of a live namespace",
            "triptych.trading/account",
            json!("beta"),
        ),
        (
            "forge the side label of a live namespace",
            "triptych.trading/side",
            json!("demo"),
        ),
    ];
    let mut attacks: Vec<Attack> = of_others
        .into_iter()
        .map(|attempt| attempt.refused_by(by, belongs))
        .collect();
    attacks.extend(keeps.map(|(what, key, value)| {
        attempt(what, Platform, label(key, &value)).refused_by(by, "must keep the label")
    }));
    attacks
}

fn create(namespace: Value) -> Request {
    Request::create(cluster_wide("core", "namespaces"), namespace)
}

fn generated() -> Value {
    let generate = [
        ("/metadata/name", Value::Null),
        ("/metadata/generateName", json!("trading-live-")),
    ];
    altered(sealed_namespace("trading-live-generated"), &generate)
}

fn path(namespace: &str) -> String {
    cluster_wide("core", &format!("namespaces/{namespace}"))
}

fn label(key: &str, value: &Value) -> Request {
    Request::patch(
        path(LIVE),
        json!({ "metadata": { "labels": { key: value } } }),
    )
}
