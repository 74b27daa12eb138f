//! A trader's pod is placed by the scheduler alone, and replaced, never changed.

use anyhow::Result;
use serde_json::{Value, json};

use crate::{
    actor::Actor::{Controller, Delivery, Platform},
    attack::{
        Attack, attempt,
        policy::{BINDINGS, RUNNING_TRADERS, SEAL},
    },
    ground::{LIVE, LIVE_WAITING, NETWORK_AGENT, SYSTEM},
    lab::Lab,
    pods,
    request::{Request, collection, object},
};

#[tokio::test]
async fn k2_a_running_trader_is_replaced_and_never_changed() -> Result<()> {
    Lab::get().refuses(changes()).await
}

#[tokio::test]
async fn k1_only_the_scheduler_gives_a_trader_its_node() -> Result<()> {
    Lab::get().refuses(bindings()).await
}

pub(crate) fn attacks() -> Vec<Attack> {
    [changes(), bindings()].concat()
}

fn changes() -> Vec<Attack> {
    let trader = object("core", LIVE, "pods", "trader-0");
    let controller = Controller("statefulset-controller");
    let image = json!({ "spec": { "containers": [{ "name": "trader", "image": "registry.example/other@sha256:1111111111111111111111111111111111111111111111111111111111111111" }] } });
    let mut tolerations = pods::live("alpha")["spec"]["tolerations"].clone();
    // The two that Kubernetes gives every pod, and one more: a list of tolerations is replaced as a whole.
    for (key, effect, seconds) in [
        ("node.kubernetes.io/not-ready", "NoExecute", json!(300)),
        ("node.kubernetes.io/unreachable", "NoExecute", json!(300)),
        ("other", "NoSchedule", Value::Null),
    ] {
        let further = json!({ "key": key, "operator": "Exists", "effect": effect, "tolerationSeconds": seconds });
        tolerations.as_array_mut().expect("a list").push(further);
    }
    let tolerant = json!({ "spec": { "tolerations": tolerations } });
    let security = pods::ordinary("debug")["spec"]["containers"][0]["securityContext"].clone();
    let debug = json!({ "spec": { "ephemeralContainers": [
        { "name": "debug", "image": "registry.example/shell", "securityContext": security }
    ] } });
    let resized = json!({ "spec": { "containers": [{ "name": "trader", "resources": { "requests": { "cpu": "20m" } } }] } });
    let label = |key: &str| json!({ "metadata": { "labels": { key: null } } });
    let hash = json!({ "metadata": { "annotations": { "triptych.trading/config-hash": "b".repeat(64) } } });
    let changes = [
        (
            "swap a running trader's image",
            trader.clone(),
            image,
            "does not change",
        ),
        (
            "add a toleration to a running trader",
            trader.clone(),
            tolerant,
            "does not change",
        ),
        (
            "strip a running trader's tier",
            trader.clone(),
            label("triptych.trading/tier"),
            "do not change",
        ),
        (
            "strip who manages a running trader",
            trader.clone(),
            label("app.kubernetes.io/managed-by"),
            "do not change",
        ),
        (
            "forge a running trader's configuration hash",
            trader.clone(),
            hash,
            "do not change",
        ),
    ];
    let forged = json!({ "metadata": { "labels": { "triptych.trading/tier": "R" } } });
    let by_agent = attempt(
        "forge a running trader's tier as the network's agent",
        Controller(NETWORK_AGENT),
        Request::patch(trader.clone(), forged),
    )
    .refused_by(&[RUNNING_TRADERS], "do not change");
    let by_controller = changes.map(|(what, path, body, saying)| {
        attempt(what, controller, Request::strategic_patch(path, body))
            .refused_by(&[RUNNING_TRADERS], saying)
    });
    let by_others = [
        (
            "add an ephemeral container to a trader",
            Delivery,
            "ephemeralcontainers",
            debug.clone(),
        ),
        (
            "add an ephemeral container to a trader as the platform",
            Platform,
            "ephemeralcontainers",
            debug,
        ),
        ("resize a trader", Delivery, "resize", resized),
    ];
    let by_others = by_others.map(|(what, actor, subresource, body)| {
        let request = Request::strategic_patch(format!("{trader}/{subresource}"), body);
        attempt(what, actor, request).refused_by(&[SEAL, RUNNING_TRADERS], "trader")
    });
    by_controller
        .into_iter()
        .chain([by_agent])
        .chain(by_others)
        .collect()
}

fn bindings() -> Vec<Attack> {
    let to = |pod: &str, node: &str| {
        json!({
            "apiVersion": "v1", "kind": "Binding", "metadata": { "name": pod },
            "target": { "apiVersion": "v1", "kind": "Node", "name": node }
        })
    };
    let of_the_pod = object("core", LIVE_WAITING, "pods", "trader-0/binding");
    let legacy = collection("core", LIVE_WAITING, "bindings");
    // The platform may write pods in the operator's namespace: what refuses this is the binding's policy alone.
    let of_the_operator = attempt(
        "bind a pod of the operator's namespace as the platform",
        Platform,
        Request::create(
            object("core", SYSTEM, "pods", "waiting/binding"),
            to("waiting", "abh-node"),
        ),
    )
    .refused_by(&[BINDINGS], "only the scheduler binds");
    let of_traders = [
        (
            "bind a live trader to ABH's node",
            Delivery,
            Request::create(of_the_pod.clone(), to("trader-0", "abh-node")),
        ),
        (
            "bind a live trader to ABH's node by the old way",
            Delivery,
            Request::create(legacy, to("trader-0", "abh-node")),
        ),
        (
            "bind a live trader to ABH's node as the platform",
            Platform,
            Request::create(of_the_pod.clone(), to("trader-0", "abh-node")),
        ),
    ]
    .map(|(what, actor, request)| {
        attempt(what, actor, request).refused_by(&[BINDINGS, SEAL], "trading-live-beta")
    });
    [of_the_operator].into_iter().chain(of_traders).collect()
}
