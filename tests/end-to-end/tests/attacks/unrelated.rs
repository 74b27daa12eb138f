//! What mentions no W name is left alone by the policies.

use anyhow::Result;
use serde_json::{Value, json};

use crate::{
    actor::Actor::{Controller, Delivery, Provisioner, TeamEditor},
    ground::{LIVE_EMPTY, TEAM_SPACE, W_LABEL},
    lab::Lab,
    legitimate::{Row, named},
    pods::{self, altered, required_nodes},
    request::{Request, cluster_wide, collection, object},
};

#[tokio::test]
async fn what_mentions_no_w_name_is_left_alone() -> Result<()> {
    let in_team = |pod| Request::create(collection("core", TEAM_SPACE, "pods"), pod);
    let with = |pointer: &str, value: Value| altered(pods::ordinary("mine"), &[(pointer, value)]);
    let secret = |name: &str| json!([{ "name": "mine", "secret": { "secretName": name } }]);
    let toleration = |toleration: Value| json!([toleration]);
    let volume = json!({
        "apiVersion": "v1", "kind": "PersistentVolume", "metadata": { "name": "mine" },
        "spec": {
            "capacity": { "storage": "1Gi" }, "accessModes": ["ReadWriteOnce"], "claimRef": { "namespace": TEAM_SPACE, "name": "mine" },
            "csi": { "driver": "none.example", "volumeHandle": "h", "nodePublishSecretRef": { "name": "mine", "namespace": TEAM_SPACE } }
        }
    });
    let live_volume = altered(
        volume.clone(),
        &[
            ("/spec/claimRef/namespace", json!(LIVE_EMPTY)),
            (
                "/spec/csi",
                json!({ "driver": "none.example", "volumeHandle": "h",
            "volumeAttributes": { "csi.storage.k8s.io/pvc/namespace": LIVE_EMPTY } }),
            ),
        ],
    );
    let class = json!({
        "apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": { "name": "mine" }, "provisioner": "none.example",
        "parameters": { "csi.storage.k8s.io/node-publish-secret-namespace": "${pvc.namespace}" }
    });
    let daemon = altered(
        pods::ordinary("daemon"),
        &[
            ("/spec/tolerations", json!([{ "operator": "Exists" }])),
            ("/spec/nodeSelector", json!({ W_LABEL: "W" })),
        ],
    );
    let rows: Vec<Row> = vec![
        (
            "an ordinary pod",
            TeamEditor,
            in_team(pods::ordinary("mine")),
        ),
        (
            "a pod with a Secret",
            TeamEditor,
            in_team(with("/spec/volumes", secret("my-live-data"))),
        ),
        (
            "a pod with a demo Secret of its own",
            TeamEditor,
            in_team(with("/spec/volumes", secret("demo-shop"))),
        ),
        (
            "a pod that tolerates another taint",
            TeamEditor,
            in_team(with(
                "/spec/tolerations",
                toleration(json!({ "key": "gpu", "operator": "Exists" })),
            )),
        ),
        (
            "a pod that tolerates not being scheduled",
            TeamEditor,
            in_team(with(
                "/spec/tolerations",
                toleration(json!({ "operator": "Exists", "effect": "NoSchedule" })),
            )),
        ),
        (
            "a pod that keeps away from W nodes",
            TeamEditor,
            in_team(with(
                "/spec/affinity",
                required_nodes(W_LABEL, "NotIn", &["W"]),
            )),
        ),
        (
            "a pod of tier ABH",
            TeamEditor,
            in_team(with(
                "/metadata/labels/triptych.trading~1tier",
                json!("ABH"),
            )),
        ),
        (
            "a pod on a node of one's choice",
            TeamEditor,
            in_team(with("/spec/nodeName", json!("abh-node"))),
        ),
        (
            "a Secret",
            TeamEditor,
            Request::create(
                collection("core", TEAM_SPACE, "secrets"),
                named("v1", "Secret", "mine"),
            ),
        ),
        (
            "a change of a running pod",
            TeamEditor,
            Request::patch(
                object("core", TEAM_SPACE, "pods", "hypothesis-0"),
                json!({ "metadata": { "labels": { "a": "b" } } }),
            ),
        ),
        (
            "a daemon of every node",
            Controller("daemon-set-controller"),
            Request::create(collection("core", "kube-system", "pods"), daemon),
        ),
        (
            "a namespace",
            Delivery,
            Request::create(
                cluster_wide("core", "namespaces"),
                named("v1", "Namespace", "team-b"),
            ),
        ),
        (
            "a label of a node",
            Delivery,
            Request::patch(
                cluster_wide("core", "nodes/abh-node"),
                json!({ "metadata": { "labels": { "zone": "a" } } }),
            ),
        ),
        (
            "a volume of a team",
            Delivery,
            Request::create(cluster_wide("core", "persistentvolumes"), volume),
        ),
        (
            "a class that names no namespace",
            Delivery,
            Request::create(cluster_wide("storage.k8s.io/v1", "storageclasses"), class),
        ),
        (
            "a volume for a journal, by its provisioner",
            Provisioner,
            Request::create(cluster_wide("core", "persistentvolumes"), live_volume),
        ),
    ];
    Lab::get().admits(rows).await
}
