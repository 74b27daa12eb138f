//! Which instances have their objects where: those of W and R are in the sealed namespace of their
//! account's side.

use triptych_crds::{Tier, TradingInstance};
use triptych_decide::{place::Place, side::SideName};

use super::{Caches, InstanceEntry};
use crate::subject::NamespacedName;

impl InstanceEntry {
    /// The instance, where this build can read it.
    pub(crate) fn readable(&self) -> Option<&TradingInstance> {
        self.content.as_deref().ok()
    }

    /// The account that it names.
    pub(crate) fn account(&self) -> Option<&str> {
        self.readable()?.spec.account.as_deref()
    }

    /// The W that it mirrors.
    pub(crate) fn mirror_of(&self) -> Option<&str> {
        let spec = &self.readable()?.spec;
        let named = spec.mirror_of.as_deref();
        named.filter(|_| spec.tier == Tier::R)
    }
}

impl Caches {
    /// The instances whose objects are in a sealed namespace.
    pub(crate) fn placed_in(&self, namespace: &str) -> Vec<NamespacedName> {
        if SideName::account_of(namespace).is_none() {
            return Vec::new();
        }
        let is_there = |entry: &InstanceEntry| {
            let place = entry.readable().map(Place::of);
            place.is_some_and(|place| place.namespace == namespace)
        };
        let all = self.instances.all().into_iter();
        all.filter(|(_, entry)| is_there(entry))
            .map(|(name, _)| name)
            .collect()
    }

    /// The instances that name an account.
    pub(crate) fn naming(&self, account: &str) -> Vec<NamespacedName> {
        let all = self.instances.all().into_iter();
        all.filter(|(_, entry)| entry.account() == Some(account))
            .map(|(name, _)| name)
            .collect()
    }

    /// The R of a namespace that mirror a W.
    pub(crate) fn mirrors_of(&self, writer: &NamespacedName) -> Vec<NamespacedName> {
        let of_namespace = self.instances.in_namespace(&writer.namespace).into_iter();
        of_namespace
            .filter(|(_, entry)| entry.mirror_of() == Some(writer.name.as_str()))
            .map(|(name, _)| NamespacedName::new(&writer.namespace, name))
            .collect()
    }
}
