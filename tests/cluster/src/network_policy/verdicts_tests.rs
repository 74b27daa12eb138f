use k8s_openapi::api::core::v1::{Namespace, Pod};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn pod(namespace: &str, name: &str, address: &str, labels: &Value, ports: &Value) -> Pod {
    serde_json::from_value(json!({
        "metadata": { "name": name, "namespace": namespace, "labels": labels },
        "spec": { "nodeName": "n", "containers": [{ "name": "c", "ports": ports }] },
        "status": { "phase": "Running", "podIP": address },
    }))
    .unwrap()
}

/// Namespace `team` has `trader` (10.0.0.1) and `feed` (10.0.0.2), namespace `other` has `probe`
/// (10.0.0.3).
fn world(policy_spec: &Value) -> World {
    let http = json!([{ "name": "http", "containerPort": 8080 }]);
    let other_http = json!([{ "name": "http", "containerPort": 9090 }]);
    let (trader, feed) = (json!({ "app": "trader" }), json!({ "app": "feed" }));
    let pods = [
        pod("team", "trader", "10.0.0.1", &trader, &http),
        pod("team", "feed", "10.0.0.2", &feed, &other_http),
        pod("other", "probe", "10.0.0.3", &feed, &json!([])),
    ];
    let namespaces = ["team", "other"].map(|name| {
        let labels = json!({ "kubernetes.io/metadata.name": name });
        serde_json::from_value::<Namespace>(json!({
            "metadata": { "name": name, "labels": labels },
        }))
        .unwrap()
    });
    let policy: NetworkPolicy = serde_json::from_value(json!({
        "metadata": { "name": "policy", "namespace": "team" },
        "spec": policy_spec,
    }))
    .unwrap();
    World::new(&pods, &namespaces, &[policy], |_| None)
}

fn verdicts_of(name: &str, policy_spec: &Value) -> PodVerdicts {
    let world = world(policy_spec);
    of(
        world.pods().iter().find(|pod| pod.name == name).unwrap(),
        &world,
    )
}

fn pods(addresses: &[&str]) -> Peers {
    Peers::Pods(
        addresses
            .iter()
            .map(|address| address.parse().unwrap())
            .collect(),
    )
}

fn tcp(ranges: &[(u16, u16)]) -> Ports {
    Ports::Some(BTreeMap::from([(Protocol::Tcp, ranges.to_vec())]))
}

const TRADER: &str = "trader";

fn about_trader(rest: Value) -> Value {
    let mut spec = json!({ "podSelector": { "matchLabels": { "app": "trader" } } });
    if let (Value::Object(spec), Value::Object(rest)) = (&mut spec, rest) {
        spec.extend(rest);
    }
    spec
}

#[test]
fn a_pod_that_no_policy_selects_is_free() {
    let spec = about_trader(json!({ "policyTypes": ["Ingress", "Egress"] }));
    assert_eq!(verdicts_of("feed", &spec), PodVerdicts::default());
    assert_eq!(
        verdicts_of("probe", &json!({ "podSelector": {} })),
        PodVerdicts::default()
    );
}

#[test]
fn default_deny_allows_nothing_either_way() {
    let spec = about_trader(json!({ "policyTypes": ["Ingress", "Egress"] }));
    let expected = PodVerdicts {
        ingress: Some(vec![]),
        egress: Some(vec![]),
    };
    assert_eq!(verdicts_of(TRADER, &spec), expected);
}

#[test]
fn policy_types_decide_which_way_a_policy_is_about() {
    let cases = [
        (json!({}), (true, false)),
        (json!({ "egress": [] }), (true, true)),
        (
            json!({ "policyTypes": ["Egress"], "ingress": [{}] }),
            (false, true),
        ),
        (
            json!({ "policyTypes": ["Ingress"], "egress": [{}] }),
            (true, false),
        ),
    ];
    for (rest, expected) in cases {
        let verdicts = verdicts_of(TRADER, &about_trader(rest.clone()));
        let found = (verdicts.ingress.is_some(), verdicts.egress.is_some());
        assert_eq!(found, expected, "{rest}");
    }
}

#[test]
fn an_empty_rule_allows_everyone_on_every_port() {
    let verdicts = verdicts_of(TRADER, &about_trader(json!({ "ingress": [{}] })));
    let everything = Allowed {
        peers: Peers::Anyone,
        ports: Ports::All,
    };
    assert_eq!(verdicts.ingress, Some(vec![everything]));
}

#[test]
fn peers_are_selected_by_pod_namespace_or_both() {
    let feed = json!({ "matchLabels": { "app": "feed" } });
    let other = json!({ "matchLabels": { "kubernetes.io/metadata.name": "other" } });
    let cases = [
        (json!({ "podSelector": feed }), pods(&["10.0.0.2"])),
        (
            json!({ "podSelector": {} }),
            pods(&["10.0.0.1", "10.0.0.2"]),
        ),
        (json!({ "namespaceSelector": other }), pods(&["10.0.0.3"])),
        (
            json!({ "namespaceSelector": {} }),
            pods(&["10.0.0.1", "10.0.0.2", "10.0.0.3"]),
        ),
        (
            json!({ "namespaceSelector": other, "podSelector": feed }),
            pods(&["10.0.0.3"]),
        ),
    ];
    for (peer, expected) in cases {
        let spec = about_trader(json!({ "ingress": [{ "from": [peer] }] }));
        let allowed = Allowed {
            peers: expected,
            ports: Ports::All,
        };
        assert_eq!(
            verdicts_of(TRADER, &spec).ingress,
            Some(vec![allowed]),
            "{peer}"
        );
    }
}

