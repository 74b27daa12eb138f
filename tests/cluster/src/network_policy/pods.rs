//! What the policies are about: pods with an address of their own, and their namespaces' labels.

use std::borrow::Borrow;
use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use k8s_openapi::api::core::v1::{Namespace, Pod};
use k8s_openapi::api::networking::v1::NetworkPolicy;
use kube::ResourceExt;

use super::label_selector::Labels;

/// A transport protocol that rules can name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Protocol {
    Tcp,
    Udp,
    Sctp,
}

impl Protocol {
    /// The protocol that an API object names; TCP if it names none.
    pub(crate) fn named(name: Option<&str>) -> Option<Self> {
        match name {
            None | Some("TCP") => Some(Self::Tcp),
            Some("UDP") => Some(Self::Udp),
            Some("SCTP") => Some(Self::Sctp),
            Some(_) => None,
        }
    }

    /// Its name in nftables.
    pub(crate) fn keyword(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
            Self::Sctp => "sctp",
        }
    }
}

/// A pod that has an address of its own and has not finished.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PodAddress {
    pub(crate) namespace: String,
    pub(crate) name: String,
    pub(crate) node: String,
    pub(crate) address: Ipv4Addr,
    pub(crate) labels: Labels,
    pub(crate) ports: BTreeMap<(String, Protocol), u16>,
    ending: bool,
}

impl PodAddress {
    /// `None` for a pod in its node's network, without an address, or finished.
    fn of(pod: &Pod, announced: impl Fn(&str) -> Option<Ipv4Addr>) -> Option<Self> {
        let spec = pod.spec.as_ref()?;
        let status = pod.status.as_ref()?;
        let finished = matches!(status.phase.as_deref(), Some("Succeeded" | "Failed"));
        if spec.host_network == Some(true) || finished {
            return None;
        }
        let containers = spec
            .containers
            .iter()
            .chain(spec.init_containers.iter().flatten());
        let ports = containers.flat_map(|container| container.ports.iter().flatten());
        let named = ports.filter_map(|port| {
            let protocol = Protocol::named(port.protocol.as_deref())?;
            let number = u16::try_from(port.container_port).ok()?;
            Some(((port.name.clone()?, protocol), number))
        });
        Some(Self {
            namespace: pod.namespace()?,
            name: pod.name_any(),
            node: spec.node_name.clone()?,
            // What its node gave it counts more than what its status says, which comes later.
            address: pod
                .uid()
                .and_then(|uid| announced(&uid))
                .or_else(|| status.pod_ip.as_ref()?.parse().ok())?,
            labels: pod.labels().clone(),
            ports: named.collect(),
            ending: pod.metadata.deletion_timestamp.is_some(),
        })
    }
}

/// Everything that decides who may talk to whom.
#[derive(Debug, Default)]
pub(crate) struct World {
    pods: Vec<PodAddress>,
    namespaces: BTreeMap<String, Labels>,
    policies: Vec<NetworkPolicy>,
}

impl World {
    /// The world as the API server has it, with the addresses that nodes announced by UID of pod.
    pub(crate) fn new<P, N, L>(
        pods: &[P],
        namespaces: &[N],
        policies: &[L],
        announced: impl Fn(&str) -> Option<Ipv4Addr>,
    ) -> Self
    where
        P: Borrow<Pod>,
        N: Borrow<Namespace>,
        L: Borrow<NetworkPolicy>,
    {
        let mut policies: Vec<NetworkPolicy> = policies
            .iter()
            .map(|policy| policy.borrow().clone())
            .collect();
        policies.sort_by_key(|policy| (policy.namespace(), policy.name_any()));
        let namespaces = namespaces
            .iter()
            .map(Borrow::borrow)
            .map(|namespace| (namespace.name_any(), namespace.labels().clone()))
            .collect();
        Self {
            pods: pods_by_address(pods, announced),
            namespaces,
            policies,
        }
    }

    /// All pods.
    pub(crate) fn pods(&self) -> &[PodAddress] {
        &self.pods
    }

    /// The pods of a node.
    pub(crate) fn pods_on(&self, node: &str) -> impl Iterator<Item = &PodAddress> {
        self.pods.iter().filter(move |pod| pod.node == node)
    }

