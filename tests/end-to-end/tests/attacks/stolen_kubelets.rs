//! A kubelet's certificate reads every Secret that a pod on its node names: so no pod on another node
//! than W's may name the live key. Reading is not admission's: these go the whole way.

use anyhow::{Context, Result, bail, ensure};
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use serde_json::{Value, json};
use triptych_cluster::local_cluster::LocalCluster;
use triptych_end_to_end::wait;

use crate::{
    actor::{
        Actor::{Controller, Delivery, Kubelet, Platform},
        Node, administrator, by_token,
    },
    attack::{
        Attack, attempt,
        policy::{LIVE_PODS, OPERATOR_NAMESPACE, OPERATOR_PODS, SEAL},
    },
    ground::{DEMO, LIVE, LIVE_EMPTY, SYSTEM},
    lab::{Clients, Lab},
    legitimate::named,
    pods::{self, altered},
    request::{Answer, Request, cluster_wide, collection, object},
    tokens::{OPERATOR_ACCOUNT, operator_pod, token, token_request},
};

/// What a stolen kubelet of ABH's node achieved while no policy was in force.
#[derive(Debug, Default)]
pub(crate) struct Unguarded {
    /// The live Secret that it read, after a pod on its node named it.
    key: Option<Value>,
    /// Whether its mirror pod in a live namespace came past admission.
    mirror_pod: bool,
    /// What came of a write in a live namespace with a token of the operator that R's kubelet got.
    operators_write: Option<Answer>,
}

#[tokio::test]
async fn k1_a_stolen_kubelet_reads_no_key_because_no_pod_on_its_node_may_name_one() -> Result<()> {
    let lab = Lab::get();
    let before = lab
        .stolen_kubelet()
        .key
        .as_ref()
        .context("the key was not read without policies")?;
    ensure!(
        before["data"]["api-key"].is_string(),
        "without policies the bytes were read: {before}"
    );

    let mut clients = lab.clients();
    let planted = plant().send(&clients.of(Delivery).await?).await?;
    let refusal = planted
        .refusal()
        .context("a pod on ABH's node may still name the key")?;
    ensure!(
        refusal.contains(SEAL) || refusal.contains(LIVE_PODS),
        "{refusal}"
    );
    for (node, namespace, secret) in [
        (Node::Abh, LIVE_EMPTY, "live-gamma"),
        (Node::Abh, LIVE, "live-alpha"),
        (Node::R, LIVE, "live-alpha"),
        (Node::Abh, DEMO, "demo-alpha"),
    ] {
        let read = read_secret(namespace, secret)
            .send(&clients.of(Kubelet(node)).await?)
            .await?;
        ensure!(
            read.refusal().is_some(),
            "the kubelet of {node:?} read {namespace}/{secret}: {read:?}"
        );
    }
    for (node, namespace, secret) in [(Node::W, LIVE, "live-alpha"), (Node::R, DEMO, "demo-alpha")]
    {
        let read = read_secret(namespace, secret)
            .send(&clients.of(Kubelet(node)).await?)
            .await?;
        ensure!(
            matches!(read, Answer::Done(_)),
            "the kubelet of {node:?} needs {namespace}/{secret}: {read:?}"
        );
    }
    Ok(())
}

#[tokio::test]
async fn k1_the_operators_token_is_not_to_be_had_on_another_node_than_a_w_node() -> Result<()> {
    let lab = Lab::get();
    let before = &lab.stolen_kubelet().operators_write;
    ensure!(
        matches!(before, Some(Answer::Done(_))),
        "without policies R's kubelet wrote as the operator: {before:?}"
    );

    let mut clients = lab.clients();
    for actor in [Delivery, Platform, Controller("replicaset-controller")] {
        let planted = plant_operator().send(&clients.of(actor).await?).await?;
        let refusal = planted.refusal();
        let refusal = refusal.with_context(|| format!("{actor:?} ran the operator on R's node"))?;
        ensure!(
            refusal.contains(OPERATOR_NAMESPACE) || refusal.contains(OPERATOR_PODS),
            "{actor:?}: {refusal}"
        );
    }
    let administrator = administrator(lab.cluster()).await?;
    let operator = operator_pod(&administrator).await?;
    let kubelet = clients.of(Kubelet(Node::R)).await?;
    for pod in [Some(&operator), None] {
        let token = token_request(SYSTEM, OPERATOR_ACCOUNT, pod)
            .send(&kubelet)
            .await?;
        ensure!(
            token.refusal().is_some(),
            "R's kubelet got a token of the operator: {token:?}"
        );
    }
    Ok(())
}

#[tokio::test]
async fn k2_a_stolen_kubelet_takes_no_place_in_a_live_namespace_by_a_mirror_pod() -> Result<()> {
    let lab = Lab::get();
    ensure!(
        lab.stolen_kubelet().mirror_pod,
        "a mirror pod was refused without policies too"
    );
    let refused = mirror_pod(&mut lab.clients()).await?;
    let refusal = refused.refusal().context("a mirror pod is let through")?;
    ensure!(
        refusal.contains(SEAL) || refusal.contains(LIVE_PODS),
        "{refusal}"
    );
    Ok(())
}

#[tokio::test]
async fn k1_no_pod_on_another_node_names_a_key_in_its_own_namespace() -> Result<()> {
    Lab::get().refuses(attacks()).await
}

