//! The entries of one kind, as its watch tells of them.

use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

use kube::{Resource, ResourceExt, runtime::watcher::Event};

use super::{Change, Entry};
use crate::subject::NamespacedName;

/// The entries of one kind.
#[derive(Debug)]
pub struct Cache<T> {
    state: RwLock<State<T>>,
}

#[derive(Debug)]
struct State<T> {
    held: BTreeMap<NamespacedName, Held<T>>,
    /// The list that is being read, until it is whole.
    listing: BTreeMap<NamespacedName, Held<T>>,
    /// Number of the list that was begun last.
    lists: u64,
    synced: bool,
}

#[derive(Debug)]
struct Held<T> {
    uid: String,
    /// `metadata.resourceVersion`, which grows with each write of the object.
    version: u64,
    /// Number of the list during or after which it was taken in.
    list: u64,
    entry: Arc<T>,
}

impl<T> Default for Cache<T> {
    fn default() -> Self {
        Self {
            state: RwLock::new(State {
                held: BTreeMap::new(),
                listing: BTreeMap::new(),
                lists: 0,
                synced: false,
            }),
        }
    }
}

impl<T: Entry> Cache<T> {
    /// Takes in an event of the watch and says what changed by it, also for objects that
    /// disappeared while the watch was interrupted.
    pub fn take_in(&self, event: Event<T::Object>) -> Vec<Change<T>> {
        let mut state = self.write();
        match event {
            Event::Apply(object) => {
                let told = state.held(object);
                state.replace(told).into_iter().collect()
            }
            Event::Delete(object) => {
                let (name, _) = state.held(object);
                state.remove(name).into_iter().collect()
            }
            Event::Init => {
                state.listing = BTreeMap::new();
                state.lists += 1;
                Vec::new()
            }
            Event::InitApply(object) => {
                let (name, held) = state.held(object);
                state.listing.insert(name, held);
                Vec::new()
            }
            Event::InitDone => state.finish_listing(),
        }
    }

    /// Takes in what the API server answered to an own write, so that the next decision does not
    /// start from a world before it. Only an object that is held already is replaced: the watch
    /// alone knows what exists.
    pub fn take_in_answer(&self, object: T::Object) -> Option<Change<T>> {
        let mut state = self.write();
        let (name, held) = state.held(object);
        let known = state.held.get(&name);
        known
            .is_some_and(|known| known.uid == held.uid)
            .then(|| state.replace((name, held)))
            .flatten()
    }

    /// The watch failed: nothing here is sure until a whole list was taken in again.
    pub fn interrupt(&self) {
        self.write().synced = false;
    }

    /// One entry.
    pub fn get(&self, name: &NamespacedName) -> Option<Arc<T>> {
        let state = self.read();
        state.held.get(name).map(|held| Arc::clone(&held.entry))
    }

    /// All entries, by namespace and name.
    pub fn all(&self) -> Vec<(NamespacedName, Arc<T>)> {
        let state = self.read();
        let held = state.held.iter();
        held.map(|(name, held)| (name.clone(), Arc::clone(&held.entry)))
            .collect()
    }

    /// All entries of a namespace, by name.
    pub fn in_namespace(&self, namespace: &str) -> Vec<(String, Arc<T>)> {
        let first = NamespacedName::new(namespace, "");
        self.read()
            .held
            .range(first..)
            .take_while(|(name, _)| name.namespace == namespace)
            .map(|(name, held)| (name.name.clone(), Arc::clone(&held.entry)))
            .collect()
    }

    /// All names.
    pub fn names(&self) -> Vec<NamespacedName> {
        self.read().held.keys().cloned().collect()
    }

