//! In a sealed namespace nothing starts but the operator's traders, whichever kind of workload asks.

use anyhow::Result;
use serde_json::{Value, json};

use crate::{
    actor::Actor::{Controller, Custodian, Delivery, Platform, TeamEditor},
    attack::{Attack, attempt, policy::SEAL},
    ground::{DEMO_EMPTY, LIVE_EMPTY},
    lab::Lab,
    pods::{self, altered},
    request::{Request, collection},
};

#[tokio::test]
async fn k1_no_workload_but_the_operators_starts_in_a_sealed_namespace() -> Result<()> {
    Lab::get().refuses(attacks()).await
}

pub(crate) fn attacks() -> Vec<Attack> {
    let template = |name: &str| json!({ "metadata": { "labels": { "app": name } }, "spec": pods::ordinary(name)["spec"] });
    let selecting = |name: &str| json!({ "selector": { "matchLabels": { "app": name } }, "template": template(name) });
    let once = |name: &str| {
        altered(
            json!({ "template": template(name) }),
            &[("/template/spec/restartPolicy", json!("Never"))],
        )
    };
    let kinds = [
        ("apps/v1", "deployments", "Deployment", selecting("a")),
        ("apps/v1", "replicasets", "ReplicaSet", selecting("b")),
        ("apps/v1", "daemonsets", "DaemonSet", selecting("c")),
        ("apps/v1", "statefulsets", "StatefulSet", selecting("d")),
        ("batch/v1", "jobs", "Job", once("e")),
        (
            "batch/v1",
            "cronjobs",
            "CronJob",
            json!({ "schedule": "0 0 1 1 *", "jobTemplate": { "spec": once("f") } }),
        ),
        (
            "core",
            "replicationcontrollers",
            "ReplicationController",
            json!({ "selector": { "app": "g" }, "template": template("g") }),
        ),
    ];
    let of_a_kind = kinds.map(|(group, plural, kind, spec)| {
        let version = if group == "core" { "v1" } else { group };
        let workload = json!({ "apiVersion": version, "kind": kind, "metadata": { "name": "mine" }, "spec": spec });
        attempt(format!("start a {kind} in a live namespace"), Delivery, Request::create(collection(group, LIVE_EMPTY, plural), workload))
            .refused_by(&[SEAL], "is sealed")
    });
    let pods_of = |namespace, pod: &Value| {
        Request::create(collection("core", namespace, "pods"), pod.clone())
    };
    let live = pods::live("gamma");
    let by_hand = [
        (
            "start a pod of the exact shape as a team",
            TeamEditor,
            pods_of(LIVE_EMPTY, &live),
        ),
        (
            "start a pod of the exact shape as an administrator",
            Delivery,
            pods_of(LIVE_EMPTY, &live),
        ),
        (
            "start a pod of the exact shape as the platform",
            Platform,
            pods_of(LIVE_EMPTY, &live),
        ),
        (
            "start a pod of the exact shape as a custodian",
            Custodian,
            pods_of(LIVE_EMPTY, &live),
        ),
        (
            "start a pod of the exact shape in a demo namespace",
            TeamEditor,
            pods_of(DEMO_EMPTY, &pods::demo("gamma")),
        ),
        (
            "start a pod by a Deployment's controller",
            Controller("replicaset-controller"),
            pods_of(LIVE_EMPTY, &live),
        ),
        (
            "start a pod by the daemons' controller",
            Controller("daemon-set-controller"),
            pods_of(LIVE_EMPTY, &live),
        ),
        (
            "start a pod by the Jobs' controller",
            Controller("job-controller"),
            pods_of(LIVE_EMPTY, &live),
        ),
    ];
    of_a_kind
        .into_iter()
        .chain(by_hand.map(|(what, actor, request)| {
            attempt(what, actor, request).refused_by(&[SEAL], "is sealed")
        }))
        .collect()
}
