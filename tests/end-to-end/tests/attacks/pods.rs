//! Pods: the traders' as the operator renders them, an ordinary pod of a team, and alterations of both.

use k8s_openapi::api::core::v1::PodTemplateSpec;
use serde_json::{Value, json};
use triptych_crds::{ConfigHash, config_revision::Venue, trading_instance::Ledger};
use triptych_decide::pod_template::{Configuration, Environment, Identity, Knobs, Side, render};

use crate::{
    declared::WRITER,
    ground::{TEAM_SPACE, W_LABEL, W_TAINT},
};

/// A digest where none needs to exist.
const DIGEST: &str = "sha256:0000000000000000000000000000000000000000000000000000000000000000";
/// The pod of a trader in `trading-live-<account>`.
pub(crate) fn live(account: &str) -> Value {
    trader(&Environment::Live(side(account)))
}

/// The pod of a trader in `trading-demo-<account>`.
pub(crate) fn demo(account: &str) -> Value {
    trader(&Environment::Demo(side(account)))
}

/// An ordinary pod of a team.
pub(crate) fn ordinary(name: &str) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": { "name": name },
        "spec": {
            "securityContext": pod_security(),
            "containers": [{
                "name": "main",
                "image": format!("registry.example/main@{DIGEST}"),
                "securityContext": container_security()
            }]
        }
    })
}

/// The operator's pod, as the chart's Deployment makes it on W nodes.
pub(crate) fn operator(name: &str) -> Value {
    let mut pod = ordinary(name);
    pod["spec"]["serviceAccountName"] = json!("triptych-operator");
    pod["spec"]["automountServiceAccountToken"] = json!(true);
    pod["spec"]["containers"][0]["command"] = json!(["/usr/local/bin/triptych-operator"]);
    pod["spec"]["nodeSelector"] = json!({ W_LABEL: "W" });
    pod["spec"]["tolerations"] = json!([{ "key": W_TAINT, "operator": "Exists" }]);
    pod
}

/// The StatefulSet of a trader, with its pod as the template.
pub(crate) fn stateful_set(mut pod: Value) -> Value {
    let template = json!({ "metadata": pod["metadata"].take(), "spec": pod["spec"].take() });
    let mut template = template;
    if let Some(metadata) = template["metadata"].as_object_mut() {
        metadata.remove("name");
    }
    json!({
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": { "name": "trader" },
        "spec": {
            "replicas": 1,
            "serviceName": "",
            "podManagementPolicy": "Parallel",
            "updateStrategy": { "type": "OnDelete" },
            "selector": { "matchLabels": { "app.kubernetes.io/name": "trader" } },
            "template": template
        }
    })
}

/// The pod with other values at JSON pointers, in which an item of a list may stand by its name; `null`
/// takes a field away, `/-` at the end appends.
pub(crate) fn altered(mut pod: Value, changes: &[(&str, Value)]) -> Value {
    for (pointer, value) in changes {
        alter(&mut pod, pointer, value.clone());
    }
    pod
}

fn alter(pod: &mut Value, pointer: &str, value: Value) {
    let (parent, last) = pointer.rsplit_once('/').expect("a JSON pointer");
    let parent = make_way(pod, parent);
    match parent {
        Value::Array(items) if last == "-" => items.push(value),
        Value::Array(items) => {
            let index = position(items, last);
            items[index] = value;
        }
        Value::Object(fields) if value.is_null() => {
            fields.remove(&unescaped(last));
        }
        other => other[unescaped(last)] = value,
    }
}

/// Follows a pointer and makes the objects that are not there.
fn make_way<'a>(value: &'a mut Value, pointer: &str) -> &'a mut Value {
    pointer.split('/').skip(1).fold(value, |at, step| match at {
        Value::Array(items) => {
            let index = position(items, step);
            &mut items[index]
        }
        other => &mut other[unescaped(step)],
    })
}

fn position(items: &[Value], step: &str) -> usize {
    let named = || items.iter().position(|item| item["name"] == step);
    let index = step.parse().ok().or_else(named);
    index.unwrap_or_else(|| panic!("no item {step} in {items:?}"))
}

fn unescaped(step: &str) -> String {
    step.replace("~1", "/")
}

/// A required node affinity of one term.
pub(crate) fn required_nodes(label: &str, operator: &str, values: &[&str]) -> Value {
    let term =
        json!({ "matchExpressions": [{ "key": label, "operator": operator, "values": values }] });
    json!({ "nodeAffinity": {
        "requiredDuringSchedulingIgnoredDuringExecution": { "nodeSelectorTerms": [term] }
    } })
}

/// The pod of a template, under the name that the StatefulSet controller gives it.
pub(crate) fn of_template(template: &PodTemplateSpec) -> Value {
    let mut pod = serde_json::to_value(template).expect("a template is plain data");
    pod["apiVersion"] = json!("v1");
    pod["kind"] = json!("Pod");
    pod["metadata"]["name"] = json!("trader-0");
    pod
}

/// The instance for which the traders of the attacks are made.
pub(crate) fn identity() -> Identity<'static> {
    Identity {
        namespace: TEAM_SPACE,
        instance: WRITER,
        uid: "0b5f1f3e-6f0a-4c3e-9a3f-2f1c3a4b5c6d",
    }
}

/// The configuration that the traders of the attacks are made for.
pub(crate) fn configuration() -> Configuration {
    Configuration {
        revision: "first".to_owned(),
        hash: ConfigHash::of_canonical_bytes(b"{}"),
        image: format!("registry.example/trader@{DIGEST}"),
    }
}

fn trader(environment: &Environment<'_>) -> Value {
    let knobs = Knobs::default();
    of_template(&render(&identity(), &configuration(), environment, &knobs))
}

fn side(account: &str) -> Side<'_> {
    Side {
        account,
        venue: Venue::BinanceSpot,
        is_simulated: false,
        endpoints: None,
        ledger: Ledger::Embedded,
    }
}

fn pod_security() -> Value {
    json!({
        "runAsNonRoot": true, "runAsUser": 65532, "runAsGroup": 65532, "fsGroup": 65532,
        "fsGroupChangePolicy": "OnRootMismatch", "seccompProfile": { "type": "RuntimeDefault" }
    })
}

fn container_security() -> Value {
    json!({
        "allowPrivilegeEscalation": false, "privileged": false, "readOnlyRootFilesystem": true,
        "runAsNonRoot": true, "runAsUser": 65532, "runAsGroup": 65532,
        "seccompProfile": { "type": "RuntimeDefault" }, "capabilities": { "drop": ["ALL"] }
    })
}
