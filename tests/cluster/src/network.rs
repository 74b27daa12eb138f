//! The bridge, and a network namespace for each node.

use std::path::Path;

use crate::address_plan::AddressPlan;
use crate::command::{run, run_words};
use crate::directory::ClusterRecord;
use crate::error::Result;

/// Creates the bridge that joins control plane and nodes.
pub(crate) async fn create_bridge(plan: AddressPlan) -> Result<()> {
    let bridge = plan.bridge();
    let address = plan.control_plane();
    let prefix = plan.bridge_prefix_length();
    run_words(&format!("ip link add {bridge} type bridge")).await?;
    run_words(&format!("ip address add {address}/{prefix} dev {bridge}")).await?;
    run_words(&format!("ip link set {bridge} up")).await?;
    Ok(())
}

/// Creates the namespace of a node, its link to the bridge and the routes to its pods.
pub(crate) async fn create_node(record: &ClusterRecord, number: u8) -> Result<()> {
    let plan = record.addresses;
    let namespace = record.name.node(number);
    let link = plan.node_link(number);
    let address = plan.node(number);
    let pods = plan.node_pod_network(number);
    run_words(&format!("ip netns add {namespace}")).await?;
    run_words(&format!(
        "ip link add {link} type veth peer name eth0 netns {namespace}"
    ))
    .await?;
    run_words(&format!("ip link set {link} master {} up", plan.bridge())).await?;
    let prefix = plan.bridge_prefix_length();
    let inside = format!("ip -n {namespace}");
    run_words(&format!("{inside} link set lo up")).await?;
    run_words(&format!("{inside} address add {address}/{prefix} dev eth0")).await?;
    run_words(&format!("{inside} link set eth0 up")).await?;
    run_words(&format!(
        "{inside} route add default via {}",
        plan.control_plane()
    ))
    .await?;
    for other in record.node_numbers().filter(|other| *other != number) {
        let network = plan.node_pod_network(other);
        run_words(&format!(
            "{inside} route add {network} via {}",
            plan.node(other)
        ))
        .await?;
    }
    run_words(&format!(
        "ip route add {pods} via {address} dev {}",
        plan.bridge()
    ))
    .await?;
    let namespace_file = format!("--net=/run/netns/{namespace}");
    let forward = "echo 1 > /proc/sys/net/ipv4/ip_forward";
    run("nsenter", [namespace_file.as_str(), "sh", "-c", forward]).await?;
    Ok(())
}

/// Takes a node's link down or up again.
pub(crate) async fn set_link(plan: AddressPlan, number: u8, up: bool) -> Result<()> {
    let state = if up { "up" } else { "down" };
    run_words(&format!("ip link set {} {state}", plan.node_link(number))).await?;
    Ok(())
}

/// Removes what `create_bridge` and `create_node` made, as far as it is there.
pub(crate) async fn remove(record: &ClusterRecord) -> Result<()> {
    for name in record.node_names() {
        if Path::new("/run/netns").join(&name).exists() {
            run_words(&format!("ip netns delete {name}")).await?;
        }
    }
    // A link ends with its namespace, but only once the kernel has cleaned that up.
    let links = record
        .node_numbers()
        .map(|number| record.addresses.node_link(number));
    for link in links.chain([record.addresses.bridge()]) {
        if interface_exists(&link) {
            let removed = run_words(&format!("ip link delete {link}")).await;
            if interface_exists(&link) {
                removed?;
            }
        }
    }
    Ok(())
}

/// Whether this machine already has the plan's bridge or an address of its network.
pub(crate) fn in_use(plan: AddressPlan, host_routes: &str) -> bool {
    let octets = plan.control_plane().octets();
    let prefix = format!("{}.{}.", octets[0], octets[1]);
    interface_exists(&plan.bridge())
        || host_routes
            .lines()
            .any(|route| route.split_whitespace().any(|w| w.starts_with(&prefix)))
}

/// The host's routes as text.
pub(crate) async fn host_routes() -> Result<String> {
    run_words("ip route show table all").await
}

fn interface_exists(name: &str) -> bool {
    Path::new("/sys/class/net").join(name).exists()
}
