//! The exact shape of a demo trader's pod, asked for by the StatefulSet controller as the live ones are.

use anyhow::Result;
use serde_json::{Value, json};

use crate::{
    actor::Actor::Controller,
    attack::{
        Attack, attempt,
        policy::{DEMO_PODS, LIVE_SECRET_REFERENCES, W_NODE_TOLERATIONS, W_TIER_PODS},
    },
    ground::{DEMO_EMPTY, W_LABEL, W_TAINT},
    lab::Lab,
    live_pods::Alteration,
    pods::{self, altered},
    request::{Request, collection},
};

#[tokio::test]
async fn k1_a_demo_pod_has_the_exact_shape_of_a_trader_of_tier_r() -> Result<()> {
    Lab::get().refuses(attacks()).await
}

pub(crate) fn attacks() -> Vec<Attack> {
    let w_toleration = json!([{ "key": W_TAINT, "operator": "Exists" }]);
    let rows: Vec<(Alteration, &'static [&'static str])> = vec![
        (
            (
                "without the affinity away from W nodes",
                vec![("/spec/affinity", Value::Null)],
                "NotIn [W] in each term",
            ),
            &[DEMO_PODS],
        ),
        (
            (
                "with a second term that lets W nodes in",
                vec![(
                    "/spec/affinity/nodeAffinity/requiredDuringSchedulingIgnoredDuringExecution/nodeSelectorTerms/-",
                    json!({ "matchExpressions": [{ "key": "zone", "operator": "Exists" }] }),
                )],
                "NotIn [W] in each term",
            ),
            &[DEMO_PODS],
        ),
        (
            (
                "with the W selector",
                vec![("/spec/nodeSelector", json!({ W_LABEL: "W" }))],
                "node",
            ),
            &[DEMO_PODS, W_TIER_PODS],
        ),
        (
            (
                "put on a node",
                vec![("/spec/nodeName", json!("abh-node"))],
                "left to the scheduler",
            ),
            &[DEMO_PODS],
        ),
        (
            (
                "tolerating the W taint",
                vec![("/spec/tolerations", w_toleration)],
                "toler",
            ),
            &[DEMO_PODS, W_NODE_TOLERATIONS],
        ),
        (
            (
                "with the tier of W",
                vec![("/metadata/labels/triptych.trading~1tier", json!("W"))],
                "tier",
            ),
            &[DEMO_PODS, W_TIER_PODS],
        ),
        (
            (
                "with the live key",
                vec![("/spec/volumes/keys/secret/secretName", json!("live-gamma"))],
                "Secret",
            ),
            &[DEMO_PODS, LIVE_SECRET_REFERENCES],
        ),
        (
            (
                "with the key of another account",
                vec![("/spec/volumes/keys/secret/secretName", json!("demo-alpha"))],
                "Secret demo-gamma",
            ),
            &[DEMO_PODS],
        ),
        (
            (
                "with an image by tag",
                vec![(
                    "/spec/containers/0/image",
                    json!("registry.example/trader:latest"),
                )],
                "by its digest",
            ),
            &[DEMO_PODS],
        ),
        (
            (
                "that says tier W to its trader",
                vec![("/spec/containers/0/env/TRIPTYCH_TIER/value", json!("W"))],
                "TRIPTYCH_TIER=R",
            ),
            &[DEMO_PODS],
        ),
        (
            (
                "with a second container",
                vec![(
                    "/spec/containers/-",
                    pods::ordinary("second")["spec"]["containers"][0].clone(),
                )],
                "one container",
            ),
            &[DEMO_PODS],
        ),
    ];
    rows.into_iter()
        .map(|((what, changes, saying), policies)| {
            let pod = altered(pods::demo("gamma"), &changes);
            let request = Request::create(collection("core", DEMO_EMPTY, "pods"), pod);
            attempt(
                format!("demo pod: {what}"),
                Controller("statefulset-controller"),
                request,
            )
            .refused_by(policies, saying)
        })
        .collect()
}
