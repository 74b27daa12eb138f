//! What trading state and live ratio leave of a decision round, over a whole tape.

mod support;

use std::collections::BTreeMap;

use support::{load, revision_with_every_rule, tape};
use triptych_crds::TradingState;
use triptych_crds::trading_instance::LiveRatioMode;
use triptych_engine::decimal::{Notional, Quantity, Ratio};
use triptych_engine::digest::DecisionDigest;
use triptych_engine::event::{Event, InstrumentId};
use triptych_engine::portfolio::Portfolio;
use triptych_engine::risk::Consequence;
use triptych_engine::stage::{LiveRatio, NotTaken, StageRecord, TierControl};
use triptych_engine::{Candidate, Engine};

fn control(state: TradingState, mode: LiveRatioMode, ratio: &str) -> TierControl {
    let ratio = ratio.parse().expect("a ratio");
    TierControl {
        state,
        live: LiveRatio { mode, ratio },
    }
}

fn sized(ratio: &str) -> TierControl {
    control(TradingState::Active, LiveRatioMode::Size, ratio)
}

/// Rules that leave the strategies room.
fn revision() -> serde_json::Value {
    let mut revision = revision_with_every_rule();
    let rules = revision["riskRules"].as_array_mut().expect("a list");
    rules.retain(|rule| {
        ["precision", "grossExposure", "balance"]
            .iter()
            .any(|name| rule.get(name).is_some())
    });
    revision
}

fn engine(revision: &serde_json::Value) -> Engine {
    let (spec, hash) = load(revision);
    Engine::new(&spec, hash).expect("this build runs it")
}

/// Runs a tape; the control of each event is that of its place. Looks at the engine after each event
/// with the event's candidates.
fn run(
    engine: &mut Engine,
    tape: &[Event],
    control: impl Fn(usize) -> Option<TierControl>,
    mut look: impl FnMut(&Engine, &[Candidate]),
) -> String {
    let mut digest = DecisionDigest::default();
    let mut round = Vec::new();
    for (place, event) in tape.iter().enumerate() {
        engine.set_control(control(place));
        round.clear();
        engine.on_event(event, |candidate| round.push(candidate.clone()));
        for candidate in &round {
            digest.add(candidate);
        }
        look(engine, &round);
    }
    digest.finish()
}

fn stage(candidate: &Candidate) -> StageRecord {
    candidate.stage.expect("a tier that takes")
}

fn held(portfolio: &Portfolio, instrument: u16) -> i64 {
    portfolio
        .position(InstrumentId(instrument))
        .quantity()
        .units()
}

#[test]
fn at_a_ratio_of_one_what_is_taken_is_what_enforcement_lets_through() {
    for mode in [LiveRatioMode::Size, LiveRatioMode::Count] {
        let mut accepted = 0;
        run(
            &mut engine(&revision_with_every_rule()),
            &tape(7, 40_000),
            |_| Some(control(TradingState::Active, mode, "1")),
            |engine, round| {
                for candidate in round {
                    assert_eq!(stage(candidate).quantity, candidate.final_quantity());
                    accepted += usize::from(candidate.final_quantity().is_positive());
                }
                for instrument in 0..2 {
                    assert_eq!(
                        held(engine.taken_portfolio(), instrument),
                        held(engine.enforced_portfolio(), instrument)
                    );
                }
            },
        );
        assert!(accepted > 20, "{accepted}");
    }
}

#[test]
fn verdicts_are_those_at_a_ratio_of_one_whatever_ratio_and_state() {
    let tape = tape(7, 30_000);
    let decided = |control: &dyn Fn(usize) -> Option<TierControl>| {
        run(
            &mut engine(&revision_with_every_rule()),
            &tape,
            control,
            |_, _| {},
        )
    };
    let observed = decided(&|_| None);
    for other in [
        decided(&|_| Some(sized("1"))),
        decided(&|_| Some(sized("0.3"))),
        decided(&|_| Some(control(TradingState::Halted, LiveRatioMode::Count, "0.5"))),
        decided(&|place| Some(sized(if place % 200 < 100 { "0.9" } else { "0" }))),
    ] {
        assert_eq!(other, observed);
    }
}

