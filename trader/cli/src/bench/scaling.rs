//! What more instruments, strategies and rules cost.

use std::hint::black_box;
use std::time::Instant;

use serde::Serialize;
use serde_json::{Value, json};
use triptych_crds::config_revision::ConfigRevisionSpec;
use triptych_crds::hash::ConfigHash;
use triptych_engine::Engine;
use triptych_engine::event::{Event, InstrumentId};
use triptych_engine::strategies::custom::Algorithms;
use triptych_market_data::generator::{DEFAULT_START, Generator};
use triptych_market_data::instruments::Instruments;

use super::measured::median;
use crate::failure::Failure;

/// Events of a generated market.
const EVENTS: usize = 200_000;

/// More than a revision may hold (64): the engine is asked directly.
const INSTRUMENTS: [u16; 4] = [1, 10, 100, 1_000];

/// What each of them is, under a name of its own.
const GENERATED: &str = "BTCUSDT";

const STRATEGIES: [usize; 6] = [1, 2, 4, 8, 16, 32];

/// The cost of an event with so many of something.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Step {
    pub(super) of: &'static str,
    pub(super) count: usize,
    pub(super) nanoseconds_per_event: f64,
}

/// Every step, on a generated market; what is not counted is as in the revision.
pub(super) fn steps(
    document: &Value,
    algorithms: &Algorithms,
    runs: u32,
) -> Result<Vec<Step>, Failure> {
    let spec = &document["spec"];
    let mut steps = Vec::new();
    let mut measure = |of, count, spec: &Value, events: &[Event]| {
        eprintln!("trader: measuring {count} {of}");
        let nanoseconds_per_event = nanoseconds(spec, algorithms, runs, events)?;
        steps.push(Step {
            of,
            count,
            nanoseconds_per_event,
        });
        Ok::<_, Failure>(())
    };
    let first = spec["instruments"][0]["symbol"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    let alone = on_instruments(spec, std::slice::from_ref(&first));
    for count in INSTRUMENTS {
        let symbols: Vec<String> = (0..count).map(|place| format!("S{place:04}USDT")).collect();
        let of_all = on_instruments(spec, &symbols);
        measure("instruments", usize::from(count), &of_all, &events(count)?)?;
    }
    let events = events(1)?;
    for count in STRATEGIES {
        let mut more = alone.clone();
        more["strategies"] = (0..count)
            .map(|place| named(&alone["strategies"][0], place))
            .collect();
        measure("strategies", count, &more, &events)?;
    }
    let rules = alone["riskRules"].as_array().map_or(0, Vec::len);
    for count in 0..=rules {
        let mut fewer = alone.clone();
        if let Some(list) = fewer["riskRules"].as_array_mut() {
            list.truncate(count);
        }
        measure("rules", count, &fewer, &events)?;
    }
    Ok(steps)
}

/// The revision with these instruments, every strategy on each.
fn on_instruments(spec: &Value, symbols: &[String]) -> Value {
    let mut spec = spec.clone();
    let instrument = spec["instruments"][0].clone();
    let with_symbol = |symbol: &String| {
        let mut instrument = instrument.clone();
        instrument["symbol"] = json!(symbol);
        instrument
    };
    spec["instruments"] = symbols.iter().map(with_symbol).collect();
    for strategy in spec["strategies"].as_array_mut().into_iter().flatten() {
        strategy["instruments"] = json!(symbols);
    }
    if let Some(portfolio) = spec["portfolio"].as_object_mut() {
        portfolio.insert("quoteAsset".to_owned(), json!("USDT"));
    }
    spec
}

fn named(strategy: &Value, place: usize) -> Value {
    let mut strategy = strategy.clone();
    strategy["name"] = json!(format!("copy-{place}"));
    strategy
}

/// The events of so many instruments by their time, each a market of its own: the same number in all.
fn events(instruments: u16) -> Result<Vec<Event>, Failure> {
    let market =
        Instruments::parse([GENERATED]).map_err(|error| Failure::Internal(error.to_string()))?;
    let each = EVENTS / usize::from(instruments);
    let mut events: Vec<Event> = (0..instruments)
        .flat_map(|place| {
            let generated = Generator::new(u64::from(place), &market, DEFAULT_START).take(each);
            generated.map(move |event| Event {
                instrument: InstrumentId(place),
                ..event
            })
        })
        .collect();
    events.sort_by_key(|event| event.ts_recv);
    Ok(events)
}

#[allow(clippy::cast_precision_loss)]
fn nanoseconds(
    spec: &Value,
    algorithms: &Algorithms,
    runs: u32,
    events: &[Event],
) -> Result<f64, Failure> {
    let internal = |error: &dyn std::fmt::Display| Failure::Internal(error.to_string());
    let hash = ConfigHash::of_canonical_bytes(b"bench");
    let spec: ConfigRevisionSpec =
        serde_json::from_value(spec.clone()).map_err(|error| internal(&error))?;
    let mut seconds = Vec::new();
    for _ in 0..runs {
        let mut engine = Engine::with_algorithms(&spec, hash.clone(), algorithms)
            .map_err(|error| internal(&error))?;
        let start = Instant::now();
        for event in events {
            engine.on_event(event, |candidate| {
                black_box(candidate);
            });
        }
        seconds.push(start.elapsed().as_secs_f64());
    }
    Ok(median(&seconds) * 1e9 / events.len() as f64)
}
