//! Which configuration an ABH runs, and what is said where it cannot be the declared one.

use triptych_crds::trading_instance::Phase;

use crate::{
    cluster::Cluster,
    examples::{hash, in_short, message, reasons, says},
};

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
fn a_missing_revision_lets_what_runs_go_on() {
    let mut cluster = Cluster::running();
    cluster.revisions.remove("r1");
    let plan = cluster.plan();
    assert_eq!(in_short(&plan.actions), Vec::<String>::new());
    assert_eq!(plan.status.phase, Phase::Running);
    assert_eq!(plan.status.waiting_for.as_deref(), Some("revision r1"));
    assert_eq!(says(&plan, "Progressing"), "False RevisionNotFound");
    assert_eq!(
        says(&plan, "Ready"),
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
    assert_eq!(says(&plan, "Progressing"), "False RevisionReplaced");
    assert_eq!(says(&plan, "Degraded"), "True RevisionReplaced");
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
    assert_eq!(says(&plan, "Degraded"), "True RevisionInvalid");
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
