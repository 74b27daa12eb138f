//! The operator's namespace is the platform's: who can run a pod there, or get its token, is the operator.

use anyhow::Result;
use http::Method;
use serde_json::{Value, json};

use crate::{
    actor::{
        Actor::{self, Controller, Delivery, ImpersonatedOperator, Platform, TeamEditor},
        DELIVERY,
    },
    attack::{
        Attack, attempt,
        policy::{OPERATOR_NAMESPACE, OPERATOR_PODS},
    },
    ground::SYSTEM,
    lab::Lab,
    live_pods::Alteration,
    pods::{self, altered},
    request::{Request, collection, object},
    tokens::token_request,
};

#[tokio::test]
async fn k1_nobody_but_the_platform_writes_in_the_operators_namespace() -> Result<()> {
    Lab::get().refuses(writes()).await
}

#[tokio::test]
async fn k1_what_runs_as_the_operator_is_the_operator_on_a_w_node_and_nothing_beside_it()
-> Result<()> {
    Lab::get().refuses(pods_of_the_operator()).await
}

pub(crate) fn attacks() -> Vec<Attack> {
    [writes(), pods_of_the_operator()].concat()
}

fn writes() -> Vec<Attack> {
    let template = json!({ "metadata": { "labels": { "app": "mine" } }, "spec": pods::operator("mine")["spec"] });
    let deployment = json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "name": "mine" },
        "spec": { "selector": { "matchLabels": { "app": "mine" } }, "template": template }
    });
    let daemons = altered(deployment.clone(), &[("/kind", json!("DaemonSet"))]);
    let job = json!({
        "apiVersion": "batch/v1", "kind": "Job", "metadata": { "name": "mine" },
        "spec": { "template": { "spec": altered(pods::operator("mine"), &[("/spec/restartPolicy", json!("Never"))])["spec"] } }
    });
    let binding = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": { "name": "mine" },
        "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "edit" },
        "subjects": [{ "kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": DELIVERY }]
    });
    let lease = json!({
        "apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": { "name": "triptych-operator" },
        "spec": { "holderIdentity": "mine", "leaseDurationSeconds": 3600 }
    });
    let token_secret = json!({
        "apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/service-account-token",
        "metadata": { "name": "mine", "annotations": { "kubernetes.io/service-account.name": "triptych-operator" } }
    });
    let operator = || object("apps/v1", SYSTEM, "deployments", "triptych-operator");
    let in_it =
        |group, plural, body: Value| Request::create(collection(group, SYSTEM, plural), body);
    let exec = || {
        Request::connect(
            Method::POST,
            object(
                "core",
                SYSTEM,
                "pods",
                "bystander/exec?command=sh&stdout=true",
            ),
        )
    };
    let belongs = "is the operator's";
    let rows: Vec<(&str, Actor, Request, &str)> = vec![
        (
            "run a pod as the operator",
            TeamEditor,
            in_it("core", "pods", pods::operator("mine")),
            belongs,
        ),
        (
            "run a pod as the operator, as an administrator",
            Delivery,
            in_it("core", "pods", pods::operator("mine")),
            belongs,
        ),
        (
            "run a Deployment as the operator",
            TeamEditor,
            in_it("apps/v1", "deployments", deployment),
            belongs,
        ),
        (
            "run a DaemonSet as the operator",
            Delivery,
            in_it("apps/v1", "daemonsets", daemons),
            belongs,
        ),
        (
            "run a Job as the operator",
            Delivery,
            in_it("batch/v1", "jobs", job),
            belongs,
        ),
        (
            "grant edit in the operator's namespace",
            Delivery,
            in_it("rbac.authorization.k8s.io/v1", "rolebindings", binding),
            belongs,
        ),
        (
            "take the operator's Lease over",
            Delivery,
            in_it("coordination.k8s.io/v1", "leases", lease),
            belongs,
        ),
        (
            "change the operator's Deployment",
            Delivery,
            Request::patch(operator(), json!({ "spec": { "replicas": 0 } })),
            belongs,
        ),
        (
            "delete the operator's Deployment",
            TeamEditor,
            Request::delete(operator()),
            belongs,
        ),
        (
            "scale the operator to zero",
            Delivery,
            Request::patch(
                format!("{}/scale", operator()),
                json!({ "spec": { "replicas": 0 } }),
            ),
            belongs,
        ),
        (
            "ask for a token of the operator",
            Delivery,
            token_request(SYSTEM, "triptych-operator", None),
            belongs,
        ),
        (
            "ask for a token of the operator as the platform",
            Platform,
            token_request(SYSTEM, "triptych-operator", None),
            belongs,
        ),
        (
            "make a token of the operator as a Secret",
            Platform,
            in_it("core", "secrets", token_secret),
            "never as a Secret",
        ),
        (
            "write as the operator in its namespace, by impersonation",
            ImpersonatedOperator,
            in_it(
                "coordination.k8s.io/v1",
                "leases",
                json!({
                    "apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": { "name": "another" }, "spec": {}
                }),
            ),
            belongs,
        ),
        (
            "exec in the operator's namespace",
            TeamEditor,
            exec(),
            "no exec or attach",
        ),
        (
            "exec in the operator's namespace as the platform",
            Platform,
            exec(),
            "no exec or attach",
        ),
    ];
    rows.into_iter()
        .map(|(what, actor, request, saying)| {
            attempt(what, actor, request).refused_by(&[OPERATOR_NAMESPACE], saying)
        })
        .collect()
}

/// Asked for by the controller that the Deployment's pods come from.
fn pods_of_the_operator() -> Vec<Attack> {
    let mut sidecar = pods::ordinary("sidecar")["spec"]["containers"][0].clone();
    sidecar["name"] = json!("sidecar");
    let alterations: Vec<Alteration> = vec![
        (
            "without the W selector",
            vec![("/spec/nodeSelector", Value::Null)],
            "spec.nodeSelector",
        ),
        (
            "on a node of one's choice",
            vec![("/spec/nodeName", json!("abh-node"))],
            "left to the scheduler",
        ),
        (
            "with a sidecar",
            vec![("/spec/containers/-", sidecar.clone())],
            "neither has anything beside it",
        ),
        (
            "with an init container",
            vec![("/spec/initContainers", json!([sidecar]))],
            "neither has anything beside it",
        ),
        (
            "with another command",
            vec![("/spec/containers/0/command", json!(["/bin/sh"]))],
            "neither has anything beside it",
        ),
        (
            "with the node's disk",
            vec![(
                "/spec/volumes",
                json!([{ "name": "disk", "hostPath": { "path": "/" } }]),
            )],
            "no volume but its token",
        ),
        (
            "in the node's network",
            vec![("/spec/hostNetwork", json!(true))],
            "shares no namespace",
        ),
        (
            "with the account of the inspector",
            vec![("/spec/serviceAccountName", json!("triptych-inspector"))],
            "neither has anything beside it",
        ),
    ];
    alterations
        .into_iter()
        .map(|(what, changes, saying)| {
            let pod = altered(pods::operator("mine"), &changes);
            let request = Request::create(collection("core", SYSTEM, "pods"), pod);
            attempt(
                format!("operator's pod: {what}"),
                Controller("replicaset-controller"),
                request,
            )
            .refused_by(&[OPERATOR_PODS], saying)
        })
        .collect()
}
