//! What the policies let a pod receive and send.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use k8s_openapi::api::networking::v1::{NetworkPolicy, NetworkPolicyPeer, NetworkPolicyPort};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::label_selector::matches;
use super::pods::{PodAddress, Protocol, World};

/// What a pod may receive and send; `None` where no policy says anything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct PodVerdicts {
    pub(crate) ingress: Option<Vec<Allowed>>,
    pub(crate) egress: Option<Vec<Allowed>>,
}

/// Traffic that is allowed: with these peers, on these ports of the receiving side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Allowed {
    pub(crate) peers: Peers,
    pub(crate) ports: Ports,
}

/// The other side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Peers {
    Anyone,
    Pods(BTreeSet<Ipv4Addr>),
    Block {
        network: Network,
        except: BTreeSet<Network>,
    },
}

/// Ports of the receiving side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Ports {
    /// Every port of every protocol.
    All,
    /// Ranges by protocol, sorted, not touching one another (nftables refuses those that overlap).
    Some(BTreeMap<Protocol, Vec<(u16, u16)>>),
}

/// An IPv4 network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Network {
    pub(crate) address: Ipv4Addr,
    pub(crate) prefix: u8,
}

impl Network {
    /// Reads CIDR notation; `None` for what is not IPv4, which pods here do not have.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (address, prefix) = text.split_once('/')?;
        let address: Ipv4Addr = address.parse().ok()?;
        let prefix: u8 = prefix.parse().ok().filter(|prefix| *prefix <= 32)?;
        let mask = u32::MAX.checked_shl(32 - u32::from(prefix)).unwrap_or(0);
        Some(Self {
            address: Ipv4Addr::from(u32::from(address) & mask),
            prefix,
        })
    }
}

/// Which way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Direction {
    Ingress,
    Egress,
}

/// Works out what all policies together let a pod receive and send.
pub(crate) fn of(pod: &PodAddress, world: &World) -> PodVerdicts {
    let mut verdicts = PodVerdicts::default();
    for policy in world
        .policies_of(&pod.namespace)
        .filter(|policy| selects(policy, pod))
    {
        if applies(policy, Direction::Ingress) {
            let rules = verdicts.ingress.get_or_insert_default();
            rules.extend(ingress_rules(policy, pod, world));
        }
        if applies(policy, Direction::Egress) {
            let rules = verdicts.egress.get_or_insert_default();
            rules.extend(egress_rules(policy, pod, world));
        }
    }
    verdicts
}

fn selects(policy: &NetworkPolicy, pod: &PodAddress) -> bool {
    let spec = policy.spec.as_ref();
    spec.is_some_and(|spec| {
        spec.pod_selector
            .as_ref()
            .is_none_or(|selector| matches(selector, &pod.labels))
    })
}

/// Without policyTypes a policy is about ingress, and about egress if it has rules for it.
fn applies(policy: &NetworkPolicy, direction: Direction) -> bool {
    let Some(spec) = &policy.spec else {
        return false;
    };
    let types = spec.policy_types.as_deref().unwrap_or_default();
    match direction {
        Direction::Ingress => types.is_empty() || types.iter().any(|kind| kind == "Ingress"),
        Direction::Egress if types.is_empty() => spec.egress.is_some(),
        Direction::Egress => types.iter().any(|kind| kind == "Egress"),
    }
}

fn ingress_rules(policy: &NetworkPolicy, pod: &PodAddress, world: &World) -> Vec<Allowed> {
    let rules = policy
        .spec
        .iter()
        .flat_map(|spec| spec.ingress.iter().flatten());
    rules
        .flat_map(|rule| {
            let ports = rule.ports.as_deref().unwrap_or_default();
            // A port's name means what the receiving pod calls it.
            let ports = resolve(ports, |name| pod.ports.get(name).copied());
            let peers = peers(
                rule.from.as_deref().unwrap_or_default(),
                &pod.namespace,
                world,
            );
            peers
                .into_iter()
                .filter_map(move |peers| allowed(peers, ports.clone()))
        })
        .collect()
}

fn egress_rules(policy: &NetworkPolicy, pod: &PodAddress, world: &World) -> Vec<Allowed> {
    let rules = policy
        .spec
        .iter()
        .flat_map(|spec| spec.egress.iter().flatten());
    rules
        .flat_map(|rule| {
            let ports = rule.ports.as_deref().unwrap_or_default();
            let peers = peers(
                rule.to.as_deref().unwrap_or_default(),
                &pod.namespace,
                world,
            );
            let by_number = resolve(ports, |_| None);
            let numbered: Vec<Allowed> = peers
                .iter()
                .filter_map(|peers| allowed(peers.clone(), by_number.clone()))
                .collect();
            numbered
                .into_iter()
                .chain(to_named_ports(ports, &peers, world))
                .collect::<Vec<_>>()
        })
        .collect()
}