    /// Number of entries.
    pub fn len(&self) -> usize {
        self.read().held.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether a whole list was taken in, and the watch did not fail since.
    pub fn is_synced(&self) -> bool {
        self.read().synced
    }

    fn read(&self) -> RwLockReadGuard<'_, State<T>> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, State<T>> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: Entry> State<T> {
    fn held(&self, object: T::Object) -> (NamespacedName, Held<T>) {
        let metadata = object.meta();
        let version = metadata.resource_version.as_deref().unwrap_or_default();
        let name = NamespacedName::new(object.namespace().unwrap_or_default(), object.name_any());
        let held = Held {
            uid: metadata.uid.clone().unwrap_or_default(),
            version: version.parse().unwrap_or(u64::MAX),
            list: self.lists,
            entry: Arc::new(T::read(object)),
        };
        (name, held)
    }

    fn replace(&mut self, (name, new): (NamespacedName, Held<T>)) -> Option<Change<T>> {
        let known = self.held.get(&name);
        if known.is_some_and(|known| known.is_newer_than(&new)) {
            return None;
        }
        let before = known.map(|known| Arc::clone(&known.entry));
        let after = Arc::clone(&new.entry);
        let same_object = known.is_some_and(|known| known.uid == new.uid);
        self.held.insert(name.clone(), new);
        (!same_object || before.as_ref() != Some(&after)).then_some(Change {
            name,
            before,
            after: Some(after),
        })
    }

    fn remove(&mut self, name: NamespacedName) -> Option<Change<T>> {
        let before = self.held.remove(&name)?.entry;
        Some(Change {
            name,
            before: Some(before),
            after: None,
        })
    }

    fn finish_listing(&mut self) -> Vec<Change<T>> {
        let listed = std::mem::take(&mut self.listing);
        let gone: Vec<NamespacedName> = self
            .held
            .keys()
            .filter(|name| !listed.contains_key(name))
            .cloned()
            .collect();
        self.synced = true;
        let removed = gone.into_iter().filter_map(|name| self.remove(name));
        let removed: Vec<Change<T>> = removed.collect();
        let replaced = listed.into_iter().filter_map(|entry| self.replace(entry));
        let mut changes: Vec<Change<T>> = replaced.collect();
        changes.extend(removed);
        changes
    }
}

impl<T> Held<T> {
    /// Versions of different objects of one name say nothing about which is newer: the watch's
    /// order decides there. Nor do versions from before a list, which is the whole truth when it is
    /// read: a store that was restored from a backup counts on from a smaller version.
    fn is_newer_than(&self, other: &Self) -> bool {
        self.uid == other.uid && self.list == other.list && self.version > other.version
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::ConfigMap;
    use serde_json::json;

    use super::*;
    use crate::cache::ConfigMapEntry;

    fn object(name: &str, uid: &str, version: u64, content: &str) -> ConfigMap {
        serde_json::from_value(json!({
            "metadata": {
                "namespace": "team", "name": name, "uid": uid, "resourceVersion": version.to_string(),
            },
            "data": { "config.json": content },
        }))
        .expect("a ConfigMap")
    }

    fn listed(objects: Vec<ConfigMap>) -> Cache<ConfigMapEntry> {
        let cache = Cache::default();
        relist(&cache, objects);
        cache
    }

    fn relist(cache: &Cache<ConfigMapEntry>, objects: Vec<ConfigMap>) -> Vec<String> {
        cache.take_in(Event::Init);
        for object in objects {
            assert!(cache.take_in(Event::InitApply(object)).is_empty());
        }
        names(cache.take_in(Event::InitDone))
    }

    fn names(changes: Vec<Change<ConfigMapEntry>>) -> Vec<String> {
        changes.into_iter().map(|change| change.name.name).collect()
    }

    fn content(cache: &Cache<ConfigMapEntry>, name: &str) -> Option<String> {
        let entry = cache.get(&NamespacedName::new("team", name))?;
        entry.content.as_ref().map(ToString::to_string)
    }

    fn hash(text: &str) -> String {
        let hash = triptych_crds::ConfigHash::of_canonical_bytes(text.as_bytes());
        hash.to_string()
    }

    #[test]
    fn absence_proves_nothing_before_the_first_list_is_whole() {
        let cache = Cache::<ConfigMapEntry>::default();
        cache.take_in(Event::Init);
        cache.take_in(Event::InitApply(object("a", "1", 5, "{}")));
        assert!(!cache.is_synced());
        cache.take_in(Event::InitDone);
        assert!(cache.is_synced());
        assert_eq!(cache.len(), 1);
    }

    #[test]
    fn what_disappeared_while_the_watch_was_cut_is_reported_by_the_next_list() {
        let cache = listed(vec![object("a", "1", 5, "{}"), object("b", "2", 6, "{}")]);
        let changed = relist(&cache, vec![object("b", "2", 6, "{}")]);
        assert_eq!(changed, ["a"]);
        assert!(cache.get(&NamespacedName::new("team", "a")).is_none());
    }

    #[test]
    fn a_write_that_changes_nothing_that_is_kept_is_no_change() {
        let cache = listed(vec![object("a", "1", 5, "{}")]);
        let event = Event::Apply(object("a", "1", 9, "{}"));
        assert!(cache.take_in(event).is_empty());
        let event = Event::Apply(object("a", "1", 10, "{ }"));
        assert_eq!(names(cache.take_in(event)), ["a"]);
    }

    #[test]
    fn an_own_write_is_seen_at_once_and_older_events_do_not_undo_it() {
        let cache = listed(vec![object("a", "1", 5, "old")]);
        let change = cache.take_in_answer(object("a", "1", 9, "written"));
        assert!(change.is_some());
        assert!(
            cache
                .take_in(Event::Apply(object("a", "1", 7, "late")))
                .is_empty()
        );
        assert_eq!(content(&cache, "a"), Some(hash("written")));
    }

    #[test]
    fn an_own_write_is_newer_than_the_list_during_which_it_was_answered() {
        let cache = listed(vec![object("a", "1", 5, "old")]);
        cache.take_in(Event::Init);
        cache.take_in(Event::InitApply(object("a", "1", 5, "old")));
        cache.take_in_answer(object("a", "1", 9, "written"));
        assert!(cache.take_in(Event::InitDone).is_empty());
        assert_eq!(content(&cache, "a"), Some(hash("written")));
    }

    #[test]
    fn a_list_of_a_store_that_went_back_replaces_what_has_a_higher_version() {
        let cache = listed(vec![
            object("a", "1", 50, "lost"),
            object("b", "2", 51, "lost"),
        ]);
        cache.take_in_answer(object("a", "1", 60, "lost as well"));
        let changed = relist(&cache, vec![object("a", "1", 7, "of the backup")]);
        assert_eq!(changed, ["a", "b"]);
        assert_eq!(content(&cache, "a"), Some(hash("of the backup")));
        let event = Event::Apply(object("a", "1", 8, "written after it"));
        assert_eq!(names(cache.take_in(event)), ["a"]);
    }

    #[test]
    fn nothing_is_sure_between_a_failure_of_the_watch_and_the_next_list() {
        let cache = listed(vec![object("a", "1", 5, "{}")]);
        cache.interrupt();
        assert!(!cache.is_synced());
        cache.take_in(Event::Init);
        assert!(!cache.is_synced());
        cache.take_in(Event::InitDone);
        assert!(cache.is_synced());
    }

    #[test]
    fn an_answer_does_not_bring_back_what_the_watch_has_seen_deleted() {
        let cache = listed(vec![object("a", "1", 5, "old")]);
        cache.take_in(Event::Delete(object("a", "1", 8, "old")));
        assert!(
            cache
                .take_in_answer(object("a", "1", 7, "written"))
                .is_none()
        );
        assert!(cache.is_empty());
    }

    #[test]
    fn an_object_of_the_same_name_with_another_uid_is_a_change_whatever_its_version() {
        let cache = listed(vec![object("a", "1", 50, "{}")]);
        let event = Event::Apply(object("a", "2", 7, "{}"));
        assert_eq!(names(cache.take_in(event)), ["a"]);
    }

    #[test]
    fn a_namespace_is_not_mistaken_for_one_whose_name_it_starts() {
        let cache = listed(vec![object("a", "1", 5, "{}")]);
        assert_eq!(cache.in_namespace("team").len(), 1);
        assert_eq!(cache.in_namespace("tea").len(), 0);
        assert_eq!(cache.in_namespace("team-b").len(), 0);
    }
}