#[test]
fn sizes_are_scaled_down_to_the_increment_and_a_position_that_ends_ends_whole() {
    let ratio: Ratio = "0.3".parse().unwrap();
    let steps = [1_000_i64, 10_000];
    let (mut entries, mut whole_exits) = (0, 0);
    let mut before = [0_i64; 2];
    run(
        &mut engine(&revision()),
        &tape(7, 40_000),
        // It is lowered while positions are held.
        |place| Some(sized(if place < 20_000 { "0.9" } else { "0.3" })),
        |engine, round| {
            for candidate in round {
                let instrument = usize::from(candidate.proposal.instrument.0);
                let quantity = stage(candidate).quantity.units();
                if stage(candidate).live.ratio == ratio
                    && quantity > 0
                    && candidate.portfolios.unwrap().enforced.position.is_zero()
                {
                    let step = Quantity::from_units(steps[instrument]);
                    let scaled = candidate.final_quantity().scaled_by(ratio);
                    assert_eq!(quantity, scaled.round_down_to(step).units());
                    entries += 1;
                }
            }
            for instrument in 0..2 {
                let (taken, enforced) = (
                    held(engine.taken_portfolio(), instrument),
                    held(engine.enforced_portfolio(), instrument),
                );
                let place = usize::from(instrument);
                if enforced == 0 {
                    assert_eq!(taken, 0, "nothing is left where the strategy is out");
                    whole_exits += usize::from(before[place] != 0);
                }
                assert!(taken.abs() <= enforced.abs(), "{taken} of {enforced}");
                assert!(taken == 0 || taken.signum() == enforced.signum());
                before[place] = taken;
            }
        },
    );
    assert!(entries > 5 && whole_exits > 5, "{entries} {whole_exits}");
}

#[test]
fn exposure_that_is_taken_keeps_the_scaled_limit() {
    let ratio: Ratio = "0.25".parse().unwrap();
    let limit: Notional = "150".parse().unwrap();
    let mut revision = revision();
    let gross = serde_json::json!({ "grossExposure": { "limit": "150" } });
    revision["riskRules"] = serde_json::json!([gross]);
    let (mut taken, mut cut) = (0, 0);
    run(
        &mut engine(&revision),
        &tape(7, 40_000),
        |place| Some(sized(if place % 400 < 200 { "1" } else { "0.25" })),
        |engine, round| {
            for candidate in round {
                let stage = stage(candidate);
                let rule = matches!(stage.not_taken, Some(NotTaken::Rule(denial)) if denial.rule == "grossExposure");
                cut += usize::from(rule);
                // The round's last word: what it opened is there.
                let opens = candidate.portfolios.unwrap().enforced.position.is_zero();
                if stage.live.ratio == ratio
                    && stage.quantity.is_positive()
                    && opens
                    && round.len() == 1
                {
                    taken += 1;
                    let exposure = engine.taken_portfolio().exposure();
                    assert!(exposure.gross <= limit.scaled_by(ratio), "{exposure:?}");
                }
            }
        },
    );
    assert!(taken > 0 && cut > 0, "{taken} taken, {cut} cut");
}