pub(crate) fn attacks() -> Vec<Attack> {
    let with = |changes: &[(&str, Value)]| {
        let changes: Vec<_> = changes
            .iter()
            .cloned()
            .chain([("/spec/nodeName", json!(Node::Abh.name()))])
            .collect();
        Request::create(
            collection("core", LIVE_EMPTY, "pods"),
            altered(pods::live("gamma"), &changes),
        )
    };
    let from_key = json!([{ "name": "KEY", "valueFrom": { "secretKeyRef": { "name": "live-gamma", "key": "api-key" } } }]);
    [
        ("mount the key on ABH's node", with(&[])),
        (
            "have the key in the environment on ABH's node",
            with(&[("/spec/containers/0/env", from_key)]),
        ),
        (
            "pull images with the key on ABH's node",
            with(&[("/spec/imagePullSecrets", json!([{ "name": "live-gamma" }]))]),
        ),
        (
            "name the key and do not mount it on ABH's node",
            with(&[("/spec/containers/0/volumeMounts", json!([]))]),
        ),
    ]
    .map(|(what, request)| attempt(what, Delivery, request).refused_by(&[SEAL, LIVE_PODS], ""))
    .into()
}

/// Without policies: plants a pod that names the key on ABH's node, and reads the key as that kubelet.
pub(crate) async fn unguarded(
    cluster: &LocalCluster,
    clients: &mut Clients<'_>,
) -> Result<Unguarded> {
    let delivery = clients.of(Delivery).await?;
    let planted = plant().send(&delivery).await?;
    ensure!(
        matches!(planted, Answer::Done(_)),
        "plant a pod on ABH's node: {planted:?}"
    );
    let kubelet = clients.of(Kubelet(Node::Abh)).await?;
    let key = wait::until_answer(
        "the stolen kubelet reads the key",
        async || match read_secret(LIVE_EMPTY, "live-gamma").send(&kubelet).await? {
            Answer::Done(secret) => Ok(Some(secret)),
            other => bail!("{other:?}"),
        },
    )
    .await?;
    let away = Request::force_delete(object("core", LIVE_EMPTY, "pods", "trader-0")).in_earnest();
    let gone = away.send(&delivery).await?;
    ensure!(
        matches!(gone, Answer::Done(_)),
        "take the planted pod away: {gone:?}"
    );
    let mirror_pod = matches!(mirror_pod(clients).await?, Answer::Done(_));
    Ok(Unguarded {
        key: Some(key),
        mirror_pod,
        operators_write: Some(write_as_operator(cluster, clients).await?),
    })
}

/// Without policies: plants an operator's pod on R's node, and writes with the token that its kubelet gets.
async fn write_as_operator(cluster: &LocalCluster, clients: &mut Clients<'_>) -> Result<Answer> {
    let delivery = clients.of(Delivery).await?;
    let pod = match plant_operator().in_earnest().send(&delivery).await? {
        Answer::Done(pod) => serde_json::from_value::<Pod>(pod)?,
        other => bail!("plant an operator on R's node: {other:?}"),
    };
    let kubelet = clients.of(Kubelet(Node::R)).await?;
    let token = token(&kubelet, SYSTEM, OPERATOR_ACCOUNT, Some(&pod)).await?;
    let config_map = named("v1", "ConfigMap", "config-of-mine");
    let written = Request::create(collection("core", LIVE, "configmaps"), config_map)
        .send(&by_token(cluster, &token).await?)
        .await?;
    let path = object("core", SYSTEM, "pods", &pod.name_any());
    let gone = Request::force_delete(path)
        .in_earnest()
        .send(&delivery)
        .await?;
    ensure!(
        matches!(gone, Answer::Done(_)),
        "take the planted operator away: {gone:?}"
    );
    Ok(written)
}

/// An operator's pod on R's node.
fn plant_operator() -> Request {
    let pod = altered(
        pods::operator("planted"),
        &[
            ("/spec/nodeName", json!(Node::R.name())),
            ("/spec/nodeSelector", Value::Null),
        ],
    );
    Request::create(collection("core", SYSTEM, "pods"), pod)
}

/// A pod on ABH's node that names the key of its namespace.
fn plant() -> Request {
    let pod = altered(
        pods::live("gamma"),
        &[("/spec/nodeName", json!(Node::Abh.name()))],
    );
    Request::create(collection("core", LIVE_EMPTY, "pods"), pod).in_earnest()
}

fn read_secret(namespace: &str, name: &str) -> Request {
    Request::read(object("core", namespace, "secrets", name))
}

/// A mirror pod as NodeRestriction lets a kubelet make one: on its own node, owned by it, without Secrets.
async fn mirror_pod(clients: &mut Clients<'_>) -> Result<Answer> {
    let kubelet = clients.of(Kubelet(Node::Abh)).await?;
    let path = cluster_wide("core", &format!("nodes/{}", Node::Abh.name()));
    let node = match Request::read(path).send(&kubelet).await? {
        Answer::Done(node) => node,
        other => bail!("read ABH's node: {other:?}"),
    };
    let owner = json!({
        "apiVersion": "v1", "kind": "Node", "name": Node::Abh.name(), "uid": node["metadata"]["uid"], "controller": true
    });
    let pod = altered(
        pods::ordinary("mirror"),
        &[
            ("/spec/nodeName", json!(Node::Abh.name())),
            (
                "/metadata/annotations/kubernetes.io~1config.mirror",
                json!("mine"),
            ),
            ("/metadata/ownerReferences", json!([owner])),
        ],
    );
    Request::create(collection("core", LIVE_EMPTY, "pods"), pod)
        .send(&kubelet)
        .await
}
