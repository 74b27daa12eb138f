//! M4: only the environment differs between W and its mirror.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::PodTemplateSpec;
use serde_json::Value;
use triptych_crds::Tier;
use triptych_decide::{plan::Action, pod_template, template_difference};

use super::desk::{Desk, MIRROR, WRITER};

/// Every leaf of the pod template that may differ between W and R, and why.
const ALLOWED: [(&str, &str); 16] = [
    (
        "metadata.labels.app.kubernetes.io/instance",
        "each has a name",
    ),
    (
        "metadata.labels.triptych.trading/instance",
        "each has a name",
    ),
    ("metadata.labels.triptych.trading/tier", "the tier"),
    ("spec.affinity", "R stays away from W's nodes"),
    ("spec.nodeSelector", "W is on W's nodes"),
    ("spec.tolerations", "W's nodes are tainted"),
    (
        "spec.volumes[keys].secret.secretName",
        "the key of the side",
    ),
    (
        "spec.containers[trader].env[TRIPTYCH_TIER].value",
        "the tier",
    ),
    (
        "spec.containers[trader].env[TRIPTYCH_INSTANCE].value",
        "each has a name",
    ),
    (
        "spec.containers[trader].env[TRIPTYCH_INSTANCE_UID].value",
        "each has a name",
    ),
    (
        "spec.containers[trader].env[TRIPTYCH_MARKET_DATA_URL]",
        "the endpoint of the side",
    ),
    (
        "spec.containers[trader].env[TRIPTYCH_REST_URL]",
        "the endpoint of the side",
    ),
    (
        "spec.containers[trader].env[TRIPTYCH_USER_STREAMS_URL]",
        "the endpoint of the side",
    ),
    (
        "spec.containers[trader].env[TRIPTYCH_LEDGER].value",
        "the connection of the side",
    ),
    (
        "spec.containers[trader].resources",
        "a knob that weakens nothing",
    ),
    ("spec.priorityClassName", "a knob that weakens nothing"),
];

fn template(desk: &Desk, tier: Tier) -> Value {
    let cluster = if tier == Tier::W {
        &desk.writer
    } else {
        &desk.mirror
    };
    let set = cluster.stateful_set.clone().expect("both run");
    let kept =
        &set.metadata.annotations.expect("annotations")["triptych.trading/rendered-template"];
    serde_json::from_str(kept).expect("a template")
}

#[test]
fn m4_the_templates_of_w_and_r_differ_in_the_allow_list_and_nothing_else() {
    let desk = Desk::running();
    let [writer, mirror]: [PodTemplateSpec; 2] = [Tier::W, Tier::R]
        .map(|tier| serde_json::from_value(template(&desk, tier)).expect("a pod template"));
    let differences = template_difference::between(&mirror, &writer);
    println!("W ({WRITER}) against R ({MIRROR}):");
    let mut unexpected = BTreeSet::new();
    for difference in &differences {
        println!("  {difference}");
        let allowed = ALLOWED
            .iter()
            .any(|(path, _)| difference.path.starts_with(path));
        if !allowed {
            unexpected.insert(difference.path.clone());
        }
    }
    assert_eq!(unexpected, BTreeSet::new());
    assert!(differences.len() >= 6, "the comparison sees what differs");
}

#[test]
fn m4_both_are_rendered_by_one_function_from_one_configuration() {
    let configuration = pod_template::Configuration {
        revision: "r1".into(),
        hash: crate::examples::hash('a'),
        image: crate::examples::image('a'),
    };
    let side = pod_template::Side {
        account: "main",
        venue: triptych_crds::config_revision::Venue::BinanceSpot,
        is_simulated: false,
        endpoints: None,
        ledger: triptych_crds::trading_instance::Ledger::Embedded,
    };
    let identity = pod_template::Identity {
        namespace: "team",
        instance: "same",
        uid: "same",
    };
    let render = |environment| {
        pod_template::render(
            &identity,
            &configuration,
            &environment,
            &pod_template::Knobs::default(),
        )
    };
    let differences = template_difference::between(
        &render(pod_template::Environment::Demo(side)),
        &render(pod_template::Environment::Live(side)),
    );
    let outside: Vec<String> = differences
        .into_iter()
        .map(|difference| difference.path)
        .filter(|path| !ALLOWED.iter().any(|(allowed, _)| path.starts_with(allowed)))
        .collect();
    assert_eq!(outside, Vec::<String>::new());
}

#[test]
fn the_objects_of_both_are_in_the_sealed_namespaces_of_their_sides() {
    let mut desk = Desk::new();
    desk.settle();
    desk.wait(300);
    let namespaces = |actions: Vec<Action>| -> BTreeSet<String> {
        let of = |action: Action| match action {
            Action::ApplyConfigMap(object) => object.metadata.namespace,
            Action::ApplyClaim(object) => object.metadata.namespace,
            Action::ApplyStatefulSet(object) => object.metadata.namespace,
            _ => None,
        };
        actions.into_iter().filter_map(of).collect()
    };
    let expected = BTreeSet::from(["trading-live-main".to_owned()]);
    assert_eq!(namespaces(desk.writer.plan().actions), expected);
    let fresh = Desk::new();
    let expected = BTreeSet::from(["trading-demo-main".to_owned()]);
    assert_eq!(namespaces(fresh.mirror.plan().actions), expected);
}
