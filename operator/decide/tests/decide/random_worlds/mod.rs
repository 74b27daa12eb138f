//! Random worlds, reachable or not: no plan breaks an invariant, and deciding is a function.

mod pods;
mod stateful_sets;

use std::fmt;

use proptest::prelude::*;
use triptych_crds::{ConfigHash, TradingState, trading_instance::LogLevel};
use triptych_decide::{
    instance, view,
    world::{ConfigMapView, InstanceWorld, Revision, TradingWorld},
};

use crate::{
    examples::{at, hash, image, spec},
    invariants,
};

use pods::pod;
use stateful_sets::{SETTLED, fate};

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
                let settled = &SETTLED[&('a', None)];
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
                    trading: TradingWorld::default(),
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
    #![proptest_config(ProptestConfig { cases: 4 * ProptestConfig::default().cases, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_plan_breaks_an_invariant(world in world().prop_map(Shown)) {
        let Shown(world) = world;
        let plan = instance::decide(&world);
        invariants::check_plan(&world, &plan);
        prop_assert_eq!(instance::decide(&world), plan, "deciding is a function of the world");
    }
}
