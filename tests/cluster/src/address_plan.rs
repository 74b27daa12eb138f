//! Which addresses a cluster uses: one /16 each, so that several live side by side.

use std::net::Ipv4Addr;

use serde::{Deserialize, Serialize};

/// Second octet of the first cluster's network.
const FIRST_OCTET: u8 = 77;

/// Most clusters that can live side by side.
pub const MAX_CLUSTERS: u8 = 100;

/// Most nodes of one cluster.
pub const MAX_NODES: u8 = 9;

/// The addresses and interface names of the cluster with a given index.
///
/// `10.N.0.0/24` is the bridge with the control plane and the nodes, `10.N.64.0/18` the pods (one
/// /24 a node) and `10.N.128.0/17` the Services, where N is 77 plus the index.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AddressPlan {
    index: u8,
}

impl AddressPlan {
    /// The plan of the cluster with this index, or `None` from [`MAX_CLUSTERS`] on.
    pub fn new(index: u8) -> Option<Self> {
        (index < MAX_CLUSTERS).then_some(Self { index })
    }

    /// The cluster's index on this machine.
    pub fn index(self) -> u8 {
        self.index
    }

    fn address(self, third: u8, fourth: u8) -> Ipv4Addr {
        Ipv4Addr::new(10, FIRST_OCTET + self.index, third, fourth)
    }

    /// Address of the bridge, where the control plane and the registry listen.
    pub fn control_plane(self) -> Ipv4Addr {
        self.address(0, 1)
    }

    /// Address of a node, counted from 1.
    pub fn node(self, number: u8) -> Ipv4Addr {
        self.address(0, 10 + number)
    }

    /// Prefix length of the network between control plane and nodes.
    pub fn bridge_prefix_length(self) -> u8 {
        24
    }

    /// The network of all pods.
    pub fn pod_network(self) -> String {
        format!("{}/18", self.address(64, 0))
    }

    /// The network of one node's pods.
    pub fn node_pod_network(self, number: u8) -> String {
        format!("{}/24", self.address(64 + number, 0))
    }

    /// The network of Services.
    pub fn service_network(self) -> String {
        format!("{}/17", self.address(128, 0))
    }

    /// The Service `kubernetes`: the first address of the Service network.
    pub fn api_service(self) -> Ipv4Addr {
        self.address(128, 1)
    }

    /// The Service of the cluster's DNS.
    pub fn dns_service(self) -> Ipv4Addr {
        self.address(128, 10)
    }

    /// Where the API server answers.
    pub fn api_server_url(self) -> String {
        format!("https://{}:6443", self.control_plane())
    }

    /// Where etcd answers.
    pub fn etcd_url(self) -> String {
        format!("https://{}:2379", self.control_plane())
    }

    /// Host and port of the cluster's image registry (plain HTTP).
    pub fn registry(self) -> String {
        format!("{}:5000", self.control_plane())
    }

    /// Name of the bridge interface on the host.
    pub fn bridge(self) -> String {
        format!("triptych{}", self.index)
    }

    /// Name of the host's end of a node's link.
    pub fn node_link(self, number: u8) -> String {
        format!("trip{}n{number}", self.index)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// Linux's limit without the terminating zero.
    const INTERFACE_NAME_LIMIT: usize = 15;

    #[test]
    fn the_first_cluster_has_the_documented_addresses() {
        let plan = AddressPlan::new(0).unwrap();
        assert_eq!(plan.control_plane().to_string(), "10.77.0.1");
        assert_eq!(plan.node(3).to_string(), "10.77.0.13");
        assert_eq!(plan.pod_network(), "10.77.64.0/18");
        assert_eq!(plan.node_pod_network(3), "10.77.67.0/24");
        assert_eq!(plan.service_network(), "10.77.128.0/17");
        assert_eq!(plan.dns_service().to_string(), "10.77.128.10");
        assert_eq!(plan.registry(), "10.77.0.1:5000");
    }

    #[test]
    fn no_two_clusters_share_an_address_or_an_interface() {
        let mut seen = BTreeSet::new();
        for index in 0..MAX_CLUSTERS {
            let plan = AddressPlan::new(index).unwrap();
            let mut names = vec![
                plan.control_plane().to_string(),
                plan.pod_network(),
                plan.service_network(),
                plan.bridge(),
            ];
            for node in 1..=MAX_NODES {
                names.push(plan.node(node).to_string());
                names.push(plan.node_pod_network(node));
                names.push(plan.node_link(node));
            }
            for name in names {
                assert!(seen.insert(name.clone()), "{name} is used twice");
            }
        }
        assert_eq!(AddressPlan::new(MAX_CLUSTERS), None);
    }

    #[test]
    fn interface_names_fit_the_kernels_limit() {
        let plan = AddressPlan::new(MAX_CLUSTERS - 1).unwrap();
        assert!(plan.bridge().len() <= INTERFACE_NAME_LIMIT);
        assert!(plan.node_link(MAX_NODES).len() <= INTERFACE_NAME_LIMIT);
    }
}