/// A port's name means something else on each receiving pod.
fn to_named_ports(ports: &[NetworkPolicyPort], peers: &[Peers], world: &World) -> Vec<Allowed> {
    let named: Vec<NetworkPolicyPort> = ports
        .iter()
        .filter(|port| matches!(port.port, Some(IntOrString::String(_))))
        .cloned()
        .collect();
    if named.is_empty() {
        return Vec::new();
    }
    let receivers = world
        .pods()
        .iter()
        .filter(|pod| peers.iter().any(|peers| has(peers, pod)));
    receivers
        .filter_map(|pod| {
            let ports = resolve(&named, |name| pod.ports.get(name).copied());
            allowed(Peers::Pods(BTreeSet::from([pod.address])), ports)
        })
        .collect()
}

/// Blocks are about addresses outside the cluster; a name means nothing there.
fn has(peers: &Peers, pod: &PodAddress) -> bool {
    match peers {
        Peers::Anyone => true,
        Peers::Pods(addresses) => addresses.contains(&pod.address),
        Peers::Block { .. } => false,
    }
}

/// `None` if nothing is left that could be allowed.
fn allowed(peers: Peers, ports: Ports) -> Option<Allowed> {
    let nobody = matches!(&peers, Peers::Pods(addresses) if addresses.is_empty());
    let no_port = matches!(&ports, Ports::Some(ranges) if ranges.is_empty());
    (!nobody && !no_port).then_some(Allowed { peers, ports })
}

/// An empty list means everyone.
fn peers(list: &[NetworkPolicyPeer], own_namespace: &str, world: &World) -> Vec<Peers> {
    if list.is_empty() {
        return vec![Peers::Anyone];
    }
    let mut selected = BTreeSet::new();
    let mut all = Vec::new();
    for peer in list {
        if let Some(block) = &peer.ip_block {
            let except = block
                .except
                .iter()
                .flatten()
                .filter_map(|text| Network::parse(text));
            if let Some(network) = Network::parse(&block.cidr) {
                all.push(Peers::Block {
                    network,
                    except: except.collect(),
                });
            }
        } else {
            let pods = world
                .pods()
                .iter()
                .filter(|pod| is_peer(peer, pod, own_namespace, world));
            selected.extend(pods.map(|pod| pod.address));
        }
    }
    all.push(Peers::Pods(selected));
    all
}

fn is_peer(peer: &NetworkPolicyPeer, pod: &PodAddress, own_namespace: &str, world: &World) -> bool {
    let in_namespace = match &peer.namespace_selector {
        None => pod.namespace == own_namespace,
        Some(selector) => world
            .namespace_labels(&pod.namespace)
            .is_some_and(|labels| matches(selector, labels)),
    };
    let selects_something = peer.namespace_selector.is_some() || peer.pod_selector.is_some();
    let selected = peer
        .pod_selector
        .as_ref()
        .is_none_or(|selector| matches(selector, &pod.labels));
    selects_something && in_namespace && selected
}

/// Turns ports into ranges; a name that means nothing allows nothing.
fn resolve(
    ports: &[NetworkPolicyPort],
    number_of: impl Fn(&(String, Protocol)) -> Option<u16>,
) -> Ports {
    if ports.is_empty() {
        return Ports::All;
    }
    let mut ranges: BTreeMap<Protocol, Vec<(u16, u16)>> = BTreeMap::new();
    for port in ports {
        let Some(protocol) = Protocol::named(port.protocol.as_deref()) else {
            continue;
        };
        let range = match &port.port {
            None => Some((0, u16::MAX)),
            Some(IntOrString::Int(first)) => {
                let last = port.end_port.unwrap_or(*first);
                u16::try_from(*first).ok().zip(u16::try_from(last).ok())
            }
            Some(IntOrString::String(name)) => {
                number_of(&(name.clone(), protocol)).map(|number| (number, number))
            }
        };
        ranges.entry(protocol).or_default().extend(range);
    }
    ranges.retain(|_, list| !list.is_empty());
    Ports::Some(
        ranges
            .into_iter()
            .map(|(protocol, list)| (protocol, merge(list)))
            .collect(),
    )
}

/// Joins ranges that overlap or touch.
fn merge(mut ranges: Vec<(u16, u16)>) -> Vec<(u16, u16)> {
    ranges.sort_unstable();
    let mut merged: Vec<(u16, u16)> = Vec::new();
    for (first, last) in ranges {
        match merged.last_mut() {
            Some(before) if first <= before.1.saturating_add(1) => before.1 = before.1.max(last),
            _ => merged.push((first, last)),
        }
    }
    merged
}

#[cfg(test)]
#[path = "verdicts_tests.rs"]
mod tests;
