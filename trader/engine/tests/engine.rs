//! The engine as a whole: one revision, one tape, one answer.

mod support;

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};
use support::{load, revision, tape};
use triptych_engine::candidate::{Candidate, Enforcement};
use triptych_engine::digest::DecisionDigest;
use triptych_engine::event::{Event, EventKind, InstrumentId, Timestamp};
use triptych_engine::{ConstructionError, Engine};

fn run(events: &[Event]) -> (Engine, Vec<Candidate>) {
    let (spec, hash) = load(&revision());
    let mut engine = Engine::new(&spec, hash).expect("this build runs it");
    let mut candidates = Vec::new();
    for event in events {
        engine.on_event(event, |candidate| candidates.push(candidate.clone()));
    }
    (engine, candidates)
}

/// Every field of every candidate, features to the last bit.
fn digest(candidates: &[Candidate]) -> String {
    let mut hasher = Sha256::new();
    for candidate in candidates {
        hasher.update(format!("{candidate:?}\n"));
    }
    hasher
        .finalize()
        .iter()
        .fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

#[test]
fn two_runs_over_one_tape_give_the_same_candidates() {
    let tape = tape(7, 40_000);
    let (_, first) = run(&tape);
    let (_, second) = run(&tape);
    assert!(first.len() > 100, "{} candidates say little", first.len());
    assert_eq!(digest(&first), digest(&second));
}

/// Changes here mean that decisions changed: raise the version of the strategy or rule concerned.
#[test]
fn the_candidates_of_the_tape_are_the_ones_on_record() {
    let (_, candidates) = run(&tape(7, 40_000));
    let mut digest = DecisionDigest::default();
    for candidate in &candidates {
        digest.add(candidate);
    }
    assert_eq!(
        (candidates.len(), &digest.finish()[..16]),
        (549, "c27af6f3c5812c12")
    );
}

#[test]
fn other_events_give_other_candidates() {
    assert_ne!(
        digest(&run(&tape(7, 20_000)).1),
        digest(&run(&tape(8, 20_000)).1)
    );
}

/// Speed decides how many events are there when the engine next looks, never what it sees: taking
/// them one by one or in bursts is the same.
#[test]
fn an_engine_that_pauses_decides_the_same() {
    let tape = tape(11, 10_000);
    let (spec, hash) = load(&revision());
    let mut engine = Engine::new(&spec, hash).unwrap();
    let mut candidates = Vec::new();
    for (index, burst) in tape.chunks(97).enumerate() {
        if index % 50 == 0 {
            std::thread::yield_now();
        }
        for event in burst {
            engine.on_event(event, |candidate| candidates.push(candidate.clone()));
        }
    }
    assert_eq!(digest(&candidates), digest(&run(&tape).1));
}

#[test]
fn every_candidate_has_a_verdict_of_every_rule_in_the_order_of_the_revision() {
    let (engine, candidates) = run(&tape(7, 20_000));
    let rules: Vec<_> = engine.rule_names().collect();
    assert_eq!(rules.len(), 7);
    for candidate in &candidates {
        let named: Vec<_> = candidate
            .verdicts
            .iter()
            .map(|verdict| verdict.rule)
            .collect();
        assert_eq!(named, rules);
        let first = candidate.verdicts.iter().find(|verdict| !verdict.passes());
        if let Some(verdict) = first {
            assert_eq!(
                candidate.enforcement.denial().map(|denial| denial.rule),
                Some(verdict.rule)
            );
        }
    }
}

#[test]
fn the_tape_reaches_every_outcome_and_both_strategies() {
    let (engine, candidates) = run(&tape(7, 40_000));
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for candidate in &candidates {
        *seen.entry(candidate.strategy.to_string()).or_default() += 1;
        *seen
            .entry(candidate.enforcement.name().to_owned())
            .or_default() += 1;
        for verdict in &candidate.verdicts {
            if let Some(code) = verdict.deny_code() {
                *seen.entry(code.0.to_owned()).or_default() += 1;
            }
        }
    }
    for expected in [
        "trend",
        "lean",
        "Accept",
        "Deny",
        "DATA_TOO_OLD",
        "DUPLICATE_INTENT",
        "NOTIONAL_BELOW_MINIMUM",
    ] {
        assert!(
            seen.contains_key(expected),
            "{expected} is missing in {seen:?}"
        );
    }
    let market = engine.market(InstrumentId(0)).unwrap();
    assert!(market.book().counters().gaps > 0, "the tape has holes");
}

#[test]
fn a_candidate_is_found_again_by_its_identity_alone() {
    let (_, candidates) = run(&tape(7, 20_000));
    let ids: std::collections::BTreeSet<_> =
        candidates.iter().map(|candidate| candidate.id).collect();
    assert_eq!(ids.len(), candidates.len());
}

#[test]
fn a_clock_that_goes_back_never_takes_the_engine_back() {
    let mut tape = tape(7, 2_000);
    for event in tape.iter_mut().skip(1_000).step_by(2) {
        event.ts_recv =
            Timestamp::from_nanoseconds(event.ts_recv.nanoseconds() - 3_600_000_000_000);
    }
    let (_, candidates) = run(&tape);
    assert!(candidates.is_sorted_by_key(|candidate| candidate.ts_decision));
}

#[test]
fn events_of_unknown_instruments_are_counted_and_change_nothing() {
    let (spec, hash) = load(&revision());
    let mut engine = Engine::new(&spec, hash).unwrap();
    let event = Event {
        instrument: InstrumentId(9),
        ts_event: None,
        ts_recv: Timestamp::from_milliseconds(1),
        kind: EventKind::Connected,
    };
    assert_eq!(engine.on_event(&event, |_| panic!("no candidate")), None);
    assert_eq!(engine.counters().unknown_instruments, 1);
}

fn problems(change: impl FnOnce(&mut serde_json::Value)) -> Vec<String> {
    let mut value = revision();
    change(&mut value);
    let (spec, hash) = load(&value);
    let ConstructionError { problems } = Engine::new(&spec, hash).err().expect("it has problems");
    problems.iter().map(ToString::to_string).collect()
}

#[test]
fn what_this_build_does_not_implement_is_named_with_its_path() {
    let problems = problems(|spec| {
        spec["strategies"][1]["algorithm"] =
            serde_json::json!({ "custom": { "name": "of-a-desk" } });
    });
    assert_eq!(
        problems,
        [
            "spec.strategies[1].algorithm.custom.name: \"of-a-desk\" is not valid: expected an algorithm that this executable links, and it links none",
        ]
    );
}

#[test]
fn every_problem_is_said_at_once_with_its_path() {
    let problems = problems(|spec| {
        spec["instruments"][1]["symbol"] = "BTCUSDT".into();
        spec["instruments"][0]["priceIncrement"] = "0".into();
        spec["strategies"][0]["name"] = "lean".into();
        spec["strategies"][0]["algorithm"]["movingAverageCrossover"]["fastPeriod"] = 9.into();
        spec["strategies"][1]["orderQuantity"] = "999999999999".into();
        spec["riskRules"][1]["quantityLimits"]["minimum"] = "3".into();
        spec["riskRules"][0] = spec["riskRules"][3].clone();
    });
    let expected = [
        "spec.instruments[0].priceIncrement: \"0\" is not valid: expected a decimal above zero",
        "spec.instruments[1].symbol: \"BTCUSDT\" is not valid: expected each symbol once",
        "spec.strategies[0].algorithm.movingAverageCrossover.fastPeriod: \"9\" is not valid: expected less than slowPeriod",
        "spec.strategies[0].instruments[1]: \"ETHUSDT\" is not valid: expected a symbol that stands in spec.instruments",
        "spec.strategies[1].name: \"lean\" is not valid: expected each name once",
        "spec.strategies[1].orderQuantity: \"999999999999\" is out of range; the largest magnitude is 92233720368.54775807",
        "spec.riskRules[1].quantityLimits.minimum: \"3\" is not valid: expected at most the maximum",
        "spec.riskRules[3].priceCollar: \"priceCollar\" is not valid: expected each rule once",
    ];
    assert_eq!(problems, expected);
}

#[test]
fn a_portfolio_counts_in_one_quote_asset() {
    let stated = |quote_asset: Option<&str>, second: &str| {
        problems(|spec| {
            spec["instruments"][1]["symbol"] = second.into();
            spec["strategies"][0]["instruments"] = serde_json::json!(["BTCUSDT"]);
            spec["portfolio"] =
                serde_json::json!({ "quoteBalance": "10000", "takerFeeBasisPoints": "1" });
            if let Some(asset) = quote_asset {
                spec["portfolio"]["quoteAsset"] = asset.into();
            }
        })
    };
    assert_eq!(
        stated(None, "ETHUSDT"),
        [
            "spec.portfolio.quoteAsset: \"\" is not valid: expected the quote asset that all symbols end with"
        ]
    );
    for second in ["ETHBTC", "USDT"] {
        assert_eq!(
            stated(Some("USDT"), second),
            [format!(
                "spec.instruments[1].symbol: {second:?} is not valid: expected a symbol that ends with portfolio.quoteAsset, USDT"
            )]
        );
    }
}

#[test]
fn a_resized_candidate_keeps_its_proposed_quantity_beside_the_final_one() {
    let mut value = revision();
    value["riskRules"] =
        serde_json::json!([{ "quantityLimits": { "minimum": "0.0001", "maximum": "0.001" } }]);
    let (spec, hash) = load(&value);
    let mut engine = Engine::new(&spec, hash).unwrap();
    let mut resized = 0;
    for event in &tape(7, 10_000) {
        engine.on_event(event, |candidate| {
            assert!(matches!(candidate.enforcement, Enforcement::Resize(_)));
            assert_eq!(candidate.final_quantity().to_string(), "0.001");
            assert!(candidate.proposal.quantity > candidate.final_quantity());
            resized += 1;
        });
    }
    assert!(resized > 0);
}
