//! Sums up executions: what the orders of each strategy came to.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;

use serde::Serialize;
use triptych_engine::decimal::{Notional, Quantity};
use triptych_engine::measure::Measure;

use super::read::{Executed, rows_of};
use crate::files::while_compacted;
use crate::layout::Table;
use crate::read::{ReadError, listed_files_of};

/// Orders by strategy and instrument.
pub type ExecutionSummary = BTreeMap<String, BTreeMap<String, ExecutionTotals>>;

/// What the orders of a strategy on an instrument came to. Exact; money is in the quote asset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ExecutionTotals {
    /// Orders.
    pub orders: u64,
    /// Fills, whole or in part.
    pub fills: u64,
    /// What was ordered, in the base asset.
    pub ordered_quantity: Measure,
    /// What was filled of it.
    pub filled_quantity: Measure,
    /// Price times quantity of all fills.
    pub value: Notional,
    /// Fees of all fills.
    pub fees: Notional,
    /// What the fills cost against the touch at which each order was intended, fees apart: the
    /// implementation shortfall of what was filled (Perold, "The implementation shortfall: paper
    /// versus reality", 1988). Below zero where the fills were better than that.
    pub cost: Notional,
}

impl ExecutionTotals {
    fn add_order(&mut self, quantity: Quantity) {
        self.orders += 1;
        self.ordered_quantity = sum(self.ordered_quantity, quantity);
    }

    fn add_fill(&mut self, row: &Executed) {
        let Some(fill) = &row.fill else { return };
        let value = fill.price.notional(fill.quantity).units();
        let above_touch = value.saturating_sub(row.touch.notional(fill.quantity).units());
        let cost = if row.buys { above_touch } else { -above_touch };
        let plus =
            |money: Notional, more: i128| Notional::from_units(money.units().saturating_add(more));
        self.fills += 1;
        self.filled_quantity = sum(self.filled_quantity, fill.quantity);
        self.value = plus(self.value, value);
        self.fees = plus(self.fees, fill.fee.units());
        self.cost = plus(self.cost, cost);
    }
}

fn sum(quantities: Measure, more: Quantity) -> Measure {
    let more = Measure::from(more).units();
    Measure::from_units(quantities.units().saturating_add(more))
}

/// Sums up the listed executions of a dataset; empty where there are none.
pub fn execution_summary(directory: &Path) -> Result<ExecutionSummary, ReadError> {
    while_compacted(|| {
        let mut summary = ExecutionSummary::new();
        let mut orders = HashSet::new();
        for path in listed_files_of(directory, Table::Executions)? {
            for row in rows_of(&path)? {
                let instruments = summary.entry(row.strategy.clone()).or_default();
                let totals = instruments.entry(row.instrument.clone()).or_default();
                if orders.insert((row.run_id.clone(), row.client_order_id.clone())) {
                    totals.add_order(row.quantity);
                }
                totals.add_fill(&row);
            }
        }
        Ok(summary)
    })
}
