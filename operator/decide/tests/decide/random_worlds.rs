//! Random worlds, reachable or not: no plan breaks an invariant, and deciding is a function.

use std::fmt;

use k8s_openapi::api::apps::v1::StatefulSet;
use proptest::prelude::*;
use triptych_crds::{ConfigHash, TradingState, trading_instance::LogLevel};
use triptych_decide::{
    instance,
    names::annotation,
    view,
    world::{
        Attestation, Build, ConfigMapView, ContainerView, Exit, InstanceWorld, PodView, Revision,
        TraderStatus, Waiting,
    },
};

use crate::{
    cluster::Cluster,
    examples::{INSTANCE, INSTANCE_UID, hash, image, spec},
    invariants,
};

/// Any text that a stranger could have put somewhere.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "\\PC{0,80}",
        Just(String::new()),
        Just("x".repeat(16_000)),
        Just("a\nb\u{0}\u{1b}[31m".to_owned())
    ]
}

fn hash_text() -> impl Strategy<Value = String> {
    let known =
        prop::sample::select(vec!['a', 'B', 'c']).prop_map(|letter| hash(letter).to_string());
    prop_oneof![8 => known, 1 => text()]
}

fn image_text() -> impl Strategy<Value = String> {
    let known = prop::sample::select(vec!['a', 'b', 'f']).prop_map(image);
    prop_oneof![8 => known, 1 => text()]
}

fn uid(right: &'static str) -> impl Strategy<Value = String> {
    prop_oneof![6 => Just(right.to_owned()), 1 => Just("another".to_owned()), 1 => text()]
}

fn revision() -> impl Strategy<Value = Revision> {
    let found = prop::sample::select(vec!['a', 'B', 'c'])
        .prop_map(|letter| view::revision("revision-uid", &spec(letter)));
    let invalid = text().prop_map(|error| Revision::Invalid { error });
    prop_oneof![6 => found, 1 => Just(Revision::Missing), 1 => invalid]
}

fn attestation() -> impl Strategy<Value = Attestation> {
    let answer = (
        prop_oneof![9 => Just("v1".to_owned()), 1 => text()],
        prop_oneof![9 => Just("ABH".to_owned()), 1 => Just("W".to_owned())],
        uid(INSTANCE_UID),
        uid("pod-uid"),
        hash_text(),
        (text(), text(), prop::option::of(text())),
    );
    let answered = answer.prop_map(
        |(contract, tier, instance_uid, pod_uid, config_hash, rest)| {
            let (run_id, version, not_ready_reason) = rest;
            let ready = not_ready_reason.is_none();
            let build = Build { version };
            Attestation::Answered(Box::new(TraderStatus {
                contract,
                tier,
                instance_uid,
                pod_uid,
                run_id,
                config_hash,
                build,
                ready,
                not_ready_reason,
            }))
        },
    );
    let unreachable = text().prop_map(|reason| Attestation::Unreachable { reason });
    prop_oneof![6 => answered, 1 => unreachable, 1 => Just(Attestation::NotAsked)]
}

fn container() -> impl Strategy<Value = ContainerView> {
    let waiting = (
        prop::sample::select(vec![
            "CrashLoopBackOff",
            "ImagePullBackOff",
            "ErrImagePull",
            "CreateContainerConfigError",
            "PodInitializing",
        ]),
        text(),
    )
        .prop_map(|(reason, message)| Waiting {
            reason: reason.to_owned(),
            message,
        });
    let code = prop::sample::select(vec![0, 64, 65, 66, 70, 74, 78, 137]);
    let exit = (code, text()).prop_map(|(code, message)| Exit { code, message });
    (
        prop::option::of(image_text()),
        any::<bool>(),
        prop::option::of(waiting),
        prop::option::of(exit),
        0..1_000,
    )
        .prop_map(
            |(image_id, running, waiting, last_exit, restarts)| ContainerView {
                image_id,
                container_id: None,
                restarts,
                running,
                waiting,
                last_exit,
            },
        )
}

