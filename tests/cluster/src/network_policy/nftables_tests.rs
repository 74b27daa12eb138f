use k8s_openapi::api::core::v1::{Namespace, Pod};
use k8s_openapi::api::networking::v1::NetworkPolicy;
use serde_json::json;

use super::super::pods::World;
use super::super::verdicts;
use super::*;

fn world(name: &str, policies: &[NetworkPolicy]) -> World {
    let pod: Pod = serde_json::from_value(json!({
        "metadata": { "name": name, "namespace": "team" },
        "spec": { "nodeName": "n", "containers": [] },
        "status": { "phase": "Running", "podIP": "10.77.65.2" },
    }))
    .unwrap();
    let namespaces: [Namespace; 0] = [];
    World::new(&[pod], &namespaces, policies, |_| None)
}

fn policy(spec: &serde_json::Value) -> NetworkPolicy {
    serde_json::from_value(json!({
        "metadata": { "name": "policy", "namespace": "team" },
        "spec": spec,
    }))
    .unwrap()
}

fn rendered(world: &World) -> String {
    let pods: Vec<_> = world.pods_on("n").collect();
    let verdicts: Vec<_> = pods.iter().map(|pod| verdicts::of(pod, world)).collect();
    render(&pods, &verdicts)
}

#[test]
fn the_table_is_replaced_in_one_transaction() {
    let text = rendered(&world("trader", &[]));
    let start = format!("table inet {TABLE}\ndelete table inet {TABLE}\ntable inet {TABLE} {{\n");
    assert!(text.starts_with(&start), "{text}");
}

#[test]
fn a_free_pod_is_known_and_has_no_chain() {
    let text = rendered(&world("trader", &[]));
    assert!(text.contains("elements = { 10.77.65.2 }"), "{text}");
    assert!(
        text.contains("elements = { 10.77.65.2 . 10.77.65.2 }"),
        "{text}"
    );
    assert!(!text.contains("jump"), "{text}");
}

#[test]
fn before_any_pod_is_known_every_pod_is_cut_off() {
    let text = render(&[], &[]);
    assert!(!text.contains("elements"), "{text}");
    assert!(
        text.contains("iifname \"veth*\" ip saddr != @known drop"),
        "{text}"
    );
    assert!(
        text.contains("oifname \"veth*\" ip daddr != @known drop"),
        "{text}"
    );
}

#[test]
fn only_replies_pass_before_the_rules_are_asked() {
    let text = render(&[], &[]);
    let position = |line: &str| {
        text.find(line)
            .unwrap_or_else(|| panic!("{line} in {text}"))
    };
    assert!(
        position("ct direction reply ct state established accept")
            < position("ip saddr vmap @egress_of")
    );
    assert!(
        !text.contains("ct state established,related accept"),
        "{text}"
    );
    assert!(position("ip saddr vmap @egress_of") < position("ip daddr vmap @ingress_of"));
}

#[test]
fn a_selected_pod_has_a_chain_that_returns_what_is_allowed_and_drops_the_rest() {
    let rules = policy(&json!({
        "podSelector": {},
        "policyTypes": ["Ingress", "Egress"],
        "ingress": [{ "ports": [{ "port": 8080 }, { "port": 9000, "endPort": 9010 }] }],
        "egress": [
            { "to": [{ "podSelector": {} }] },
            {
                "to": [{ "ipBlock": { "cidr": "0.0.0.0/0", "except": ["10.77.0.0/16"] } }],
                "ports": [{ "port": 53, "protocol": "UDP" }],
            },
        ],
    }));
    let text = rendered(&world("trader", &[rules]));
    for expected in [
        "  chain ingress_10_77_65_2 {\n    tcp dport { 8080, 9000-9010 } return\n    drop comment \
         \"team/trader\"\n  }\n",
        "  chain egress_10_77_65_2 {\n    ip daddr { 10.77.65.2 } return\n    meta nfproto ipv4 ip \
         daddr != 10.77.0.0/16 udp dport { 53 } return\n    drop comment \"team/trader\"\n  }\n",
        "elements = { 10.77.65.2 : jump egress_10_77_65_2 }",
        "elements = { 10.77.65.2 : jump ingress_10_77_65_2 }",
    ] {
        assert!(text.contains(expected), "{expected}\nin\n{text}");
    }
}

#[test]
fn a_comment_is_never_longer_than_nft_takes() {
    let deny = policy(&json!({ "podSelector": {} }));
    let text = rendered(&world(&"x".repeat(253), &[deny]));
    let comment = text
        .split("comment \"")
        .nth(1)
        .unwrap()
        .split('"')
        .next()
        .unwrap();
    assert!(
        comment.len() < LONGEST_COMMENT,
        "{} characters",
        comment.len()
    );
}
