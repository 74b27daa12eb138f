//! Which part of the cluster this operator looks after: all of it, or some namespaces.

use std::{collections::BTreeSet, sync::Arc};

use kube::{ResourceExt, runtime::watcher::Event};
use triptych_decide::side::SideName;

/// The namespaces that are looked at.
#[derive(Clone, Debug)]
pub struct Scope(Option<Arc<BTreeSet<String>>>);

impl Scope {
    /// These namespaces; all of them where none is named.
    pub fn of(namespaces: &[String]) -> Self {
        let named: BTreeSet<String> = namespaces.iter().cloned().collect();
        Self((!named.is_empty()).then(|| Arc::new(named)))
    }

    /// Whether an event of a watch is about something in scope.
    pub fn concerns<K: ResourceExt>(&self, event: &Event<K>) -> bool {
        match event {
            Event::Apply(object) | Event::Delete(object) | Event::InitApply(object) => {
                self.includes(object)
            }
            Event::Init | Event::InitDone => true,
        }
    }

    /// An account is in no namespace: it is in scope where a sealed namespace of it is.
    fn includes(&self, object: &impl ResourceExt) -> bool {
        let Some(namespaces) = &self.0 else {
            return true;
        };
        match object.namespace() {
            Some(namespace) => namespaces.contains(&namespace),
            None => SideName::BOTH
                .into_iter()
                .any(|side| namespaces.contains(&side.namespace(&object.name_any()))),
        }
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::Pod;
    use kube::core::DynamicObject;
    use serde_json::json;

    use super::*;

    fn includes(scope: &[&str], namespace: Option<&str>, name: &str) -> bool {
        let scope: Vec<String> = scope.iter().map(|&one| one.to_owned()).collect();
        let object: DynamicObject = serde_json::from_value(json!({
            "apiVersion": "v1", "kind": "Any", "metadata": { "namespace": namespace, "name": name },
        }))
        .expect("an object");
        Scope::of(&scope).includes(&object)
    }

    #[test]
    fn a_scope_of_namespaces_has_what_is_in_them_and_their_accounts() {
        let cases = [
            (&[][..], Some("team"), "a", true),
            (&[], None, "alpha", true),
            (&["team"], Some("team"), "a", true),
            (&["team"], Some("other"), "a", false),
            (&["team"], None, "team", false),
            (&["team", "trading-demo-alpha"], None, "alpha", true),
            (&["trading-live-alpha"], None, "alpha", true),
            (&["trading-live-alpha"], None, "alph", false),
        ];
        for (scope, namespace, name, expected) in cases {
            assert_eq!(
                includes(scope, namespace, name),
                expected,
                "{scope:?}: {namespace:?} {name}"
            );
        }
    }

    #[test]
    fn a_list_begins_and_ends_whatever_is_in_it() {
        let scope = Scope::of(&["team".to_owned()]);
        assert!(scope.concerns(&Event::<Pod>::Init));
        assert!(scope.concerns(&Event::<Pod>::InitDone));
    }
}