#[test]
fn of_the_entries_of_a_round_a_count_takes_the_best_whole_ones() {
    let mut revision = revision();
    revision["riskRules"] = serde_json::json!([]);
    // Three strategies that see the same book; two of them say how sure they are.
    let lean = revision["strategies"][1].clone();
    let mut strategies = Vec::new();
    for (name, levels) in [("a", 5), ("b", 1), ("c", 3)] {
        let mut strategy = lean.clone();
        strategy["name"] = name.into();
        strategy["algorithm"]["orderBookImbalance"]["levels"] = levels.into();
        strategies.push(strategy);
    }
    revision["strategies"] = strategies.into();
    let mut sizes: BTreeMap<usize, usize> = BTreeMap::new();
    run(
        &mut engine(&revision),
        &tape(7, 60_000),
        |_| Some(control(TradingState::Active, LiveRatioMode::Count, "0.5")),
        |_, round| {
            let entries: Vec<&Candidate> = round
                .iter()
                .filter(|candidate| {
                    stage(candidate).quantity.is_positive()
                        || stage(candidate).not_taken == Some(NotTaken::Count)
                })
                .collect();
            // Exits are taken beside; a round of entries only is what can be counted here.
            let all_open = round.iter().all(|candidate| {
                let held = candidate.portfolios.unwrap().enforced.position.units();
                let buys = candidate.proposal.side.name() == "Buy";
                held == 0 || (held > 0) == buys
            });
            if !all_open || entries.len() != round.len() {
                return;
            }
            *sizes.entry(round.len()).or_default() += 1;
            let taken: Vec<_> = round
                .iter()
                .filter(|candidate| stage(candidate).quantity.is_positive())
                .collect();
            assert_eq!(taken.len(), round.len() / 2);
            let worst_taken = taken
                .iter()
                .filter_map(|candidate| candidate.confidence)
                .fold(f64::INFINITY, f64::min);
            for candidate in round {
                if stage(candidate).not_taken == Some(NotTaken::Count) {
                    assert!(candidate.confidence.unwrap() <= worst_taken);
                }
            }
        },
    );
    assert!(
        sizes.contains_key(&1) && sizes.contains_key(&2),
        "{sizes:?}"
    );
}

#[test]
fn halted_takes_nothing_and_reducing_only_what_makes_a_position_smaller() {
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    let mut before = [0_i64; 2];
    let states = [
        TradingState::Active,
        TradingState::Reducing,
        TradingState::Halted,
    ];
    run(
        &mut engine(&revision()),
        &tape(7, 60_000),
        |place| Some(control(states[place / 2_000 % 3], LiveRatioMode::Size, "1")),
        |engine, round| {
            for candidate in round {
                let StageRecord {
                    state, quantity, ..
                } = stage(candidate);
                let name = match (state, quantity.is_positive()) {
                    (TradingState::Halted, taken) => {
                        assert!(!taken);
                        "halted"
                    }
                    (TradingState::Reducing, true) => "reduced",
                    (TradingState::Reducing, false) => "refused",
                    (TradingState::Active, _) => "active",
                };
                *seen.entry(name).or_default() += 1;
            }
            for (place, before) in before.iter_mut().enumerate() {
                let now = held(engine.taken_portfolio(), u16::try_from(place).unwrap());
                let state = round.first().map(|candidate| stage(candidate).state);
                if state == Some(TradingState::Reducing) {
                    assert!(now.abs() <= before.abs() && now.signum() * before.signum() >= 0);
                }
                *before = now;
            }
        },
    );
    for name in ["halted", "reduced", "refused", "active"] {
        assert!(seen.get(name).is_some_and(|count| *count > 0), "{seen:?}");
    }
}

#[test]
fn a_breach_stops_the_round_in_which_it_happens_and_is_told_once() {
    let mut revision = revision();
    let loss = serde_json::json!({ "dailyLoss": {
        "limit": "1", "dayStartsAtHour": 0, "onBreach": "Halt" } });
    revision["riskRules"] = serde_json::json!([loss]);
    let mut breaches = Vec::new();
    let mut taken_in_a_breach = 0;
    run(
        &mut engine(&revision),
        &tape(7, 40_000),
        |_| Some(sized("1")),
        |engine, round| {
            breaches.extend_from_slice(engine.breaches());
            if !engine.breaches().is_empty() {
                taken_in_a_breach += round
                    .iter()
                    .filter(|candidate| stage(candidate).quantity.is_positive())
                    .count();
            }
        },
    );
    assert!(!breaches.is_empty());
    assert!(breaches.len() < 100, "{} breaches", breaches.len());
    for breach in &breaches {
        assert_eq!(breach.rule, "dailyLoss");
        assert_eq!(breach.consequence, Consequence::Halt);
        assert!(breach.observed > breach.limit);
    }
    assert_eq!(taken_in_a_breach, 0);
}
