//! What was written into the store, in the order in which it was written.

use serde_json::Value;
use triptych_cluster::audit::AuditEntry;

/// Every write that the API server carried out and that is logged with bodies.
#[derive(Clone, Debug)]
pub(super) struct History<'a>(Vec<Write<'a>>);

/// One write.
#[derive(Clone, Copy, Debug)]
pub(super) struct Write<'a> {
    /// Who asked for what.
    pub(super) entry: &'a AuditEntry,
    /// The object as it was stored; null where it is gone.
    pub(super) object: &'a Value,
    version: u64,
}

impl<'a> History<'a> {
    /// The order of a log is that of answers. The order of writes is that of `resourceVersion`, which
    /// counts the writes of the whole store; a deletion whose answer has none stands behind what was
    /// answered before it.
    pub(super) fn of(entries: &'a [AuditEntry]) -> Self {
        let mut newest = 0;
        let mut writes = Vec::new();
        for entry in entries.iter().filter(|entry| was_carried_out(entry)) {
            let object = entry.response_object.as_ref().unwrap_or(&Value::Null);
            let version = object["metadata"]["resourceVersion"].as_str();
            match version.and_then(|version| version.parse().ok()) {
                Some(version) => {
                    newest = newest.max(version);
                    writes.push(Write {
                        entry,
                        object,
                        version,
                    });
                }
                None if entry.verb == "delete" => writes.push(Write {
                    entry,
                    object: &Value::Null,
                    version: newest,
                }),
                None => {}
            }
        }
        writes.sort_by_key(|write| write.version);
        Self(writes)
    }

    /// The writes, the oldest first.
    pub(super) fn writes(&self) -> impl Iterator<Item = Write<'a>> {
        self.0.iter().copied()
    }
}

impl<'a> Write<'a> {
    /// Plural name of the resource.
    pub(super) fn resource(self) -> &'a str {
        self.part(|object| &object.resource)
    }

    /// Namespace of the object.
    pub(super) fn namespace(self) -> &'a str {
        self.part(|object| &object.namespace)
    }

    /// Name of the object, also where the server chose it.
    pub(super) fn name(self) -> &'a str {
        let stored = self.object["metadata"]["name"].as_str();
        stored.unwrap_or_else(|| self.part(|object| &object.name))
    }

    /// Such as `status`; empty for the object itself.
    pub(super) fn subresource(self) -> &'a str {
        self.part(|object| &object.subresource)
    }

    /// UID of the object.
    pub(super) fn uid(self) -> &'a str {
        self.object["metadata"]["uid"].as_str().unwrap_or_default()
    }

    /// Whether the object is gone by this write, not only on its way.
    pub(super) fn removes(self) -> bool {
        let grace = &self.object["metadata"]["deletionGracePeriodSeconds"];
        let on_its_way = !self.object.is_null() && grace.as_u64() != Some(0);
        self.entry.verb == "delete" && !on_its_way
    }

    /// An annotation of the object.
    pub(super) fn annotation(self, key: &str) -> Option<&'a str> {
        self.object["metadata"]["annotations"][key].as_str()
    }

    fn part(self, of: impl Fn(&'a triptych_cluster::audit::AuditObject) -> &'a String) -> &'a str {
        self.entry
            .object_ref
            .as_ref()
            .map_or("", |object| of(object))
    }
}

fn was_carried_out(entry: &AuditEntry) -> bool {
    let code = entry
        .response_status
        .as_ref()
        .map_or(0, |status| status.code);
    let is_write = matches!(
        entry.verb.as_str(),
        "create" | "update" | "patch" | "delete"
    );
    is_write && (200..300).contains(&code) && !entry.request_uri.contains("dryRun=")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::audit_invariants::testing::Log;

    fn order(log: Log) -> Vec<String> {
        let entries = log.entries();
        let history = History::of(&entries);
        history
            .writes()
            .map(|write| write.name().to_owned())
            .collect()
    }

    #[test]
    fn writes_are_in_the_order_of_the_store_and_not_in_that_of_answers() {
        let mut log = Log::default();
        log.put_at(7, "alice", "pods", "team", "second", json!({}));
        log.put_at(5, "alice", "pods", "team", "first", json!({}));
        log.delete("alice", "pods", "team", "third");
        log.put_at(9, "alice", "pods", "team", "fourth", json!({}));
        assert_eq!(order(log), ["first", "second", "third", "fourth"]);
    }

    #[test]
    fn what_was_refused_or_only_tried_was_not_written() {
        let mut log = Log::default();
        log.put_at(5, "alice", "pods", "team", "done", json!({}));
        log.put_at(6, "alice", "pods", "team", "tried", json!({}));
        log.last().request_uri.push_str("?dryRun=All");
        log.put_at(7, "alice", "pods", "team", "refused", json!({}));
        log.last().response_status = Some(triptych_cluster::audit::AuditStatus { code: 403 });
        assert_eq!(order(log), ["done"]);
    }

    #[test]
    fn a_pod_is_removed_when_its_grace_is_over() {
        for (grace, removed) in [(Some(30), false), (None, false), (Some(0), true)] {
            let mut log = Log::default();
            let object = json!({ "metadata": { "deletionGracePeriodSeconds": grace } });
            log.put_at(5, "alice", "pods", "team", "a", object);
            log.last().verb = "delete".into();
            let entries = log.entries();
            let history = History::of(&entries);
            let all: Vec<bool> = history.writes().map(Write::removes).collect();
            assert_eq!(all, [removed], "{grace:?}");
        }
    }
}
