//! Logs made by hand, for the tests of what breaks the invariants.

use serde_json::{Value, json};
use triptych_cluster::audit::{AuditEntry, AuditObject, AuditStatus, AuditUser};

use super::Parties;

/// The operator of these logs.
pub(super) const OPERATOR: &str = "system:serviceaccount:triptych-system:triptych-operator";
/// Who makes the pods of StatefulSets.
pub(super) const CONTROLLER: &str = "system:serviceaccount:kube-system:statefulset-controller";

/// The parties of these logs: account `alpha` of namespace `team`, with one W node, `w`.
pub(super) fn parties() -> Parties {
    Parties {
        team: "team".into(),
        account: "alpha".into(),
        w_nodes: ["w".to_owned()].into(),
        operator: OPERATOR.into(),
    }
}

/// One breach was found, and says this; `what` was done.
#[track_caller]
pub(super) fn assert_only(found: &[String], says: &str, what: &str) {
    assert!(
        found.len() == 1 && found[0].contains(says),
        "{what}: {found:?}"
    );
}

/// A log that grows by one write at a time.
#[derive(Clone, Debug, Default)]
pub(super) struct Log {
    entries: Vec<AuditEntry>,
    version: u64,
}

impl Log {
    /// A write that stores an object: `resource` may name a subresource, as `pods/status`.
    pub(super) fn put(
        &mut self,
        by: &str,
        resource: &str,
        namespace: &str,
        name: &str,
        object: Value,
    ) {
        self.put_at(self.version + 1, by, resource, namespace, name, object);
    }

    /// The same, at a place in the order of the store.
    pub(super) fn put_at(
        &mut self,
        version: u64,
        by: &str,
        resource: &str,
        namespace: &str,
        name: &str,
        mut object: Value,
    ) {
        self.version = version;
        object["metadata"]["name"] = name.into();
        object["metadata"]["resourceVersion"] = version.to_string().into();
        if object["metadata"]["uid"].is_null() {
            object["metadata"]["uid"] = format!("uid-of-{name}").into();
        }
        self.answer("patch", by, resource, namespace, name, Some(object));
    }

    /// A deletion that is carried out at once, and answered without the object.
    pub(super) fn delete(&mut self, by: &str, resource: &str, namespace: &str, name: &str) {
        let status = json!({ "kind": "Status", "status": "Success" });
        self.answer("delete", by, resource, namespace, name, Some(status));
    }

    /// Anything else that was asked for.
    pub(super) fn ask(
        &mut self,
        verb: &str,
        by: &str,
        resource: &str,
        namespace: &str,
        name: &str,
    ) {
        self.answer(verb, by, resource, namespace, name, None);
    }

    /// The entry of the last write, to be altered.
    pub(super) fn last(&mut self) -> &mut AuditEntry {
        self.entries.last_mut().expect("a write before")
    }

    /// Leaves out what was answered, as a log of a lower level does.
    pub(super) fn forget_bodies(&mut self) {
        for entry in &mut self.entries {
            entry.response_object = None;
        }
    }

    /// The log as it is read.
    pub(super) fn entries(self) -> Vec<AuditEntry> {
        self.entries
    }

    fn answer(
        &mut self,
        verb: &str,
        by: &str,
        resource: &str,
        namespace: &str,
        name: &str,
        object: Option<Value>,
    ) {
        let (resource, subresource) = resource.split_once('/').unwrap_or((resource, ""));
        let seconds = self.entries.len() % 60;
        self.entries.push(AuditEntry {
            request_received_timestamp: format!("2026-01-01T00:00:{seconds:02}.000000Z"),
            verb: verb.into(),
            user: AuditUser {
                username: by.into(),
                groups: Vec::new(),
            },
            impersonated_user: None,
            source_ips: Vec::new(),
            user_agent: None,
            request_uri: format!("/{resource}/{namespace}/{name}"),
            object_ref: Some(AuditObject {
                resource: resource.into(),
                api_group: String::new(),
                namespace: namespace.into(),
                name: name.into(),
                subresource: subresource.into(),
            }),
            response_status: Some(AuditStatus { code: 200 }),
            request_object: None,
            response_object: object,
        });
    }
}
