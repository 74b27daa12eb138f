//! What the operator knows of the cluster: one cache a kind, fed by one watch, shared by everything
//! that decides. It holds what decisions need and not the objects whole, so that memory follows the
//! number of objects and not their size.

mod entries;
mod kind;
mod placement;
mod triggers;

use std::{collections::BTreeSet, sync::Arc};

use kube::Resource;
use triptych_crds::trading_instance::CeilingReason;
use triptych_decide::side::SideName;

pub use entries::{
    AccountEntry, ClaimEntry, ConfigMapEntry, InstanceEntry, PodEntry, RevisionContent,
    RevisionEntry, StatefulSetEntry, UnreadableInstance,
};
pub(crate) use entries::{named_config_maps, revision};
pub use kind::Cache;

use crate::subject::{NamespacedName, Subject};

/// What is kept of an object.
pub trait Entry: PartialEq + Send + Sync + Sized + 'static {
    /// The object as it is watched.
    type Object: Resource;

    /// Name of the kind in logs and metrics.
    const KIND: &'static str;

    /// Keeps what decisions need.
    fn read(object: Self::Object) -> Self;

    /// What has to be decided anew when this entry changes, appears or disappears.
    fn concerns(caches: &Caches, change: &Change<Self>) -> Vec<Subject>;

    /// UID of the pod that ended by this change.
    fn ended_pod(_: &Change<Self>) -> Option<&str> {
        None
    }

    /// The cache of this kind.
    fn cache(caches: &Caches) -> &Cache<Self>;
}

/// All caches.
#[derive(Debug, Default)]
pub struct Caches {
    /// TradingInstances.
    pub instances: Cache<InstanceEntry>,
    /// ConfigRevisions.
    pub revisions: Cache<RevisionEntry>,
    /// TradingAccounts, which are in no namespace.
    pub accounts: Cache<AccountEntry>,
    /// The ConfigMaps that the operator made.
    pub config_maps: Cache<ConfigMapEntry>,
    /// The claims that the operator made.
    pub claims: Cache<ClaimEntry>,
    /// The StatefulSets that the operator made.
    pub stateful_sets: Cache<StatefulSetEntry>,
    /// The traders' pods.
    pub pods: Cache<PodEntry>,
}

impl Caches {
    /// Whether every kind was listed, and no watch failed since: otherwise absence proves nothing.
    pub fn are_synced(&self) -> bool {
        self.synced().into_iter().all(|(_, synced)| synced)
    }

    /// Each kind, and whether it was listed.
    pub fn synced(&self) -> [(&'static str, bool); 7] {
        [
            (InstanceEntry::KIND, self.instances.is_synced()),
            (RevisionEntry::KIND, self.revisions.is_synced()),
            (AccountEntry::KIND, self.accounts.is_synced()),
            (ConfigMapEntry::KIND, self.config_maps.is_synced()),
            (ClaimEntry::KIND, self.claims.is_synced()),
            (StatefulSetEntry::KIND, self.stateful_sets.is_synced()),
            (PodEntry::KIND, self.pods.is_synced()),
        ]
    }

    /// Each kind, and how many objects of it are held.
    pub fn sizes(&self) -> [(&'static str, usize); 7] {
        [
            (InstanceEntry::KIND, self.instances.len()),
            (RevisionEntry::KIND, self.revisions.len()),
            (AccountEntry::KIND, self.accounts.len()),
            (ConfigMapEntry::KIND, self.config_maps.len()),
            (ClaimEntry::KIND, self.claims.len()),
            (StatefulSetEntry::KIND, self.stateful_sets.len()),
            (PodEntry::KIND, self.pods.len()),
        ]
    }

    /// How many instances have a ceiling for this reason.
    pub fn bounded_by(&self, reason: CeilingReason) -> usize {
        let is_bounded = |entry: &InstanceEntry| {
            let status = entry.readable().and_then(|one| one.status.as_ref());
            let ceiling = status.and_then(|status| status.ceiling.as_ref());
            ceiling.is_some_and(|ceiling| ceiling.reason == reason)
        };
        let all = self.instances.all().into_iter();
        all.filter(|(_, entry)| is_bounded(entry)).count()
    }

    /// Everything that can be decided on: what a new leader starts with.
    pub fn all_subjects(&self) -> Vec<Subject> {
        let instances = self.instances.names().into_iter().map(Subject::Instance);
        let revisions = self.revisions.names().into_iter().map(Subject::Revision);
        let accounts = self.accounts.names().into_iter().map(|name| name.name);
        // A trader may be left whose account is gone.
        let sets = self.stateful_sets.names().into_iter();
        let traded =
            sets.filter_map(|name| SideName::account_of(&name.namespace).map(str::to_owned));
        let accounts: BTreeSet<String> = accounts.chain(traded).collect();
        let accounts = accounts.into_iter().map(Subject::Account);
        let mut namespaces: Vec<String> = self
            .config_maps
            .names()
            .into_iter()
            .map(|name| name.namespace)
            .collect();
        namespaces.dedup();
        let collections = namespaces.into_iter().map(Subject::Collection);
        accounts
            .chain(instances)
            .chain(revisions)
            .chain(collections)
            .collect()
    }
}

/// What became of an entry.
#[derive(Debug)]
pub struct Change<T> {
    /// Which.
    pub name: NamespacedName,
    /// As it was; `None` where it is new.
    pub before: Option<Arc<T>>,
    /// As it is; `None` where it is gone.
    pub after: Option<Arc<T>>,
}
