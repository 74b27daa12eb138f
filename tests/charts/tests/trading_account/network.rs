//! Who reaches a trader, and what it reaches.

use serde_json::{Value, json};

use crate::rendered;

/// The egress rules of the trader of the live side.
fn egress(values: &[&str]) -> Value {
    let all = [&["live.enabled=true"], values].concat();
    let manifests = rendered("alpha", &all);
    let policy = manifests.get_in("trading-live-alpha", "NetworkPolicy", "trader");
    assert_eq!(policy["spec"]["podSelector"], traders());
    assert_eq!(policy["spec"]["policyTypes"], json!(["Egress"]));
    policy["spec"]["egress"].clone()
}

/// What selects the pods that the operator makes.
fn traders() -> Value {
    json!({ "matchLabels": {
        "app.kubernetes.io/name": "trader", "app.kubernetes.io/managed-by": "triptych-operator"
    } })
}

fn dns_ports() -> Value {
    json!([{ "port": 53, "protocol": "UDP" }, { "port": 53, "protocol": "TCP" }])
}

#[test]
fn nothing_goes_in_or_out_unless_another_policy_lets_it() {
    let manifests = rendered("alpha", &["live.enabled=true", "demo.enabled=true"]);
    let nothing = json!({ "podSelector": {}, "policyTypes": ["Ingress", "Egress"] });
    for home in ["trading-live-alpha", "trading-demo-alpha"] {
        let policy = manifests.get_in(home, "NetworkPolicy", "default-deny");
        assert_eq!(policy["spec"], nothing, "{home}");
    }
}

#[test]
fn the_operator_alone_is_let_in_and_to_the_status_port_alone() {
    let manifests = rendered("alpha", &["live.enabled=true", "demo.enabled=true"]);
    let operator = json!({
        "namespaceSelector": { "matchLabels": { "kubernetes.io/metadata.name": "triptych-system" } },
        "podSelector": { "matchLabels": { "app.kubernetes.io/name": "triptych-operator" } }
    });
    let expected = json!({
        "podSelector": traders(),
        "policyTypes": ["Ingress"],
        "ingress": [{ "from": [operator], "ports": [{ "port": 8080, "protocol": "TCP" }] }]
    });
    for home in ["trading-live-alpha", "trading-demo-alpha"] {
        let policy = manifests.get_in(home, "NetworkPolicy", "operator");
        assert_eq!(policy["spec"], expected, "{home}");
    }
}

#[test]
fn without_destinations_a_trader_reaches_api_server_and_dns_alone() {
    let dns = json!({
        "namespaceSelector": { "matchLabels": { "kubernetes.io/metadata.name": "kube-system" } },
        "podSelector": { "matchLabels": { "k8s-app": "kube-dns" } }
    });
    let expected = json!([
        {
            "to": [{ "ipBlock": { "cidr": "10.0.0.1/32" } }],
            "ports": [{ "port": 6443, "protocol": "TCP" }]
        },
        { "to": [dns], "ports": dns_ports() }
    ]);
    assert_eq!(egress(&[]), expected);
}

#[test]
fn api_server_and_dns_can_have_several_addresses_and_other_ports() {
    let egress = egress(&[
        "network.apiServer.cidrs={10.0.0.1/32,fd00::1/128}",
        "network.apiServer.port=443",
        "network.dns.cidrs={169.254.20.10/32}",
        "network.dns.port=5353",
    ]);
    let expected = json!([
        {
            "to": [{ "ipBlock": { "cidr": "10.0.0.1/32" } }, { "ipBlock": { "cidr": "fd00::1/128" } }],
            "ports": [{ "port": 443, "protocol": "TCP" }]
        },
        {
            "to": [{ "ipBlock": { "cidr": "169.254.20.10/32" } }],
            "ports": [{ "port": 5353, "protocol": "UDP" }, { "port": 5353, "protocol": "TCP" }]
        }
    ]);
    assert_eq!(egress, expected);
}

#[test]
fn a_destination_is_a_network_or_pods_of_a_namespace() {
    let egress = egress(&[
        "live.destinations[0].cidr=0.0.0.0/0",
        "live.destinations[0].except={10.0.0.0/8}",
        "live.destinations[0].ports={443,9443}",
        "live.destinations[1].namespace=egress",
        "live.destinations[1].podLabels.app=proxy",
        "live.destinations[1].ports={3128}",
        "demo.destinations[0].cidr=203.0.113.0/24",
        "demo.destinations[0].ports={80}",
    ]);
    let network = json!({
        "to": [{ "ipBlock": { "cidr": "0.0.0.0/0", "except": ["10.0.0.0/8"] } }],
        "ports": [{ "port": 443, "protocol": "TCP" }, { "port": 9443, "protocol": "TCP" }]
    });
    let pods = json!({
        "to": [{
            "namespaceSelector": { "matchLabels": { "kubernetes.io/metadata.name": "egress" } },
            "podSelector": { "matchLabels": { "app": "proxy" } }
        }],
        "ports": [{ "port": 3128, "protocol": "TCP" }]
    });
    assert_eq!(egress.as_array().unwrap()[2..], [network, pods]);
}
