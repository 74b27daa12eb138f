//! Memory: once an engine has seen a market for a while, neither events nor candidates take any.

mod support;

use serde_json::{Value, json};
use support::{load, revision, tape};
use triptych_engine::Engine;
use triptych_engine::event::{Event, EventKind};

/// The four algorithms, on the revision's instruments.
fn every_algorithm() -> Value {
    let mut value = revision();
    let strategy = |name: &str, algorithm: Value| {
        json!({ "name": name, "instruments": ["BTCUSDT", "ETHUSDT"], "orderQuantity": "0.0012",
            "orderType": "Limit", "stopBasisPoints": 20, "targetBasisPoints": 40, "algorithm": algorithm })
    };
    value["strategies"] = json!([
        strategy(
            "trend",
            json!({ "movingAverageCrossover": {
            "fastPeriod": 3, "slowPeriod": 9, "sampleIntervalMilliseconds": 200, "price": "Mid" } })
        ),
        strategy(
            "breakout",
            json!({ "donchianBreakout": {
            "entryPeriod": 12, "exitPeriod": 5, "sampleIntervalMilliseconds": 200, "price": "LastTrade" } })
        ),
        strategy(
            "reversion",
            json!({ "zScoreMeanReversion": { "period": 15, "entryThreshold": "1.5",
            "exitThreshold": "0.25", "sampleIntervalMilliseconds": 200, "price": "Microprice" } })
        ),
        strategy(
            "lean",
            json!({ "orderBookImbalance": {
            "levels": 5, "threshold": "0.6", "cooldownMilliseconds": 500 } })
        ),
    ]);
    value
}

/// Two of each instrument.
const BOOK_SIDES: u64 = 4;

/// What a market shows while nothing is lost: a reconnect may take memory for what it keeps.
fn is_steady(event: &Event) -> bool {
    !matches!(
        event.kind,
        EventKind::Connected | EventKind::Disconnected | EventKind::Gap
    )
}

#[test]
fn a_warm_engine_decides_without_allocating() {
    let (spec, hash) = load(&every_algorithm());
    let mut engine = Engine::new(&spec, hash).unwrap();
    let tape: Vec<Event> = tape(7, 60_000).into_iter().filter(is_steady).collect();
    let (warming, measured) = tape.split_at(40_000);
    for event in warming {
        engine.on_event(event, |_| {});
    }
    let mut candidates = 0;
    let allocated = allocation_counter::measure(|| {
        for event in measured {
            engine.on_event(event, |_| candidates += 1);
        }
    });
    assert!(candidates > 300, "{candidates} candidates say little");
    // A side of a book that grows beyond all it held before doubles its memory: now and then, whatever
    // the number of events.
    assert!(
        allocated.count_total <= BOOK_SIDES,
        "{} allocations in {} events with {candidates} candidates",
        allocated.count_total,
        measured.len()
    );
}
