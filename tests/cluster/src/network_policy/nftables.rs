//! The nftables rules of a node, as text for `nft --file`.
//!
//! The hook comes after kube-proxy's address translation, so rules see the receiving pod's address
//! and port. A packet between two pods of the node passes the sender's egress chain and the
//! receiver's ingress chain: what a chain allows, it returns.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::net::Ipv4Addr;

use super::pods::PodAddress;
use super::verdicts::{Allowed, Network, Peers, PodVerdicts, Ports};

/// Name of the table.
pub(crate) const TABLE: &str = "triptych_network_policy";

/// Interfaces of pods; the node has no others of this name.
const POD_INTERFACES: &str = "\"veth*\"";

/// nft refuses longer comments.
const LONGEST_COMMENT: usize = 128;

/// The whole table for the pods of a node, replacing the one before in one transaction.
pub(crate) fn render(pods: &[&PodAddress], verdicts: &[PodVerdicts]) -> String {
    let mut text = format!("table inet {TABLE}\ndelete table inet {TABLE}\n");
    let _ = writeln!(text, "table inet {TABLE} {{");
    let known: Vec<String> = pods.iter().map(|pod| pod.address.to_string()).collect();
    let to_itself: Vec<String> = pods
        .iter()
        .map(|pod| format!("{0} . {0}", pod.address))
        .collect();
    declare(&mut text, "set known", "ipv4_addr", &known);
    declare(
        &mut text,
        "set to_itself",
        "ipv4_addr . ipv4_addr",
        &to_itself,
    );
    let judged = || pods.iter().zip(verdicts);
    let jumps = |side: &str, has_rules: fn(&PodVerdicts) -> bool| -> Vec<String> {
        judged()
            .filter(|(_, verdicts)| has_rules(verdicts))
            .map(|(pod, _)| format!("{} : jump {}", pod.address, chain_name(side, pod.address)))
            .collect()
    };
    let egress = jumps("egress", |verdicts| verdicts.egress.is_some());
    let ingress = jumps("ingress", |verdicts| verdicts.ingress.is_some());
    for (pod, verdicts) in judged() {
        render_chain(
            &mut text,
            "egress",
            "daddr",
            pod,
            verdicts.egress.as_deref(),
        );
        render_chain(
            &mut text,
            "ingress",
            "saddr",
            pod,
            verdicts.ingress.as_deref(),
        );
    }
    declare(&mut text, "map egress_of", "ipv4_addr : verdict", &egress);
    declare(&mut text, "map ingress_of", "ipv4_addr : verdict", &ingress);
    render_hooks(&mut text);
    text.push_str("}\n");
    text
}

fn render_hooks(text: &mut String) {
    let _ = write!(
        text,
        "  chain spoofed {{
    type filter hook prerouting priority raw; policy accept;
    iifname {POD_INTERFACES} fib saddr . iif oif missing drop
  }}
  chain forward {{
    type filter hook forward priority -10; policy accept;
    ct direction reply ct state established accept
    ct state related accept
    ip saddr . ip daddr @to_itself accept
    iifname {POD_INTERFACES} ip saddr != @known drop
    oifname {POD_INTERFACES} ip daddr != @known drop
    iifname {POD_INTERFACES} meta nfproto ipv6 drop
    oifname {POD_INTERFACES} meta nfproto ipv6 drop
    ip saddr vmap @egress_of
    ip daddr vmap @ingress_of
  }}
"
    );
}

/// Declares a set or map; nft takes no empty list of elements.
fn declare(text: &mut String, what: &str, kind: &str, elements: &[String]) {
    let _ = write!(text, "  {what} {{\n    type {kind}\n");
    if !elements.is_empty() {
        let _ = writeln!(text, "    elements = {{ {} }}", elements.join(", "));
    }
    text.push_str("  }\n");
}

fn render_chain(
    text: &mut String,
    side: &str,
    other: &str,
    pod: &PodAddress,
    rules: Option<&[Allowed]>,
) {
    let Some(rules) = rules else { return };
    let _ = writeln!(text, "  chain {} {{", chain_name(side, pod.address));
    let lines: BTreeSet<String> = rules
        .iter()
        .flat_map(|rule| conditions(rule, other))
        .collect();
    for line in lines {
        let _ = writeln!(text, "    {line}return");
    }
    let _ = writeln!(text, "    drop comment \"{}\"", comment(pod));
    text.push_str("  }\n");
}

/// One line for each protocol, each with a blank at its end unless it is empty.
fn conditions(rule: &Allowed, other: &str) -> Vec<String> {
    let peers = match &rule.peers {
        Peers::Anyone => String::new(),
        Peers::Pods(addresses) => format!("ip {other} {{ {} }} ", join(addresses)),
        Peers::Block { network, except } => {
            let mut text = match network.prefix {
                // nft has no notation for all addresses of one family.
                0 => "meta nfproto ipv4 ".to_owned(),
                _ => format!("ip {other} {} ", cidr(*network)),
            };
            for network in except {
                let _ = write!(text, "ip {other} != {} ", cidr(*network));
            }
            text
        }
    };
    match &rule.ports {
        Ports::All => vec![peers],
        Ports::Some(ranges) => ranges
            .iter()
            .map(|(protocol, ranges)| {
                let ranges: Vec<String> = ranges.iter().copied().map(port_range).collect();
                let keyword = protocol.keyword();
                format!("{peers}{keyword} dport {{ {} }} ", ranges.join(", "))
            })
            .collect(),
    }
}

fn port_range((first, last): (u16, u16)) -> String {
    if first == last {
        first.to_string()
    } else {
        format!("{first}-{last}")
    }
}

fn cidr(network: Network) -> String {
    format!("{}/{}", network.address, network.prefix)
}

fn join(addresses: &BTreeSet<Ipv4Addr>) -> String {
    addresses
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(", ")
}

fn chain_name(side: &str, address: Ipv4Addr) -> String {
    format!("{side}_{}", address.to_string().replace('.', "_"))
}

fn comment(pod: &PodAddress) -> String {
    format!("{}/{}", pod.namespace, pod.name)
        .chars()
        .take(LONGEST_COMMENT - 1)
        .collect()
}

#[cfg(test)]
#[path = "nftables_tests.rs"]
mod tests;
