//! L1 and L2 on the simulated cluster: whatever is done to it, by whomever, a crash between any two
//! writes leads to the same end, and then nothing more is written.

use proptest::prelude::*;
use serde_json::{Value, json};
use triptych_crds::{
    TradingState,
    trading_instance::{LogLevel, WhenDeleted},
};
use triptych_decide::names::annotation;

use crate::{
    cluster::{Cluster, Lie},
    examples::{hash, image},
};

/// Something that a person, another controller or misfortune does.
#[derive(Clone, Debug)]
enum Deed {
    Declare(&'static str),
    CreateRevision(&'static str, char),
    DeleteRevision(&'static str),
    LogLevel(LogLevel),
    Memory(&'static str),
    Restart(Option<&'static str>),
    State(TradingState),
    Storage(&'static str, WhenDeleted),
    DeletePod,
    LosePod,
    SwapImage,
    LieAbout(Option<Lie>),
    DeleteStatefulSet { orphan: bool },
    EditReplicas(i32),
    EditTemplateImage,
    EditHostNetwork,
    DropKeptTemplate,
    OlderOperator,
    DeleteConfigMap(char),
    TamperConfigMap(char),
    DeleteClaim,
}

fn deed() -> impl Strategy<Value = Deed> {
    let revision = prop::sample::select(vec!["r1", "r2", "r3"]);
    let letter = prop::sample::select(vec!['a', 'B', 'c']);
    prop_oneof![
        4 => revision.clone().prop_map(Deed::Declare),
        3 => (revision.clone(), letter.clone()).prop_map(|(name, letter)| Deed::CreateRevision(name, letter)),
        2 => revision.prop_map(Deed::DeleteRevision),
        2 => prop::sample::select(vec![LogLevel::Info, LogLevel::Debug]).prop_map(Deed::LogLevel),
        1 => prop::sample::select(vec!["1024Mi", "1Gi", "2Gi"]).prop_map(Deed::Memory),
        2 => prop::sample::select(vec![None, Some("one"), Some("two")]).prop_map(Deed::Restart),
        3 => prop::sample::select(vec![TradingState::Active, TradingState::Halted]).prop_map(Deed::State),
        1 => prop::sample::select(vec![("10Gi", WhenDeleted::Retain), ("20Gi", WhenDeleted::Delete), ("5Gi", WhenDeleted::Retain)])
            .prop_map(|(size, when_deleted)| Deed::Storage(size, when_deleted)),
        1 => Just(Deed::DeletePod),
        1 => Just(Deed::LosePod),
        1 => Just(Deed::SwapImage),
        1 => prop::sample::select(vec![None, Some(Lie::Silence), Some(Lie::PodUid("another".into())), Some(Lie::ConfigHash(hash('c').to_string()))])
            .prop_map(Deed::LieAbout),
        1 => any::<bool>().prop_map(|orphan| Deed::DeleteStatefulSet { orphan }),
        1 => (0..4).prop_map(Deed::EditReplicas),
        1 => Just(Deed::EditTemplateImage),
        1 => Just(Deed::EditHostNetwork),
        1 => Just(Deed::DropKeptTemplate),
        1 => Just(Deed::OlderOperator),
        1 => letter.clone().prop_map(Deed::DeleteConfigMap),
        2 => letter.prop_map(Deed::TamperConfigMap),
        1 => Just(Deed::DeleteClaim),
    ]
}

impl Deed {
    fn happen(&self, cluster: &mut Cluster) {
        match self {
            Self::Declare(name) => cluster.edit(|spec| spec.config_revision = (*name).into()),
            Self::CreateRevision(name, letter) => cluster.create_revision(name, *letter),
            Self::DeleteRevision(name) => {
                cluster.revisions.remove(*name);
            }
            Self::LogLevel(level) => cluster.edit(|spec| spec.log_level = Some(*level)),
            Self::Memory(memory) => cluster.edit(|spec| {
                let resources = json!({ "limits": { "memory": memory } });
                spec.resources = serde_json::from_value(resources).expect("valid resources");
            }),
            Self::Restart(restart) => {
                cluster.edit(|spec| spec.restart = restart.map(str::to_owned));
            }
            Self::State(state) => cluster.edit(|spec| spec.trading_state = Some(*state)),
            Self::Storage(size, when_deleted) => cluster.edit(|spec| {
                let storage = spec.storage.as_mut().expect("an ABH has storage");
                storage.size = (*size).into();
                storage.when_deleted = Some(*when_deleted);
            }),
            Self::DeletePod => cluster.delete_pod(),
            Self::LosePod => cluster.pod = None,
            Self::SwapImage => {
                if let Some(pod) = &mut cluster.pod {
                    pod.swap_image(&image('f'));
                }
            }
            // The build lies, and with it every pod to come.
            Self::LieAbout(lie) => {
                cluster.lie.clone_from(lie);
                if let Some(pod) = &mut cluster.pod {
                    pod.lie.clone_from(lie);
                }
            }
            Self::DeleteStatefulSet { orphan } => cluster.delete_stateful_set(*orphan),
            Self::DeleteConfigMap(letter) => {
                cluster.config_maps.remove(&hash(*letter).config_map_name());
            }
            Self::TamperConfigMap(letter) => cluster.tamper_config_map(&hash(*letter)),
            Self::DeleteClaim => cluster.claim = None,
            Self::EditReplicas(_)
            | Self::EditTemplateImage
            | Self::EditHostNetwork
            | Self::DropKeptTemplate
            | Self::OlderOperator => self.edit_stateful_set(cluster),
        }
    }

    fn edit_stateful_set(&self, cluster: &mut Cluster) {
        let Some(set) = &mut cluster.stateful_set else {
            return;
        };
        let annotations = set.metadata.annotations.get_or_insert_default();
        let spec = set.spec.as_mut().expect("a StatefulSet has a spec");
        let pod = spec.template.spec.as_mut().expect("a template has a spec");
        match self {
            Self::EditReplicas(replicas) => spec.replicas = Some(*replicas),
            Self::EditTemplateImage => pod.containers[0].image = Some(image('f')),
            Self::EditHostNetwork => pod.host_network = Some(true),
            Self::DropKeptTemplate => {
                annotations.remove(annotation::RENDERED_TEMPLATE);
            }
            // An operator of another version rendered another grace period, and its pod runs.
            Self::OlderOperator => {
                let Some(kept) = annotations.get_mut(annotation::RENDERED_TEMPLATE) else {
                    return;
                };
                let mut template: Value = serde_json::from_str(kept).expect("it is JSON");
                template["spec"]["terminationGracePeriodSeconds"] = json!(31);
                *kept = template.to_string();
                pod.termination_grace_period_seconds = Some(31);
                if let Some(running) = &mut cluster.pod {
                    let spec = running.object.spec.as_mut().expect("a pod has a spec");
                    spec.termination_grace_period_seconds = Some(31);
                }
            }
            _ => {}
        }
        if matches!(self, Self::EditReplicas(_)) {
            // The StatefulSet controller is faster than any operator: what it does to the pod is
            // part of the deed, and no matter of where the operator crashes.
            cluster.let_others_work();
        }
    }
}

/// What counts at the end: everything but UIDs, times and identifiers of runs.
fn end_state(cluster: &Cluster) -> Value {
    let mut state = json!({
        "status": cluster.instance.status,
        "revisions": cluster.revisions.iter().map(|(name, stored)| (name.clone(), json!(stored.status))).collect::<serde_json::Map<_, _>>(),
        "configMaps": cluster.config_maps,
        "claim": cluster.claim,
        "statefulSet": cluster.stateful_set,
        "pod": cluster.pod.as_ref().map(|pod| &pod.object),
    });
    forget(&mut state);
    state
}

fn forget(value: &mut Value) {
    const FORGOTTEN: [&str; 6] = [
        "uid",
        "podUid",
        "runId",
        "lastTransitionTime",
        "creationTimestamp",
        "ownerReferences",
    ];
    match value {
        Value::Object(fields) => {
            fields.retain(|name, _| !FORGOTTEN.contains(&name.as_str()));
            fields.values_mut().for_each(forget);
        }
        Value::Array(items) => items.iter_mut().for_each(forget),
        _ => {}
    }
}

/// Settles, and shows that afterwards nobody has anything to do.
fn settle_and_be_quiet(cluster: &mut Cluster) {
    cluster.settle();
    let plan = cluster.plan();
    assert!(
        plan.actions.is_empty() && plan.events.is_empty(),
        "L2: {plan:?}"
    );
    let writes = cluster.writes;
    assert!(
        !cluster.reconcile().unwrap_or(true),
        "L2: the status is written again"
    );
    assert_eq!(cluster.writes, writes);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases / 4, failure_persistence: None, ..ProptestConfig::default() })]

    /// Each deed is settled before the next; after each, the operator is also crashed before every
    /// single one of its writes, and has to come to the same end.
    #[test]
    fn l1_a_crash_before_any_write_leads_to_the_same_end(
        deeds in prop::collection::vec(deed(), 1..8),
        stale in any::<bool>(),
    ) {
        let mut cluster = Cluster::new();
        cluster.controller_is_stale = stale;
        settle_and_be_quiet(&mut cluster);
        for deed in deeds {
            deed.happen(&mut cluster);
            let before = cluster.clone();
            settle_and_be_quiet(&mut cluster);
            let expected = end_state(&cluster);
            for write in 0..cluster.writes - before.writes {
                let mut crashing = before.clone();
                crashing.writes_before_crash = Some(write);
                settle_and_be_quiet(&mut crashing);
                prop_assert!(crashing.writes_before_crash.is_none(), "it crashed");
                prop_assert_eq!(&end_state(&crashing), &expected, "crashed before write {}", write);
            }
        }
    }

    /// Deeds come while the operator and the others are at work; it settles nevertheless.
    #[test]
    fn l1_it_settles_however_deeds_and_steps_are_interleaved(
        steps in prop::collection::vec((deed(), 0_usize..4, prop::option::of(0_usize..3)), 1..12),
        stale in any::<bool>(),
    ) {
        let mut cluster = Cluster::new();
        cluster.controller_is_stale = stale;
        for (deed, rounds, crash) in steps {
            deed.happen(&mut cluster);
            cluster.writes_before_crash = crash;
            for _ in 0..rounds {
                cluster.step();
            }
        }
        cluster.writes_before_crash = None;
        settle_and_be_quiet(&mut cluster);
    }
}

#[test]
fn l1_a_first_start_that_crashes_before_any_write_leads_to_the_same_end() {
    let mut whole = Cluster::new();
    settle_and_be_quiet(&mut whole);
    assert!(
        whole.writes >= 4,
        "two ConfigMaps, a claim and a StatefulSet"
    );
    for write in 0..whole.writes {
        let mut crashing = Cluster::new();
        crashing.writes_before_crash = Some(write);
        settle_and_be_quiet(&mut crashing);
        assert_eq!(
            end_state(&crashing),
            end_state(&whole),
            "crashed before write {write}"
        );
    }
}
