//! What tests need of a cluster, whichever it is.

use std::path::{Path, PathBuf};

use futures::future::BoxFuture;

use crate::error::Result;
use crate::existing_cluster::ExistingCluster;
use crate::image::ImageSpec;
use crate::local_cluster::LocalCluster;
use crate::registry::ImageReference;

/// What a cluster lets a test do beyond using its API.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Capabilities {
    /// Nodes can be made to fail and to come back.
    pub fail_nodes: bool,
    /// Who wrote what can be read from an audit log.
    pub audit_log: bool,
    /// Kubeconfigs for any user and groups can be issued.
    pub issue_users: bool,
}

/// How a node fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeFailure {
    /// Its kubelet and container runtime end; its containers live on.
    Agents,
    /// Its link goes down; everything on it lives on.
    Partition,
    /// Both.
    AgentsAndPartition,
    /// Everything on it ends at once, containers too.
    PowerOff,
}

/// A cluster that tests run on.
pub trait Cluster: Send + Sync {
    /// Which cluster this is, in words for messages.
    fn describe(&self) -> String;

    /// Kubeconfig of its administrator.
    fn kubeconfig(&self) -> &Path;

    /// What it lets a test do.
    fn capabilities(&self) -> Capabilities;

    /// Names of its nodes.
    fn nodes(&self) -> BoxFuture<'_, Result<Vec<String>>>;

    /// Builds an image and brings it where the cluster's nodes can pull it by its digest.
    fn push_image<'a>(&'a self, image: &'a ImageSpec) -> BoxFuture<'a, Result<ImageReference>>;

    /// Makes a node fail.
    fn fail_node<'a>(&'a self, node: &'a str, how: NodeFailure) -> BoxFuture<'a, Result<()>>;

    /// Ends every failure of a node.
    fn heal_node<'a>(&'a self, node: &'a str) -> BoxFuture<'a, Result<()>>;

    /// Where its audit log is.
    fn audit_log(&self) -> Result<PathBuf>;

    /// A kubeconfig with the identity of a user in groups (at most two).
    fn user_kubeconfig(&self, user: &str, groups: &[&str]) -> Result<String>;
}

/// The cluster that the environment names.
///
/// With `KUBECONFIG` and `REGISTRY` both set and `TRIPTYCH_CLUSTER` not set, that existing cluster;
/// else the local cluster named by `TRIPTYCH_CLUSTER`, or `triptych`, which must be up.
pub fn from_environment() -> Result<Box<dyn Cluster>> {
    let is_set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    if is_set("KUBECONFIG") && is_set("REGISTRY") && !is_set("TRIPTYCH_CLUSTER") {
        return Ok(Box::new(ExistingCluster::from_environment()?));
    }
    let name = std::env::var("TRIPTYCH_CLUSTER")
        .ok()
        .filter(|name| !name.is_empty());
    let name = name.map_or_else(
        || Ok(crate::name::ClusterName::default()),
        |name| name.parse(),
    )?;
    Ok(Box::new(LocalCluster::open(&name)?))
}
