//! Pods: the traders' exact shape, an ordinary pod of a team, and alterations of both.

use serde_json::{Value, json};

use crate::ground::{W_LABEL, W_TAINT};

/// A digest where none needs to exist.
const DIGEST: &str = "sha256:0000000000000000000000000000000000000000000000000000000000000000";
/// The hash of the configuration that the traders of the attacks are made for.
pub(crate) const HASH: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

/// The pod of a trader in `trading-live-<account>`, as the operator renders it.
pub(crate) fn live(account: &str) -> Value {
    let mut pod = trader("live", "W", account);
    pod["spec"]["nodeSelector"] = json!({ W_LABEL: "W" });
    pod["spec"]["tolerations"] = json!([toleration("NoSchedule"), toleration("NoExecute")]);
    pod
}

/// The pod of a trader in `trading-demo-<account>`, as the operator renders it.
pub(crate) fn demo(account: &str) -> Value {
    let mut pod = trader("demo", "R", account);
    pod["spec"]["affinity"] = required_nodes(W_LABEL, "NotIn", &["W"]);
    pod
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

/// The pod with other values at JSON pointers; `null` takes a field away, `/-` at the end appends.
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
            let index: usize = last.parse().expect("an index");
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
        Value::Array(items) => &mut items[step.parse::<usize>().expect("an index")],
        other => &mut other[unescaped(step)],
    })
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

fn toleration(effect: &str) -> Value {
    json!({ "key": W_TAINT, "operator": "Equal", "value": "W", "effect": effect })
}

fn trader(side: &str, tier: &str, account: &str) -> Value {
    let variable = |name: &str, value: &str| json!({ "name": name, "value": value });
    let field = json!({ "name": "TRIPTYCH_POD_UID",
        "valueFrom": { "fieldRef": { "apiVersion": "v1", "fieldPath": "metadata.uid" } } });
    let probe = json!({ "httpGet": { "path": "/healthz", "port": "http", "scheme": "HTTP" } });
    json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": "trader-0",
            "labels": {
                "app.kubernetes.io/name": "trader",
                "app.kubernetes.io/managed-by": "triptych-operator",
                "triptych.trading/tier": tier,
                "triptych.trading/instance": "alpha"
            },
            "annotations": { "triptych.trading/config-hash": HASH }
        },
        "spec": {
            "serviceAccountName": "trader",
            "automountServiceAccountToken": true,
            "enableServiceLinks": false,
            "restartPolicy": "Always",
            "terminationGracePeriodSeconds": 30,
            "securityContext": pod_security(),
            "containers": [{
                "name": "trader",
                "image": format!("registry.example/trader@{DIGEST}"),
                "imagePullPolicy": "IfNotPresent",
                "command": ["/usr/local/bin/trader", "run"],
                "env": [
                    variable("TRIPTYCH_TIER", tier),
                    variable("TRIPTYCH_ACCOUNT", account),
                    variable("TRIPTYCH_CONFIG_HASH", HASH),
                    field
                ],
                "ports": [{ "name": "http", "containerPort": 8080, "protocol": "TCP" }],
                "resources": { "requests": { "cpu": "10m", "memory": "16Mi" } },
                "startupProbe": probe,
                "livenessProbe": probe,
                "readinessProbe": probe,
                "terminationMessagePath": "/dev/termination-log",
                "terminationMessagePolicy": "File",
                "securityContext": container_security(),
                "volumeMounts": [
                    { "name": "config", "mountPath": "/etc/triptych/config", "readOnly": true },
                    { "name": "keys", "mountPath": "/etc/triptych/keys", "readOnly": true },
                    { "name": "journal", "mountPath": "/var/lib/triptych" }
                ]
            }],
            "volumes": [
                { "name": "config", "configMap": {
                    "name": format!("config-{}", &HASH[..32]),
                    "items": [{ "key": "config.json", "path": "config.json" }], "defaultMode": 0o444
                } },
                { "name": "keys", "secret": {
                    "secretName": format!("{side}-{account}"), "optional": false, "defaultMode": 0o440
                } },
                { "name": "journal", "persistentVolumeClaim": { "claimName": format!("journal-{account}") } }
            ]
        }
    })
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
