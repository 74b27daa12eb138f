//! In a sealed namespace nobody writes but who must, each only what it must, and nobody gets into a pod.

use anyhow::Result;
use http::Method;
use serde_json::{Value, json};

use crate::{
    actor::{
        Actor::{
            self, Controller, Custodian, Delivery, ImpersonatedOperator, OperatorsTokenWithoutPod,
            Platform, TeamEditor, TradersTokenWithoutPod,
        },
        DELIVERY,
    },
    attack::{Attack, attempt, policy::SEAL},
    ground::{DEMO, LIVE, LIVE_KEYLESS, NETWORK_AGENT, key_secret},
    lab::Lab,
    request::{Request, collection, object},
};

#[tokio::test]
async fn k1_nobody_gets_into_a_pod_of_a_sealed_namespace() -> Result<()> {
    Lab::get().refuses(ways_in()).await
}

#[tokio::test]
async fn k1_only_who_must_writes_in_a_sealed_namespace() -> Result<()> {
    Lab::get().refuses(writes()).await
}

pub(crate) fn attacks() -> Vec<Attack> {
    [ways_in(), writes()].concat()
}

fn ways_in() -> Vec<Attack> {
    let into = |namespace, way: &str| object("core", namespace, "pods", &format!("trader-0/{way}"));
    let exec = "exec?command=cat&command=/etc/triptych/keys/api-secret&stdout=true";
    let ways = [
        (
            "exec, by POST, as a team",
            TeamEditor,
            Method::POST,
            LIVE,
            exec,
        ),
        (
            "exec, by GET, as an administrator",
            Delivery,
            Method::GET,
            LIVE,
            exec,
        ),
        ("exec as the platform", Platform, Method::POST, LIVE, exec),
        ("exec as a custodian", Custodian, Method::POST, LIVE, exec),
        (
            "exec into a demo trader",
            TeamEditor,
            Method::POST,
            DEMO,
            exec,
        ),
        (
            "attach",
            TeamEditor,
            Method::POST,
            LIVE,
            "attach?stdout=true",
        ),
        (
            "forward a port",
            TeamEditor,
            Method::POST,
            LIVE,
            "portforward?ports=8080",
        ),
        (
            "ask a pod through the API server",
            TeamEditor,
            Method::GET,
            LIVE,
            "proxy/v1/status",
        ),
        (
            "post to a pod through the API server",
            Delivery,
            Method::POST,
            LIVE,
            "proxy/v1/halt",
        ),
    ];
    ways.map(|(what, actor, method, namespace, way)| {
        attempt(what, actor, Request::connect(method, into(namespace, way)))
            .refused_by(&[SEAL], "no exec, attach, port-forward or proxy")
    })
    .into()
}

