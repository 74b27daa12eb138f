//! Rows of executions as columns.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::error::ArrowError;
use triptych_crds::strategies::OrderType;
use triptych_engine::event::{Liquidity, Timestamp};

use super::{EXECUTIONS, ExecutionRow};
use crate::encode::{
    decimals_of, integers, microseconds, order_type_name, prices, quantities, text,
};
use crate::run::RunContext;
use crate::schema::{MEASURE, RATIO};

/// The rows as one batch of [`EXECUTIONS`].
pub(crate) fn record_batch(
    run: &RunContext,
    rows: &[ExecutionRow],
) -> Result<RecordBatch, ArrowError> {
    let columns: Vec<ArrayRef> = vec![
        text(rows, |row| Some(row.order.candidate_id.to_string())),
        text(rows, |_| Some(run.run_id.as_str())),
        text(rows, |_| Some(&run.tier)),
        text(rows, |_| Some(&run.instance)),
        text(rows, |_| Some(&run.config_hash)),
        decimals_of(rows, RATIO, |row| {
            row.order.live_ratio.map(|ratio| ratio.units().into())
        })?,
        text(rows, |row| Some(&*row.order.client_order_id)),
        integers(rows, |row| row.venue_order_id),
        text(rows, |row| Some(row.order.purpose.name())),
        text(rows, |row| Some(row.event.name())),
        integers(rows, |row| row.ts_event.map(Timestamp::nanoseconds)),
        integers(rows, |row| Some(row.ts_recv.nanoseconds())),
        microseconds(rows, |row| row.ts_event),
        microseconds(rows, |row| Some(row.ts_recv)),
        text(rows, |row| Some(row.order.side.name())),
        text(rows, |row| {
            Some(order_type_name(match row.order.limit {
                Some(_) => OrderType::Limit,
                None => OrderType::Market,
            }))
        }),
        prices(rows, |row| row.order.limit)?,
        prices(rows, |row| Some(row.order.touch))?,
        quantities(rows, |row| Some(row.order.quantity))?,
        integers(rows, |row| row.event.fill()?.venue_trade_id),
        prices(rows, |row| Some(row.event.fill()?.price))?,
        quantities(rows, |row| Some(row.event.fill()?.quantity))?,
        quantities(rows, |row| Some(row.filled_quantity))?,
        text(rows, |row| {
            row.event
                .fill()
                .map(|fill| fill.liquidity)
                .map(Liquidity::name)
        }),
        decimals_of(rows, MEASURE, |row| Some(row.event.fill()?.fee.units()))?,
        text(rows, |row| row.event.fill()?.fee_asset.as_deref()),
        text(rows, |row| row.event.reason()),
    ];
    RecordBatch::try_new(Arc::clone(&EXECUTIONS), columns)
}
