//! Orders at a simulated venue: sent once, booked everywhere alike, through kills and halts.

use std::collections::BTreeSet;

use rustix::process::Signal;
use serde_json::{Value, json};
use triptych_dataset::executions::read::{Executed, rows_of};
use triptych_engine::decimal::Quantity;
use triptych_engine::event::Side;
use triptych_venue::{AccountSide, VenueTrade};

use crate::api_server::ApiServer;
use crate::process::{Pod, Trader, parquet_files, until};
use crate::simulated_venue::{AccountThere, SimulatedVenue, count};
use crate::{NOWHERE, pod, wait_for_halt};

pub(crate) const SYMBOLS: [&str; 2] = ["BTCUSDT", "ETHUSDT"];

fn net(fills: &[VenueTrade], symbol: &str) -> i64 {
    let of_it = fills.iter().filter(|fill| &*fill.symbol == symbol);
    let signed = of_it.map(|fill| match fill.side {
        Side::Buy => fill.quantity.units(),
        Side::Sell => -fill.quantity.units(),
    });
    signed.sum()
}

/// A position as the status shows it, in units of 10⁻⁸.
fn position(status: &Value, symbol: &str) -> i64 {
    let mut listed = status["positions"].as_array().unwrap().iter();
    listed
        .find(|position| position["symbol"] == symbol)
        .map_or(0, |position| {
            let quantity: Quantity = position["quantity"].as_str().unwrap().parse().unwrap();
            quantity.units()
        })
}

/// Halts, and waits until nothing waits at the venue and everything is booked.
pub(crate) fn halt_and_settle(trader: &Trader, api_server: &ApiServer) -> Value {
    api_server.apply(&json!({ "tradingState": "Halted" }));
    wait_for_halt(trader, "Spec");
    trader.wait_for("everything settled", |status| {
        count(status, "unsettled") == 0
    })
}

fn kill(trader: Trader) {
    trader.signal(Signal::KILL);
    trader.wait();
}

fn executions(pod: &Pod) -> Vec<Executed> {
    let files = parquet_files(&pod.data().join("executions"));
    files
        .iter()
        .flat_map(|path| rows_of(path).unwrap())
        .collect()
}

pub(crate) fn trading_pod(
    venue: &SimulatedVenue,
    api_server: &ApiServer,
    tier: &str,
) -> (Pod, AccountSide) {
    let mut pod = pod(NOWHERE, api_server);
    let side = match tier {
        "W" => AccountSide::Live,
        _ => AccountSide::Demo,
    };
    pod.environment.insert("TRIPTYCH_TIER", tier.to_owned());
    venue.connect(&mut pod, side);
    (pod, side)
}

#[test]
fn w_and_r_trade_and_a_halt_cancels_what_waits_and_books_agree() {
    for tier in ["W", "R"] {
        let (venue, api_server) = (SimulatedVenue::start(), ApiServer::start());
        let (pod, side) = trading_pod(&venue, &api_server, tier);
        let trader = pod.start();
        let status = trader.wait_for("fills", |status| {
            status["execution"] == "Connected" && count(status, "fills") > 3
        });
        assert_eq!(status["simulated"], json!(true));
        let status = halt_and_settle(&trader, &api_server);
        let AccountThere { fills, waiting } = venue.account(side, &SYMBOLS);
        assert_eq!(waiting, 0, "a halt cancels what waits");
        assert_eq!(count(&status, "fills"), fills.len() as u64, "{tier}");
        for symbol in SYMBOLS {
            assert_eq!(
                position(&status, symbol),
                net(&fills, symbol),
                "{tier} {symbol}"
            );
        }
        let (exit, log) = trader.terminate();
        assert!(exit.success(), "{log:?}");
        let rows = executions(&pod);
        let filled = rows.iter().filter(|row| row.fill.is_some()).count();
        assert_eq!(filled, fills.len(), "{tier}: a row for each fill");
        assert!(pod.data().join("ledger.sqlite").is_file());
    }
}

#[test]
fn killed_again_and_again_it_sends_nothing_twice_and_forgets_nothing() {
    let (venue, api_server) = (SimulatedVenue::start(), ApiServer::start());
    let (pod, side) = trading_pod(&venue, &api_server, "W");
    for _ in 0..3 {
        let trader = pod.start();
        trader.wait_for("orders", |status| count(status, "intended") > 5);
        kill(trader);
    }
    let trader = pod.start();
    trader.wait_for("fills", |status| count(status, "fills") > 2);
    let status = halt_and_settle(&trader, &api_server);
    let AccountThere { fills, waiting } = venue.account(side, &SYMBOLS);
    assert_eq!(waiting, 0);
    for symbol in SYMBOLS {
        assert_eq!(position(&status, symbol), net(&fills, symbol), "{symbol}");
    }
    assert_eq!(
        status["halt"]["source"], "Spec",
        "nothing else halted it: {status}"
    );
    let (exit, _) = trader.terminate();
    assert!(exit.success());
    let rows = executions(&pod);
    let filled = rows.iter().filter(|row| row.fill.is_some()).count();
    assert_eq!(
        filled,
        fills.len(),
        "a row for each fill, and no second one"
    );
    let names: Vec<&str> = rows
        .iter()
        .filter(|row| row.event == "Intended")
        .map(|row| row.client_order_id.as_str())
        .collect();
    let distinct: BTreeSet<&str> = names.iter().copied().collect();
    assert_eq!(
        names.len(),
        distinct.len(),
        "each order is intended in one row"
    );
}

#[test]
fn a_journal_that_is_damaged_halts_and_says_so() {
    let (venue, api_server) = (SimulatedVenue::start(), ApiServer::start());
    let (pod, _) = trading_pod(&venue, &api_server, "W");
    let trader = pod.start();
    trader.wait_for("orders", |status| count(status, "intended") > 5);
    kill(trader);
    let journal = pod.data().join("orders.journal");
    let mut bytes = std::fs::read(&journal).unwrap();
    bytes[40] ^= 1;
    std::fs::write(&journal, bytes).unwrap();
    let trader = pod.start();
    let status = trader.wait_for("a halt", |status| {
        status["execution"] == "Failed" && status["halt"]["source"] == "Breaker"
    });
    let message = status["executionMessage"].as_str().unwrap();
    assert!(message.contains("damaged at byte 0"), "{message}");
    let intended = count(&status, "intended");
    until("candidates", || {
        (trader.status()["intents"]["refusedByState"].as_u64() > Some(3)).then_some(())
    });
    assert_eq!(count(&trader.status(), "intended"), intended);
}