fn writes() -> Vec<Attack> {
    let lease = object("coordination.k8s.io/v1", LIVE, "leases", "trader");
    let stolen = json!({ "spec": { "holderIdentity": "mine" } });
    let trader = object("core", LIVE, "pods", "trader-0");
    let binding = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": { "name": "mine" },
        "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "edit" },
        "subjects": [{ "kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": DELIVERY }]
    });
    let role = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": { "name": "mine" },
        "rules": [{ "apiGroups": [""], "resources": ["secrets"], "verbs": ["get"] }]
    });
    let instance = json!({
        "apiVersion": "triptych.trading/v1alpha1", "kind": "TradingInstance", "metadata": { "name": "mine" },
        "spec": { "tier": "ABH", "configRevision": "any", "storage": { "size": "1Gi" } }
    });
    let rbac = "rbac.authorization.k8s.io/v1";
    let rows: Vec<(&str, Actor, Request)> = vec![
        (
            "write a ConfigMap",
            TeamEditor,
            Request::create(collection("core", LIVE, "configmaps"), config_map()),
        ),
        (
            "write a ConfigMap of a demo namespace",
            Delivery,
            Request::create(collection("core", DEMO, "configmaps"), config_map()),
        ),
        (
            "grant edit in a live namespace",
            Delivery,
            Request::create(collection(rbac, LIVE, "rolebindings"), binding.clone()),
        ),
        (
            "grant edit as a custodian",
            Custodian,
            Request::create(collection(rbac, LIVE, "rolebindings"), binding),
        ),
        (
            "make a Role that reads Secrets",
            Delivery,
            Request::create(collection(rbac, LIVE, "roles"), role),
        ),
        (
            "ask for a token of the trader",
            Delivery,
            Request::create(
                object("core", LIVE, "serviceaccounts", "trader/token"),
                token_request(),
            ),
        ),
        (
            "ask for a token of the trader as a team",
            TeamEditor,
            Request::create(
                object("core", LIVE, "serviceaccounts", "trader/token"),
                token_request(),
            ),
        ),
        (
            "ask for a token of the trader as the platform",
            Platform,
            Request::create(
                object("core", LIVE, "serviceaccounts", "trader/token"),
                token_request(),
            ),
        ),
        (
            "write a key as the platform",
            Platform,
            Request::create(
                collection("core", LIVE_KEYLESS, "secrets"),
                key_secret("live", "zeta"),
            ),
        ),
        (
            "delete a key as an administrator",
            Delivery,
            Request::delete(object("core", LIVE, "secrets", "live-alpha")),
        ),
        (
            "take a trader's Lease over",
            Delivery,
            Request::patch(lease.clone(), stolen.clone()),
        ),
        (
            "take a trader's Lease over with its token from elsewhere",
            TradersTokenWithoutPod,
            Request::patch(lease.clone(), stolen),
        ),
        ("delete a trader's Lease", Delivery, Request::delete(lease)),
        (
            "delete a trader",
            TeamEditor,
            Request::delete(trader.clone()),
        ),
        (
            "delete a trader by force",
            Delivery,
            Request::force_delete(trader.clone()),
        ),
        (
            "delete all pods",
            Delivery,
            Request::delete(collection("core", LIVE, "pods")),
        ),
        (
            "evict a trader",
            Delivery,
            Request::create(format!("{trader}/eviction"), eviction()),
        ),
        (
            "forge a trader's status",
            Delivery,
            Request::patch(
                format!("{trader}/status"),
                json!({ "status": { "phase": "Failed" } }),
            ),
        ),
        (
            "scale a trader down",
            Delivery,
            Request::patch(
                object("apps/v1", LIVE, "statefulsets", "trader/scale"),
                json!({ "spec": { "replicas": 2 } }),
            ),
        ),
        (
            "change a trader's StatefulSet",
            TeamEditor,
            Request::patch(
                object("apps/v1", LIVE, "statefulsets", "trader"),
                json!({ "spec": { "replicas": 2 } }),
            ),
        ),
        (
            "change a trader's StatefulSet as the platform",
            Platform,
            Request::patch(
                object("apps/v1", LIVE, "statefulsets", "trader"),
                json!({ "spec": { "replicas": 2 } }),
            ),
        ),
        (
            "delete the network policy",
            Delivery,
            Request::delete(object(
                "networking.k8s.io/v1",
                LIVE,
                "networkpolicies",
                "default-deny",
            )),
        ),
        (
            "open the network of a demo namespace",
            TeamEditor,
            Request::create(
                collection("networking.k8s.io/v1", DEMO, "networkpolicies"),
                open_network(),
            ),
        ),
        (
            "widen the quota",
            Delivery,
            Request::patch(
                object("core", LIVE, "resourcequotas", "seal"),
                json!({ "spec": { "hard": { "count/pods": "99" } } }),
            ),
        ),
        (
            "declare an instance in a live namespace",
            Delivery,
            Request::create(
                collection("triptych.trading/v1alpha1", LIVE, "tradinginstances"),
                instance,
            ),
        ),
        (
            "write as the operator, with a token that no pod has",
            OperatorsTokenWithoutPod,
            Request::create(collection("core", LIVE, "configmaps"), config_map()),
        ),
        (
            "write as the operator, by impersonation",
            ImpersonatedOperator,
            Request::create(collection("core", LIVE, "configmaps"), config_map()),
        ),
        (
            "delete a trader as the operator, by impersonation",
            ImpersonatedOperator,
            Request::delete(trader),
        ),
        (
            "write a ConfigMap as the network's agent",
            Controller(NETWORK_AGENT),
            Request::create(collection("core", LIVE, "configmaps"), config_map()),
        ),
        (
            "delete a key as the network's agent",
            Controller(NETWORK_AGENT),
            Request::delete(object("core", LIVE, "secrets", "live-alpha")),
        ),
    ];
    rows.into_iter()
        .map(|(what, actor, request)| {
            attempt(what, actor, request).refused_by(&[SEAL], "is sealed")
        })
        .collect()
}

fn config_map() -> Value {
    json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "mine" }, "data": { "a": "b" } })
}

fn token_request() -> Value {
    json!({ "apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": { "audiences": [] } })
}

fn eviction() -> Value {
    json!({ "apiVersion": "policy/v1", "kind": "Eviction", "metadata": { "name": "trader-0" } })
}

fn open_network() -> Value {
    json!({ "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": { "name": "mine" },
        "spec": { "podSelector": {}, "egress": [{}], "policyTypes": ["Egress"] } })
}