fn pod() -> impl Strategy<Value = PodView> {
    let identity = (
        prop_oneof![8 => Just(format!("{INSTANCE}-0")), 1 => Just(format!("{INSTANCE}-1")), 1 => text()],
        prop::option::of(uid("set-uid")),
        any::<bool>(),
    );
    let made_for = (
        prop::option::of(hash_text()),
        prop::option::of(prop::sample::select(vec![
            "one".to_owned(),
            "two".to_owned(),
        ])),
        prop::option::of(image_text()),
    );
    let state = (
        prop::bool::weighted(0.2),
        any::<bool>(),
        prop::option::of(text()),
        prop::bool::weighted(0.1),
    );
    (
        identity,
        made_for,
        state,
        container(),
        attestation(),
        0_i64..3,
    )
        .prop_map(
            |(
                (name, controller, bound),
                (config_hash, restart, image),
                state,
                container,
                attestation,
                second,
            )| {
                let (deleting, ready, unschedulable, finished) = state;
                PodView {
                    name,
                    uid: "pod-uid".to_owned(),
                    controller,
                    created_at: Some(at(second)),
                    deleting,
                    config_hash,
                    restart,
                    image,
                    node: bound.then(|| "node-1".to_owned()),
                    ip: bound.then(|| "10.0.0.7".to_owned()),
                    finished,
                    ready,
                    unschedulable,
                    container,
                    attestation,
                }
            },
        )
}

fn at(second: i64) -> k8s_openapi::apimachinery::pkg::apis::meta::v1::Time {
    let timestamp = k8s_openapi::jiff::Timestamp::from_second(second);
    k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(timestamp.expect("a second of the tests"))
}

/// What happened to a StatefulSet that the operator made for some configuration.
#[derive(Clone, Debug)]
struct Fate {
    letter: char,
    restart: Option<&'static str>,
    replicas: i32,
    live_image: Option<String>,
    kept: Option<String>,
    revision: Option<&'static str>,
    owner: Option<String>,
    labelled: bool,
    deleting: bool,
    host_path: bool,
}

fn fate() -> impl Strategy<Value = Fate> {
    let made = (
        prop::sample::select(vec!['a', 'B', 'c']),
        prop::sample::select(vec![None, Some("one"), Some("two")]),
        prop::sample::select(vec![Some("r1"), Some("r2"), None]),
    );
    let edited = (
        0..4,
        prop::option::weighted(0.2, image_text()),
        prop::option::weighted(0.2, text()),
        prop::option::weighted(0.9, uid(INSTANCE_UID)),
        prop::bool::weighted(0.9),
        prop::bool::weighted(0.1),
        prop::bool::weighted(0.1),
    );
    (made, edited).prop_map(|((letter, restart, revision), edited)| {
        let (replicas, live_image, kept, owner, labelled, deleting, host_path) = edited;
        Fate {
            letter,
            restart,
            replicas,
            live_image,
            kept,
            revision,
            owner,
            labelled,
            deleting,
            host_path,
        }
    })
}

impl Fate {
    fn stateful_set(&self) -> StatefulSet {
        let mut cluster = Cluster::new();
        cluster.create_revision("r1", self.letter);
        cluster.edit(|spec| spec.restart = self.restart.map(str::to_owned));
        cluster.settle();
        let mut set = cluster.stateful_set.expect("it was made");
        set.metadata.uid = Some("set-uid".to_owned());
        set.metadata.deletion_timestamp = self.deleting.then(|| at(9));
        match &self.owner {
            Some(uid) => {
                for owner in set.metadata.owner_references.iter_mut().flatten() {
                    owner.uid.clone_from(uid);
                }
            }
            None => set.metadata.owner_references = None,
        }
        if !self.labelled {
            set.metadata.labels = None;
        }
        let annotations = set.metadata.annotations.get_or_insert_default();
        if let Some(kept) = &self.kept {
            annotations.insert(annotation::RENDERED_TEMPLATE.to_owned(), kept.clone());
        }
        annotations.remove(annotation::REVISION);
        if let Some(revision) = self.revision {
            annotations.insert(annotation::REVISION.to_owned(), revision.to_owned());
        }
        let spec = set.spec.as_mut().expect("a StatefulSet has a spec");
        spec.replicas = Some(self.replicas);
        let pod = spec.template.spec.as_mut().expect("a template has a spec");
        if let Some(image) = &self.live_image {
            pod.containers[0].image = Some(image.clone());
        }
        if self.host_path {
            let volume = serde_json::json!({ "name": "node", "hostPath": { "path": "/" } });
            let volume = serde_json::from_value(volume).expect("a volume of the tests is valid");
            pod.volumes.get_or_insert_default().push(volume);
        }
        set
    }
}

