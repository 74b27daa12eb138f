//! Going back to what W proved waits for nobody: not for a soak, and not for a node that cannot pull an image. And
//! what is proven, halted or running outlives the operator.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use kube::ResourceExt;
use serde_json::json;
use triptych_crds::trading_instance::TradingInstanceStatus;
use triptych_end_to_end::{
    lab::Lab,
    manifests,
    trading_system::{SOAK, TradingSystem, WRITER},
};

/// A soak that does not end while the test runs.
const LONG: u32 = 3600;

#[tokio::test]
async fn m2_w_goes_back_from_an_image_that_cannot_be_pulled_without_waiting() -> Result<()> {
    let lab = Lab::get();
    let system = TradingSystem::start(lab, "withdrawn").await?;
    let team = &system.account.team;
    let image = lab.push_trader("triptych/withdrawn").await?;
    team.apply(&manifests::revision("withdrawn", &image, 2))
        .await?;
    system.set_soak(LONG).await?;
    system.commit("withdrawn").await?;
    let proves = |status: &TradingInstanceStatus| {
        status
            .gates
            .iter()
            .any(|gate| gate.reason == "MirrorProvesItself")
    };
    system
        .until(WRITER, "waiting for its mirror's proof", proves)
        .await?;
    let before = system.pod("live").await?.uid();

    // The mirror's node has the image, and nobody gets it any more.
    lab.local_cluster()?.remove_image(&image).await?;
    system.set_soak(0).await?;
    let failed = |status: &TradingInstanceStatus| {
        status
            .conditions
            .iter()
            .any(|one| one.reason == "ImagePullFailed")
    };
    system.until(WRITER, "without its image", failed).await?;
    ensure!(system.pod("live").await?.uid() != before, "W did not roll");

    system.set_soak(LONG).await?;
    let took = time_to_roll(&system, "first").await?;
    println!(
        "back from an image that cannot be pulled in {:.1} s",
        took.as_secs_f64()
    );
    let status = status_of_writer(&system).await?;
    ensure!(
        status.proven.len() == 1,
        "what never ran is proven: {:?}",
        status.proven
    );
    system.remove().await
}

#[tokio::test]
async fn l1_what_is_proven_halted_or_running_outlives_the_operator() -> Result<()> {
    let lab = Lab::get();
    let system = TradingSystem::start(lab, "outliving").await?;
    let team = &system.account.team;
    let took = time_to_roll(&system, "second").await?;
    let soak = Duration::from_secs(SOAK.into());
    println!(
        "W rolled {:.1} s after the commit, minus its soak of {soak:?}: its mirror first, then its own pod",
        took.saturating_sub(soak).as_secs_f64()
    );
    system.halt().await?;
    team.patch_spec(WRITER, json!({ "tradingState": null }))
        .await?;
    let before = status_of_writer(&system).await?;
    ensure!(before.proven.len() == 2, "{:?}", before.proven);
    let pods = system.pod_uids().await?;

    lab.restart_operator()?;

    // A changed spec that was looked at shows that the new operator has looked.
    system.set_soak(LONG).await?;
    let after = status_of_writer(&system).await?;
    ensure!(
        after.proven == before.proven,
        "{:?} became {:?}",
        before.proven,
        after.proven
    );
    ensure!(
        after.halt == before.halt,
        "{:?} became {:?}",
        before.halt,
        after.halt
    );
    ensure!(
        after.running == before.running,
        "{:?} became {:?}",
        before.running,
        after.running
    );
    let still = system.pod_uids().await?;
    ensure!(pods == still, "somebody rolled");

    time_to_roll(&system, "first").await?;
    let halt = Some(system.shown_halt(WRITER).await?);
    ensure!(halt == before.halt, "{:?} became {halt:?}", before.halt);
    system.remove().await
}

/// Commits a revision, and waits until W and its mirror run it.
async fn time_to_roll(system: &TradingSystem, revision: &str) -> Result<Duration> {
    let start = Instant::now();
    system.commit(revision).await?;
    system.until_in_sync().await?;
    Ok(start.elapsed())
}

async fn status_of_writer(system: &TradingSystem) -> Result<TradingInstanceStatus> {
    let looked_at = system.until(WRITER, "looked at", |_| true).await?;
    looked_at.status.context("a status")
}
