//! What a TradingInstance of tier ABH needs next, rule by rule.

use k8s_openapi::api::apps::v1::StatefulSet;
use triptych_crds::{
    Tier, TradingState,
    trading_instance::{LogLevel, Phase, TradingInstanceSpec},
};
use triptych_decide::{instance, plan::InstancePlan, text};

use crate::{
    cluster::{Cluster, Lie},
    examples::{hash, in_short, reasons},
    invariants::condition,
};

/// The condition of a plan, as status and reason.
fn says(cluster: &Cluster, plan: &InstancePlan, kind: &str) -> String {
    let status = plan
        .status
        .status(cluster.instance.status.as_ref(), &cluster.now());
    let (status, reason) = condition(&status, kind);
    format!("{status} {reason}")
}

fn message(plan: &InstancePlan, kind: &str) -> String {
    let found = plan
        .status
        .conditions
        .iter()
        .find(|report| report.kind.as_str() == kind);
    found
        .map(|report| report.message.clone())
        .unwrap_or_default()
}

fn replicas(set: &StatefulSet) -> Option<i32> {
    set.spec.as_ref().and_then(|spec| spec.replicas)
}

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
        assert_eq!(says(&cluster, &plan, kind), expected, "{kind}");
    }
}

#[test]
fn another_hash_rolls_the_pod_after_its_template_and_its_config_map() {
    let mut cluster = Cluster::running();
    cluster.edit(|spec| spec.config_revision = "r2".into());
    let plan = cluster.plan();
    let expected = ["apply StatefulSet", "delete pod: ConfigurationChanged"];
    assert_eq!(
        in_short(&plan.actions),
        expected,
        "the revision's controller rendered r2 before"
    );
    assert_eq!(plan.status.phase, Phase::Rolling);
    assert_eq!(plan.status.in_sync, Some(false));
    let running = plan.status.running.expect("the former pod still runs");
    assert_eq!(
        running.hash,
        hash('a').as_str(),
        "M3: status shows what runs"
    );

    cluster.config_maps.clear();
    let expected = [
        "apply ConfigMap",
        "apply StatefulSet",
        "delete pod: ConfigurationChanged",
    ];
    assert_eq!(in_short(&cluster.plan().actions), expected);

    cluster.settle();
    let plan = cluster.plan();
    assert_eq!(plan.status.phase, Phase::Running);
    assert_eq!(
        plan.status.running.map(|running| running.hash),
        Some(hash('B').to_string())
    );
    assert!(
        cluster.events.contains(&"RollStarted"),
        "{:?}",
        cluster.events
    );
}

#[test]
fn another_name_for_the_same_hash_restarts_nothing() {
    let mut cluster = Cluster::running();
    cluster.create_revision("same", 'a');
    cluster.edit(|spec| spec.config_revision = "same".into());
    assert_eq!(
        in_short(&cluster.plan().actions),
        ["apply StatefulSet"],
        "its annotation only"
    );
    let pod = cluster.pod.clone().map(|pod| pod.object.metadata.uid);
    cluster.settle();
    assert_eq!(cluster.pod.clone().map(|pod| pod.object.metadata.uid), pod);
    assert!(
        !cluster.events.contains(&"StatefulSetRestored"),
        "{:?}",
        cluster.events
    );
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
                spec.market_data = Some(triptych_crds::trading_instance::MarketData {
                    url: "ws://tape:9443".into(),
                })
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
            says(&cluster, &plan, "RestartRequired"),
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
    assert_eq!(
        says(&cluster, &cluster.plan(), "RestartRequired"),
        "False UpToDate"
    );
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
            says(&cluster, &cluster.plan(), "RestartRequired"),
            "True TemplateChanged"
        );
        cluster.edit(edit);
        cluster.settle();
        let plan = cluster.plan();
        let expected = "False UpToDate";
        assert_eq!(says(&cluster, &plan, "RestartRequired"), expected, "{name}");
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

#[test]
fn a_missing_revision_lets_what_runs_go_on() {
    let mut cluster = Cluster::running();
    cluster.revisions.remove("r1");
    let plan = cluster.plan();
    assert_eq!(in_short(&plan.actions), Vec::<String>::new());
    assert_eq!(plan.status.phase, Phase::Running);
    assert_eq!(plan.status.waiting_for.as_deref(), Some("revision r1"));
    assert_eq!(
        says(&cluster, &plan, "Progressing"),
        "False RevisionNotFound"
    );
    assert_eq!(
        says(&cluster, &plan, "Ready"),
        "True PodReady",
        "Ready reflects the pod"
    );
    assert_eq!(plan.status.in_sync, Some(false));
    assert_eq!(
        plan.status.running.map(|running| running.hash),
        Some(hash('a').to_string())
    );

    cluster.settle();
    let map = hash('a').config_map_name();
    assert!(
        cluster.config_maps.contains_key(&map),
        "its ConfigMap outlives the revision"
    );
    cluster.pod = None;
    cluster.settle();
    assert!(
        cluster.plan().status.running.is_some(),
        "and a lost pod comes back with it"
    );
}

