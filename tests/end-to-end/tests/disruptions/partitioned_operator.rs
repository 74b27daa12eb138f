//! A network that loses every packet between the leading operator and the API server.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use k8s_openapi::{api::core::v1::Pod, jiff::Timestamp};
use kube::{
    Api, ResourceExt,
    api::{ListParams, Patch, PatchParams},
};
use serde_json::json;
use triptych_cluster::{audit::AuditEntry, cluster::NodeFailure};
use triptych_crds::TradingInstance;
use triptych_end_to_end::{
    installation::{NAMESPACE, OPERATOR_PODS},
    lab::{Lab, OPERATOR},
    manifests,
    namespace::{TestNamespace, is_ready},
    wait,
};

/// Writes after which an operator is seen to act.
const WRITES: usize = 5;
/// Pause between two edits: there is always something for an operator to write.
const EDITS: Duration = Duration::from_millis(200);

/// A replica of the operator.
struct Replica {
    name: String,
    node: String,
    address: String,
}

#[tokio::test]
async fn l1_a_leader_that_is_cut_off_has_stopped_writing_before_the_next_begins() -> Result<()> {
    let lab = Lab::get();
    let namespace = TestNamespace::create(lab, "partition").await?;
    namespace
        .apply(&manifests::observer("edited", "none"))
        .await?;
    let start = Timestamp::now();
    let editing = tokio::spawn(edit_without_end(namespace.instances()));
    let leader = Replica::leading(lab).await?;
    move_others(lab, &leader).await?;
    until_written(lab, &leader, start, WRITES).await?;

    let cut = Timestamp::now();
    lab.cluster()
        .fail_node(&leader.node, NodeFailure::Partition)
        .await?;
    let succeeded = succeeded(lab, &leader, start).await;
    lab.cluster().heal_node(&leader.node).await?;
    let successor = succeeded?;
    // The former leader is back, and may write again as far as its network is concerned.
    let pods: Api<Pod> = Api::namespaced(lab.client().await?, NAMESPACE);
    wait::until_present(&pods, &leader.name, "ready again", is_ready).await?;
    let written = writes_of(lab, &successor, start)?.len();
    until_written(lab, &successor, start, written + WRITES).await?;

    let before = writes_of(lab, &leader, start)?;
    let after = writes_of(lab, &successor, start)?;
    let (last, begun) = (received(before.last())?, received(after.first())?);
    let newest: String = before
        .iter()
        .rev()
        .take(WRITES)
        .map(|entry| format!("{entry}\n"))
        .collect();
    ensure!(
        last < begun,
        "terms overlap: one wrote until {last}, the other from {begun} on\n{newest}"
    );
    println!(
        "the leader's last write came {:.1} s after it was cut off, its successor's first {:.1} s after",
        seconds(cut, last),
        seconds(cut, begun)
    );
    editing.abort();
    namespace.finish().await
}

/// Waits until another replica leads and acts.
async fn succeeded(lab: &Lab, former: &Replica, start: Timestamp) -> Result<Replica> {
    let another = wait::until_answer("another replica leads", async || {
        let leader = Replica::leading(lab).await?;
        Ok((leader.name != former.name).then_some(leader))
    });
    let successor = another.await?;
    ensure!(
        successor.node != former.node,
        "both replicas run on {}",
        former.node
    );
    until_written(lab, &successor, start, WRITES).await?;
    Ok(successor)
}

impl Replica {
    async fn leading(lab: &Lab) -> Result<Self> {
        let name = lab.leader().await?;
        let pods: Api<Pod> = Api::namespaced(lab.client().await?, NAMESPACE);
        let pod = pods.get(&name).await?;
        Ok(Self {
            name,
            node: pod.spec.and_then(|spec| spec.node_name).context("a node")?,
            address: pod
                .status
                .and_then(|status| status.pod_ip)
                .context("an address")?,
        })
    }
}

/// Brings every other replica to another node than the leader's.
async fn move_others(lab: &Lab, leader: &Replica) -> Result<()> {
    lab.kubectl(&["cordon", &leader.node])?;
    let pods: Api<Pod> = Api::namespaced(lab.client().await?, NAMESPACE);
    let replicas = pods
        .list(&ListParams::default().labels(OPERATOR_PODS))
        .await?;
    for other in replicas.iter().map(ResourceExt::name_any) {
        if other != leader.name {
            lab.kubectl(&["delete", "pod", &other, "--namespace", NAMESPACE])?;
        }
    }
    let all = |pods: &[Pod]| pods.len() == 2 && pods.iter().all(is_ready);
    wait::until_all(&pods, OPERATOR_PODS, "both replicas are ready", all).await?;
    lab.kubectl(&["uncordon", &leader.node]).map(|_| ())
}

/// Edits what an operator has to answer by a write: it notes the generation that it looked at.
async fn edit_without_end(instances: Api<TradingInstance>) -> Result<()> {
    let mut ticks = tokio::time::interval(EDITS);
    for level in ["Debug", "Info"].iter().cycle() {
        ticks.tick().await;
        let patch = Patch::Merge(json!({ "spec": { "logLevel": level } }));
        instances
            .patch("edited", &PatchParams::default(), &patch)
            .await?;
    }
    Ok(())
}

async fn until_written(
    lab: &Lab,
    replica: &Replica,
    start: Timestamp,
    writes: usize,
) -> Result<()> {
    let what = format!("{} wrote {writes} times", replica.name);
    wait::until_answer(&what, async || {
        Ok((writes_of(lab, replica, start)?.len() >= writes).then_some(()))
    })
    .await
}

/// What a replica wrote with success since then, in the order in which it arrived. Their addresses tell replicas
/// apart. A renewal of the Lease that was under way arrives late, and the API server refuses it.
fn writes_of(lab: &Lab, replica: &Replica, start: Timestamp) -> Result<Vec<AuditEntry>> {
    let write = |verb: &str| !matches!(verb, "get" | "list" | "watch");
    let mut written = Vec::new();
    for entry in lab.audit_log()? {
        let its = entry.user.username == OPERATOR && entry.source_ips.contains(&replica.address);
        let status = entry.response_status.as_ref();
        let done = status.is_some_and(|status| (200..300).contains(&status.code));
        if its && done && write(&entry.verb) && received(Some(&entry))? >= start {
            written.push(entry);
        }
    }
    written.sort_by(|a, b| {
        a.request_received_timestamp
            .cmp(&b.request_received_timestamp)
    });
    Ok(written)
}

fn received(entry: Option<&AuditEntry>) -> Result<Timestamp> {
    let time = &entry.context("no write")?.request_received_timestamp;
    time.parse().with_context(|| format!("no time: {time}"))
}

fn seconds(from: Timestamp, to: Timestamp) -> f64 {
    to.duration_since(from).as_secs_f64()
}
