//! K: live keys are mounted by W's pod on a W node alone, and there is at most one such pod.

use std::collections::BTreeMap;

use serde_json::Value;
use triptych_cluster::audit::AuditEntry;

use super::{
    Parties,
    history::{History, Write},
};

/// What breaks K.
pub(super) fn breaches(
    entries: &[AuditEntry],
    history: &History<'_>,
    parties: &Parties,
) -> Vec<String> {
    let pods: Vec<Write<'_>> = history
        .writes()
        .filter(|write| write.resource() == "pods" && write.subresource() != "binding")
        .collect();
    [
        secrets_asked_for(entries, parties),
        keys_elsewhere(&pods, parties),
        bound_elsewhere(entries, parties),
        on_other_nodes(&pods, parties),
        two_at_once(&pods, parties),
    ]
    .concat()
}

/// The operator has no verb on Secrets, and does not try.
fn secrets_asked_for(entries: &[AuditEntry], parties: &Parties) -> Vec<String> {
    let of_secrets = |entry: &&AuditEntry| {
        let object = entry.object_ref.as_ref();
        object.is_some_and(|object| object.resource == "secrets")
    };
    entries
        .iter()
        .filter(|entry| entry.user.username == parties.operator)
        .filter(of_secrets)
        .map(|entry| format!("K: the operator asked for a Secret: {entry}"))
        .collect()
}

/// Whoever names the live key is the trader of its sealed namespace.
fn keys_elsewhere(pods: &[Write<'_>], parties: &Parties) -> Vec<String> {
    let is_trader = |pod: &Write<'_>| {
        let labels = &pod.object["metadata"]["labels"];
        pod.namespace() == parties.live()
            && pod.name() == "trader-0"
            && labels["triptych.trading/tier"] == "W"
            && labels["app.kubernetes.io/managed-by"] == "triptych-operator"
    };
    pods.iter()
        .filter(|pod| names(&pod.object["spec"], &parties.live_key()) && !is_trader(pod))
        .map(|pod| format!("K: a pod that is not W's names the live key: {}", pod.entry))
        .collect()
}

