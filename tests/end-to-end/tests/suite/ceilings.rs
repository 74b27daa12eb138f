//! What bounds a trader beside its declaration: broken glass and revocations, down to the trader.

use anyhow::{Context, Result, ensure};
use k8s_openapi::jiff::{SignedDuration, Timestamp, Unit};
use kube::{
    Api,
    api::{Patch, PatchParams},
};
use serde_json::json;
use triptych_crds::{
    TradingAccount, TradingState,
    trading_instance::{CeilingReason, Halt, HaltSource, TradingInstanceStatus},
};
use triptych_end_to_end::{
    conditions::{message, says},
    lab::Lab,
    trading_system::{MIRROR, TradingSystem, WRITER},
};

#[tokio::test]
async fn m2_broken_glass_takes_a_configuration_reducing_and_unproven_until_its_gates_pass()
-> Result<()> {
    let system = TradingSystem::start(Lab::get(), "glass").await?;
    let team = &system.account.team;
    let long =
        json!({ "configRevision": "second", "promotion": { "minimumReadySeconds": 86_400 } });
    team.patch_spec(WRITER, long).await?;
    team.patch_spec(MIRROR, json!({ "configRevision": "second" }))
        .await?;
    let held = system
        .until(WRITER, "held by its gates", |status| {
            says(status, "Promoted") == "False GatesNotPassed"
        })
        .await?;
    let declared = held.status.and_then(|status| status.declared_hash);
    let declared = declared.context("a declared hash")?;

    let in_an_hour = Timestamp::now()
        .checked_add(SignedDuration::from_hours(1))?
        .round(Unit::Second)?;
    let glass = json!({ "configHash": declared, "reason": "the demo venue is down", "expiresAt": in_an_hour.to_string() });
    team.patch_spec(WRITER, json!({ "promotion": { "breakGlass": glass } }))
        .await?;
    let bounded = system
        .until(WRITER, "to run it, Reducing", |status| {
            runs(status, &declared) && is_halted_by_ceiling(status, TradingState::Reducing)
        })
        .await?;
    let status = bounded.status.context("a status")?;
    let ceiling = status.ceiling.as_ref().context("a ceiling")?;
    ensure!(ceiling.reason == CeilingReason::Unproven && ceiling.config_hash == declared);
    ensure!(says(&status, "Promoted") == "False Unproven");
    ensure!(message(&status, "Promoted").contains("the demo venue is down"));
    let mut proven = status.proven.iter();
    ensure!(
        proven.all(|proven| proven.config_hash != declared),
        "what passed no gate is not proven"
    );
    let halt = status.halt.context("a halt")?;

    team.patch_spec(
        WRITER,
        json!({ "promotion": { "minimumReadySeconds": 0, "breakGlass": null } }),
    )
    .await?;
    let passed = system
        .until(WRITER, "proven", |status| {
            status.ceiling.is_none() && says(status, "Promoted") == "True Promoted"
        })
        .await?;
    let still = passed.status.and_then(|status| status.halt);
    ensure!(
        still.as_ref() == Some(&halt),
        "a person clears it: {still:?}"
    );
    system.resume(WRITER, &halt).await?;
    system.remove().await
}

#[tokio::test]
async fn s1_a_revoked_configuration_is_halted_where_it_runs_and_another_one_ends_that() -> Result<()>
{
    let system = TradingSystem::start(Lab::get(), "revoked").await?;
    let team = &system.account.team;
    let pods = system.pod_uids().await?;
    let running = system.status(WRITER).await?.running;
    let hash = running.context("what runs")?.hash;
    let accounts: Api<TradingAccount> = Api::all(team.client.clone());
    let revoked =
        json!({ "spec": { "revoked": [{ "configHash": hash, "reason": "it buys tops" }] } });
    accounts
        .patch(
            &system.account.name,
            &PatchParams::default(),
            &Patch::Merge(revoked),
        )
        .await?;
    let mut halts = Vec::new();
    for name in [WRITER, MIRROR] {
        let halted = system
            .until(name, "halted", |status| {
                is_halted_by_ceiling(status, TradingState::Halted)
            })
            .await?;
        let status = halted.status.context("a status")?;
        let halt = status.halt.context("a halt")?;
        ensure!(halt.reason.contains("it buys tops"), "{halt:?}");
        halts.push((name, halt));
    }
    let now = system.pod_uids().await?;
    ensure!(now == pods, "what runs is halted, not stopped");

    for name in [MIRROR, WRITER] {
        team.patch_spec(name, json!({ "configRevision": "second" }))
            .await?;
    }
    system.until_in_sync().await?;
    for (name, halt) in &halts {
        let unbounded = system
            .until(name, "without a ceiling", |status| status.ceiling.is_none())
            .await?;
        let still = unbounded.status.and_then(|status| status.halt);
        ensure!(
            still.as_ref() == Some(halt),
            "a person clears it: {still:?}"
        );
        system.resume(name, halt).await?;
    }
    system.remove().await
}

fn runs(status: &TradingInstanceStatus, hash: &str) -> bool {
    let running = status.running.as_ref();
    running.is_some_and(|running| running.hash == hash)
}

fn is_halted_by_ceiling(status: &TradingInstanceStatus, state: TradingState) -> bool {
    let of_ceiling = |halt: &Halt| halt.source == HaltSource::Ceiling;
    status.trading_state == Some(state) && status.halt.as_ref().is_some_and(of_ceiling)
}