#[test]
fn a_missing_revision_starts_nothing() {
    let mut cluster = Cluster::new();
    cluster.revisions.clear();
    let plan = cluster.plan();
    assert_eq!(in_short(&plan.actions), Vec::<String>::new());
    assert_eq!(plan.status.phase, Phase::Pending);
    assert_eq!(reasons(&plan.events), ["RevisionNotFound"]);
    cluster.create_revision("r1", 'a');
    cluster.settle();
    assert_eq!(
        cluster.plan().status.phase,
        Phase::Running,
        "it may still come"
    );
}

#[test]
fn a_revision_name_that_is_reused_rolls_nobody() {
    let mut cluster = Cluster::running();
    cluster.create_revision("r1", 'C');
    let plan = cluster.plan();
    assert_eq!(in_short(&plan.actions), Vec::<String>::new());
    assert_eq!(
        says(&cluster, &plan, "Progressing"),
        "False RevisionReplaced"
    );
    assert_eq!(says(&cluster, &plan, "Degraded"), "True RevisionReplaced");
    let message = message(&plan, "Progressing");
    for named in [hash('a'), hash('C')] {
        assert!(
            message.contains(named.as_str()),
            "both hashes are named: {message}"
        );
    }
    cluster.settle();
    assert_eq!(
        cluster.plan().status.running.map(|running| running.hash),
        Some(hash('a').to_string())
    );

    cluster.create_revision("r3", 'C');
    cluster.edit(|spec| spec.config_revision = "r3".into());
    cluster.settle();
    assert_eq!(
        cluster.plan().status.running.map(|running| running.hash),
        Some(hash('C').to_string())
    );
}

#[test]
fn an_invalid_revision_is_its_authors_to_correct() {
    let mut cluster = Cluster::new();
    let stored = cluster.revisions.get_mut("r1").expect("r1 is there");
    stored.spec["image"] = "registry.example/trader:latest".into();
    let plan = cluster.plan();
    assert_eq!(in_short(&plan.actions), Vec::<String>::new());
    assert_eq!(says(&cluster, &plan, "Degraded"), "True RevisionInvalid");
    let message = message(&plan, "Degraded");
    assert!(
        message.contains("spec.image: 'registry.example/trader:latest'"),
        "{message}"
    );
    assert!(
        message.contains("sha256:<64 hexadecimal digits>"),
        "{message}"
    );
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
            says(&cluster, &plan, "Degraded"),
            "True AttestationMismatch",
            "{lie:?}"
        );
        assert_eq!(
            says(&cluster, &plan, "Ready"),
            "False AttestationMismatch",
            "{lie:?}"
        );
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
    assert_eq!(says(&cluster, &plan, "Ready"), "Unknown NotAttested");
    assert_eq!(
        plan.status.waiting_for.as_deref(),
        Some("an answer of the pod")
    );
    assert!(plan.check_again.is_some());
    assert_eq!(in_short(&plan.actions), Vec::<String>::new());
}

#[test]
fn other_tiers_are_not_acted_on() {
    for tier in [Tier::W, Tier::R] {
        let mut cluster = Cluster::new();
        cluster.instance.spec.tier = tier;
        let plan = cluster.plan();
        assert_eq!(in_short(&plan.actions), Vec::<String>::new());
        assert_eq!(plan.status.phase, Phase::Pending);
        assert_eq!(says(&cluster, &plan, "Ready"), "False TierNotSupported");
        assert!(message(&plan, "Ready").contains("this build runs tier ABH only"));
    }
}

#[test]
fn a1_a_spec_that_the_api_would_refuse_reaches_no_pod() {
    type Edit = fn(&mut TradingInstanceSpec);
    let table: [(&str, Edit); 4] = [
        ("spec.account", |spec| {
            spec.account = Some("binance-main".into())
        }),
        ("spec.storage", |spec| spec.storage = None),
        ("spec.tradingState", |spec| {
            spec.trading_state = Some(TradingState::Reducing)
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
        assert_eq!(
            says(&cluster, &plan, "Degraded"),
            "True InvalidSpec",
            "{field}"
        );
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
        pod.container.last_exit = Some(triptych_decide::world::Exit {
            code,
            message: "strategies[0].algorithm: custom is not built in\n".into(),
        });
        // The ConfigMap is older than the pod: nothing was rendered anew since.
        pod.created_at = Some(triptych_decide_time(1_000));
        let plan = instance::decide(&world);
        assert_eq!(in_short(&plan.actions), Vec::<String>::new(), "{code}");
        assert_eq!(
            says(&cluster, &plan, "Degraded"),
            format!("True {reason}"),
            "{code}"
        );
        let message = message(&plan, "Degraded");
        assert!(message.contains(&format!("exit code {code}")), "{message}");
        assert!(message.ends_with("custom is not built in"), "{message}");
        assert_eq!(plan.status.phase, Phase::Degraded);
    }
}

fn triptych_decide_time(second: i64) -> k8s_openapi::apimachinery::pkg::apis::meta::v1::Time {
    use k8s_openapi::{apimachinery::pkg::apis::meta::v1::Time, jiff::Timestamp};
    Time(Timestamp::from_second(second).expect("a second of the tests"))
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