/// Whether a text stands anywhere in a value: there are many ways to name a Secret.
fn names(value: &Value, text: &str) -> bool {
    match value {
        Value::String(found) => found == text,
        Value::Array(items) => items.iter().any(|item| names(item, text)),
        Value::Object(fields) => fields.values().any(|field| names(field, text)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

fn bound_elsewhere(entries: &[AuditEntry], parties: &Parties) -> Vec<String> {
    let live = parties.live();
    let binds = |entry: &&AuditEntry| {
        let object = entry.object_ref.as_ref();
        object.is_some_and(|object| object.namespace == live && object.subresource == "binding")
    };
    let elsewhere = |entry: &&AuditEntry| {
        let target = entry.request_object.as_ref();
        let node = target.and_then(|binding| binding["target"]["name"].as_str());
        !node.is_some_and(|node| parties.w_nodes.contains(node))
    };
    entries
        .iter()
        .filter(binds)
        .filter(elsewhere)
        .map(|entry| format!("K: a pod of {live} was bound to another node than W's: {entry}"))
        .collect()
}

fn on_other_nodes(pods: &[Write<'_>], parties: &Parties) -> Vec<String> {
    let live = parties.live();
    let node = |pod: &Write<'_>| pod.object["spec"]["nodeName"].as_str().map(str::to_owned);
    pods.iter()
        .filter(|pod| pod.namespace() == live)
        .filter_map(|pod| Some((pod, node(pod)?)))
        .filter(|(_, node)| !parties.w_nodes.contains(node))
        .map(|(pod, node)| format!("K: a pod of {live} is on node {node}: {}", pod.entry))
        .collect()
}

/// From the creation of a pod until it is gone, not only until its deletion was asked for.
fn two_at_once(pods: &[Write<'_>], parties: &Parties) -> Vec<String> {
    let live = parties.live();
    let mut alive: BTreeMap<&str, &str> = BTreeMap::new();
    let mut found = Vec::new();
    for pod in pods.iter().filter(|pod| pod.namespace() == live) {
        if pod.removes() {
            alive.remove(pod.uid());
        } else if alive.insert(pod.uid(), pod.name()).is_none() && alive.len() > 1 {
            let names: Vec<&&str> = alive.values().collect();
            found.push(format!(
                "K: {live} has the pods {names:?} at once: {}",
                pod.entry
            ));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::audit_invariants::testing::{CONTROLLER, Log, OPERATOR, assert_only, parties};

    const LIVE: &str = "trading-live-alpha";

    fn found(log: Log) -> Vec<String> {
        let entries = log.entries();
        super::breaches(&entries, &History::of(&entries), &parties())
    }

    fn trader(uid: &str) -> Value {
        json!({
            "metadata": { "uid": uid, "labels": {
                "triptych.trading/tier": "W", "app.kubernetes.io/managed-by": "triptych-operator"
            } },
            "spec": { "volumes": [{ "secret": { "secretName": "live-alpha" } }] }
        })
    }

    fn removed(uid: &str) -> Value {
        let mut pod = trader(uid);
        pod["metadata"]["deletionGracePeriodSeconds"] = 0.into();
        pod
    }

    fn bind(log: &mut Log, node: &str) {
        log.ask(
            "create",
            "system:kube-scheduler",
            "pods/binding",
            LIVE,
            "trader-0",
        );
        log.last().request_object = Some(json!({ "target": { "kind": "Node", "name": node } }));
    }

    #[test]
    fn k_holds_where_one_trader_follows_the_other_on_a_w_node() {
        let mut log = Log::default();
        log.put(CONTROLLER, "pods", LIVE, "trader-0", trader("1"));
        bind(&mut log, "w");
        log.put("system:node:w", "pods", LIVE, "trader-0", removed("1"));
        log.last().verb = "delete".into();
        log.put(CONTROLLER, "pods", LIVE, "trader-0", trader("2"));
        assert_eq!(found(log), Vec::<String>::new());
    }

    #[test]
    fn k_is_broken_by_a_second_pod_before_the_first_is_gone() {
        let mut log = Log::default();
        log.put(CONTROLLER, "pods", LIVE, "trader-0", trader("1"));
        let mut leaving = trader("1");
        leaving["metadata"]["deletionGracePeriodSeconds"] = 30.into();
        log.put(OPERATOR, "pods", LIVE, "trader-0", leaving);
        log.last().verb = "delete".into();
        log.put(CONTROLLER, "pods", LIVE, "trader-0", trader("2"));
        let found = found(log);
        assert_only(&found, "at once", "the first is leaving");
    }

    #[test]
    fn k_is_broken_by_a_second_pod_of_another_name() {
        let mut log = Log::default();
        log.put(CONTROLLER, "pods", LIVE, "trader-0", trader("1"));
        let mut other = trader("2");
        other["spec"] = json!({});
        log.put(CONTROLLER, "pods", LIVE, "trader-1", other);
        let found = found(log);
        assert_only(&found, "at once", "another name");
    }

    #[test]
    fn k_is_broken_by_whoever_else_names_the_live_key() {
        let key = "live-alpha";
        let ways = [
            json!({ "volumes": [{ "secret": { "secretName": key } }] }),
            json!({ "volumes": [{ "projected": { "sources": [{ "secret": { "name": key } }] } }] }),
            json!({ "containers": [{ "envFrom": [{ "secretRef": { "name": key } }] }] }),
            json!({ "containers": [{ "env": [{ "valueFrom": { "secretKeyRef": { "name": key } } }] }] }),
            json!({ "imagePullSecrets": [{ "name": key }] }),
        ];
        for spec in ways {
            for (namespace, name) in [
                ("team", "trader-0"),
                ("trading-demo-alpha", "trader-0"),
                (LIVE, "thief"),
            ] {
                let mut pod = trader("1");
                pod["spec"] = spec.clone();
                let mut log = Log::default();
                log.put(CONTROLLER, "pods", namespace, name, pod);
                let found = found(log);
                assert_only(&found, "names the live key", &format!("{namespace}/{name}"));
            }
        }
    }

    #[test]
    fn k_is_broken_by_a_live_trader_on_another_node() {
        let mut log = Log::default();
        log.put(CONTROLLER, "pods", LIVE, "trader-0", trader("1"));
        bind(&mut log, "r");
        let mut placed = trader("1");
        placed["spec"]["nodeName"] = "r".into();
        log.put("system:node:r", "pods/status", LIVE, "trader-0", placed);
        let found = found(log);
        assert!(found.len() == 2, "{found:?}");
        assert!(found[0].contains("was bound to another node"), "{found:?}");
        assert!(found[1].contains("is on node r"), "{found:?}");
    }

    #[test]
    fn k_is_broken_by_an_operator_that_asks_for_a_secret() {
        for verb in ["get", "list", "watch", "create", "delete"] {
            let mut log = Log::default();
            log.ask(verb, OPERATOR, "secrets", LIVE, "live-alpha");
            log.ask(verb, "carol", "secrets", LIVE, "live-alpha");
            assert_eq!(found(log).len(), 1, "{verb}");
        }
    }
}