#[test]
fn peers_that_select_nobody_allow_nobody() {
    let nobody = json!({ "podSelector": { "matchLabels": { "app": "none" } } });
    let spec = about_trader(json!({ "ingress": [{ "from": [nobody] }] }));
    assert_eq!(verdicts_of(TRADER, &spec).ingress, Some(vec![]));
}

#[test]
fn a_block_keeps_its_exceptions_and_one_of_the_other_family_allows_nothing() {
    let block = json!({ "ipBlock": { "cidr": "10.1.2.3/8", "except": ["10.77.0.0/16"] } });
    let ipv6 = json!({ "ipBlock": { "cidr": "fd00::/8" } });
    let rule = json!({ "to": [block, ipv6], "ports": [{ "port": 443 }] });
    let spec = about_trader(json!({ "policyTypes": ["Egress"], "egress": [rule] }));
    let expected = Allowed {
        peers: Peers::Block {
            network: Network {
                address: Ipv4Addr::new(10, 0, 0, 0),
                prefix: 8,
            },
            except: BTreeSet::from([Network {
                address: Ipv4Addr::new(10, 77, 0, 0),
                prefix: 16,
            }]),
        },
        ports: tcp(&[(443, 443)]),
    };
    assert_eq!(verdicts_of(TRADER, &spec).egress, Some(vec![expected]));
}

#[test]
fn a_named_port_is_the_receiving_pods() {
    let ports = json!([{ "port": "http" }]);
    let received = about_trader(json!({ "ingress": [{ "ports": ports }] }));
    let expected = Allowed {
        peers: Peers::Anyone,
        ports: tcp(&[(8080, 8080)]),
    };
    assert_eq!(verdicts_of(TRADER, &received).ingress, Some(vec![expected]));

    let rule = json!({ "to": [{ "namespaceSelector": {} }], "ports": ports });
    let sent = about_trader(json!({ "policyTypes": ["Egress"], "egress": [rule] }));
    let expected = vec![
        Allowed {
            peers: pods(&["10.0.0.1"]),
            ports: tcp(&[(8080, 8080)]),
        },
        Allowed {
            peers: pods(&["10.0.0.2"]),
            ports: tcp(&[(9090, 9090)]),
        },
    ];
    assert_eq!(verdicts_of(TRADER, &sent).egress, Some(expected));
}

#[test]
fn ports_have_a_protocol_a_number_or_a_range() {
    let cases = [
        (
            json!([{ "port": 53, "protocol": "UDP" }]),
            Protocol::Udp,
            vec![(53, 53)],
        ),
        (
            json!([{ "protocol": "SCTP" }]),
            Protocol::Sctp,
            vec![(0, u16::MAX)],
        ),
        (
            json!([{ "port": 8000, "endPort": 8010 }]),
            Protocol::Tcp,
            vec![(8000, 8010)],
        ),
        (
            json!([{ "port": 8000, "endPort": 8010 }, { "port": 8005, "endPort": 8020 }]),
            Protocol::Tcp,
            vec![(8000, 8020)],
        ),
    ];
    for (ports, protocol, ranges) in cases {
        let spec = about_trader(json!({ "ingress": [{ "ports": ports }] }));
        let ports = Ports::Some(BTreeMap::from([(protocol, ranges)]));
        let expected = Allowed {
            peers: Peers::Anyone,
            ports,
        };
        assert_eq!(verdicts_of(TRADER, &spec).ingress, Some(vec![expected]));
    }
}

#[test]
fn a_name_that_means_nothing_allows_nothing() {
    let rule = json!({ "ports": [{ "port": "metrics" }] });
    let spec = about_trader(json!({ "ingress": [rule] }));
    assert_eq!(verdicts_of(TRADER, &spec).ingress, Some(vec![]));
}

proptest! {
    #[test]
    fn merged_ranges_hold_the_same_ports_and_never_touch(
        ranges in prop::collection::vec((any::<u16>(), 0_u16..300), 0..20),
        port in any::<u16>(),
    ) {
        let ranges: Vec<(u16, u16)> =
            ranges.into_iter().map(|(first, more)| (first, first.saturating_add(more))).collect();
        let merged = merge(ranges.clone());
        let within = |list: &[(u16, u16)]| list.iter().any(|(a, b)| (*a..=*b).contains(&port));
        prop_assert_eq!(within(&merged), within(&ranges));
        for pair in merged.windows(2) {
            prop_assert!(u32::from(pair[0].1) + 1 < u32::from(pair[1].0));
        }
    }
}
