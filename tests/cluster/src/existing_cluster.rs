//! A cluster that is already there, such as one of kind or k3d.

use std::path::{Path, PathBuf};

use futures::future::BoxFuture;
use k8s_openapi::api::core::v1::Node;
use kube::Api;
use kube::api::ListParams;

use crate::client::client_from;
use crate::cluster::{Capabilities, Cluster, NodeFailure};
use crate::error::{Error, Result};
use crate::image::ImageSpec;
use crate::parts;
use crate::progress::Progress;
use crate::registry::{ImageReference, build_and_push};

/// A cluster reached through `KUBECONFIG` and a registry that its nodes pull from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExistingCluster {
    kubeconfig: PathBuf,
    registry: String,
    registry_in_cluster: String,
}

impl ExistingCluster {
    /// The cluster that `KUBECONFIG` and `REGISTRY` name.
    ///
    /// `REGISTRY` is where images are pushed to; `REGISTRY_IN_CLUSTER` is what the nodes call it,
    /// where they call it something else.
    pub fn from_environment() -> Result<Self> {
        let kubeconfig = variable("KUBECONFIG", "the path of a kubeconfig file")?;
        let registry = variable("REGISTRY", "host, port and folder of a registry to push to")?;
        let in_cluster = std::env::var("REGISTRY_IN_CLUSTER")
            .ok()
            .filter(|name| !name.is_empty());
        Ok(Self {
            kubeconfig: PathBuf::from(kubeconfig),
            registry_in_cluster: in_cluster.unwrap_or_else(|| registry.clone()),
            registry,
        })
    }

    fn cannot<T>(&self, capability: &'static str) -> Result<T> {
        Err(Error::Unsupported {
            cluster: self.describe(),
            capability,
        })
    }
}

impl Cluster for ExistingCluster {
    fn describe(&self) -> String {
        format!("the existing cluster of {}", self.kubeconfig.display())
    }

    fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::default()
    }

    fn nodes(&self) -> BoxFuture<'_, Result<Vec<String>>> {
        Box::pin(async {
            let nodes: Api<Node> = Api::all(client_from(&self.kubeconfig).await?);
            let list = nodes
                .list(&ListParams::default())
                .await
                .map_err(Error::kubernetes("list the nodes"))?;
            Ok(list
                .items
                .into_iter()
                .filter_map(|node| node.metadata.name)
                .collect())
        })
    }

    fn push_image<'a>(&'a self, image: &'a ImageSpec) -> BoxFuture<'a, Result<ImageReference>> {
        Box::pin(async {
            let crane = parts::build_one("registry", &Progress::new())
                .await?
                .join("crane");
            let pushed = build_and_push(&crane, &self.registry, image).await?;
            Ok(ImageReference {
                registry: self.registry_in_cluster.clone(),
                ..pushed
            })
        })
    }

    fn fail_node<'a>(&'a self, _node: &'a str, _how: NodeFailure) -> BoxFuture<'a, Result<()>> {
        Box::pin(async { self.cannot("make nodes fail") })
    }

    fn heal_node<'a>(&'a self, _node: &'a str) -> BoxFuture<'a, Result<()>> {
        Box::pin(async { self.cannot("heal nodes") })
    }

    fn audit_log(&self) -> Result<PathBuf> {
        self.cannot("show an audit log")
    }

    fn user_kubeconfig(&self, _user: &str, _groups: &[&str]) -> Result<String> {
        self.cannot("issue certificates for users")
    }
}

fn variable(name: &'static str, expected: &'static str) -> Result<String> {
    std::env::var(name)
        .ok()
        .filter(|value| !value.is_empty())
        .ok_or(Error::Environment {
            variable: name,
            expected,
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn existing() -> ExistingCluster {
        ExistingCluster {
            kubeconfig: "kubeconfig.yaml".into(),
            registry: "localhost:5001".into(),
            registry_in_cluster: "registry:5000".into(),
        }
    }

    #[test]
    fn what_an_existing_cluster_cannot_do_is_said_with_what_can() {
        let message = existing().audit_log().unwrap_err().to_string();
        assert!(message.contains("kubeconfig.yaml"), "{message}");
        assert!(message.contains("cluster up"), "{message}");
        assert_eq!(existing().capabilities(), Capabilities::default());
    }
}
