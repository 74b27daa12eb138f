//! Every pod that the operator can make is let in: each tier with every combination of what may be
//! chosen. That the same pods with one field altered are refused, live_pods and demo_pods show.

use std::collections::BTreeMap;

use anyhow::{Result, ensure};
use futures::{StreamExt, TryStreamExt, stream};
use serde_json::{Value, json};
use triptych_crds::{
    config_revision::Venue,
    trading_account::Endpoints,
    trading_instance::{Ledger, LogLevel, Resources},
};
use triptych_decide::pod_template::{Environment, Knobs, Side, render};

use crate::{
    actor::{Actor::Controller, administrator},
    ground::{DEMO_EMPTY, LIVE_KEYLESS, TEAM_SPACE, create},
    lab::Lab,
    pods,
    request::{Answer, Request, cluster_wide, collection},
};

/// A PriorityClass that an instance may name.
const CLASS: &str = "traders";
/// Requests at a time.
const AT_ONCE: usize = 8;

#[tokio::test]
async fn k1_every_pod_that_the_operator_can_make_is_let_in() -> Result<()> {
    let lab = Lab::get();
    let class = json!({
        "apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "metadata": { "name": CLASS }, "value": 1000
    });
    let classes = cluster_wide("scheduling.k8s.io/v1", "priorityclasses");
    create(&administrator(lab.cluster()).await?, classes, class).await?;

    let requests = every_pod()?;
    let count = requests.len();
    let mut clients = lab.clients();
    let controller = &clients.of(Controller("statefulset-controller")).await?;
    let refused: Vec<String> = stream::iter(requests)
        .map(|(what, request)| async move {
            let answer = request.send(controller).await?;
            let done = matches!(answer, Answer::Done(_));
            anyhow::Ok((!done).then(|| format!("{what}: {answer:?}")))
        })
        .buffer_unordered(AT_ONCE)
        .try_filter_map(|problem| async move { Ok(problem) })
        .try_collect()
        .await?;
    ensure!(
        refused.is_empty(),
        "{} of {count} pods are refused, among them {}",
        refused.len(),
        refused[0]
    );
    println!("{count} pods of the operator are let in");
    Ok(())
}

fn every_pod() -> Result<Vec<(String, Request)>> {
    let resources: Resources = serde_json::from_value(json!({
        "requests": { "cpu": "10m", "memory": "16Mi" }, "limits": { "cpu": "1", "memory": "64Mi" }
    }))?;
    let zone = BTreeMap::from([("topology.kubernetes.io/zone".to_owned(), "a".to_owned())]);
    let mut all = Vec::new();
    let endpoints: Endpoints = serde_json::from_value(json!({
        "rest": "http://venue.market:9443",
        "marketStreams": "ws://venue.market:9443",
        "userStreams": "ws://venue.market:9443"
    }))?;
    for (namespace, environment) in environments(&endpoints) {
        for knobs in every_knob(&resources, &zone) {
            let template = render(
                &pods::identity(),
                &pods::configuration(),
                &environment,
                &knobs,
            );
            let pod = made_by_the_controller(pods::of_template(&template));
            let what = format!("{environment:?} with {knobs:?}");
            all.push((
                what,
                Request::create(collection("core", namespace, "pods"), pod),
            ));
        }
    }
    Ok(all)
}

/// Each tier, with every endpoint and ledger that it can have, and the namespace that it runs in.
fn environments(endpoints: &Endpoints) -> Vec<(&'static str, Environment<'_>)> {
    let mut all = Vec::new();
    for market_data_url in [None, Some("ws://tape.market:9443")] {
        all.push((
            TEAM_SPACE,
            Environment::Observe {
                claim: "dataset-mine".to_owned(),
                market_data_url,
            },
        ));
    }
    for is_simulated in [false, true] {
        for endpoints in [None, Some(endpoints)] {
            for ledger in [Ledger::Embedded, Ledger::Postgres] {
                let side = |account| Side {
                    account,
                    venue: Venue::BinanceSpot,
                    is_simulated,
                    endpoints,
                    ledger,
                };
                all.push((LIVE_KEYLESS, Environment::Live(side("zeta"))));
                all.push((DEMO_EMPTY, Environment::Demo(side("gamma"))));
            }
        }
    }
    all
}

/// Each level of logs, and every other knob either turned or not.
fn every_knob<'a>(
    resources: &'a Resources,
    zone: &'a BTreeMap<String, String>,
) -> impl Iterator<Item = Knobs<'a>> {
    let levels = [
        LogLevel::Error,
        LogLevel::Warn,
        LogLevel::Info,
        LogLevel::Debug,
    ];
    let turned = (0..1_u32 << 5).map(|bits| move |knob: u32| (bits >> knob) & 1 == 1);
    turned.flat_map(move |turned| {
        levels.map(|log_level| Knobs {
            resources: turned(0).then_some(resources),
            log_level,
            termination_grace_period_seconds: turned(1).then_some(600),
            node_selector: turned(2).then_some(zone),
            priority_class_name: turned(3).then_some(CLASS),
            restart: turned(4).then_some("key of 2026-11"),
        })
    })
}

/// What the StatefulSet controller adds to its template.
fn made_by_the_controller(pod: Value) -> Value {
    let owner = json!({
        "apiVersion": "apps/v1", "kind": "StatefulSet", "name": "trader", "controller": true,
        "blockOwnerDeletion": true, "uid": "3c1a2a52-9d9b-4e2c-8f4f-6f6f0b1d2e3a"
    });
    let labels = "/metadata/labels";
    let label = |name: &str| format!("{labels}/{name}");
    let changes = [
        ("/metadata/generateName".to_owned(), json!("trader-")),
        ("/metadata/ownerReferences".to_owned(), json!([owner])),
        (label("apps.kubernetes.io~1pod-index"), json!("0")),
        (
            label("statefulset.kubernetes.io~1pod-name"),
            json!("trader-0"),
        ),
        (label("controller-revision-hash"), json!("trader-5c9f7d8b6")),
        ("/spec/hostname".to_owned(), json!("trader-0")),
    ];
    let changes: Vec<(&str, Value)> = changes
        .iter()
        .map(|(pointer, value)| (pointer.as_str(), value.clone()))
        .collect();
    pods::altered(pod, &changes)
}
