//! Nothing but live traders, the operator and named daemons asks for a W node.

use anyhow::Result;
use serde_json::{Value, json};

use crate::{
    actor::{
        Actor::{self, Controller, Delivery, TeamEditor},
        Node,
    },
    attack::{
        Attack, attempt,
        policy::{W_NODE_TOLERATIONS, W_TIER_PODS},
    },
    ground::{TEAM_SPACE, W_LABEL, W_TAINT},
    lab::Lab,
    pods::{self, altered, required_nodes},
    request::{Request, collection, object},
};

/// What is attempted, by whom, the toleration, and what else the pod has.
type Toleration = (&'static str, Actor, Value, Vec<(&'static str, Value)>);

#[tokio::test]
async fn k1_only_live_traders_the_operator_and_daemons_tolerate_the_w_taint() -> Result<()> {
    Lab::get().refuses(tolerations()).await
}

#[tokio::test]
async fn k1_no_pod_elsewhere_asks_for_a_w_node_or_passes_for_tier_w() -> Result<()> {
    Lab::get().refuses(selections()).await
}

pub(crate) fn attacks() -> Vec<Attack> {
    [tolerations(), selections()].concat()
}

fn tolerations() -> Vec<Attack> {
    let named = json!({ "key": W_TAINT, "operator": "Equal", "value": "W", "effect": "NoExecute" });
    let all = json!({ "operator": "Exists" });
    let created: Vec<Toleration> = vec![
        ("tolerate the W taint", TeamEditor, named.clone(), vec![]),
        (
            "tolerate the W taint of any value",
            TeamEditor,
            json!({ "key": W_TAINT, "operator": "Exists" }),
            vec![],
        ),
        (
            "tolerate the W taint for a minute",
            TeamEditor,
            json!({ "key": W_TAINT, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 60 }),
            vec![],
        ),
        ("tolerate every taint", TeamEditor, all.clone(), vec![]),
        (
            "tolerate every taint that evicts",
            TeamEditor,
            json!({ "operator": "Exists", "effect": "NoExecute" }),
            vec![],
        ),
        (
            "tolerate every taint as an administrator",
            Delivery,
            all.clone(),
            vec![],
        ),
        (
            "tolerate every taint by a DaemonSet",
            Controller("daemon-set-controller"),
            all.clone(),
            vec![],
        ),
        (
            "tolerate every taint and choose the W node",
            TeamEditor,
            all.clone(),
            vec![("/spec/nodeName", json!(Node::W.name()))],
        ),
        (
            "tolerate every taint and read the node's disk",
            TeamEditor,
            all.clone(),
            vec![(
                "/spec/volumes",
                json!([{ "name": "disk", "hostPath": { "path": "/var/lib/kubelet" } }]),
            )],
        ),
        (
            "tolerate every taint as a privileged pod",
            Delivery,
            all.clone(),
            vec![
                ("/spec/hostPID", json!(true)),
                (
                    "/spec/containers/0/securityContext",
                    json!({ "privileged": true }),
                ),
            ],
        ),
        (
            "forge a mirror pod that tolerates every taint",
            Delivery,
            all,
            vec![
                (
                    "/metadata/annotations/kubernetes.io~1config.mirror",
                    json!("forged"),
                ),
                ("/spec/nodeName", json!("abh-node")),
            ],
        ),
    ];
    let created = created
        .into_iter()
        .map(|(what, actor, toleration, further)| {
            let changes: Vec<_> = further
                .into_iter()
                .chain([("/spec/tolerations", json!([toleration]))])
                .collect();
            attempt(
                what,
                actor,
                Request::create(
                    collection("core", TEAM_SPACE, "pods"),
                    altered(pods::ordinary("mine"), &changes),
                ),
            )
        });
    let running = object("core", TEAM_SPACE, "pods", "hypothesis-0");
    let added = json!({ "spec": { "tolerations": [named] } });
    created
        .chain([attempt(
            "add a toleration of the W taint to a running pod",
            TeamEditor,
            Request::strategic_patch(running, added),
        )])
        .map(|attempt| attempt.refused_by(&[W_NODE_TOLERATIONS], "may not tolerate the taint"))
        .collect()
}

fn selections() -> Vec<Attack> {
    let preferred = json!({ "nodeAffinity": { "preferredDuringSchedulingIgnoredDuringExecution": [{
        "weight": 1, "preference": { "matchExpressions": [{ "key": W_LABEL, "operator": "In", "values": ["W"] }] }
    }] } });
    let node = "may not ask for nodes";
    let rows = [
        (
            "select a W node",
            vec![("/spec/nodeSelector", json!({ W_LABEL: "W" }))],
            node,
        ),
        (
            "require a W node",
            vec![("/spec/affinity", required_nodes(W_LABEL, "In", &["W"]))],
            node,
        ),
        (
            "require any tier's node",
            vec![("/spec/affinity", required_nodes(W_LABEL, "Exists", &[]))],
            node,
        ),
        ("prefer a W node", vec![("/spec/affinity", preferred)], node),
        (
            "pass for tier W",
            vec![("/metadata/labels/triptych.trading~1tier", json!("W"))],
            "may not have the label",
        ),
    ];
    let created = rows.map(|(what, changes, saying)| {
        let pod = altered(pods::ordinary("mine"), &changes);
        attempt(
            what,
            TeamEditor,
            Request::create(collection("core", TEAM_SPACE, "pods"), pod),
        )
        .refused_by(&[W_TIER_PODS], saying)
    });
    let relabelled = Request::patch(
        object("core", TEAM_SPACE, "pods", "hypothesis-0"),
        json!({ "metadata": { "labels": { "triptych.trading/tier": "W" } } }),
    );
    created
        .into_iter()
        .chain([
            attempt("label a running pod as tier W", TeamEditor, relabelled)
                .refused_by(&[W_TIER_PODS], "may not have the label"),
        ])
        .collect()
}
