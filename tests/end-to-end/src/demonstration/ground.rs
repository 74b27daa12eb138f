//! What docs/tutorial.md presupposes: a cluster, the images of this checkout, and a venue.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::core::v1::Namespace;
use kube::{Api, Client};
use serde_json::json;
use triptych_cluster::{
    cluster::Cluster,
    local_cluster::LocalCluster,
    name::ClusterName,
    progress::Progress,
    up::{UpOptions, up},
};

use super::market::Market;
use crate::{
    installation::{self, Executables, Profile, workspace},
    lab,
    manifests::Images,
    objects,
};

/// Nodes of the cluster: one for live keys, two for all else.
const NODES: u8 = 3;
/// The team's namespace, in which the venue runs.
const NAMESPACE: &str = "trading";
/// What makes the venue, in order.
const VENUE: [&str; 2] = [
    "examples/quickstart/namespace.yaml",
    "examples/three-tiers/venue.yaml",
];

/// A cluster on which the tutorial can begin.
pub struct Ground {
    /// Client of an administrator.
    pub client: Client,
    /// Folder of what belongs to the tutorial; it goes with the cluster.
    pub folder: PathBuf,
    /// The file that a reader's shell takes its variables from.
    pub environment: PathBuf,
}

impl Ground {
    /// Brings the cluster up where it is not, pushes the images, and starts the venue.
    pub async fn make(name: &ClusterName, progress: &Progress) -> Result<Self> {
        let market = Market::from_environment()?;
        progress.line("building the executables of operator and trader, linked statically");
        let executables = installation::build_executables(Profile::from_environment())?;
        progress.line(format!("bringing up a Kubernetes cluster of {NODES} nodes"));
        let options = UpOptions {
            name: name.clone(),
            nodes: NODES,
            w_node: false,
            agent: agent()?,
        };
        up(&options, progress).await?;
        let cluster = LocalCluster::open(name)?;

        progress.line("building the images and pushing them to the cluster's registry");
        let images = lab::push_images(&cluster, &executables).await?;
        let client = lab::client_of(cluster.kubeconfig()).await?;
        progress.line(format!(
            "starting the simulated venue, whose market is {}",
            market.describe()
        ));
        start_venue(&client, &cluster, &executables, &market).await?;

        let folder = cluster.directory().root().join("tutorial");
        std::fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
        let environment = folder.join("environment");
        std::fs::write(&environment, variables(&cluster, &images))
            .with_context(|| environment.display().to_string())?;
        Ok(Self {
            client,
            folder,
            environment,
        })
    }

    /// Fails where the tutorial was begun before: its commands create, and create once.
    pub async fn ensure_fresh(&self) -> Result<()> {
        let namespaces: Api<Namespace> = Api::all(self.client.clone());
        let begun = namespaces.get_opt(installation::NAMESPACE).await?;
        ensure!(
            begun.is_none(),
            "Triptych is installed on this cluster already: end the cluster with `make demo-down`, then begin again"
        );
        Ok(())
    }
}

/// Applies the simulated venue, with an image that was just built.
async fn start_venue(
    client: &Client,
    cluster: &LocalCluster,
    executables: &Executables,
    market: &Market,
) -> Result<()> {
    let image = market.push_image(cluster, executables).await?;
    for file in VENUE {
        let path = workspace().join(file);
        let yaml = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        for mut manifest in objects::documents(&yaml)? {
            if manifest["kind"] == "Deployment" {
                let container = &mut manifest["spec"]["template"]["spec"]["containers"][0];
                container["image"] = image.as_str().into();
                container["args"] = json!(market.arguments());
            }
            objects::apply(client, NAMESPACE, &manifest).await?;
        }
    }
    Ok(())
}

/// What a reader's shell needs.
fn variables(cluster: &LocalCluster, images: &Images) -> String {
    let programs = [cluster.kubectl(), cluster.helm()];
    let folders: Vec<String> = programs
        .iter()
        .filter_map(|program| program.parent())
        .map(|folder| folder.display().to_string())
        .collect();
    let kubeconfigs = cluster.kubeconfig().parent().unwrap_or(Path::new("/"));
    [
        ("KUBECONFIG", cluster.kubeconfig().display().to_string()),
        ("PATH", format!("{}:$PATH", folders.join(":"))),
        ("OPERATOR_IMAGE", images.operator.clone()),
        ("TRADER_IMAGE", images.trader.clone()),
        ("NODE_CREDENTIALS", kubeconfigs.display().to_string()),
    ]
    .iter()
    .map(|(name, value)| format!("export {name}=\"{value}\"\n"))
    .collect()
}

/// The `cluster` executable beside this one: it serves the nodes.
fn agent() -> Result<PathBuf> {
    let agent = std::env::current_exe()?.with_file_name("cluster");
    ensure!(
        agent.exists(),
        "{} is missing: run `make demo`, which builds it",
        agent.display()
    );
    agent.canonicalize().context("find the cluster executable")
}
