//! U1, restarts on request, and halting: when a pod is replaced, and when it is not.

use k8s_openapi::api::apps::v1::StatefulSet;
use triptych_crds::{
    TradingState,
    trading_instance::{LogLevel, MarketData, Phase, TradingInstanceSpec},
};

use crate::{
    cluster::Cluster,
    examples::{in_short, message, reasons, says},
};

fn replicas(set: &StatefulSet) -> Option<i32> {
    set.spec.as_ref().and_then(|spec| spec.replicas)
}

#[test]
fn u1_an_edited_knob_restarts_nothing_and_is_reported() {
    type Edit = fn(&mut TradingInstanceSpec);
    let table: [(&str, Edit, &str); 4] = [
        (
            "log level",
            |spec| spec.log_level = Some(LogLevel::Debug),
            "spec.containers[trader].env[TRIPTYCH_LOG].value: info -> debug",
        ),
        (
            "grace",
            |spec| spec.termination_grace_period_seconds = Some(60),
            "spec.terminationGracePeriodSeconds: 30 -> 60",
        ),
        (
            "priority",
            |spec| spec.priority_class_name = Some("high".into()),
            "spec.priorityClassName: (absent) -> high",
        ),
        (
            "market data",
            |spec| {
                spec.market_data = Some(MarketData {
                    url: "ws://tape:9443".into(),
                });
            },
            "spec.containers[trader].env[TRIPTYCH_MARKET_DATA_URL].value: (absent) -> ws://tape:9443",
        ),
    ];
    for (name, edit, difference) in table {
        let mut cluster = Cluster::running();
        cluster.edit(edit);
        let plan = cluster.plan();
        assert_eq!(in_short(&plan.actions), Vec::<String>::new(), "{name}");
        assert_eq!(
            says(&plan, "RestartRequired"),
            "True TemplateChanged",
            "{name}"
        );
        let message = message(&plan, "RestartRequired");
        assert!(message.contains(difference), "{name}: {message}");
        assert_eq!(plan.status.phase, Phase::Running, "{name}");
        assert_eq!(reasons(&plan.events), ["TemplateChanged"], "{name}");
    }
}

#[test]
fn u1_an_amount_that_is_spelt_otherwise_is_no_difference() {
    use triptych_crds::trading_instance::{ComputeResources, Resources};
    let limit = |memory: &str| Resources {
        requests: None,
        limits: Some(ComputeResources {
            cpu: None,
            memory: Some(memory.into()),
        }),
    };
    let mut cluster = Cluster::new();
    cluster.edit(|spec| spec.resources = Some(limit("1024Mi")));
    cluster.settle();
    assert_eq!(in_short(&cluster.plan().actions), Vec::<String>::new());
    cluster.edit(|spec| spec.resources = Some(limit("1Gi")));
    assert_eq!(says(&cluster.plan(), "RestartRequired"), "False UpToDate");
}

#[test]
fn u1_a_pending_template_is_taken_with_the_next_hash_on_request_or_while_halted() {
    type Edit = fn(&mut TradingInstanceSpec);
    let table: [(&str, Edit, &str); 3] = [
        (
            "next hash",
            |spec| spec.config_revision = "r2".into(),
            "RollStarted",
        ),
        (
            "request",
            |spec| spec.restart = Some("2026-01-01".into()),
            "RestartStarted",
        ),
        (
            "halted",
            |spec| spec.trading_state = Some(TradingState::Halted),
            "TemplateTaken",
        ),
    ];
    for (name, edit, event) in table {
        let mut cluster = Cluster::running();
        cluster.edit(|spec| spec.log_level = Some(LogLevel::Debug));
        cluster.settle();
        assert_eq!(
            says(&cluster.plan(), "RestartRequired"),
            "True TemplateChanged"
        );
        cluster.edit(edit);
        cluster.settle();
        let plan = cluster.plan();
        let expected = "False UpToDate";
        assert_eq!(says(&plan, "RestartRequired"), expected, "{name}");
        assert!(
            cluster.events.contains(&event),
            "{name}: {:?}",
            cluster.events
        );
    }
}

#[test]
fn a_requested_restart_is_carried_out_once() {
    let mut cluster = Cluster::running();
    let first = cluster.pod.clone().map(|pod| pod.object.metadata.uid);
    cluster.edit(|spec| spec.restart = Some("one".into()));
    let plan = cluster.plan();
    assert_eq!(
        in_short(&plan.actions),
        ["apply StatefulSet", "delete pod: RestartRequested"]
    );
    assert_eq!(
        plan.status.restarted, None,
        "not before the new pod is there"
    );
    cluster.settle();
    assert_eq!(cluster.plan().status.restarted.as_deref(), Some("one"));
    let second = cluster.pod.clone().map(|pod| pod.object.metadata.uid);
    assert_ne!(first, second);

    for (edit, why) in [(None, "withdrawn"), (Some("one"), "asked for again")] {
        cluster.edit(|spec| spec.restart = edit.map(str::to_owned));
        cluster.settle();
        assert_eq!(
            cluster.pod.clone().map(|pod| pod.object.metadata.uid),
            second,
            "{why}"
        );
        assert_eq!(
            cluster.plan().status.restarted.as_deref(),
            Some("one"),
            "{why}"
        );
    }
    cluster.edit(|spec| spec.restart = Some("two".into()));
    cluster.settle();
    assert_ne!(
        cluster.pod.clone().map(|pod| pod.object.metadata.uid),
        second
    );
}

#[test]
fn s1_halted_takes_the_pod_away_and_active_begins_a_new_run() {
    let mut cluster = Cluster::running();
    let run = |cluster: &Cluster| cluster.plan().status.running.map(|running| running.run_id);
    let first = run(&cluster);
    cluster.edit(|spec| spec.trading_state = Some(TradingState::Halted));
    let plan = cluster.plan();
    assert_eq!(
        in_short(&plan.actions),
        ["apply StatefulSet"],
        "the controller ends the pod"
    );
    assert_eq!(reasons(&plan.events), ["Halted"]);
    assert_eq!(
        plan.status.waiting_for.as_deref(),
        Some("the pod's orderly stop")
    );
    assert!(plan.status.running.is_some(), "M3: until it ended, it runs");

    cluster.settle();
    let plan = cluster.plan();
    assert_eq!(
        (plan.status.phase, &plan.status.running),
        (Phase::Halted, &None)
    );
    assert_eq!(plan.status.trading_state, Some(TradingState::Halted));
    assert_eq!(plan.status.waiting_for, None);
    assert_eq!(cluster.stateful_set.as_ref().and_then(replicas), Some(0));
    assert!(cluster.claim.is_some(), "the dataset stays");

    cluster.edit(|spec| spec.trading_state = None);
    cluster.settle();
    assert_eq!(
        cluster.plan().status.phase,
        Phase::Running,
        "absent means Active"
    );
    assert!(
        run(&cluster).is_some() && run(&cluster) != first,
        "a new run"
    );
    assert!(cluster.events.contains(&"Activated"));
}
