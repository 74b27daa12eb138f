//! What the server holds: objects in memory, and their history for the watches.

use std::collections::BTreeMap;

use http::Method;
use serde_json::{Value, json};

use super::Fault;

/// Collection (`configmaps`) and `namespace/name`.
pub(super) type Key = (String, String);

/// The code of an answer that is none of success.
pub(super) struct Refusal(pub(super) u16);

/// What a store was at one time.
pub(crate) struct Backup {
    objects: BTreeMap<Key, Value>,
    version: u64,
}

/// What shall go wrong.
pub(super) struct Rule {
    pub(super) method: Method,
    pub(super) path: &'static str,
    pub(super) fault: Fault,
    pub(super) times: usize,
}

/// The objects, and all that happened to them.
#[derive(Default)]
pub(super) struct Store {
    /// By collection (`configmaps`) and `namespace/name`.
    pub(super) objects: BTreeMap<Key, Value>,
    /// Everything that happened: version, collection, event.
    history: Vec<(u64, String, Value)>,
    version: u64,
    pub(super) rules: Vec<Rule>,
    pub(super) writes: Vec<String>,
    pub(super) faults_met: usize,
    /// How often it went back to a backup.
    pub(super) restores: usize,
}

impl Store {
    pub(super) fn fault(&mut self, method: &Method, path: &str, is_watch: bool) -> Option<Fault> {
        let rule = self.rules.iter_mut().find(|rule| {
            let of_watch = matches!(rule.fault, Fault::TooOld | Fault::EndOfStream);
            rule.times > 0
                && rule.method == *method
                && path.contains(rule.path)
                && (!of_watch || is_watch)
        })?;
        rule.times -= 1;
        self.faults_met += 1;
        Some(rule.fault)
    }

    pub(super) fn list(&self, collection: &str, namespace: Option<&str>) -> Value {
        let of = |key: &Key| {
            let inside = |namespace: &str| key.1.starts_with(&format!("{namespace}/"));
            key.0 == collection && namespace.is_none_or(inside)
        };
        let items = self.objects.iter().filter(|(key, _)| of(key));
        let items: Vec<&Value> = items.map(|(_, object)| object).collect();
        json!({
            "apiVersion": "v1", "kind": "List", "items": items,
            "metadata": { "resourceVersion": self.version.to_string() },
        })
    }

    pub(super) fn put(&mut self, collection: &str, mut object: Value) -> Value {
        self.version += 1;
        let metadata = &object["metadata"];
        let text = |field: &str| metadata[field].as_str().unwrap_or_default().to_owned();
        let key = (
            collection.to_owned(),
            format!("{}/{}", text("namespace"), text("name")),
        );
        let known = self.objects.get(&key);
        let event = if known.is_some() { "MODIFIED" } else { "ADDED" };
        let uid = known.map_or_else(
            || json!(format!("uid-{}", self.version)),
            |known| known["metadata"]["uid"].clone(),
        );
        object["metadata"]["uid"] = uid;
        object["metadata"]["resourceVersion"] = json!(self.version.to_string());
        self.happened(collection, event, &object);
        self.objects.insert(key, object.clone());
        object
    }

    pub(super) fn remove(&mut self, collection: &str, name: &str) -> Option<Value> {
        let key = (collection.to_owned(), name.to_owned());
        let mut object = self.objects.remove(&key)?;
        self.version += 1;
        object["metadata"]["resourceVersion"] = json!(self.version.to_string());
        self.happened(collection, "DELETED", &object);
        Some(object)
    }

    pub(super) fn delete(&mut self, key: &Key, options: &Value) -> Result<Value, Refusal> {
        let object = self.objects.get(key).ok_or(Refusal(404))?;
        if options["preconditions"]["uid"] != object["metadata"]["uid"] {
            return Err(Refusal(409));
        }
        self.remove(&key.0, &key.1).ok_or(Refusal(404))
    }

    pub(super) fn patch(
        &mut self,
        key: &Key,
        patch: Value,
        creates: bool,
    ) -> Result<Value, Refusal> {
        let known = self.objects.get(key).cloned();
        let before = known
            .or_else(|| creates.then(|| json!({})))
            .ok_or(Refusal(404))?;
        let mut object = before.clone();
        merge(&mut object, patch);
        if object == before {
            return Ok(object);
        }
        Ok(self.put(&key.0, object))
    }

    pub(super) fn back_up(&self) -> Backup {
        Backup {
            objects: self.objects.clone(),
            version: self.version,
        }
    }

    pub(super) fn restore(&mut self, backup: &Backup) {
        self.objects = backup.objects.clone();
        self.version = backup.version;
        self.history
            .retain(|(version, _, _)| *version <= backup.version);
        self.restores += 1;
    }

    fn happened(&mut self, collection: &str, event: &str, object: &Value) {
        let event = json!({ "type": event, "object": object });
        self.history
            .push((self.version, collection.to_owned(), event));
    }

    pub(super) fn next_event(&self, collection: &str, since: u64) -> Option<(u64, Value)> {
        let mut later = self
            .history
            .iter()
            .filter(|(version, of, _)| *version > since && of == collection);
        later
            .next()
            .map(|(version, _, event)| (*version, event.clone()))
    }
}

/// RFC 7396; also in the place of server-side apply, as only one manager writes here.
fn merge(target: &mut Value, patch: Value) {
    match patch {
        Value::Object(fields) => {
            if !target.is_object() {
                *target = json!({});
            }
            for (name, field) in fields {
                if field.is_null() {
                    target.as_object_mut().expect("an object").remove(&name);
                } else {
                    merge(&mut target[name], field);
                }
            }
        }
        other => *target = other,
    }
}
