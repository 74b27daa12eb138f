//! What is there in the end, without what differs from run to run.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Debug,
};

use anyhow::Result;
use k8s_openapi::{
    NamespaceResourceScope,
    api::{
        apps::v1::StatefulSet,
        core::v1::{ConfigMap, PersistentVolumeClaim, Pod},
    },
};
use kube::{Api, Client, Resource, api::ListParams};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use triptych_crds::TradingInstance;

/// Parts of the names of annotations and labels that say which object it is, or repeat the whole template.
const IDENTIFIERS: [&str; 3] = ["rendered-template", "instance-uid", "instance-namespace"];

/// Objects by their place, kind and name.
pub(crate) type End = BTreeMap<String, Value>;

/// A namespace that is looked at.
pub(crate) struct Place {
    /// How it is called in an [`End`]: its name is another in each run.
    pub(crate) called: &'static str,
    /// Its name.
    pub(crate) namespace: String,
}

/// What is in these places.
pub(crate) async fn of(client: &Client, places: &[Place]) -> Result<End> {
    let mut end = End::new();
    for place in places {
        let mut found = Found {
            client,
            place,
            end: &mut end,
        };
        found.collect::<ConfigMap>("ConfigMap").await?;
        found
            .collect::<PersistentVolumeClaim>("PersistentVolumeClaim")
            .await?;
        found.collect::<StatefulSet>("StatefulSet").await?;
        found.collect::<Pod>("Pod").await?;
        found.collect::<TradingInstance>("TradingInstance").await?;
    }
    end.retain(|name, _| !name.ends_with("ConfigMap/kube-root-ca.crt"));
    Ok(end)
}

/// What is looked at, and what was found so far.
struct Found<'a> {
    client: &'a Client,
    place: &'a Place,
    end: &'a mut End,
}

impl Found<'_> {
    async fn collect<K>(&mut self, kind: &str) -> Result<()>
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>
            + Clone
            + Serialize
            + DeserializeOwned
            + Debug,
    {
        let all: Api<K> = Api::namespaced(self.client.clone(), &self.place.namespace);
        for object in all.list(&ListParams::default()).await? {
            let mut value = serde_json::to_value(object)?;
            let name = value["metadata"]["name"].as_str().unwrap_or_default();
            let name = format!("{}{kind}/{name}", self.place.called);
            self.end.insert(name, essence(kind, &mut value));
        }
        Ok(())
    }
}

/// Whether the operator waits for nothing more.
pub(crate) fn is_settled(instance: &TradingInstance) -> bool {
    let conditions = instance.status.as_ref().map(|status| &status.conditions);
    conditions.is_some_and(|all| {
        all.iter()
            .any(|one| one.type_ == "Progressing" && one.status == "False")
    })
}

/// What of an object must be the same in every run: no identifiers, no times, nothing that the cluster added.
fn essence(kind: &str, value: &mut Value) -> Value {
    let metadata = &value["metadata"];
    let kept = json!({ "labels": metadata["labels"], "annotations": metadata["annotations"] });
    let own = match kind {
        "ConfigMap" => value["data"].take(),
        "PersistentVolumeClaim" => value["spec"]["resources"].take(),
        "StatefulSet" => {
            json!({ "replicas": value["spec"]["replicas"], "template": value["spec"]["template"] })
        }
        "Pod" => json!({
            "image": value["spec"]["containers"][0]["image"],
            "hash": metadata["annotations"]["triptych.trading/config-hash"]
        }),
        _ => {
            let status = &value["status"];
            let conditions: BTreeMap<String, String> = status["conditions"]
                .as_array()
                .into_iter()
                .flatten()
                .map(|one| {
                    (
                        one["type"].to_string(),
                        format!("{} {}", one["status"], one["reason"]),
                    )
                })
                .collect();
            json!({
                "phase": status["phase"], "inSync": status["inSync"], "hash": status["running"]["hash"],
                "restarted": status["restarted"], "tradingState": status["tradingState"],
                "halt": status["halt"]["source"], "proven": status["proven"], "conditions": conditions
            })
        }
    };
    // Times, UIDs and the cluster's own annotations differ between runs.
    let kept = if matches!(kind, "ConfigMap" | "StatefulSet") {
        without_identifiers(kept)
    } else {
        Value::Null
    };
    json!({ "metadata": kept, "own": without_identifiers(own) })
}

fn without_identifiers(value: Value) -> Value {
    match value {
        Value::Object(fields) => fields
            .into_iter()
            .filter(|(name, _)| {
                !IDENTIFIERS.iter().any(|part| name.contains(part)) && name != "uid"
            })
            .map(|(name, field)| {
                let identifier = field["name"] == "TRIPTYCH_INSTANCE_UID"
                    || field["name"] == "TRIPTYCH_NAMESPACE";
                (
                    name,
                    if identifier {
                        Value::Null
                    } else {
                        without_identifiers(field)
                    },
                )
            })
            .collect(),
        Value::Array(items) => items
            .into_iter()
            .filter(|item| {
                item["name"] != "TRIPTYCH_INSTANCE_UID" && item["name"] != "TRIPTYCH_NAMESPACE"
            })
            .map(without_identifiers)
            .collect(),
        other => other,
    }
}

/// What differs between two ends, in lines.
pub(crate) fn difference(expected: &End, found: &End) -> String {
    let names: BTreeSet<&String> = expected.keys().chain(found.keys()).collect();
    names
        .into_iter()
        .filter(|name| expected.get(*name) != found.get(*name))
        .map(|name| {
            format!(
                "{name}\n  expected {:?}\n  found    {:?}",
                expected.get(name),
                found.get(name)
            )
        })
        .collect::<Vec<_>>()
        .join("\n")
}
