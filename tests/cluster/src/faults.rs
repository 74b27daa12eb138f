//! What befalls nodes, and its end.

use crate::cgroups::ControlGroups;
use crate::cluster::NodeFailure;
use crate::device_plugins::DevicePluginSocket;
use crate::directory::{ClusterDirectory, ClusterRecord};
use crate::error::Result;
use crate::node::{process_name, runtime_answers};
use crate::{network, processes};

/// Processes of a node in the order in which they start.
const NODE_PROCESSES: [&str; 4] = ["network-policy", "containerd", "kubelet", "kube-proxy"];

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
        let socket = DevicePluginSocket::now();
        let was_alive = process.is_alive();
        let process = if was_alive {
            process
        } else {
            processes::start(directory, &groups, &process.spec)?
        };
        if program == "containerd" {
            runtime_answers(directory, number, process).await?;
        } else if program == "kubelet" && !was_alive {
            socket.until_taken(directory, process).await?;
        }
    }
    Ok(())
}

/// Ends a process of the control plane and starts it again.
pub(crate) async fn restart(
    directory: &ClusterDirectory,
    record: &ClusterRecord,
    process: &str,
) -> Result<()> {
    let groups = ControlGroups::of(&record.name)?;
    let process = processes::record_of(directory, process)?;
    processes::stop(&process).await?;
    processes::start(directory, &groups, &process.spec).map(drop)
}
