//! Reads executions back.

use std::path::Path;

use arrow::array::{Array, RecordBatch};
use triptych_engine::decimal::{Notional, Price, Quantity};

use super::ExecutionEvent;
use crate::files::batches;
use crate::layout::strategy_and_instrument;
use crate::read::{Columns, ReadError, optional_units, units};

/// What sums of executions need of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Executed {
    /// Identity of the run.
    pub run_id: String,
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
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExecutedFill {
    /// Its price.
    pub price: Price,
    /// Its quantity.
    pub quantity: Quantity,
    /// Its fee.
    pub fee: Notional,
}

const COLUMNS: [&str; 9] = [
    "run_id",
    "client_order_id",
    "event",
    "side",
    "touch",
    "quantity",
    "fill_price",
    "fill_quantity",
    "fee",
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
    for place in 0..batch.num_rows() {
        let fill = || {
            Some(ExecutedFill {
                price: Price::from_units(optional_units(prices, place)?),
                quantity: Quantity::from_units(optional_units(fills, place)?),
                fee: Notional::from_units(fees.is_valid(place).then(|| fees.value(place))?),
            })
        };
        let is_fill = events.value(place) == ExecutionEvent::FILLED;
        rows.push(Executed {
            run_id: runs.value(place).to_owned(),
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
