//! W and R trade, each against its persona of a simulated venue, and ABH watches the same market.

use anyhow::{Result, ensure};
use serde_json::Value;
use triptych_end_to_end::{
    conditions::says,
    lab::Lab,
    manifests,
    trader_connection::TraderConnection,
    trading_system::{MIRROR, TradingSystem, WRITER},
    wait,
};

use crate::dataset::rows_beyond;

#[tokio::test]
async fn w_and_r_trade_at_their_personas_and_abh_watches_and_a_halt_leaves_no_order_there()
-> Result<()> {
    let system = TradingSystem::start_at_venue(Lab::get(), "orders").await?;
    let team = &system.account.team;
    let observer = manifests::observer_of("intelligence", "first", "ws://venue:9001");
    team.apply(&observer).await?;
    for name in [MIRROR, WRITER] {
        let connected = system.until(name, "connected", |status| {
            says(status, "Execution") == "True Connected"
        });
        connected.await?;
    }
    for side in ["demo", "live"] {
        let filled = until_trader(&system, side, "it has fills", |status| {
            count(status, "fills") > 0
        });
        filled.await?;
    }
    rows_beyond(team, 0).await?;

    system.halt().await?;
    let halted = until_trader(&system, "live", "all is settled", |status| {
        count(status, "unsettled") == 0
    });
    let halted = halted.await?;
    let there = account(&team.venue_books("live")?);
    ensure!(there["openOrders"] == 0, "{there}");
    ensure!(
        there["fills"] == halted["orders"]["fills"],
        "the venue has {there}, W has {halted}"
    );
    ensure!(
        halted["orders"]["unknown"] == 0 && halted["orders"]["findings"] == 0,
        "{halted}"
    );

    // Only W was halted: its mirror goes on, in an account of its own.
    let before = account(&team.venue_books("demo")?)["fills"].as_u64();
    wait::until_answer("its mirror goes on", async || {
        let now = account(&team.venue_books("demo")?)["fills"].as_u64();
        Ok((now > before).then_some(()))
    })
    .await?;
    let still = account(&team.venue_books("live")?);
    ensure!(still["fills"] == there["fills"], "{still}");
    system.remove().await
}

/// Waits until what the trader of a side says of itself meets a condition.
async fn until_trader(
    system: &TradingSystem,
    side: &str,
    what: &str,
    met: impl Fn(&Value) -> bool,
) -> Result<Value> {
    wait::until_answer(&format!("{side}: {what}"), async || {
        let pod = system.pod(side).await?;
        let status = TraderConnection::open(&pod)?.status().await?;
        ensure!(met(&status), "{status}");
        Ok(Some(status))
    })
    .await
}

fn count(status: &Value, name: &str) -> u64 {
    status["orders"][name].as_u64().unwrap_or_default()
}

/// A persona's only account.
fn account(books: &Value) -> Value {
    books["accounts"][0].clone()
}
