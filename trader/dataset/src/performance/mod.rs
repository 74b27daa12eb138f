//! What a trader earned and held, moment by moment, from its own dataset: candidates tell prices and limits,
//! executions tell fills.

mod course;
pub mod outcomes;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::Path;

use serde::Serialize;
use triptych_engine::decimal::{Notional, Price};
use triptych_engine::measure::Measure;

use crate::executions::read::{Executed, rows_of as executed_in};
use crate::files::while_compacted;
use crate::layout::Table;
use crate::read::{ReadError, Row, listed_files, listed_files_of, rows_of};
use course::{Course, Seen};
pub use course::{FillMark, Point};
use outcomes::OrderOutcome;

/// The rule whose limit an exposure is held against.
const EXPOSURE_RULE: &str = "grossExposure";

/// What a trader did in the time that its dataset covers.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Performance {
    /// Tiers of the candidates.
    pub tiers: BTreeSet<String>,
    /// Names of the TradingInstances.
    pub instances: BTreeSet<String>,
    /// Live ratios that its candidates carry; none on R.
    pub live_ratios: BTreeSet<String>,
    /// Candidates.
    pub candidates: u64,
    /// By symbol.
    pub instruments: BTreeMap<String, InstrumentPerformance>,
    /// What became of each order, by candidate and purpose.
    #[serde(skip)]
    pub orders: HashMap<(String, String), OrderOutcome>,
    /// Why candidates became no order, by candidate.
    #[serde(skip)]
    pub not_taken: HashMap<String, String>,
}

/// What it did on an instrument. Money is in the quote asset.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct InstrumentPerformance {
    /// Orders.
    pub orders: u64,
    /// Fills, whole or in part.
    pub fills: u64,
    /// Price times quantity of all fills.
    pub traded: Notional,
    /// Fees, by the asset they were paid in; `quote` where a model charged them.
    pub fees: BTreeMap<String, Notional>,
    /// What is held at the end, in the base asset, after fees that were paid in it.
    pub position: Measure,
    /// Realised and unrealised profit at the end, at the last middle of bid and ask, after fees that were paid in one of
    /// the instrument's two assets.
    pub profit: Notional,
    /// Largest absolute value of what was held.
    pub largest_exposure: Notional,
    /// Profit and exposure at each moment at which something was seen.
    #[serde(skip)]
    pub points: Vec<Point>,
    /// Each fill.
    #[serde(skip)]
    pub marks: Vec<FillMark>,
}

/// Reads a dataset whole.
pub fn performance(directory: &Path) -> Result<Performance, ReadError> {
    while_compacted(|| read(directory))
}

fn read(directory: &Path) -> Result<Performance, ReadError> {
    let mut performance = Performance::default();
    let mut seen: BTreeMap<String, Vec<(i64, Seen)>> = BTreeMap::new();
    for path in listed_files(directory)? {
        for row in rows_of(&path)? {
            let quote = quote_of(&row);
            performance.add_candidate(&row);
            let of_instrument = seen.entry(row.instrument).or_default();
            of_instrument.push((row.ts_event_ns.unwrap_or(row.ts_recv_ns), quote));
        }
    }
    let mut orders = HashSet::new();
    for path in listed_files_of(directory, Table::Executions)? {
        for row in executed_in(&path)? {
            performance.add_execution(&row);
            let instrument = performance.instruments.entry(row.instrument.clone());
            if orders.insert((row.run_id.clone(), row.client_order_id.clone())) {
                instrument.or_default().orders += 1;
            }
            if let Some(fill) = row.fill {
                let buys = row.buys;
                let of_instrument = seen.entry(row.instrument).or_default();
                of_instrument.push((row.at_ns, Seen::Fill { buys, fill }));
            }
        }
    }
    for (symbol, mut moments) in seen {
        moments.sort_by_key(|(at, _)| *at);
        let mut course = Course::new(&symbol);
        for (at, what) in moments {
            course.see(at, what);
        }
        let instrument = performance.instruments.entry(symbol.clone()).or_default();
        course.finish(instrument);
    }
    Ok(performance)
}

fn quote_of(row: &Row) -> Seen {
    let rule = row
        .verdicts
        .iter()
        .find(|verdict| verdict.rule == EXPOSURE_RULE);
    Seen::Quote {
        middle: Price::from_units(i64::midpoint(row.bid.units(), row.ask.units())),
        limit: rule.and_then(|verdict| verdict.limit),
    }
}

impl Performance {
    fn add_candidate(&mut self, row: &Row) {
        self.candidates += 1;
        self.tiers.insert(row.tier.clone());
        self.instances.insert(row.instance.clone());
        if let Some(ratio) = row.live_ratio {
            self.live_ratios.insert(ratio.to_string());
        }
        let denied = || {
            row.first_deny
                .as_ref()
                .map(|rule| format!("denied by {rule}"))
        };
        let reason = row.not_taken.clone().or_else(denied);
        let state = || {
            let state = row
                .trading_state
                .as_deref()
                .filter(|state| *state != "Active");
            state.map(|state| format!("trading state {state}"))
        };
        if let Some(reason) = reason.or_else(state) {
            self.not_taken.insert(row.candidate_id.clone(), reason);
        }
    }

    fn add_execution(&mut self, row: &Executed) {
        let key = (row.candidate_id.clone(), row.purpose.clone());
        self.orders.entry(key).or_default().add(row);
    }
}
