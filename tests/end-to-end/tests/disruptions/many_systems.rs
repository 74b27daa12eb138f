//! Twenty whole systems at once: account, W, R and ABH each.

use std::{collections::BTreeSet, time::Instant};

use anyhow::{Context, Result, ensure};
use futures::future::try_join_all;
use kube::{
    ResourceExt,
    api::{DeleteParams, ListParams},
};
use triptych_end_to_end::{
    lab::Lab,
    manifests,
    namespace::ready_since,
    trading_system::{SOAK, TradingSystem},
    wait,
};

const SYSTEMS: usize = 20;
/// Renewals of the Lease in a minute: one every two seconds, up to a fifth sooner.
const RENEWALS: usize = 38;
/// Name of the ABH of each.
const OBSERVER: &str = "observer";

#[tokio::test]
async fn l2_m2_twenty_systems_roll_at_once_mirrors_first_and_then_cost_no_write() -> Result<()> {
    let lab = Lab::get();
    let start = Instant::now();
    let systems = start_all(lab).await?;
    println!(
        "{SYSTEMS} systems run {:.1} s after the first was begun",
        start.elapsed().as_secs_f64()
    );

    let from = lab.operator_writes()?.len();
    let start = Instant::now();
    try_join_all(systems.iter().map(|system| system.commit("second"))).await?;
    try_join_all(systems.iter().map(TradingSystem::until_in_sync)).await?;
    println!(
        "all rolled {:.1} s after the commit",
        start.elapsed().as_secs_f64()
    );
    for system in &systems {
        check_order(system).await?;
    }
    let until = until_quiet(&systems, lab).await?;
    let written = writes_for(&systems, lab, from, until)?;
    println!(
        "the operator wrote {} times for the rolls of {SYSTEMS} systems",
        written.len()
    );

    let start = Instant::now();
    let idle = wait::until_renewals(lab, until, RENEWALS).await?;
    let written = writes_for(&systems, lab, until, idle)?;
    ensure!(
        written.is_empty(),
        "in an idle minute the operator wrote {written:#?}"
    );
    println!(
        "and nothing but its Lease in {:.0} s without anything to do",
        start.elapsed().as_secs_f64()
    );
    for system in systems {
        // Accounts without instances cost nothing, and end with the cluster.
        let team = system.account.team;
        team.instances()
            .delete_collection(&DeleteParams::default(), &ListParams::default())
            .await?;
    }
    Ok(())
}

/// Makes all systems on one market, and waits until each runs `first`.
async fn start_all(lab: &'static Lab) -> Result<Vec<TradingSystem>> {
    let mut systems: Vec<TradingSystem> = Vec::new();
    for number in 0..SYSTEMS {
        let mut system = TradingSystem::empty(lab, &format!("system-{number}")).await?;
        match systems.first() {
            None => system.account.team.start_tape().await?,
            Some(first) => system = system.on_market_of(&first.account.team),
        }
        system.apply_account(&[])?;
        for side in ["live", "demo"] {
            system.bring_key(side)?;
        }
        system.apply_revisions().await?;
        system.declare("first").await?;
        let mut observer = manifests::observer(OBSERVER, "first");
        let market = systems.first().unwrap_or(&system).account.team.name();
        observer["spec"]["marketData"]["url"] = format!("ws://tape.{market}:9443").into();
        system.account.team.apply(&observer).await?;
        systems.push(system);
    }
    try_join_all(systems.iter().map(TradingSystem::until_in_sync)).await?;
    let observers = systems
        .iter()
        .map(|system| system.account.team.until_running(OBSERVER));
    try_join_all(observers).await?;
    Ok(systems)
}

/// Invariant M2: W's pod was made after its mirror had been ready for the soak.
async fn check_order(system: &TradingSystem) -> Result<()> {
    let mirror = ready_since(&system.pod("demo").await?).context("a mirror that is ready")?;
    let writer = system
        .pod("live")
        .await?
        .creation_timestamp()
        .context("a time")?;
    // Times of objects have whole seconds.
    let proved = writer.0.duration_since(mirror).as_secs() + 1;
    ensure!(
        proved >= i64::from(SOAK),
        "{}: W rolled {proved} s after its mirror was ready",
        system.account.name
    );
    Ok(())
}

/// Waits for the last writes of a roll, which are events: they may follow the state that was waited for. Returns
/// how many writes there were by then.
async fn until_quiet(systems: &[TradingSystem], lab: &Lab) -> Result<usize> {
    wait::until_answer("the operator has told all that it did", async || {
        let from = lab.operator_writes()?.len();
        let until = wait::until_renewals(lab, from, 2).await?;
        Ok(writes_for(systems, lab, from, until)?
            .is_empty()
            .then_some(until))
    })
    .await
}

/// What the operator wrote between two positions for any of the systems.
fn writes_for(
    systems: &[TradingSystem],
    lab: &Lab,
    from: usize,
    until: usize,
) -> Result<Vec<String>> {
    let names = systems.iter().flat_map(|system| {
        let account = &system.account;
        [
            account.team.name().to_owned(),
            account.name.clone(),
            account.sealed("live"),
            account.sealed("demo"),
        ]
    });
    let names: BTreeSet<String> = names.collect();
    let writes = lab.operator_writes()?;
    let written = writes[from..until].iter().filter(|write| {
        names.contains(&write.namespace)
            || write.namespace.is_empty() && names.contains(&write.name)
    });
    Ok(written.map(ToString::to_string).collect())
}
