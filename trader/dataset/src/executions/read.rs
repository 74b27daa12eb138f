//! Reads executions back.

use std::path::Path;

use arrow::array::{Array, RecordBatch};
use triptych_engine::decimal::{Notional, Price, Quantity};

use super::ExecutionEvent;
use crate::files::batches;
use crate::layout::strategy_and_instrument;
use crate::read::{Columns, ReadError, optional_text, optional_units, units};

/// What sums and comparisons of executions need of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Executed {
    /// Identity of the run.
    pub run_id: String,
    /// The candidate that the order carries out, or whose stop or target it is.
    pub candidate_id: String,
    /// Which of the three.
    pub purpose: String,
    /// What happened to the order.
    pub event: String,
    /// Why it ended, where it did before it was filled whole.
    pub reason: Option<String>,
    /// When, by the venue's clock, or by the trader's where the venue did not say; nanoseconds since 1970.
    pub at_ns: i64,
    /// Name of the strategy.
    pub strategy: String,
    /// Symbol.
    pub instrument: String,
    /// The order's own name.
    pub client_order_id: String,
    /// Whether the order buys.
    pub buys: bool,
    /// The price at which the order would have traded when it was intended.
    pub touch: Price,
    /// Ordered quantity.
    pub quantity: Quantity,
    /// The fill, where it is one.
    pub fill: Option<ExecutedFill>,
}

/// A fill, as sums need it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExecutedFill {
    /// Its price.
    pub price: Price,
    /// Its quantity.
    pub quantity: Quantity,
    /// Its fee.
    pub fee: Notional,
    /// The asset that the fee was paid in; `None` for the quote asset of a model.
    pub fee_asset: Option<String>,
}

const COLUMNS: [&str; 15] = [
    "run_id",
    "candidate_id",
    "purpose",
    "reason",
    "ts_event_ns",
    "ts_recv_ns",
    "client_order_id",
    "event",
    "side",
    "touch",
    "quantity",
    "fill_price",
    "fill_quantity",
    "fee",
    "fee_asset",
];

/// Every row of a file.
pub fn rows_of(path: &Path) -> Result<Vec<Executed>, ReadError> {
    let mut rows = Vec::new();
    for batch in batches(path, Some(&COLUMNS))? {
        append_rows(path, &batch, &mut rows)?;
    }
    Ok(rows)
}

fn append_rows(
    path: &Path,
    batch: &RecordBatch,
    rows: &mut Vec<Executed>,
) -> Result<(), ReadError> {
    let columns = Columns { path, batch };
    let (strategy, instrument) =
        strategy_and_instrument(path).ok_or_else(|| columns.missing("strategy"))?;
    let (runs, orders) = (columns.text("run_id")?, columns.text("client_order_id")?);
    let (events, sides) = (columns.text("event")?, columns.text("side")?);
    let (touches, quantities) = (columns.decimals("touch")?, columns.decimals("quantity")?);
    let (prices, fees) = (columns.decimals("fill_price")?, columns.decimals("fee")?);
    let fills = columns.decimals("fill_quantity")?;
    let (candidates, purposes) = (columns.text("candidate_id")?, columns.text("purpose")?);
    let (reasons, fee_assets) = (columns.text("reason")?, columns.text("fee_asset")?);
    let happened = columns.integers("ts_event_ns")?;
    let received = columns.integers("ts_recv_ns")?;
    for place in 0..batch.num_rows() {
        let fill = || {
            Some(ExecutedFill {
                price: Price::from_units(optional_units(prices, place)?),
                quantity: Quantity::from_units(optional_units(fills, place)?),
                fee: Notional::from_units(fees.is_valid(place).then(|| fees.value(place))?),
                fee_asset: optional_text(fee_assets, place),
            })
        };
        let is_fill = events.value(place) == ExecutionEvent::FILLED;
        rows.push(Executed {
            run_id: runs.value(place).to_owned(),
            candidate_id: candidates.value(place).to_owned(),
            purpose: purposes.value(place).to_owned(),
            event: events.value(place).to_owned(),
            reason: optional_text(reasons, place),
            at_ns: if happened.is_valid(place) {
                happened.value(place)
            } else {
                received.value(place)
            },
            strategy: strategy.clone(),
            instrument: instrument.clone(),
            client_order_id: orders.value(place).to_owned(),
            buys: sides.value(place) == "Buy",
            touch: Price::from_units(units(touches, place)),
            quantity: Quantity::from_units(units(quantities, place)),
            fill: is_fill.then(fill).flatten(),
        });
    }
    Ok(())
}
