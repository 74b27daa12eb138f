//! Objects of one namespace out of a store.

use std::{fmt::Debug, hash::Hash};

use kube::{Resource, ResourceExt, runtime::reflector::Store};

/// The objects that match.
pub(super) fn matching<K>(store: &Store<K>, matches: impl Fn(&K) -> bool) -> Vec<K>
where
    K: Resource + Clone + Debug + 'static,
    K::DynamicType: Eq + Hash + Clone,
{
    let all = store.state();
    all.iter()
        .filter(|object| matches(object))
        .map(|object| object.as_ref().clone())
        .collect()
}

/// The objects of a namespace.
pub(super) fn of_namespace<K>(store: &Store<K>, namespace: &str) -> Vec<K>
where
    K: Resource + Clone + Debug + 'static,
    K::DynamicType: Eq + Hash + Clone,
{
    matching(store, |object| {
        object.namespace().as_deref() == Some(namespace)
    })
}
