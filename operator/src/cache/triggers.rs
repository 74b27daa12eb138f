//! Which subjects a change concerns.

use std::collections::BTreeSet;

use k8s_openapi::api::{
    apps::v1::StatefulSet,
    core::v1::{ConfigMap, PersistentVolumeClaim, Pod},
};
use kube::api::DynamicObject;
use triptych_crds::ConfigHash;
use triptych_decide::{place::Place, side::SideName};

use super::{
    AccountEntry, Cache, Caches, Change, ClaimEntry, ConfigMapEntry, Entry, InstanceEntry,
    PodEntry, RevisionEntry, StatefulSetEntry,
    entries::{config_map, named_instance},
};
use crate::subject::{NamespacedName, Subject};

impl<T> Change<T> {
    /// The entry as it was and as it is.
    fn sides(&self) -> impl Iterator<Item = &T> + Clone {
        [&self.before, &self.after]
            .into_iter()
            .flatten()
            .map(AsRef::as_ref)
    }

    fn before(&self) -> Option<&T> {
        self.before.as_deref()
    }

    fn after(&self) -> Option<&T> {
        self.after.as_deref()
    }

    fn collection(&self) -> Subject {
        Subject::Collection(self.name.namespace.clone())
    }

    /// The instance of this name in the namespace of the change.
    fn instance(&self, name: impl Into<String>) -> Subject {
        Subject::Instance(NamespacedName::new(&self.name.namespace, name))
    }

    fn revision(&self, name: impl Into<String>) -> Subject {
        Subject::Revision(NamespacedName::new(&self.name.namespace, name))
    }
}

impl Entry for InstanceEntry {
    type Object = DynamicObject;
    const KIND: &'static str = "TradingInstance";

    fn read(object: DynamicObject) -> Self {
        object.into()
    }

    /// The instance itself, the other half of its mirror, and its account; and where it uses
    /// configurations otherwise than before, the revisions that it used and uses, and what may be
    /// collected by that.
    fn concerns(caches: &Caches, change: &Change<Self>) -> Vec<Subject> {
        let mut subjects = vec![Subject::Instance(change.name.clone())];
        let writers = change.sides().filter_map(Self::mirror_of);
        subjects.extend(writers.map(|writer| change.instance(writer)));
        let mirrors = caches.mirrors_of(&change.name).into_iter();
        subjects.extend(mirrors.map(Subject::Instance));
        let accounts = change.sides().filter_map(Self::account);
        subjects.extend(accounts.map(|account| Subject::Account(account.to_owned())));
        if change.before().map(|entry| &entry.usage) == change.after().map(|entry| &entry.usage) {
            return subjects;
        }
        let used = change.sides().map(|entry| &entry.usage);
        subjects.extend(used.clone().map(|usage| change.revision(&usage.declares)));
        let running: BTreeSet<&str> = used.filter_map(|usage| usage.running.as_deref()).collect();
        let same_hash = |entry: &RevisionEntry| {
            let hash = entry.hash().map(ConfigHash::as_str);
            hash.is_some_and(|hash| running.contains(hash))
        };
        let revisions = caches.revisions.in_namespace(&change.name.namespace);
        let revisions = revisions.into_iter().filter(|(_, entry)| same_hash(entry));
        subjects.extend(revisions.map(|(name, _)| change.revision(name)));
        let places = change.sides().filter_map(Self::readable);
        let places = places.map(|instance| Subject::Collection(Place::of(instance).namespace));
        subjects.extend(places.filter(|_| change.before.is_some()));
        subjects
    }

    fn cache(caches: &Caches) -> &Cache<Self> {
        &caches.instances
    }
}

impl Entry for AccountEntry {
    type Object = DynamicObject;
    const KIND: &'static str = "TradingAccount";

    fn read(object: DynamicObject) -> Self {
        object.into()
    }

    /// The account itself and the instances that name it.
    fn concerns(caches: &Caches, change: &Change<Self>) -> Vec<Subject> {
        let naming = caches.naming(&change.name.name).into_iter();
        std::iter::once(Subject::Account(change.name.name.clone()))
            .chain(naming.map(Subject::Instance))
            .collect()
    }

    fn cache(caches: &Caches) -> &Cache<Self> {
        &caches.accounts
    }
}

impl Entry for RevisionEntry {
    type Object = DynamicObject;
    const KIND: &'static str = "ConfigRevision";

    fn read(object: DynamicObject) -> Self {
        object.into()
    }

