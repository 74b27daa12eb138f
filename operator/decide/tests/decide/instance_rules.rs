//! What an ABH gets at first, what its pod has to say (M3), and what is left alone.

use triptych_crds::{
    TradingState,
    trading_instance::{Phase, TradingInstanceSpec},
};
use triptych_decide::{instance, text, world::Exit};

use crate::{
    cluster::{Cluster, Lie},
    examples::{at, hash, in_short, message, reasons, says},
};

#[test]
fn l1_a_new_instance_gets_what_its_pod_mounts_before_its_stateful_set() {
    let plan = Cluster::new().plan();
    assert_eq!(
        in_short(&plan.actions),
        ["apply ConfigMap", "apply claim", "apply StatefulSet"]
    );
    assert_eq!(reasons(&plan.events), ["Created"]);
    assert_eq!(
        (plan.status.phase, plan.status.running),
        (Phase::Starting, None)
    );
}

#[test]
fn l2_a_settled_instance_has_an_empty_plan() {
    let cluster = Cluster::running();
    let plan = cluster.plan();
    assert_eq!(in_short(&plan.actions), Vec::<String>::new());
    assert_eq!(reasons(&plan.events), Vec::<&str>::new());
    assert_eq!(plan.check_again, None);
    let status = plan
        .status
        .status(cluster.instance.status.as_ref(), &cluster.now());
    assert_eq!(Some(&status), cluster.instance.status.as_ref());
    assert_eq!(
        (status.phase, status.in_sync.as_deref()),
        (Some(Phase::Running), Some("True"))
    );
    assert_eq!(status.waiting_for, None);
    for (kind, expected) in [
        ("Ready", "True PodReady"),
        ("Progressing", "False Settled"),
        ("Degraded", "False NothingWrong"),
        ("RestartRequired", "False UpToDate"),
    ] {
        assert_eq!(says(&plan, kind), expected, "{kind}");
    }
}

#[test]
fn m3_an_answer_that_contradicts_the_api_server_is_never_counted() {
    let table = [
        Lie::ConfigHash(hash('B').to_string()),
        Lie::PodUid("another-pod".into()),
        Lie::InstanceUid("another-instance".into()),
        Lie::ConfigHash("x".repeat(16_000)),
    ];
    for lie in table {
        let mut cluster = Cluster::running();
        cluster.pod.as_mut().expect("a pod runs").lie = Some(lie.clone());
        let plan = cluster.plan();
        assert_eq!(plan.status.running, None, "{lie:?}");
        assert_eq!(plan.status.in_sync, Some(false), "{lie:?}");
        assert_eq!(
            says(&plan, "Degraded"),
            "True AttestationMismatch",
            "{lie:?}"
        );
        assert_eq!(says(&plan, "Ready"), "False AttestationMismatch", "{lie:?}");
        assert_eq!(
            in_short(&plan.actions),
            Vec::<String>::new(),
            "it is not deleted in a loop"
        );
        cluster.settle();
    }
}

#[test]
fn m3_a_pod_that_does_not_answer_is_asked_again_and_not_called_running() {
    let mut cluster = Cluster::running();
    cluster.pod.as_mut().expect("a pod runs").lie = Some(Lie::Silence);
    let plan = cluster.plan();
    assert_eq!(plan.status.running, None);
    assert_eq!(says(&plan, "Ready"), "Unknown NotAttested");
    assert_eq!(
        plan.status.waiting_for.as_deref(),
        Some("an answer of the pod")
    );
    assert!(plan.check_again.is_some());
    assert_eq!(in_short(&plan.actions), Vec::<String>::new());
}

#[test]
fn a1_a_spec_that_the_api_would_refuse_reaches_no_pod() {
    type Edit = fn(&mut TradingInstanceSpec);
    let table: [(&str, Edit); 4] = [
        ("spec.account", |spec| {
            spec.account = Some("binance-main".into());
        }),
        ("spec.storage", |spec| spec.storage = None),
        ("spec.tradingState", |spec| {
            spec.trading_state = Some(TradingState::Reducing);
        }),
        ("spec.resources.requests.memory", |spec| {
            spec.resources = serde_json::from_value(serde_json::json!({
                "requests": { "memory": "2Gi" }, "limits": { "memory": "1Gi" } }))
            .expect("resources of the tests are valid");
        }),
    ];
    for (field, edit) in table {
        let mut cluster = Cluster::running();
        cluster.edit(edit);
        let plan = cluster.plan();
        assert_eq!(in_short(&plan.actions), Vec::<String>::new(), "{field}");
        assert_eq!(says(&plan, "Degraded"), "True InvalidSpec", "{field}");
        assert!(message(&plan, "Degraded").starts_with(field), "{field}");
        assert!(plan.status.running.is_some(), "{field}: what runs goes on");
    }
}

#[test]
fn an_instance_that_is_being_deleted_is_left_to_the_garbage_collector() {
    let mut cluster = Cluster::running();
    cluster.instance.metadata.deletion_timestamp = Some(cluster.now());
    let plan = cluster.plan();
    assert_eq!(in_short(&plan.actions), Vec::<String>::new());
    assert_eq!(plan.status.phase, Phase::Terminating);
    assert!(cluster.instance.metadata.finalizers.is_none());
}

#[test]
fn a_pod_that_cannot_run_says_why() {
    let table = [
        (65, "ConfigurationRefused"),
        (66, "ConfigurationUnreadable"),
        (74, "DatasetNotWritable"),
        (78, "ConfigurationHashMismatch"),
        (137, "CrashLoop"),
    ];
    for (code, reason) in table {
        let cluster = Cluster::running();
        let mut world = cluster.world();
        let pod = &mut world.pods[0];
        pod.ready = false;
        pod.container.running = false;
        pod.container.last_exit = Some(Exit {
            code,
            message: "strategies[0].algorithm: custom is not built in\n".into(),
        });
        // The ConfigMap is older than the pod: nothing was rendered anew since.
        pod.created_at = Some(at(1_000));
        let plan = instance::decide(&world);
        assert_eq!(in_short(&plan.actions), Vec::<String>::new(), "{code}");
        assert_eq!(says(&plan, "Degraded"), format!("True {reason}"), "{code}");
        let message = message(&plan, "Degraded");
        assert!(message.contains(&format!("exit code {code}")), "{message}");
        assert!(message.ends_with("custom is not built in"), "{message}");
        assert_eq!(plan.status.phase, Phase::Degraded);
    }
}

#[test]
fn texts_are_cut_to_their_lengths() {
    let mut cluster = Cluster::new();
    let name = "a".repeat(63);
    cluster.edit(|spec| spec.config_revision = name.as_str().into());
    let waiting_for = cluster.plan().status.waiting_for.expect("it waits");
    assert_eq!(waiting_for.chars().count(), text::MAX_WAITING_FOR);
    assert!(waiting_for.ends_with('…'), "{waiting_for}");
    for (input, max, expected) in [("äöü", 3, "äöü"), ("äöüß", 3, "äö…"), ("", 0, "")]
    {
        assert_eq!(text::at_most(input, max), expected);
    }
    for (input, max, expected) in [("äöü", 6, "äöü"), ("äöüß", 7, "äö…"), ("aäb", 4, "aäb")]
    {
        assert_eq!(text::at_most_bytes(input, max), expected);
    }
    assert_eq!(text::one_line(" a\r\nb\u{1b}[31m "), "a  b [31m");
}
