//! Nodes drained as docs/accounts.md says: W goes to another W node with its journal and its halt, and nobody
//! else ever gets there.

use std::time::Instant;

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::core::v1::Pod;
use kube::{Api, ResourceExt};
use serde_json::json;
use triptych_end_to_end::{
    lab::Lab,
    namespace::is_ready,
    trading_system::{MIRROR, TradingSystem, WRITER},
    wait,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s1_a_drained_w_stops_in_order_and_goes_on_halted_on_another_w_node() -> Result<()> {
    let lab = Lab::get();
    let class = "for-both-w-nodes";
    let class_value = format!("live.journal.storageClassName={class}");
    let system = TradingSystem::prepare_with(lab, "drain", &[&class_value]).await?;
    offer_volume(&system, class).await?;
    system.declare("first").await?;
    system.until_in_sync().await?;
    let team = &system.account.team;
    let halt = system.halt().await?;
    team.patch_spec(WRITER, json!({ "tradingState": null }))
        .await?;
    let mirror = system.pod("demo").await?.uid();
    let writer = system.pod("live").await?;
    let node = node_of(&writer)?;

    let start = Instant::now();
    let exit_code = tokio::spawn(exit_code_of(system.pods("live"), writer.uid()));
    drain(&system, &node)?;
    let stopped = start.elapsed();
    let exit_code = exit_code.await??;
    ensure!(exit_code == 0, "the trader ended with {exit_code}");
    let next = ready_again(&system, "live", &writer).await?;
    println!(
        "W stopped in order and its node was drained after {:.1} s; on another node it was ready after {:.1} s",
        stopped.as_secs_f64(),
        start.elapsed().as_secs_f64()
    );
    let next_node = node_of(&next)?;
    ensure!(
        next_node != node && lab.w_nodes().contains(&next_node),
        "{next_node}"
    );
    let status = system.until(WRITER, "in sync, still halted", |status| {
        status.in_sync.as_deref() == Some("True") && status.halt.is_some()
    });
    let status = status.await?.status.context("a status")?;
    ensure!(
        status.halt.as_ref() == Some(&halt),
        "{:?} instead of {halt:?}",
        status.halt
    );
    ensure!(
        system.pod("demo").await?.uid() == mirror,
        "the mirror was replaced"
    );

    lab.kubectl(&["uncordon", &node])?;
    system.resume(WRITER, &halt).await?;
    system.remove().await
}

#[tokio::test]
async fn k1_a_drained_mirror_waits_for_a_node_of_its_own_and_never_runs_on_one_of_w() -> Result<()>
{
    let lab = Lab::get();
    let system = TradingSystem::start(lab, "drained-mirror").await?;
    let writer = system.pod("live").await?.uid();
    let mirror = system.pod("demo").await?;
    let node = node_of(&mirror)?;
    drain(&system, &node)?;
    let uid = mirror.uid();
    // Its volume is on the drained node, and both W nodes are free.
    let waiting = |pod: &Pod| pod.uid() != uid && is_unschedulable(pod);
    let pods = system.pods("demo");
    wait::until_present(&pods, "trader-0", "no node takes it", waiting).await?;
    ensure!(system.pod("live").await?.uid() == writer, "W was replaced");
    lab.kubectl(&["uncordon", &node])?;
    let back = ready_again(&system, "demo", &mirror).await?;
    ensure!(node_of(&back)? == node, "it runs on {}", node_of(&back)?);
    system
        .until(MIRROR, "in sync", |status| {
            status.in_sync.as_deref() == Some("True")
        })
        .await?;
    ensure!(system.pod("live").await?.uid() == writer, "W was replaced");
    system.remove().await
}

/// Drains a node as a member of the platform team.
fn drain(system: &TradingSystem, node: &str) -> Result<()> {
    let words = ["drain", node, "--ignore-daemonsets", "--timeout=120s"];
    system.account.kubectl(&words).map(|_| ())
}

/// With what code the container of a pod ended, seen before the pod is gone.
async fn exit_code_of(pods: Api<Pod>, uid: Option<String>) -> Result<i32> {
    let same = |pod: Option<&Pod>| pod.filter(|pod| pod.uid() == uid).and_then(ended_with);
    let ended = wait::until(&pods, "trader-0", "its container to end", |pod| {
        same(pod).is_some()
    });
    same(ended.await?.as_ref()).context("it is gone, and nobody saw how it ended")
}

fn ended_with(pod: &Pod) -> Option<i32> {
    let containers = pod.status.as_ref()?.container_statuses.as_ref()?;
    let state = containers.first()?.state.as_ref()?;
    Some(state.terminated.as_ref()?.exit_code)
}

/// Waits until another pod than this one is ready on a side.
async fn ready_again(system: &TradingSystem, side: &str, before: &Pod) -> Result<Pod> {
    let uid = before.uid();
    let another = |pod: &Pod| pod.uid() != uid && is_ready(pod);
    wait::until_present(&system.pods(side), "trader-0", "another is ready", another).await
}

fn node_of(pod: &Pod) -> Result<String> {
    let node = pod.spec.as_ref().and_then(|spec| spec.node_name.clone());
    node.context("a pod without a node")
}

fn is_unschedulable(pod: &Pod) -> bool {
    let conditions = pod
        .status
        .as_ref()
        .and_then(|status| status.conditions.as_ref());
    conditions
        .into_iter()
        .flatten()
        .any(|one| one.type_ == "PodScheduled" && one.reason.as_deref() == Some("Unschedulable"))
}

/// A volume for the journal of W that both W nodes can mount, as network storage would be.
async fn offer_volume(system: &TradingSystem, class: &str) -> Result<()> {
    let account = &system.account;
    let lab = account.team.lab;
    let name = format!("journal-{}", account.name);
    let folder = lab
        .local_cluster()?
        .directory()
        .root()
        .join("volumes/of-w-nodes")
        .join(&name);
    std::fs::create_dir_all(&folder)?;
    let storage_class = json!({
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": { "name": class },
        "provisioner": "kubernetes.io/no-provisioner",
        "volumeBindingMode": "WaitForFirstConsumer"
    });
    let volume = json!({
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": { "name": name },
        "spec": {
            "accessModes": ["ReadWriteOncePod"],
            "capacity": { "storage": "128Mi" },
            "claimRef": {
                "apiVersion": "v1", "kind": "PersistentVolumeClaim",
                "namespace": account.sealed("live"), "name": name
            },
            "local": { "path": folder },
            "nodeAffinity": { "required": { "nodeSelectorTerms": [{ "matchExpressions": [{
                "key": "kubernetes.io/hostname", "operator": "In", "values": lab.w_nodes()
            }] }] } },
            "persistentVolumeReclaimPolicy": "Retain",
            "storageClassName": class
        }
    });
    for manifest in [storage_class, volume] {
        account.team.apply(&manifest).await?;
    }
    Ok(())
}
