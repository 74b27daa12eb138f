//! What the operator, its traders and Kubernetes itself must be able to do with the policies in force.

use anyhow::Result;
use serde_json::{Value, json};

use crate::{
    actor::{
        Actor::{self, Controller, Kubelet, Operator, Scheduler, Trader},
        Node, administrator,
    },
    ground::{
        DEMO, DEMO_EMPTY, LIVE, LIVE_EMPTY, LIVE_WAITING, NETWORK_AGENT, SYSTEM, W_TAINT,
        journal_claim,
    },
    lab::Lab,
    pods::{self, altered},
    request::{Request, cluster_wide, collection, object},
    tokens::{operator_pod, token_request},
};

/// What is done, by whom, and the request.
pub(crate) type Row = (&'static str, Actor, Request);

#[tokio::test]
async fn the_operator_and_its_trader_do_their_work() -> Result<()> {
    let claim = altered(
        journal_claim(),
        &[
            ("/metadata/name", json!("journal-gamma")),
            ("/spec/volumeName", Value::Null),
        ],
    );
    let rows: Vec<Row> = vec![
        (
            "render a configuration",
            Operator,
            Request::create(collection("core", LIVE, "configmaps"), config_map()),
        ),
        (
            "render a configuration of a demo side",
            Operator,
            Request::create(collection("core", DEMO, "configmaps"), config_map()),
        ),
        (
            "make a live trader",
            Operator,
            Request::create(
                collection("apps/v1", LIVE_EMPTY, "statefulsets"),
                pods::stateful_set(pods::live("gamma")),
            ),
        ),
        (
            "make a demo trader",
            Operator,
            Request::create(
                collection("apps/v1", DEMO_EMPTY, "statefulsets"),
                pods::stateful_set(pods::demo("gamma")),
            ),
        ),
        (
            "roll a trader",
            Operator,
            Request::patch(
                object("apps/v1", LIVE, "statefulsets", "trader"),
                json!({ "spec": { "replicas": 1 } }),
            ),
        ),
        (
            "replace a trader",
            Operator,
            Request::delete(object("core", LIVE, "pods", "trader-0")),
        ),
        (
            "make a journal",
            Operator,
            Request::create(
                collection("core", LIVE_EMPTY, "persistentvolumeclaims"),
                claim,
            ),
        ),
        (
            "report an event",
            Operator,
            Request::create(collection("events.k8s.io/v1", LIVE, "events"), event()),
        ),
        (
            "lead",
            Operator,
            Request::create(
                collection("coordination.k8s.io/v1", SYSTEM, "leases"),
                lease("another"),
            ),
        ),
        (
            "renew a trader's Lease",
            Trader,
            Request::patch(
                object("coordination.k8s.io/v1", LIVE, "leases", "trader"),
                json!({ "spec": { "leaseTransitions": 1 } }),
            ),
        ),
    ];
    Lab::get().admits(rows).await
}

#[tokio::test]
async fn kubernetes_itself_does_its_work_in_sealed_namespaces() -> Result<()> {
    let lab = Lab::get();
    let operator = operator_pod(&administrator(lab.cluster()).await?).await?;
    let stateful_sets = Controller("statefulset-controller");
    let trader = || object("core", LIVE, "pods", "trader-0");
    let status = json!({ "status": { "message": "well" } });
    let bind = json!({
        "apiVersion": "v1", "kind": "Binding", "metadata": { "name": "trader-0" },
        "target": { "apiVersion": "v1", "kind": "Node", "name": Node::W.name() }
    });
    let claim = object("core", LIVE, "persistentvolumeclaims", "journal-alpha");
    let annotate = |key: &str| json!({ "metadata": { "annotations": { key: "x" } } });
    let lost = [
        json!({ "key": W_TAINT, "value": "W", "effect": "NoSchedule" }),
        json!({ "key": W_TAINT, "value": "W", "effect": "NoExecute" }),
        json!({ "key": "node.kubernetes.io/unreachable", "effect": "NoExecute" }),
    ];
    let rows: Vec<Row> = vec![
        (
            "make a live trader's pod",
            stateful_sets,
            Request::create(collection("core", LIVE_EMPTY, "pods"), pods::live("gamma")),
        ),
        (
            "make a demo trader's pod",
            stateful_sets,
            Request::create(collection("core", DEMO_EMPTY, "pods"), pods::demo("gamma")),
        ),
        (
            "delete a trader's pod",
            stateful_sets,
            Request::delete(trader()),
        ),
        (
            "label a trader's pod",
            stateful_sets,
            Request::patch(
                trader(),
                json!({ "metadata": { "labels": { "apps.kubernetes.io/pod-index": "0" } } }),
            ),
        ),
        (
            "bind a live trader to the W node",
            Scheduler,
            Request::create(
                object("core", LIVE_WAITING, "pods", "trader-0/binding"),
                bind,
            ),
        ),
        (
            "choose the node of a volume",
            Scheduler,
            Request::patch(
                claim.clone(),
                annotate("volume.kubernetes.io/selected-node"),
            ),
        ),
        (
            "report a live trader",
            Kubelet(Node::W),
            Request::patch(format!("{}/status", trader()), status.clone()),
        ),
        (
            "report a demo trader",
            Kubelet(Node::R),
            Request::patch(object("core", DEMO, "pods", "trader-0/status"), status),
        ),
        (
            "note down the address of a trader, as the network's agent",
            Controller(NETWORK_AGENT),
            Request::patch(
                format!("{}/status", trader()),
                json!({ "metadata": { "annotations": { "network/address": "192.0.2.1" } } }),
            ),
        ),
        (
            "annotate a trader, as the network's agent",
            Controller(NETWORK_AGENT),
            Request::patch(
                trader(),
                json!({ "metadata": { "annotations": { "network/address": "192.0.2.1" } } }),
            ),
        ),
        (
            "end a trader's pod on its node",
            Kubelet(Node::W),
            Request::force_delete(trader()),
        ),
        (
            "get the operator's token for its pod",
            Kubelet(Node::W),
            token_request(SYSTEM, "triptych-operator", Some(&operator)),
        ),
        (
            "collect pods of lost nodes",
            Controller("pod-garbage-collector"),
            Request::delete(trader()),
        ),
        (
            "collect what has no owner",
            Controller("generic-garbage-collector"),
            Request::delete(trader()),
        ),
        (
            "empty a namespace",
            Controller("namespace-controller"),
            Request::delete(collection("core", LIVE, "pods")),
        ),
        (
            "take the claims of an ending namespace",
            Controller("namespace-controller"),
            Request::delete(collection("core", LIVE, "persistentvolumeclaims")),
        ),
        (
            "publish the cluster's authority",
            Controller("root-ca-cert-publisher"),
            Request::create(collection("core", LIVE, "configmaps"), config_map()),
        ),
        (
            "make the default account",
            Controller("service-account-controller"),
            Request::create(
                collection("core", LIVE, "serviceaccounts"),
                named("v1", "ServiceAccount", "other"),
            ),
        ),
        (
            "make the operator's pod",
            Controller("replicaset-controller"),
            Request::create(
                collection("core", SYSTEM, "pods"),
                pods::operator("another"),
            ),
        ),
        (
            "taint a W node that is lost",
            Controller("node-controller"),
            Request::strategic_patch(
                cluster_wide("core", &format!("nodes/{}", Node::W.name())),
                json!({ "spec": { "taints": lost } }),
            ),
        ),
        (
            "report a W node",
            Kubelet(Node::W),
            Request::strategic_patch(
                cluster_wide("core", &format!("nodes/{}/status", Node::W.name())),
                json!({ "status": { "conditions": [{ "type": "Ready", "status": "True", "reason": "KubeletReady", "message": "well" }] } }),
            ),
        ),
    ];
    lab.admits(rows).await
}

/// An object that has a kind and a name and nothing else.
pub(crate) fn named(version: &str, kind: &str, name: &str) -> Value {
    json!({ "apiVersion": version, "kind": kind, "metadata": { "name": name } })
}

fn config_map() -> Value {
    named("v1", "ConfigMap", "config-further")
}

/// A Lease that nobody holds.
pub(crate) fn lease(name: &str) -> Value {
    let mut lease = named("coordination.k8s.io/v1", "Lease", name);
    lease["spec"] = json!({ "holderIdentity": "", "leaseDurationSeconds": 15 });
    lease
}

fn event() -> Value {
    json!({
        "apiVersion": "events.k8s.io/v1", "kind": "Event", "metadata": { "name": "rolled" },
        "eventTime": "2026-01-01T00:00:00.000000Z", "reportingController": "triptych-operator", "reportingInstance": "one",
        "action": "Roll", "reason": "Rolled", "type": "Normal", "note": "rolled",
        "regarding": { "apiVersion": "v1", "kind": "Pod", "namespace": LIVE, "name": "trader-0" }
    })
}
