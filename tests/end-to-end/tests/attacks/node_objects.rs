//! What makes a node a W node is written by the platform alone.

use anyhow::Result;
use serde_json::{Value, json};

use crate::{
    actor::{
        Actor::{self, Custodian, Delivery, Platform},
        Node,
    },
    attack::{Attack, attempt, policy::W_NODES},
    ground::{W_LABEL, W_TAINT},
    lab::Lab,
    request::{Request, cluster_wide},
};

#[tokio::test]
async fn k1_label_and_taint_of_w_nodes_are_the_platforms() -> Result<()> {
    Lab::get().refuses(attacks()).await
}

pub(crate) fn attacks() -> Vec<Attack> {
    let w = Node::W.name();
    let path = |node: &str| cluster_wide("core", &format!("nodes/{node}"));
    let taints = |effects: &[&str]| {
        let taints: Vec<Value> = effects
            .iter()
            .map(|effect| json!({ "key": W_TAINT, "value": "W", "effect": effect }))
            .collect();
        json!(taints)
    };
    let both = taints(&["NoSchedule", "NoExecute"]);
    let label = |value: Value| json!({ "metadata": { "labels": { W_LABEL: value } } });
    let label_and_taints =
        json!({ "metadata": { "labels": { W_LABEL: "W" } }, "spec": { "taints": both } });
    let new_node = json!({
        "apiVersion": "v1", "kind": "Node", "metadata": { "name": "mine", "labels": { W_LABEL: "W" } }, "spec": { "taints": both }
    });
    let only = |effects: &[&str]| json!({ "spec": { "taints": taints(effects) } });
    let owner = "is the platform's";
    let rows: Vec<(&str, Actor, Request, &str)> = vec![
        (
            "make ABH's node a W node",
            Delivery,
            Request::patch(path("abh-node"), label_and_taints.clone()),
            "of nodes is the platform's",
        ),
        (
            "make R's node a W node as a custodian",
            Custodian,
            Request::patch(path("r-node"), label_and_taints),
            "of nodes is the platform's",
        ),
        (
            "make ABH's node a W node through its status",
            Delivery,
            Request::patch(path("abh-node/status"), label(json!("W"))),
            owner,
        ),
        (
            "make a W node of one's own",
            Delivery,
            Request::create(cluster_wide("core", "nodes"), new_node),
            owner,
        ),
        (
            "take the label from a W node",
            Delivery,
            Request::patch(path(&w), label(Value::Null)),
            owner,
        ),
        (
            "take the taints from a W node",
            Delivery,
            Request::patch(path(&w), only(&[])),
            owner,
        ),
        (
            "take one taint from a W node",
            Delivery,
            Request::patch(path(&w), only(&["NoSchedule"])),
            owner,
        ),
        (
            "take the taints from a labelled W node as the platform",
            Platform,
            Request::patch(path(&w), only(&[])),
            "must have the taints",
        ),
        (
            "label a node without taints as the platform",
            Platform,
            Request::patch(path("abh-node"), label(json!("W"))),
            "must have the taints",
        ),
        (
            "delete a W node",
            Delivery,
            Request::delete(path(&w)),
            "is deleted by the platform alone",
        ),
        (
            "delete all nodes",
            Delivery,
            Request::delete(cluster_wide("core", "nodes")),
            "is deleted by the platform alone",
        ),
    ];
    rows.into_iter()
        .map(|(what, actor, request, saying)| {
            attempt(what, actor, request).refused_by(&[W_NODES], saying)
        })
        .collect()
}
