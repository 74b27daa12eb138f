//! What orders came to, for people.

use triptych_dataset::executions::summary::{ExecutionSummary, ExecutionTotals};

use crate::money::rounded;
use crate::summary::number;
use crate::summary_table::{percent, with_numbers};

/// The titles of the numbers, for tables and pages.
pub(crate) const NUMBERS: [&str; 7] = [
    "Orders",
    "Filled",
    "Fills",
    "Turnover",
    "Fees",
    "Cost against the touch",
    "In basis points",
];

/// A table; nothing where there are no orders.
pub(crate) fn text(summary: &ExecutionSummary) -> String {
    if summary.is_empty() {
        return String::new();
    }
    let titles = NUMBERS.map(str::to_uppercase);
    let titles = titles.each_ref().map(String::as_str);
    let mut table = with_numbers(&["STRATEGY", "INSTRUMENT"], &titles);
    for (strategy, instruments) in summary {
        for (instrument, totals) in instruments {
            let names = [strategy.clone(), instrument.clone()];
            table.row(names.into_iter().chain(cells(totals)).collect());
        }
    }
    format!("\n{}", table.render())
}

/// The numbers of [`NUMBERS`].
pub(crate) fn cells(totals: &ExecutionTotals) -> [String; 7] {
    [
        totals.orders.to_string(),
        percent(
            totals.filled_quantity.units().unsigned_abs(),
            totals.ordered_quantity.units().unsigned_abs(),
        ),
        totals.fills.to_string(),
        rounded(totals.value),
        rounded(totals.fees),
        rounded(totals.cost),
        basis_points(totals),
    ]
}

/// The cost in basis points of the turnover; a dash where nothing was filled.
#[allow(clippy::cast_precision_loss)]
fn basis_points(totals: &ExecutionTotals) -> String {
    if totals.value.units() == 0 {
        return "-".to_owned();
    }
    number(totals.cost.units() as f64 / totals.value.units() as f64 * 10_000.0)
}
