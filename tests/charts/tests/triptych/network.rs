//! Who reaches the operator, and what it reaches.

use serde_json::{Value, json};
use triptych_chart_tests::Manifests;

use crate::rendered;

fn policy(manifests: &Manifests) -> &Value {
    &manifests.get("NetworkPolicy", "triptych-operator")["spec"]
}

fn pod_labels(manifests: &Manifests) -> &Value {
    let deployment = manifests.get("Deployment", "triptych-operator");
    &deployment["spec"]["selector"]["matchLabels"]
}

#[test]
fn nothing_but_the_http_port_is_let_in() {
    let manifests = rendered(&[]);
    let policy = policy(&manifests);
    assert_eq!(policy["policyTypes"], json!(["Ingress", "Egress"]));
    assert_eq!(
        policy["podSelector"]["matchLabels"],
        *pod_labels(&manifests)
    );
    assert_eq!(
        policy["ingress"],
        json!([{ "ports": [{ "port": "http", "protocol": "TCP" }] }])
    );
}

#[test]
fn nothing_but_api_server_dns_and_traders_is_let_out() {
    let manifests = rendered(&[]);
    let expected = json!([
        { "ports": [{ "port": 443, "protocol": "TCP" }, { "port": 6443, "protocol": "TCP" }] },
        { "ports": [{ "port": 53, "protocol": "UDP" }, { "port": 53, "protocol": "TCP" }] },
        {
            "ports": [{ "port": 8080, "protocol": "TCP" }],
            "to": [{
                "namespaceSelector": {},
                "podSelector": { "matchLabels": {
                    "app.kubernetes.io/name": "trader",
                    "app.kubernetes.io/managed-by": "triptych-operator"
                } }
            }]
        }
    ]);
    assert_eq!(policy(&manifests)["egress"], expected);
}

#[test]
fn addresses_and_peers_can_be_narrowed() {
    let manifests = rendered(&[
        "networkPolicy.apiServer.cidrs={10.0.0.1/32,fd00::1/128}",
        "networkPolicy.apiServer.ports={6443}",
        "networkPolicy.dns.cidrs={169.254.20.10/32}",
        "networkPolicy.dns.port=5353",
        "networkPolicy.metricsFrom[0].namespaceSelector.matchLabels.team=monitoring",
    ]);
    let policy = policy(&manifests);
    let peers = json!([{ "namespaceSelector": { "matchLabels": { "team": "monitoring" } } }]);
    assert_eq!(policy["ingress"][0]["from"], peers);
    let api_server = json!({
        "ports": [{ "port": 6443, "protocol": "TCP" }],
        "to": [{ "ipBlock": { "cidr": "10.0.0.1/32" } }, { "ipBlock": { "cidr": "fd00::1/128" } }]
    });
    assert_eq!(policy["egress"][0], api_server);
    assert_eq!(
        policy["egress"][1]["to"],
        json!([{ "ipBlock": { "cidr": "169.254.20.10/32" } }])
    );
    assert_eq!(
        policy["egress"][1]["ports"][0],
        json!({ "port": 5353, "protocol": "UDP" })
    );
}

#[test]
fn the_policy_can_be_left_out() {
    let manifests = rendered(&["networkPolicy.enabled=false"]);
    assert_eq!(manifests.of_kind("NetworkPolicy").count(), 0);
}

#[test]
fn the_metrics_service_leads_to_the_http_port_of_the_operators_pods() {
    let manifests = rendered(&[]);
    let service = &manifests.get("Service", "triptych-operator-metrics")["spec"];
    assert_eq!(service["selector"], *pod_labels(&manifests));
    let ports = json!([{ "name": "http", "port": 8080, "targetPort": "http", "protocol": "TCP" }]);
    assert_eq!(service["ports"], ports);
}

#[test]
fn a_service_monitor_is_made_on_request_and_selects_the_metrics_service() {
    assert_eq!(rendered(&[]).of_kind("ServiceMonitor").count(), 0);
    let manifests = rendered(&[
        "serviceMonitor.enabled=true",
        "serviceMonitor.interval=15s",
        "serviceMonitor.labels.release=monitoring",
    ]);
    let monitor = manifests.get("ServiceMonitor", "triptych-operator");
    assert_eq!(monitor["metadata"]["labels"]["release"], "monitoring");
    let endpoints = json!([{ "port": "http", "path": "/metrics", "interval": "15s" }]);
    assert_eq!(monitor["spec"]["endpoints"], endpoints);
    let service = manifests.get("Service", "triptych-operator-metrics");
    for (label, value) in monitor["spec"]["selector"]["matchLabels"]
        .as_object()
        .unwrap()
    {
        assert_eq!(service["metadata"]["labels"][label], *value);
    }
}
