//! What befalls nodes, and its end.

use std::time::{Duration, Instant};

use crate::cgroups::ControlGroups;
use crate::cluster::NodeFailure;
use crate::directory::{ClusterDirectory, ClusterRecord};
use crate::error::{Error, Result};
use crate::node::process_name;
use crate::{network, processes};

/// Processes of a node in the order in which they start.
const NODE_PROCESSES: [&str; 4] = ["network-policy", "containerd", "kubelet", "kube-proxy"];

/// Longest wait for a container runtime to answer again.
const RUNTIME_WITHIN: Duration = Duration::from_secs(30);

/// Makes a node fail.
pub(crate) async fn fail(
    directory: &ClusterDirectory,
    record: &ClusterRecord,
    node: &str,
    how: NodeFailure,
) -> Result<()> {
    let number = record.node_number(node)?;
    if matches!(
        how,
        NodeFailure::Partition | NodeFailure::AgentsAndPartition
    ) {
        network::set_link(record.addresses, number, false).await?;
    }
    if matches!(how, NodeFailure::Agents | NodeFailure::AgentsAndPartition) {
        for program in ["kubelet", "containerd"] {
            let process = processes::record_of(directory, &process_name(number, program))?;
            processes::stop(&process).await?;
        }
    }
    if how == NodeFailure::PowerOff {
        // First off the network: nothing that dies may say goodbye.
        network::set_link(record.addresses, number, false).await?;
        let groups = ControlGroups::of(&record.name)?;
        groups.kill(&groups.node_services(number)).await?;
        groups.kill(&groups.node_pods(number)).await?;
    }
    Ok(())
}

/// Brings a node's link up and starts whichever of its processes do not run.
pub(crate) async fn heal(
    directory: &ClusterDirectory,
    record: &ClusterRecord,
    node: &str,
) -> Result<()> {
    let number = record.node_number(node)?;
    let groups = ControlGroups::of(&record.name)?;
    network::set_link(record.addresses, number, true).await?;
    for program in NODE_PROCESSES {
        let process = processes::record_of(directory, &process_name(number, program))?;
        if !process.is_alive() {
            processes::start(directory, &groups, &process.spec)?;
        }
        if program == "containerd" {
            wait_for_runtime(directory, number).await?;
        }
    }
    Ok(())
}

/// A kubelet that finds no container runtime gives up.
async fn wait_for_runtime(directory: &ClusterDirectory, number: u8) -> Result<()> {
    let socket = directory.node_sockets(number).join("containerd.sock");
    let started = Instant::now();
    while let Err(error) = tokio::net::UnixStream::connect(&socket).await {
        if started.elapsed() > RUNTIME_WITHIN {
            return Err(Error::NotReady {
                what: "containerd".to_owned(),
                waited: RUNTIME_WITHIN,
                reason: error.to_string(),
                log: crate::directory::log_tail(
                    &directory.log(&process_name(number, "containerd")),
                    15,
                ),
            });
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok(())
}
