//! What became of the same decision at two traders.

use std::collections::BTreeMap;

use serde::Serialize;
use triptych_engine::decimal::Notional;
use triptych_engine::measure::Measure;

use super::Performance;
use crate::executions::read::Executed;

/// What became of an order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OrderOutcome {
    buys: bool,
    filled: Measure,
    value: Notional,
    /// The latest event that is no fill, and its reason.
    last: String,
}

/// Orders of two traders for the same purposes of the same candidates.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OutcomeComparison {
    /// Decisions that both filled, at least in part.
    pub both_filled: u64,
    /// Decisions that became orders at both, and filled at neither.
    pub neither_filled: u64,
    /// By how much the left one paid more, or received less, in basis points of the price: mean over decisions that
    /// both filled.
    pub mean_disadvantage_basis_points: Option<f64>,
    /// Decisions that only the left one filled, by why the right one did not.
    pub only_left: BTreeMap<String, u64>,
    /// Decisions that only the right one filled, by why the left one did not.
    pub only_right: BTreeMap<String, u64>,
}

impl OrderOutcome {
    pub(super) fn add(&mut self, row: &Executed) {
        self.buys = row.buys;
        if let Some(fill) = &row.fill {
            let quantity = Measure::from(fill.quantity).units();
            let value = fill.price.notional(fill.quantity).units();
            self.filled = Measure::from_units(self.filled.units().saturating_add(quantity));
            self.value = Notional::from_units(self.value.units().saturating_add(value));
        } else {
            self.last = match &row.reason {
                Some(reason) => format!("{}: {reason}", row.event),
                None => row.event.clone(),
            };
        }
    }

    const fn is_filled(&self) -> bool {
        self.filled.units() > 0
    }

    #[allow(clippy::cast_precision_loss, reason = "a mean for people")]
    fn mean_price(&self) -> f64 {
        self.value.units() as f64 / self.filled.units() as f64
    }
}

/// Compares what became of the decisions of two traders.
pub fn compare(left: &Performance, right: &Performance) -> OutcomeComparison {
    let mut found = OutcomeComparison::default();
    let mut disadvantages = Vec::new();
    for (key, ours) in &left.orders {
        match right.orders.get(key) {
            Some(theirs) if ours.is_filled() && theirs.is_filled() => {
                let (ours_at, theirs_at) = (ours.mean_price(), theirs.mean_price());
                let sign = if ours.buys { 1.0 } else { -1.0 };
                disadvantages.push(sign * (ours_at / theirs_at - 1.0) * 10_000.0);
            }
            Some(theirs) if !ours.is_filled() && !theirs.is_filled() => found.neither_filled += 1,
            _ if ours.is_filled() => {
                let why = why_not(right, key);
                *found.only_left.entry(why).or_default() += 1;
            }
            _ => {}
        }
    }
    for (key, theirs) in &right.orders {
        let ours_filled = left.orders.get(key).is_some_and(OrderOutcome::is_filled);
        if theirs.is_filled() && !ours_filled {
            let why = why_not(left, key);
            *found.only_right.entry(why).or_default() += 1;
        }
    }
    found.both_filled = disadvantages.len() as u64;
    found.mean_disadvantage_basis_points = mean(&disadvantages);
    found
}

/// Why a decision was not filled at a trader.
fn why_not(trader: &Performance, key: &(String, String)) -> String {
    match trader.orders.get(key) {
        Some(order) => format!("its order: {}", order.last),
        None => trader.not_taken.get(&key.0).map_or_else(
            || "it did not decide this, or was not running".to_owned(),
            |reason| format!("no order: {reason}"),
        ),
    }
}

#[allow(clippy::cast_precision_loss, reason = "a mean for people")]
fn mean(values: &[f64]) -> Option<f64> {
    let sum: f64 = values.iter().sum();
    (!values.is_empty()).then(|| sum / values.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::executions::read::ExecutedFill;

    fn row(candidate: &str, event: &str, fill: Option<&str>) -> Executed {
        Executed {
            run_id: "run".to_owned(),
            candidate_id: candidate.to_owned(),
            purpose: "Signal".to_owned(),
            event: event.to_owned(),
            reason: (event == "Cancelled").then(|| "halt".to_owned()),
            at_ns: 0,
            strategy: "ema".to_owned(),
            instrument: "BTCUSDT".to_owned(),
            client_order_id: candidate.to_owned(),
            buys: true,
            touch: "100".parse().unwrap(),
            quantity: "1".parse().unwrap(),
            fill: fill.map(|price| ExecutedFill {
                price: price.parse().unwrap(),
                quantity: "1".parse().unwrap(),
                fee: Notional::ZERO,
                fee_asset: None,
            }),
        }
    }

    fn trader(rows: &[Executed]) -> Performance {
        let mut trader = Performance::default();
        for row in rows {
            trader.add_execution(row);
        }
        trader
    }

    #[test]
    fn each_decision_falls_into_one_class_and_says_why() {
        let mut left = trader(&[
            row("both", "Filled", Some("101")),
            row("left", "Filled", Some("100")),
            row("neither", "Expired", None),
        ]);
        left.not_taken
            .insert("small".to_owned(), "BelowMinimum".to_owned());
        let right = trader(&[
            row("both", "Filled", Some("100")),
            row("left", "Accepted", None),
            row("left", "Cancelled", None),
            row("neither", "Expired", None),
            row("small", "Filled", Some("100")),
            row("late", "Filled", Some("100")),
        ]);
        let found = compare(&left, &right);
        assert_eq!((found.both_filled, found.neither_filled), (1, 1));
        let disadvantage = found.mean_disadvantage_basis_points.unwrap();
        assert!((disadvantage - 100.0).abs() < 1e-9, "{disadvantage}");
        let only_left = [("its order: Cancelled: halt".to_owned(), 1)];
        assert_eq!(found.only_left, only_left.into());
        let only_right = [
            ("it did not decide this, or was not running".to_owned(), 1),
            ("no order: BelowMinimum".to_owned(), 1),
        ];
        assert_eq!(found.only_right, only_right.into());
    }
}
