//! How a local cluster fares.

use k8s_openapi::api::core::v1::Node;
use kube::Api;
use kube::api::ListParams;
use serde::Serialize;

use crate::client::client_from;
use crate::directory::{ClusterDirectory, Phase};
use crate::error::Result;
use crate::name::ClusterName;
use crate::processes;
use crate::readiness::{self, node_is_ready};

/// How a cluster fares.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    /// Its name.
    pub name: ClusterName,
    /// How far `up` has come; absent if there is no cluster.
    pub phase: Option<Phase>,
    /// Where the API server answers.
    pub api_server: Option<String>,
    /// Why the API server is not ready; absent if it is.
    pub api_server_problem: Option<String>,
    /// Kubeconfig of the administrator.
    pub kubeconfig: Option<String>,
    /// Host and port of the registry.
    pub registry: Option<String>,
    /// Its nodes.
    pub nodes: Vec<NodeStatus>,
    /// Its processes.
    pub processes: Vec<ProcessStatus>,
}

/// How a node fares.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NodeStatus {
    /// Its name.
    pub name: String,
    /// Whether the API server has it as ready.
    pub ready: bool,
}

/// How a process fares.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ProcessStatus {
    /// Its name.
    pub name: String,
    /// Its number.
    pub pid: i32,
    /// Whether it runs.
    pub alive: bool,
}

/// Looks at a cluster.
pub async fn of(name: &ClusterName) -> Result<Status> {
    let directory = ClusterDirectory::of(name);
    let mut status = Status {
        name: name.clone(),
        phase: None,
        api_server: None,
        api_server_problem: None,
        kubeconfig: None,
        registry: None,
        nodes: Vec::new(),
        processes: processes_of(&directory),
    };
    let Some(record) = directory.record()? else {
        return Ok(status);
    };
    status.phase = Some(record.phase);
    status.api_server = Some(record.addresses.api_server_url());
    status.kubeconfig = Some(directory.admin_kubeconfig().display().to_string());
    status.registry = Some(record.addresses.registry());
    match ask(&directory).await {
        Ok(nodes) => status.nodes = nodes,
        Err(problem) => status.api_server_problem = Some(problem),
    }
    Ok(status)
}

fn processes_of(directory: &ClusterDirectory) -> Vec<ProcessStatus> {
    let of = |process: processes::ProcessRecord| ProcessStatus {
        alive: process.is_alive(),
        name: process.spec.name,
        pid: process.pid,
    };
    processes::recorded(directory).into_iter().map(of).collect()
}

async fn ask(directory: &ClusterDirectory) -> Result<Vec<NodeStatus>, String> {
    let client = client_from(&directory.admin_kubeconfig())
        .await
        .map_err(|error| error.to_string())?;
    readiness::api_server(&client).await?;
    let nodes: Api<Node> = Api::all(client);
    let list = nodes
        .list(&ListParams::default())
        .await
        .map_err(|error| error.to_string())?;
    let of = |node: Node| NodeStatus {
        ready: node_is_ready(&node),
        name: node.metadata.name.unwrap_or_default(),
    };
    Ok(list.items.into_iter().map(of).collect())
}
