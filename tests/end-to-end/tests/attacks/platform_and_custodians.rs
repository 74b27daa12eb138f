//! What the platform team and key custodians must be able to do with the policies in force.

use anyhow::Result;
use serde_json::json;

use crate::{
    actor::{
        Actor::{Custodian, Delivery, Platform},
        Node,
    },
    ground::{
        LIVE, LIVE_EMPTY, LIVE_KEYLESS, SYSTEM, W_LABEL, W_TAINT, key_secret, sealed_namespace,
    },
    lab::Lab,
    legitimate::{Row, lease, named},
    pods::altered,
    request::{Request, cluster_wide, collection, object},
};

#[tokio::test]
async fn platform_and_custodians_do_their_work() -> Result<()> {
    let node = |name: &str| cluster_wide("core", &format!("nodes/{name}"));
    let taints = ["NoSchedule", "NoExecute"]
        .map(|effect| json!({ "key": W_TAINT, "value": "W", "effect": effect }));
    let trader = || object("core", LIVE, "pods", "trader-0");
    let rbac = "rbac.authorization.k8s.io/v1";
    let role = json!({
        "apiVersion": rbac, "kind": "Role", "metadata": { "name": "view" },
        "rules": [{ "apiGroups": [""], "resources": ["pods", "pods/log"], "verbs": ["get", "list"] }]
    });
    let ledger = altered(
        key_secret("live", "gamma"),
        &[
            ("/metadata/name", json!("ledger-gamma")),
            ("/type", json!("triptych.trading/ledger")),
            ("/stringData", json!({ "url": "postgres://ledger" })),
        ],
    );
    let pull = json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "pull-registry" }, "type": "kubernetes.io/dockerconfigjson",
        "stringData": { ".dockerconfigjson": "{\"auths\":{}}" }
    });
    let network = json!({
        "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": { "name": "operator" },
        "spec": { "podSelector": {}, "policyTypes": ["Ingress"] }
    });
    let eviction = json!({ "apiVersion": "policy/v1", "kind": "Eviction", "metadata": { "name": "trader-0" } });
    let rows: Vec<Row> = vec![
        (
            "make a live namespace",
            Platform,
            Request::create(
                cluster_wide("core", "namespaces"),
                sealed_namespace("trading-live-delta"),
            ),
        ),
        (
            "make a demo namespace",
            Platform,
            Request::create(
                cluster_wide("core", "namespaces"),
                sealed_namespace("trading-demo-delta"),
            ),
        ),
        (
            "make a trader's account",
            Platform,
            Request::create(
                collection("core", LIVE, "serviceaccounts"),
                named("v1", "ServiceAccount", "other"),
            ),
        ),
        (
            "make a trader's Lease",
            Platform,
            Request::create(
                collection("coordination.k8s.io/v1", LIVE, "leases"),
                lease("other"),
            ),
        ),
        (
            "let a team look",
            Platform,
            Request::create(collection(rbac, LIVE, "roles"), role),
        ),
        (
            "open the network to the operator",
            Platform,
            Request::create(
                collection("networking.k8s.io/v1", LIVE, "networkpolicies"),
                network,
            ),
        ),
        (
            "change the quota",
            Platform,
            Request::patch(
                object("core", LIVE, "resourcequotas", "seal"),
                json!({ "spec": { "hard": { "count/pods": "1" } } }),
            ),
        ),
        (
            "drain a trader from its node",
            Platform,
            Request::create(format!("{}/eviction", trader()), eviction),
        ),
        ("delete a trader's pod", Platform, Request::delete(trader())),
        (
            "delete a journal",
            Platform,
            Request::delete(object(
                "core",
                LIVE,
                "persistentvolumeclaims",
                "journal-alpha",
            )),
        ),
        (
            "dedicate a node to tier W",
            Platform,
            Request::patch(
                node("abh-node"),
                json!({ "metadata": { "labels": { W_LABEL: "W" } }, "spec": { "taints": taints } }),
            ),
        ),
        (
            "take a node from tier W",
            Platform,
            Request::patch(
                node(&Node::W.name()),
                json!({ "metadata": { "labels": { W_LABEL: null } } }),
            ),
        ),
        (
            "delete a W node",
            Platform,
            Request::delete(node(&Node::W.name())),
        ),
        (
            "cordon a W node, as any administrator",
            Delivery,
            Request::patch(
                node(&Node::W.name()),
                json!({ "spec": { "unschedulable": true } }),
            ),
        ),
        (
            "restart the operator",
            Platform,
            Request::patch(
                object("apps/v1", SYSTEM, "deployments", "triptych-operator"),
                json!({
                    "spec": { "template": { "metadata": { "annotations": { "restarted": "now" } } } }
                }),
            ),
        ),
        (
            "replace a key: delete",
            Custodian,
            Request::delete(object("core", LIVE, "secrets", "live-alpha")),
        ),
        (
            "make a key",
            Custodian,
            Request::create(
                collection("core", LIVE_KEYLESS, "secrets"),
                key_secret("live", "zeta"),
            ),
        ),
        (
            "write down the ledger's connection",
            Custodian,
            Request::create(collection("core", LIVE_EMPTY, "secrets"), ledger),
        ),
        (
            "write down credentials of a registry",
            Custodian,
            Request::create(collection("core", LIVE_EMPTY, "secrets"), pull),
        ),
    ];
    Lab::get().admits(rows).await
}
