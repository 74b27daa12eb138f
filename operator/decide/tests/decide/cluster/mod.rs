//! A small simulated cluster: an API server that stores and defaults, the StatefulSet controller
//! (whose view may be stale), a kubelet with a trader in each pod, and the operator's two decisions.

mod api_server;
mod controllers;
mod operator;

use std::collections::BTreeMap;

use k8s_openapi::{
    api::{
        apps::v1::StatefulSet,
        core::v1::{ConfigMap, PersistentVolumeClaim},
    },
    apimachinery::pkg::apis::meta::v1::Time,
    jiff::Timestamp,
};
use serde_json::Value;
use triptych_crds::{
    TradingInstance, config_revision::ConfigRevisionStatus, trading_instance::TradingInstanceSpec,
};
use triptych_decide::world::TradingWorld;

use crate::examples::{instance as example, spec};

pub(crate) use controllers::{Lie, SimulatedPod};

/// Rounds after which a cluster that does not settle is a failure.
const ROUNDS: usize = 40;

#[derive(Clone)]
pub(crate) struct Cluster {
    pub(crate) instance: TradingInstance,
    pub(crate) revisions: BTreeMap<String, StoredRevision>,
    pub(crate) config_maps: BTreeMap<String, ConfigMap>,
    pub(crate) claim: Option<PersistentVolumeClaim>,
    pub(crate) stateful_set: Option<StatefulSet>,
    pub(crate) pod: Option<SimulatedPod>,
    /// What a W or an R sees of its account and of the other half of the mirror.
    pub(crate) trading: TradingWorld,
    /// What the StatefulSet controller saw before the last write.
    former_set: Option<StatefulSet>,
    /// Whether the StatefulSet controller acts on that.
    pub(crate) controller_is_stale: bool,
    /// What the traders of later pods say otherwise than it is.
    pub(crate) lie: Option<Lie>,
    /// Writes of actions that are left before the operator crashes.
    pub(crate) writes_before_crash: Option<usize>,
    pub(crate) writes: usize,
    pub(crate) events: Vec<&'static str>,
    pub(crate) seconds: i64,
    uids: u32,
}

#[derive(Clone)]
pub(crate) struct StoredRevision {
    pub(crate) uid: String,
    pub(crate) spec: Value,
    pub(crate) status: Option<ConfigRevisionStatus>,
}

/// The operator ended between two writes.
pub(crate) struct Crashed;

impl Cluster {
    /// Revisions `r1` (configuration a) and `r2` (configuration B, another image), and an instance
    /// that declares `r1`. The operator did not look yet.
    pub(crate) fn new() -> Self {
        Self::of(example("r1"))
    }

    /// The same with another instance.
    pub(crate) fn of(instance: TradingInstance) -> Self {
        let mut cluster = Self {
            instance,
            revisions: BTreeMap::new(),
            config_maps: BTreeMap::new(),
            claim: None,
            stateful_set: None,
            pod: None,
            trading: TradingWorld::default(),
            former_set: None,
            lie: None,
            controller_is_stale: false,
            writes_before_crash: None,
            writes: 0,
            events: Vec::new(),
            seconds: 0,
            uids: 0,
        };
        cluster.create_revision("r1", 'a');
        cluster.create_revision("r2", 'B');
        cluster
    }

    /// The same, settled.
    pub(crate) fn running() -> Self {
        let mut cluster = Self::new();
        cluster.settle();
        assert!(cluster.plan().status.running.is_some(), "the example runs");
        cluster.events.clear();
        cluster
    }

    pub(crate) fn create_revision(&mut self, name: &str, letter: char) {
        let uid = self.uid();
        let stored = StoredRevision {
            uid,
            spec: spec(letter),
            status: None,
        };
        self.revisions.insert(name.to_owned(), stored);
    }

    /// Changes the instance's spec as a user does.
    pub(crate) fn edit(&mut self, change: impl FnOnce(&mut TradingInstanceSpec)) {
        let before = self.instance.spec.clone();
        change(&mut self.instance.spec);
        if self.instance.spec != before {
            self.instance.metadata.generation = self
                .instance
                .metadata
                .generation
                .map(|generation| generation + 1);
        }
    }

    /// Lets everybody work until nobody has anything to do. A crashed operator is started again.
    pub(crate) fn settle(&mut self) {
        for _ in 0..ROUNDS {
            if !self.round() {
                return;
            }
        }
        panic!("not settled after {ROUNDS} rounds: {:?}", self.plan());
    }

    /// One round of everybody. Returns whether anybody did anything.
    pub(crate) fn round(&mut self) -> bool {
        let revisions = self.reconcile_revisions().unwrap_or(true);
        let operator = self.reconcile().unwrap_or(true);
        let controller = self.stateful_set_controller();
        let kubelet = self.kubelet();
        self.seconds += 1;
        revisions || operator || controller || kubelet
    }

    /// One round of everybody.
    pub(crate) fn step(&mut self) {
        // A crashed operator starts again in the next round.
        let _worked = self.reconcile_revisions().is_ok() && self.reconcile().is_ok();
        self.let_others_work();
    }

    /// One round of everybody but the operator.
    pub(crate) fn let_others_work(&mut self) {
        self.stateful_set_controller();
        self.kubelet();
        self.seconds += 1;
    }

    pub(crate) fn now(&self) -> Time {
        Time(Timestamp::from_second(self.seconds).expect("a second of the tests"))
    }

    fn uid(&mut self) -> String {
        self.uids += 1;
        format!("uid-{}", self.uids)
    }
}
