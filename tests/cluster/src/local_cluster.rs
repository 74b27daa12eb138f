//! A cluster that `up` started on this machine.

use std::path::{Path, PathBuf};

use futures::future::BoxFuture;

use crate::certificates::Subject;
use crate::cluster::{Capabilities, Cluster, NodeFailure};
use crate::command::run;
use crate::control_plane;
use crate::directory::{ClusterDirectory, ClusterRecord};
use crate::error::Result;
use crate::etcd_backup;
use crate::faults;
use crate::image::ImageSpec;
use crate::name::ClusterName;
use crate::registry::{ImageReference, build_and_push, push_archive};

/// A local cluster that is up.
#[derive(Clone, Debug)]
pub struct LocalCluster {
    directory: ClusterDirectory,
    record: ClusterRecord,
    kubeconfig: PathBuf,
}

impl LocalCluster {
    /// The cluster with this name; an error if it is not up.
    pub fn open(name: &ClusterName) -> Result<Self> {
        let directory = ClusterDirectory::of(name);
        let record = directory.running_record()?;
        let kubeconfig = directory.admin_kubeconfig();
        Ok(Self {
            directory,
            record,
            kubeconfig,
        })
    }

    /// Where its files are.
    pub fn directory(&self) -> &ClusterDirectory {
        &self.directory
    }

    /// What was written down about it.
    pub fn record(&self) -> &ClusterRecord {
        &self.record
    }

    /// Host and port of its registry.
    pub fn registry(&self) -> String {
        self.record.addresses.registry()
    }

    /// Path of `kubectl`, built with the cluster.
    pub fn kubectl(&self) -> PathBuf {
        self.record.executable("kubernetes", "kubectl")
    }

    /// Path of `helm`, built with the cluster.
    pub fn helm(&self) -> PathBuf {
        self.record.executable("helm", "helm")
    }

    /// Pushes an OCI layout folder or an image archive to the registry under a name.
    pub async fn push_archive(&self, path: &Path, name: &str) -> Result<ImageReference> {
        push_archive(&self.crane(), &self.registry(), path, name).await
    }

    /// Ends the API server and starts it again; it may still refuse connections afterwards.
    pub async fn restart_api_server(&self) -> Result<()> {
        faults::restart(&self.directory, &self.record, "apiserver").await
    }

    /// Copies etcd's data to a folder that does not exist yet; the API server waits meanwhile.
    pub async fn back_up_etcd(&self, backup: &Path) -> Result<()> {
        etcd_backup::back_up(&self.directory, &self.record, backup).await
    }

    /// Goes back to a backup of etcd. Everything that reads the API starts anew, but what runs in pods.
    pub async fn restore_etcd(&self, backup: &Path) -> Result<()> {
        etcd_backup::restore(&self.directory, &self.record, backup).await
    }

    /// Takes an image out of the registry, so that no node can pull it any more.
    pub async fn remove_image(&self, image: &str) -> Result<()> {
        run(self.crane(), ["delete", "--insecure", image])
            .await
            .map(drop)
    }

    fn crane(&self) -> PathBuf {
        self.record.executable("registry", "crane")
    }
}

impl Cluster for LocalCluster {
    fn describe(&self) -> String {
        format!("the local cluster {}", self.record.name)
    }

    fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            fail_nodes: true,
            audit_log: true,
            issue_users: true,
        }
    }

    fn nodes(&self) -> BoxFuture<'_, Result<Vec<String>>> {
        Box::pin(async { Ok(self.record.node_names()) })
    }

    fn push_image<'a>(&'a self, image: &'a ImageSpec) -> BoxFuture<'a, Result<ImageReference>> {
        Box::pin(async {
            let registry = self.registry();
            build_and_push(&self.crane(), &registry, image).await
        })
    }

    fn fail_node<'a>(&'a self, node: &'a str, how: NodeFailure) -> BoxFuture<'a, Result<()>> {
        Box::pin(faults::fail(&self.directory, &self.record, node, how))
    }

    fn heal_node<'a>(&'a self, node: &'a str) -> BoxFuture<'a, Result<()>> {
        Box::pin(faults::heal(&self.directory, &self.record, node))
    }

    fn audit_log(&self) -> Result<PathBuf> {
        Ok(self.directory.audit_log())
    }

    fn user_kubeconfig(&self, user: &str, groups: &[&str]) -> Result<String> {
        let subject = Subject::client(user, groups);
        control_plane::issue_kubeconfig(&self.directory, &self.record, &subject)
    }
}