    /// The labels of a namespace; `None` if it is not known.
    pub(crate) fn namespace_labels(&self, namespace: &str) -> Option<&Labels> {
        self.namespaces.get(namespace)
    }

    /// The policies of a namespace.
    pub(crate) fn policies_of(&self, namespace: &str) -> impl Iterator<Item = &NetworkPolicy> {
        self.policies
            .iter()
            .filter(move |policy| policy.metadata.namespace.as_deref() == Some(namespace))
    }
}

/// One pod an address: one that is ending gives way to the one that has its address next.
fn pods_by_address<P: Borrow<Pod>>(
    pods: &[P],
    announced: impl Fn(&str) -> Option<Ipv4Addr>,
) -> Vec<PodAddress> {
    let mut found: Vec<PodAddress> = pods
        .iter()
        .filter_map(|pod| PodAddress::of(pod.borrow(), &announced))
        .collect();
    found.sort_by(|a, b| {
        let key = |pod: &PodAddress| (pod.address, pod.ending);
        key(a)
            .cmp(&key(b))
            .then_with(|| (&a.namespace, &a.name).cmp(&(&b.namespace, &b.name)))
    });
    found.dedup_by_key(|pod| pod.address);
    found
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn pod(change: impl FnOnce(&mut Value)) -> Pod {
        let mut value = json!({
            "metadata": { "name": "a", "namespace": "team" },
            "spec": { "nodeName": "n", "containers": [{
                "name": "c",
                "ports": [{ "name": "http", "containerPort": 8080 }],
            }] },
            "status": { "phase": "Running", "podIP": "10.77.65.2" },
        });
        change(&mut value);
        serde_json::from_value(value).unwrap()
    }

    fn known(pods: &[Pod]) -> Vec<PodAddress> {
        known_with(pods, |_| None)
    }

    fn known_with(pods: &[Pod], announced: fn(&str) -> Option<Ipv4Addr>) -> Vec<PodAddress> {
        let none: [Namespace; 0] = [];
        let no_policies: [NetworkPolicy; 0] = [];
        World::new(pods, &none, &no_policies, announced).pods
    }

    #[test]
    fn an_announced_address_counts_before_the_status_has_one_and_over_an_old_one() {
        let announced = |uid: &str| (uid == "u-1").then_some(Ipv4Addr::new(10, 77, 65, 9));
        let new = pod(|pod| {
            pod["metadata"]["uid"] = "u-1".into();
            pod["status"] = json!({ "phase": "Pending" });
        });
        let restarted = pod(|pod| pod["metadata"]["uid"] = "u-1".into());
        for pod in [new, restarted] {
            let pods = known_with(&[pod], announced);
            assert_eq!(pods[0].address, Ipv4Addr::new(10, 77, 65, 9));
        }
    }

    #[test]
    fn a_running_pod_is_known_by_its_address_and_named_ports() {
        let pods = known(&[pod(|_| ())]);
        assert_eq!(pods[0].address, Ipv4Addr::new(10, 77, 65, 2));
        assert_eq!(pods[0].ports[&("http".to_owned(), Protocol::Tcp)], 8080);
    }

    #[test]
    fn pods_without_a_network_of_their_own_are_left_out() {
        assert!(known(&[pod(|pod| pod["spec"]["hostNetwork"] = true.into())]).is_empty());
        assert!(known(&[pod(|pod| pod["status"]["phase"] = "Succeeded".into())]).is_empty());
        assert!(known(&[pod(|pod| pod["status"]["phase"] = "Failed".into())]).is_empty());
        assert!(known(&[pod(|pod| pod["status"] = json!({}))]).is_empty());
    }

    #[test]
    fn an_address_belongs_to_its_new_pod_while_the_old_one_is_ending() {
        let old = pod(|pod| {
            pod["metadata"]["name"] = "a-old".into();
            pod["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z".into();
        });
        let new = pod(|pod| pod["metadata"]["name"] = "b-new".into());
        let pods = known(&[old, new]);
        assert_eq!(pods.len(), 1);
        assert_eq!(pods[0].name, "b-new");
    }
}
