//! Memory: once an engine has seen a market for a while, neither events nor candidates take any.

mod support;

use serde_json::{Value, json};
use support::{load, revision_with_every_rule, tape};
use triptych_crds::TradingState;
use triptych_engine::Engine;
use triptych_engine::event::{Event, EventKind, InstrumentId, Timestamp};
use triptych_engine::stage::{LiveRatio, TierControl};

/// Every algorithm and every rule.
fn revision() -> Value {
    let mut value = revision_with_every_rule();
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

/// The same market once more, a day later: at no price that the order books have no memory for yet.
fn again(tape: &[Event]) -> Vec<Event> {
    let later = |at: Timestamp| Timestamp::from_nanoseconds(at.nanoseconds() + 86_400_000_000_000);
    let opened = (0..2).map(|instrument| Event {
        instrument: InstrumentId(instrument),
        ts_event: None,
        ts_recv: later(tape[0].ts_recv),
        kind: EventKind::Connected,
    });
    let events = tape.iter().map(|event| Event {
        ts_event: event.ts_event.map(later),
        ts_recv: later(event.ts_recv),
        ..event.clone()
    });
    opened.chain(events).collect()
}

/// Whether it is a trader that takes what it decides, or one that observes.
fn allocations(control: Option<TierControl>) -> (u64, u64) {
    let (spec, hash) = load(&revision());
    let mut engine = Engine::new(&spec, hash).expect("this build runs it");
    engine.set_control(control);
    let tape = tape(7, 60_000);
    for event in &tape {
        engine.on_event(event, |_| {});
    }
    let (mut candidates, mut allocated) = (0, 0);
    for event in &again(&tape) {
        // A book that waits for its snapshot keeps what it will need of the diffs.
        let market = engine.market(event.instrument).expect("a market");
        let is_steady = market.book().is_in_sync();
        let counted = allocation_counter::measure(|| {
            engine.on_event(event, |_| candidates += 1);
        });
        if is_steady {
            allocated += counted.count_total;
        }
    }
    (candidates, allocated)
}

#[test]
fn deciding_allocates_nothing_once_warm() {
    let whole = TierControl {
        state: TradingState::Active,
        live: LiveRatio::WHOLE,
    };
    for control in [None, Some(whole)] {
        let (candidates, allocated) = allocations(control);
        assert!(candidates > 500, "{candidates} candidates say little");
        assert_eq!(allocated, 0, "in {candidates} candidates");
    }
}