fn config_map() -> impl Strategy<Value = ConfigMapView> {
    (
        prop::sample::select(vec!['a', 'B', 'c']),
        prop::option::weighted(0.8, hash_text()),
        prop::bool::weighted(0.8),
        prop::bool::weighted(0.8),
        prop::bool::weighted(0.1),
        0_i64..3,
    )
        .prop_map(
            |(letter, content, managed, immutable, deleting, second)| ConfigMapView {
                name: hash(letter).config_map_name(),
                uid: "map-uid".to_owned(),
                created_at: Some(at(second)),
                deleting,
                managed,
                immutable,
                content: content.as_deref().and_then(ConfigHash::parse),
                config_hash: content,
            },
        )
}

#[derive(Clone, Debug)]
struct Declared {
    revision: &'static str,
    state: Option<TradingState>,
    restart: Option<&'static str>,
    log_level: Option<LogLevel>,
    deleting: bool,
    status: bool,
}

fn declared() -> impl Strategy<Value = Declared> {
    (
        prop::sample::select(vec!["r1", "r2"]),
        prop::sample::select(vec![
            None,
            Some(TradingState::Active),
            Some(TradingState::Halted),
            Some(TradingState::Reducing),
        ]),
        prop::sample::select(vec![None, Some("one"), Some("two")]),
        prop::sample::select(vec![None, Some(LogLevel::Debug)]),
        prop::bool::weighted(0.05),
        any::<bool>(),
    )
        .prop_map(
            |(revision, state, restart, log_level, deleting, status)| Declared {
                revision,
                state,
                restart,
                log_level,
                deleting,
                status,
            },
        )
}

fn world() -> impl Strategy<Value = InstanceWorld> {
    (
        declared(),
        revision(),
        prop::option::weighted(0.8, config_map()),
        (prop::bool::weighted(0.8), prop::bool::weighted(0.1)),
        prop::option::weighted(0.8, fate()),
        prop::collection::vec(pod(), 0..3),
    )
        .prop_map(
            |(declared, revision, config_map, (claim, claim_deleting), fate, pods)| {
                let settled = Cluster::running();
                let mut instance = settled.instance.clone();
                instance.spec.config_revision = declared.revision.into();
                instance.spec.trading_state = declared.state;
                instance.spec.restart = declared.restart.map(str::to_owned);
                instance.spec.log_level = declared.log_level;
                instance.metadata.deletion_timestamp = declared.deleting.then(|| at(9));
                instance.status = instance.status.filter(|_| declared.status);
                let mut stored = settled.claim.clone().filter(|_| claim);
                if let Some(claim) = &mut stored {
                    claim.metadata.deletion_timestamp = claim_deleting.then(|| at(9));
                }
                // The API server finds a ConfigMap by the declared hash's name.
                let config_map = match &revision {
                    Revision::Found(found) => config_map.map(|map| ConfigMapView {
                        name: found.canonical.hash.config_map_name(),
                        ..map
                    }),
                    _ => None,
                };
                let stateful_set = fate.map(|fate| fate.stateful_set());
                InstanceWorld {
                    instance,
                    revision,
                    config_map,
                    claim: stored,
                    stateful_set,
                    pods,
                }
            },
        )
}

/// A world that a failing test prints in a readable length.
#[derive(Clone)]
struct Shown(InstanceWorld);

impl fmt::Debug for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let world = &self.0;
        let set = world.stateful_set.as_ref().map(|set| {
            let spec = set.spec.as_ref();
            let template = spec.and_then(|spec| spec.template.metadata.as_ref());
            (&set.metadata, spec.and_then(|spec| spec.replicas), template)
        });
        f.debug_struct("InstanceWorld")
            .field("spec", &world.instance.spec)
            .field("revision", &world.revision)
            .field("config_map", &world.config_map)
            .field("claim", &world.claim.as_ref().map(|claim| &claim.metadata))
            .field("stateful_set", &set)
            .field("pods", &world.pods)
            .finish()
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8 * ProptestConfig::default().cases, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_plan_breaks_an_invariant(world in world().prop_map(Shown)) {
        let Shown(world) = world;
        let plan = instance::decide(&world);
        invariants::check_plan(&world, &plan);
        prop_assert_eq!(instance::decide(&world), plan, "deciding is a function of the world");
    }
}
