//! Several strategies on several instruments in one revision.

mod support;

use std::collections::BTreeMap;

use serde_json::{Value, json};
use support::{load, revision, tape};
use triptych_engine::candidate::Candidate;
use triptych_engine::digest::DecisionDigest;
use triptych_engine::event::Event;
use triptych_engine::{ConstructionError, Engine};

fn strategy(name: &str, instruments: &[&str], algorithm: &Value) -> Value {
    json!({
        "name": name, "instruments": instruments, "orderQuantity": "0.0012", "orderType": "Limit",
        "algorithm": algorithm,
    })
}

const BOTH: [&str; 2] = ["BTCUSDT", "ETHUSDT"];

/// The four algorithms on both instruments, and one of them twice with other parameters.
fn every_strategy() -> Vec<Value> {
    let reversion = |period: u32, price: &str| {
        json!({ "zScoreMeanReversion": { "period": period, "entryThreshold": "1.5", "exitThreshold": "0.25",
            "sampleIntervalMilliseconds": 200, "price": price } })
    };
    let trend = json!({ "movingAverageCrossover": {
        "fastPeriod": 3, "slowPeriod": 9, "sampleIntervalMilliseconds": 200, "price": "Mid" } });
    let breakout = json!({ "donchianBreakout": {
        "entryPeriod": 12, "exitPeriod": 5, "sampleIntervalMilliseconds": 200, "price": "LastTrade" } });
    let lean = json!({ "orderBookImbalance": {
        "levels": 5, "threshold": "0.6", "cooldownMilliseconds": 500 } });
    vec![
        strategy("trend", &BOTH, &trend),
        strategy("breakout", &BOTH, &breakout),
        strategy("reversion", &BOTH, &reversion(15, "Microprice")),
        strategy("slow-reversion", &["ETHUSDT"], &reversion(40, "Mid")),
        strategy("lean", &BOTH, &lean),
    ]
}

fn with(strategies: Vec<Value>) -> Value {
    let mut value = revision();
    value["strategies"] = Value::Array(strategies);
    value
}

fn candidates(value: &Value, events: &[Event]) -> Vec<Candidate> {
    let (spec, hash) = load(value);
    let mut engine = Engine::new(&spec, hash).expect("this build runs it");
    let mut candidates = Vec::new();
    for event in events {
        engine.on_event(event, |candidate| candidates.push(candidate.clone()));
    }
    candidates
}

/// What a strategy decided: everything but what the revision around it changes.
fn decisions(candidates: &[Candidate], name: &str) -> Vec<String> {
    let decided = |candidate: &Candidate| {
        format!(
            "{} {} {} {} {:?}",
            candidate.round,
            candidate.symbol,
            candidate.trigger,
            candidate.proposal.side,
            candidate.features
        )
    };
    let of_name = candidates
        .iter()
        .filter(|candidate| &*candidate.strategy == name);
    of_name.map(decided).collect()
}

#[test]
fn each_strategy_decides_beside_others_as_it_does_alone() {
    let tape = tape(7, 40_000);
    let together = candidates(&with(every_strategy()), &tape);
    let mut counts: BTreeMap<(String, String), usize> = BTreeMap::new();
    for candidate in &together {
        let key = (candidate.strategy.to_string(), candidate.symbol.to_string());
        *counts.entry(key).or_default() += 1;
    }
    assert_eq!(counts.len(), 9, "{counts:?}");
    assert!(counts.values().all(|count| *count >= 5), "{counts:?}");
    for strategy in every_strategy() {
        let name = strategy["name"].as_str().unwrap().to_owned();
        let alone = candidates(&with(vec![strategy]), &tape);
        assert_eq!(
            decisions(&alone, &name),
            decisions(&together, &name),
            "{name}"
        );
    }
}

#[test]
fn candidates_of_one_round_come_in_the_order_of_the_revision() {
    let names: Vec<_> = every_strategy()
        .iter()
        .map(|strategy| strategy["name"].clone())
        .collect();
    let place = |candidate: &Candidate| names.iter().position(|name| *name == *candidate.strategy);
    let found = candidates(&with(every_strategy()), &tape(7, 40_000));
    let mut shared_rounds = 0;
    for pair in found.windows(2) {
        if pair[0].round == pair[1].round {
            shared_rounds += 1;
            assert_eq!(
                pair[0].symbol, pair[1].symbol,
                "one event is of one instrument"
            );
            assert!(place(&pair[0]) < place(&pair[1]));
        }
    }
    assert!(
        shared_rounds > 5,
        "{shared_rounds} rounds with several candidates say little"
    );
}

/// Changes here mean that decisions changed: raise the version of the strategy or rule concerned.
#[test]
fn the_candidates_of_every_strategy_are_the_ones_on_record() {
    let candidates = candidates(&with(every_strategy()), &tape(7, 40_000));
    let mut digest = DecisionDigest::default();
    for candidate in &candidates {
        digest.add(candidate);
    }
    assert_eq!(
        (candidates.len(), &digest.finish()[..16]),
        (1985, "1a4b96e245734075")
    );
}

#[test]
fn entries_and_exits_of_channels_and_scores_alternate() {
    for candidate in candidates(&with(every_strategy()), &tape(7, 40_000)) {
        let Some(stance) = candidate.features.get("stance") else {
            continue;
        };
        let side = match candidate.proposal.side.name() {
            "Buy" => 1.0,
            _ => -1.0,
        };
        assert!(
            stance * side <= 0.0,
            "an open trade takes no second entry: {candidate:?}"
        );
    }
}

#[test]
fn thresholds_that_cannot_be_are_refused_with_their_path() {
    let score = |entry: &str, exit: &str| {
        let algorithm = json!({ "zScoreMeanReversion": { "period": 3, "entryThreshold": entry,
            "exitThreshold": exit, "sampleIntervalMilliseconds": 200, "price": "Mid" } });
        let (spec, hash) = load(&with(vec![strategy("reversion", &BOTH, &algorithm)]));
        match Engine::new(&spec, hash) {
            Ok(_) => Vec::new(),
            Err(ConstructionError { problems }) => {
                problems.iter().map(ToString::to_string).collect()
            }
        }
    };
    let path = "spec.strategies[0].algorithm.zScoreMeanReversion";
    assert_eq!(score("1.15470053", "0"), Vec::<String>::new());
    assert_eq!(
        score("1.15470054", "0"),
        [format!(
            "{path}.entryThreshold: \"1.15470054\" is not valid: expected at most (period - 1) / sqrt(period), beyond which no sample can be"
        )]
    );
    assert_eq!(
        score("1", "1"),
        [format!(
            "{path}.exitThreshold: \"1\" is not valid: expected less than entryThreshold"
        )]
    );
}
