//! The exact shape of a live trader's pod. Every pod here is asked for by the StatefulSet controller,
//! whom the seal lets make pods: what refuses it is its shape.

use anyhow::Result;
use serde_json::{Value, json};

use crate::{
    actor::Actor::Controller,
    attack::{Attack, attempt, policy::LIVE_PODS},
    ground::{LIVE_EMPTY, W_LABEL},
    lab::Lab,
    live_pod_contents,
    pods::{self, altered, required_nodes},
    request::{Request, collection},
};

/// What is altered, how, and what the refusal says.
pub(crate) type Alteration = (&'static str, Vec<(&'static str, Value)>, &'static str);

#[tokio::test]
async fn k1_a_live_pod_has_the_exact_shape_of_a_trader_of_tier_w() -> Result<()> {
    Lab::get().refuses(attacks()).await
}

pub(crate) fn attacks() -> Vec<Attack> {
    [
        placement(),
        identity(),
        live_pod_contents::process(),
        live_pod_contents::files(),
    ]
    .concat()
    .into_iter()
    .map(|(what, changes, saying)| {
        let pod = altered(pods::live("gamma"), &changes);
        let request = Request::create(collection("core", LIVE_EMPTY, "pods"), pod);
        attempt(
            format!("live pod: {what}"),
            Controller("statefulset-controller"),
            request,
        )
        .refused_by(&[LIVE_PODS], saying)
    })
    .collect()
}

fn placement() -> Vec<Alteration> {
    vec![
        (
            "without the W selector",
            vec![("/spec/nodeSelector", Value::Null)],
            "spec.nodeSelector must have",
        ),
        (
            "with the selector of R",
            vec![(
                "/spec/nodeSelector/node-restriction.kubernetes.io~1trading-tier",
                json!("R"),
            )],
            "spec.nodeSelector must have",
        ),
        (
            "put on ABH's node",
            vec![("/spec/nodeName", json!("abh-node"))],
            "spec.nodeName must be left to the scheduler",
        ),
        (
            "for another scheduler",
            vec![("/spec/schedulerName", json!("mine"))],
            "schedulerName default-scheduler",
        ),
        (
            "without tolerations",
            vec![("/spec/tolerations", Value::Null)],
            "spec.tolerations must have",
        ),
        (
            "tolerating everything besides",
            vec![("/spec/tolerations/-", json!({ "operator": "Exists" }))],
            "nothing else",
        ),
        (
            "tolerating another taint besides",
            vec![(
                "/spec/tolerations/-",
                json!({ "key": "gpu", "operator": "Exists" }),
            )],
            "nothing else",
        ),
        (
            "held by a scheduling gate",
            vec![(
                "/spec/schedulingGates",
                json!([{ "name": "example.com/wait" }]),
            )],
            "schedulingGates",
        ),
        (
            "with an affinity",
            vec![("/spec/affinity", required_nodes(W_LABEL, "Exists", &[]))],
            "affinity",
        ),
    ]
}

fn identity() -> Vec<Alteration> {
    let tier = "/metadata/labels/triptych.trading~1tier";
    vec![
        (
            "under another name",
            vec![("/metadata/name", json!("trader-1"))],
            "trader-0",
        ),
        (
            "without its tier",
            vec![(tier, Value::Null)],
            "triptych.trading/tier=W",
        ),
        (
            "with the tier of R",
            vec![(tier, json!("R"))],
            "triptych.trading/tier=W",
        ),
        (
            "managed by somebody else",
            vec![(
                "/metadata/labels/app.kubernetes.io~1managed-by",
                json!("Helm"),
            )],
            "managed-by=triptych-operator",
        ),
        (
            "under the default account",
            vec![("/spec/serviceAccountName", json!("default"))],
            "serviceAccountName trader",
        ),
        (
            "sharing processes",
            vec![("/spec/shareProcessNamespace", json!(true))],
            "shareProcessNamespace",
        ),
        (
            "with names of hosts of its own",
            vec![(
                "/spec/hostAliases",
                json!([{ "ip": "192.0.2.1", "hostnames": ["api.example"] }]),
            )],
            "hostAliases",
        ),
        (
            "with name servers of its own",
            vec![("/spec/dnsConfig", json!({ "nameservers": ["192.0.2.1"] }))],
            "dnsConfig",
        ),
        (
            "that is not started again",
            vec![("/spec/restartPolicy", json!("Never"))],
            "restartPolicy Always",
        ),
        (
            "with a claim on a device",
            vec![(
                "/spec/resourceClaims",
                json!([{ "name": "device", "resourceClaimName": "device" }]),
            )],
            "resourceClaims",
        ),
        (
            "with addresses of services in its environment",
            vec![("/spec/enableServiceLinks", json!(true))],
            "enableServiceLinks false",
        ),
        (
            "pulling with the live key",
            vec![("/spec/imagePullSecrets", json!([{ "name": "live-gamma" }]))],
            "spec.imagePullSecrets",
        ),
    ]
}