    /// The revision itself, and where it appeared, disappeared or is another, the instances that
    /// declare it and what may be collected.
    fn concerns(caches: &Caches, change: &Change<Self>) -> Vec<Subject> {
        let mut subjects = vec![Subject::Revision(change.name.clone())];
        let content =
            |entry: Option<&Self>| entry.map(|entry| (entry.uid.clone(), entry.hash().cloned()));
        if content(change.before()) != content(change.after()) {
            let instances = caches.instances.in_namespace(&change.name.namespace);
            let declaring = instances
                .into_iter()
                .filter(|(_, entry)| entry.usage.declares == change.name.name);
            subjects.extend(declaring.map(|(name, _)| change.instance(name)));
            subjects.extend(change.before.is_some().then(|| change.collection()));
        }
        subjects
    }

    fn cache(caches: &Caches) -> &Cache<Self> {
        &caches.revisions
    }
}

impl Entry for ConfigMapEntry {
    type Object = ConfigMap;
    const KIND: &'static str = "ConfigMap";

    fn read(object: ConfigMap) -> Self {
        config_map(&object)
    }

    /// The revisions whose hash it carries, the instances that declare them, and the collection.
    fn concerns(caches: &Caches, change: &Change<Self>) -> Vec<Subject> {
        let namespace = &change.name.namespace;
        let rendered = |entry: &RevisionEntry| {
            let name = entry.hash().map(ConfigHash::config_map_name);
            name.as_ref() == Some(&change.name.name)
        };
        let revisions = caches.revisions.in_namespace(namespace);
        let revisions: BTreeSet<String> = revisions
            .into_iter()
            .filter(|(_, entry)| rendered(entry))
            .map(|(name, _)| name)
            .collect();
        let instances = caches.instances.in_namespace(namespace);
        let declaring = instances
            .into_iter()
            .filter(|(_, entry)| revisions.contains(&entry.usage.declares));
        let mut subjects: Vec<Subject> = declaring.map(|(name, _)| change.instance(name)).collect();
        subjects.extend(
            caches
                .placed_in(namespace)
                .into_iter()
                .map(Subject::Instance),
        );
        subjects.extend(revisions.into_iter().map(|name| change.revision(name)));
        subjects.extend(change.after.is_some().then(|| change.collection()));
        subjects
    }

    fn cache(caches: &Caches) -> &Cache<Self> {
        &caches.config_maps
    }
}

impl Entry for ClaimEntry {
    type Object = PersistentVolumeClaim;
    const KIND: &'static str = "PersistentVolumeClaim";

    fn read(object: PersistentVolumeClaim) -> Self {
        object.into()
    }

    /// The instance that its labels name, and those that trade the side whose journal it is.
    fn concerns(caches: &Caches, change: &Change<Self>) -> Vec<Subject> {
        let named = change
            .sides()
            .filter_map(|entry| named_instance(&entry.0.metadata));
        let named: BTreeSet<NamespacedName> = named
            .chain(caches.placed_in(&change.name.namespace))
            .collect();
        named.into_iter().map(Subject::Instance).collect()
    }

    fn cache(caches: &Caches) -> &Cache<Self> {
        &caches.claims
    }
}

impl Entry for StatefulSetEntry {
    type Object = StatefulSet;
    const KIND: &'static str = "StatefulSet";

    fn read(object: StatefulSet) -> Self {
        object.into()
    }

    /// The instance of its name, in a sealed namespace the account and those that trade it, and the
    /// collection where it lets go of a configuration.
    fn concerns(caches: &Caches, change: &Change<Self>) -> Vec<Subject> {
        let namespace = &change.name.namespace;
        let mut subjects = match SideName::account_of(namespace) {
            None => vec![change.instance(&change.name.name)],
            Some(account) => vec![Subject::Account(account.to_owned())],
        };
        subjects.extend(
            caches
                .placed_in(namespace)
                .into_iter()
                .map(Subject::Instance),
        );
        let before = change.before().map(Self::config_maps).unwrap_or_default();
        let after = change.after().map(Self::config_maps).unwrap_or_default();
        subjects.extend((!before.is_subset(&after)).then(|| change.collection()));
        subjects
    }

    fn cache(caches: &Caches) -> &Cache<Self> {
        &caches.stateful_sets
    }
}

impl Entry for PodEntry {
    type Object = Pod;
    const KIND: &'static str = "Pod";

    fn read(object: Pod) -> Self {
        object.into()
    }

    /// The instances that its labels name, and the collection where it was the last to mount.
    fn concerns(_: &Caches, change: &Change<Self>) -> Vec<Subject> {
        let named = change.sides().filter_map(|entry| entry.instance.clone());
        let named: BTreeSet<NamespacedName> = named.collect();
        let mut subjects: Vec<Subject> = named.into_iter().map(Subject::Instance).collect();
        subjects.extend(Self::ended_pod(change).map(|_| change.collection()));
        subjects
    }

    fn ended_pod(change: &Change<Self>) -> Option<&str> {
        let before = &change.before()?.view.uid;
        let replaced = change.after().is_none_or(|entry| entry.view.uid != *before);
        replaced.then_some(before)
    }

