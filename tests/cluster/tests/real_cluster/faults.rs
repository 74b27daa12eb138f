//! Nodes that fail and come back.

use triptych_cluster::cluster::{Cluster, NodeFailure};

use crate::support::{Clusters, Namespace, Outcome, TestCluster, equal, text};

const POD: &str = "server";

async fn pod_on<'a>(
    cluster: &'a TestCluster,
    namespace: &str,
    node: &str,
) -> Outcome<Namespace<'a>> {
    let namespace = cluster.namespace(namespace).await?;
    namespace
        .server(POD, |pod| pod["spec"]["nodeName"] = node.into())
        .await?;
    Ok(namespace)
}

/// Fails the node until the control plane takes it for lost, then heals it until it is ready.
async fn fail_and_heal(cluster: &TestCluster, node: &str, how: NodeFailure) -> Outcome {
    cluster.cluster.fail_node(node, how).await.map_err(text)?;
    let object = format!("node/{node}");
    let wait = |condition: &'static str| {
        let object = object.clone();
        async move {
            cluster
                .kubectl(&["wait", condition, &object, "--timeout=90s"])
                .await
        }
    };
    wait("--for=condition=Ready=Unknown").await?;
    cluster.cluster.heal_node(node).await.map_err(text)?;
    wait("--for=condition=Ready").await.map(drop)
}

async fn container_of(namespace: &Namespace<'_>) -> Outcome<String> {
    let pod = format!("pod/{POD}");
    namespace
        .field(&pod, ".status.containerStatuses[0].containerID")
        .await
}

async fn survives(clusters: &Clusters, namespace: &str, how: NodeFailure) -> Outcome {
    let node = clusters.first.cluster.record().name.node(3);
    let namespace = pod_on(&clusters.first, namespace, &node).await?;
    let container = container_of(&namespace).await?;
    fail_and_heal(&clusters.first, &node, how).await?;
    namespace.ready(POD).await?;
    namespace.connects(POD, "127.0.0.1:8080").await?;
    equal(&container_of(&namespace).await?, &container)
}

pub(crate) async fn a_node_without_its_agents_is_lost_and_comes_back_with_its_containers(
    clusters: &Clusters,
) -> Outcome {
    survives(clusters, "agents-lost", NodeFailure::Agents).await
}

pub(crate) async fn a_partitioned_node_is_lost_and_comes_back_with_its_containers(
    clusters: &Clusters,
) -> Outcome {
    survives(clusters, "partition", NodeFailure::Partition).await
}

pub(crate) async fn a_node_without_power_loses_its_containers_and_runs_pods_again(
    clusters: &Clusters,
) -> Outcome {
    let node = clusters.first.cluster.record().name.node(3);
    let namespace = pod_on(&clusters.first, "power-off", &node).await?;
    let container = container_of(&namespace).await?;
    fail_and_heal(&clusters.first, &node, NodeFailure::PowerOff).await?;
    namespace.connects(POD, "127.0.0.1:8080").await?;
    if container_of(&namespace).await? == container {
        return Err(format!("container {container} outlived its node's power"));
    }
    Ok(())
}
