//! Limits of losses that break: they halt or reduce the trader as a person's halt does.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use triptych_dataset::read::rows_of;

use crate::api_server::ApiServer;
use crate::process::{Pod, Tape, parquet_files, revision};
use crate::{PROGRAM, latch, trading, wait_for_halt, wait_for_state};

/// A pod whose every trade costs a hundredth of its value, with one rule on losses.
fn losing_pod(tape: &Tape, api_server: &ApiServer, rule: &Value) -> Pod {
    let mut revision = revision();
    revision["portfolio"] =
        json!({ "quoteAsset": "USDT", "quoteBalance": "10000", "takerFeeBasisPoints": "100" });
    revision["riskRules"] = json!([rule]);
    let pod = Pod::with_revision(PROGRAM, &tape.url(), &revision);
    trading(pod, api_server.address())
}

#[test]
fn s1_a_breaker_halts_with_an_id_that_alone_clears_it() {
    let (tape, api_server) = (Tape::start(10.0, None), ApiServer::start());
    let rule = json!({ "dailyLoss": { "limit": "1", "dayStartsAtHour": 0, "onBreach": "Halt" } });
    let pod = losing_pod(&tape, &api_server, &rule);
    let trader = pod.start();
    let id = wait_for_halt(&trader, "Breaker");
    let status = wait_for_state(&trader, "Halted");
    let reason = status["halt"]["reason"].as_str().unwrap();
    assert!(
        reason.starts_with("dailyLoss: observed ") && reason.ends_with(", limit 1"),
        "{reason}"
    );
    let latched = std::fs::read_to_string(latch(&pod)).unwrap();
    assert!(latched.contains(&id), "{latched}");
    assert!(trader.metric("triptych_trader_breaches_total") >= 1.0);
    // What is lost stays lost: the rule denies on, and the same breach halts no second time.
    api_server.apply(&json!({ "resume": id }));
    trader.wait_for("the halt to end", |status| {
        status["halt"]["id"] != json!(id)
    });
    assert!(trader.terminate().0.success());
    let outcomes: BTreeSet<_> = parquet_files(&pod.data().join("candidates"))
        .iter()
        .flat_map(|path| rows_of(path).unwrap())
        .filter(|row| row.trading_state.as_deref() == Some("Halted"))
        .map(|row| (row.taken_quantity.unwrap().to_string(), row.not_taken))
        .collect();
    for (taken, why) in &outcomes {
        assert_eq!(taken, "0");
        assert!(["Halted", "Denied"].map(Some).contains(&why.as_deref()));
    }
}

#[test]
fn s1_a_breaker_that_reduces_asks_for_reducing_and_a_halt_still_replaces_it() {
    let (tape, api_server) = (Tape::start(10.0, None), ApiServer::start());
    let rule = json!({ "rollingDrawdown": {
        "limit": "0.0001", "windowSeconds": 3600, "onBreach": "Reduce" } });
    let pod = losing_pod(&tape, &api_server, &rule);
    let trader = pod.start();
    let reducing = wait_for_halt(&trader, "Breaker");
    let status = wait_for_state(&trader, "Reducing");
    let reason = status["halt"]["reason"].as_str().unwrap();
    assert!(reason.starts_with("rollingDrawdown: "), "{reason}");
    api_server.apply(&json!({ "tradingState": "Halted", "resume": reducing }));
    let halted = wait_for_halt(&trader, "Spec");
    assert_ne!(halted, reducing);
    wait_for_state(&trader, "Halted");
}
