//! W, R and ABH decide the same: one engine, one stated portfolio, one recording.
//!
//! With MARKET_DATA set to a folder of recordings the test reads those; without it, it says so and
//! takes the generator's tape.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use serde_json::json;
use triptych_crds::TradingState;
use triptych_crds::hash::canonical_config;
use triptych_crds::trading_instance::LiveRatioMode;
use triptych_engine::event::Event;
use triptych_engine::stage::{LiveRatio, TierControl};
use triptych_engine::{Candidate, Engine};
use triptych_market_data::generator::{DEFAULT_START, Generator};
use triptych_market_data::instruments::Instruments;
use triptych_market_data::recording::{RecordingReader, discover_instruments};

/// Events of BTCUSDT, in some tapes.
fn tapes() -> Vec<Vec<Event>> {
    let Some(folder) = std::env::var_os("MARKET_DATA") else {
        println!("LEFT OUT: MARKET_DATA is not set, so no real recording is read");
        let instruments = Instruments::parse(["BTCUSDT"]).unwrap();
        return vec![
            Generator::new(5, &instruments, DEFAULT_START)
                .take(40_000)
                .collect(),
        ];
    };
    let mut tapes = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "gz") {
            continue;
        }
        let instruments = discover_instruments(&path).unwrap();
        if instruments.count() == 1 {
            let events = RecordingReader::open(&path, instruments).unwrap();
            tapes.push(events.take(100_000).collect::<Result<_, _>>().unwrap());
        }
    }
    tapes
}

fn engine() -> Engine {
    let spec = json!({
        "image": format!("registry.example/trader@sha256:{}", "0".repeat(64)),
        "venue": "BinanceSpot",
        "instruments": [
            { "symbol": "BTCUSDT", "priceIncrement": "0.01", "quantityIncrement": "0.00001" }
        ],
        "portfolio": {
            "quoteBalance": "10000", "takerFeeBasisPoints": "1",
            "baseBalances": [{ "symbol": "BTCUSDT", "quantity": "1" }]
        },
        "strategies": [
            {
                "name": "trend", "instruments": ["BTCUSDT"], "orderQuantity": "0.02",
                "orderType": "Limit", "stopBasisPoints": 3, "targetBasisPoints": 5,
                "algorithm": { "movingAverageCrossover": {
                    "fastPeriod": 3, "slowPeriod": 9, "sampleIntervalMilliseconds": 500, "price": "Mid" } }
            },
            {
                "name": "lean", "instruments": ["BTCUSDT"], "orderQuantity": "0.01",
                "orderType": "Market", "stopBasisPoints": 2, "targetBasisPoints": 2,
                "algorithm": { "orderBookImbalance": {
                    "levels": 5, "threshold": "0.8", "cooldownMilliseconds": 500 } }
            }
        ],
        "riskRules": [
            { "precision": {} },
            { "maxSpread": { "basisPoints": "2" } },
            { "balance": { "reserve": "0.1" } },
            { "orderRate": { "maximum": 3, "intervalMilliseconds": 5000 } },
            { "dailyLoss": { "limit": "20", "dayStartsAtHour": 0, "onBreach": "Halt" } },
            { "rollingDrawdown": { "limit": "0.01", "windowSeconds": 60, "onBreach": "Reduce" } },
            { "lossStreak": { "maximum": 5, "pauseSeconds": 10, "onBreach": "Deny" } },
            { "stoplossGuard": {
                "lookbackSeconds": 60, "tradeLimit": 4, "pauseSeconds": 5, "perInstrument": true } },
            { "cooldownPeriod": { "pauseSeconds": 1 } },
            { "grossExposure": { "limit": "6000" } },
            { "netExposure": { "limit": "5000" } }
        ]
    });
    let hash = canonical_config(&spec).unwrap().hash;
    Engine::new(&serde_json::from_value(spec).unwrap(), hash).unwrap()
}

/// Every candidate with every verdict, to the last bit, in the order of decision; what the tier took
/// of it is no part of the decision.
fn decisions(events: &[Event], control: Option<TierControl>) -> Vec<String> {
    let mut engine = engine();
    engine.set_control(control);
    let mut decided = Vec::new();
    for event in events {
        engine.on_event(event, |candidate| {
            let candidate = Candidate {
                stage: None,
                ..candidate.clone()
            };
            decided.push(format!("{candidate:?}"));
        });
    }
    decided
}

#[test]
fn m4_w_r_and_abh_decide_byte_for_byte_the_same_on_one_recording() {
    let tapes = tapes();
    assert!(!tapes.is_empty());
    for events in tapes {
        let observed = decisions(&events, None);
        assert!(
            observed.len() > 50,
            "{} candidates say little",
            observed.len()
        );
        let control = |state, mode, ratio: &str| {
            let ratio = ratio.parse().unwrap();
            Some(TierControl {
                state,
                live: LiveRatio { mode, ratio },
            })
        };
        for control in [
            control(TradingState::Active, LiveRatioMode::Size, "1"),
            control(TradingState::Active, LiveRatioMode::Count, "1"),
            control(TradingState::Halted, LiveRatioMode::Size, "0.1"),
        ] {
            let decided = decisions(&events, control);
            let first = decided
                .iter()
                .zip(&observed)
                .find(|(one, other)| one != other);
            assert_eq!(first, None, "{control:?}");
            assert_eq!(decided.len(), observed.len());
        }
        let by_all_taken = observed
            .iter()
            .filter(|text| text.contains("AllTaken"))
            .count();
        assert_eq!(
            by_all_taken,
            observed.len(),
            "each was judged by both portfolios"
        );
    }
}