    fn cache(caches: &Caches) -> &Cache<Self> {
        &caches.pods
    }
}

#[cfg(test)]
mod tests {
    use kube::runtime::watcher::Event;
    use serde_json::{Value, json};

    use super::*;

    fn list<T: Entry>(caches: &Caches, objects: Vec<Value>) -> Vec<Subject>
    where
        T::Object: serde::de::DeserializeOwned,
    {
        let cache = T::cache(caches);
        cache.take_in(Event::Init);
        for object in objects {
            let object = serde_json::from_value(object).expect("an object");
            cache.take_in(Event::InitApply(object));
        }
        let changes = cache.take_in(Event::InitDone);
        let subjects = changes
            .iter()
            .flat_map(|change| T::concerns(caches, change));
        let subjects: BTreeSet<Subject> = subjects.collect();
        subjects.into_iter().collect()
    }

    fn name(name: &str) -> NamespacedName {
        NamespacedName::new("team", name)
    }

    fn instance(object: &str, declares: &str, running: Option<&str>) -> Value {
        json!({
            "metadata": { "namespace": "team", "name": object, "uid": object },
            "spec": { "tier": "ABH", "configRevision": declares },
            "status": { "running": running.map(|hash| json!({ "hash": hash })) },
        })
    }

    fn revision(object: &str, value: u32) -> Value {
        let image = format!("registry.example/trader@sha256:{}", "a".repeat(64));
        json!({
            "metadata": { "namespace": "team", "name": object, "uid": object },
            "spec": { "image": image, "value": value },
        })
    }

    fn pod(object: &str) -> Value {
        json!({
            "metadata": {
                "namespace": "team", "name": object, "uid": object,
                "labels": { "triptych.trading/instance": "scout" },
            },
            "spec": { "containers": [{ "name": "trader" }] },
        })
    }

    #[test]
    fn a_change_of_what_an_instance_uses_concerns_the_old_and_the_new_revision() {
        let caches = Caches::default();
        list::<RevisionEntry>(
            &caches,
            vec![revision("r1", 1), revision("r2", 2), revision("r3", 3)],
        );
        let hash = caches
            .revisions
            .get(&name("r3"))
            .and_then(|entry| entry.hash().cloned());
        let hash = hash.expect("r3 has a hash");
        list::<InstanceEntry>(&caches, vec![instance("scout", "r1", None)]);
        let subjects =
            list::<InstanceEntry>(&caches, vec![instance("scout", "r2", Some(hash.as_str()))]);
        let expected = [
            Subject::Instance(name("scout")),
            Subject::Revision(name("r1")),
            Subject::Revision(name("r2")),
            Subject::Revision(name("r3")),
            Subject::Collection("team".into()),
        ];
        assert_eq!(subjects, expected);
    }

    #[test]
    fn a_new_or_deleted_revision_concerns_the_instances_that_declare_it() {
        let caches = Caches::default();
        list::<InstanceEntry>(
            &caches,
            vec![instance("scout", "r1", None), instance("other", "r2", None)],
        );
        let expected = [
            Subject::Instance(name("scout")),
            Subject::Revision(name("r1")),
        ];
        assert_eq!(
            list::<RevisionEntry>(&caches, vec![revision("r1", 1)]),
            expected
        );
        let gone = list::<RevisionEntry>(&caches, vec![]);
        assert_eq!(gone[..2], expected);
        assert_eq!(gone[2], Subject::Collection("team".into()));
    }

    #[test]
    fn a_rendered_configuration_concerns_its_revision_and_the_instances_that_declare_that() {
        let caches = Caches::default();
        list::<RevisionEntry>(&caches, vec![revision("r1", 1)]);
        list::<InstanceEntry>(&caches, vec![instance("scout", "r1", None)]);
        let entry = caches.revisions.get(&name("r1")).expect("held");
        let rendered = entry.hash().expect("a hash").config_map_name();
        let object = json!({ "metadata": { "namespace": "team", "name": rendered, "uid": "1" } });
        let subjects = list::<ConfigMapEntry>(&caches, vec![object]);
        let expected = [
            Subject::Instance(name("scout")),
            Subject::Revision(name("r1")),
            Subject::Collection("team".into()),
        ];
        assert_eq!(subjects, expected);
    }

    #[test]
    fn a_pod_concerns_the_instance_that_its_label_names_and_its_end_the_collection() {
        let caches = Caches::default();
        let scout = Subject::Instance(name("scout"));
        let appeared = list::<PodEntry>(&caches, vec![pod("scout-0")]);
        assert_eq!(appeared, std::slice::from_ref(&scout));
        assert_eq!(
            list::<PodEntry>(&caches, vec![]),
            [scout, Subject::Collection("team".into())]
        );
    }
}
