//! A node lost in mid-roll: without its mirror's evidence W does nothing, and once the node is back all settles.

use anyhow::{Context, Result, ensure};
use kube::ResourceExt;
use triptych_cluster::cluster::NodeFailure;
use triptych_crds::promotion::Verdict;
use triptych_end_to_end::{
    lab::Lab,
    namespace::{TestNamespace, is_ready, ready_since},
    trading_system::{TradingSystem, WRITER},
    wait,
};

/// A soak that does not end while the test runs.
const LONG: u32 = 3600;
/// The soak with which W follows in the end, in seconds.
const SHORT: u32 = 4;

#[tokio::test]
async fn m2_while_the_node_of_its_mirror_is_lost_in_mid_roll_w_keeps_what_it_runs() -> Result<()> {
    let lab = Lab::get();
    let system = TradingSystem::prepare(lab, "lost-mirror").await?;
    // The market's node is spared: W must not be held by a market that is lost.
    let market = node_of_market(&system.account.team).await?;
    lab.kubectl(&["cordon", &market])?;
    system.declare("first").await?;
    system.until_in_sync().await?;
    lab.kubectl(&["uncordon", &market])?;
    let writer = system.pod("live").await?.uid();

    system.set_soak(LONG).await?;
    system.commit("second").await?;
    until_gate(&system, "MirrorProvesItself").await?;
    let mirror = system.pod("demo").await?;
    let node = mirror
        .spec
        .and_then(|spec| spec.node_name)
        .context("a node")?;
    lab.cluster().fail_node(&node, NodeFailure::Agents).await?;
    let lost = until_gate(&system, "MirrorNotReady").await;
    lab.cluster().heal_node(&node).await?;
    lost?;
    ensure!(
        system.pod("live").await?.uid() == writer,
        "W rolled without its mirror"
    );

    until_gate(&system, "MirrorProvesItself").await?;
    ensure!(
        system.pod("live").await?.uid() == writer,
        "W rolled before its mirror proved itself anew"
    );
    let ready =
        wait::until_present(&system.pods("demo"), "trader-0", "ready again", is_ready).await?;
    let ready = ready_since(&ready).context("a ready mirror says since when")?;
    system.set_soak(SHORT).await?;
    system.until_in_sync().await?;
    let rolled = system
        .pod("live")
        .await?
        .creation_timestamp()
        .context("a time")?;
    // Times of objects have whole seconds.
    let proved = rolled.0.duration_since(ready).as_secs() + 1;
    ensure!(
        proved >= i64::from(SHORT),
        "W rolled {proved} s after its mirror was back"
    );
    system.remove().await
}

/// Waits until the gate of the mirror says this.
async fn until_gate(system: &TradingSystem, reason: &str) -> Result<()> {
    let what = format!("held: {reason}");
    let held = system.until(WRITER, &what, |status| {
        let mut gates = status.gates.iter();
        gates.any(|gate| gate.reason == reason && gate.verdict == Verdict::Pending)
    });
    held.await.map(|_| ())
}

async fn node_of_market(team: &TestNamespace) -> Result<String> {
    let selector = kube::api::ListParams::default().labels("app.kubernetes.io/name=tape");
    let pods = team.pods().list(&selector).await?;
    let mut nodes = pods.into_iter().filter_map(|pod| pod.spec?.node_name);
    nodes.next().context("the market runs on no node")
}
