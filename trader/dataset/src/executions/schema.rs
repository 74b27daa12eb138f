//! The columns of `executions`.

use std::sync::{Arc, LazyLock};

use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};

use crate::schema::{AMOUNT, MEASURE, RATIO};

/// Raised whenever a column changes its meaning, type or name.
pub const VERSION: u32 = 2;

/// The columns in the files; `date`, `strategy` and `instrument` stand in the path.
pub static EXECUTIONS: LazyLock<SchemaRef> = LazyLock::new(|| {
    let always = |name: &str, kind: DataType| Field::new(name, kind, false);
    let sometimes = |name: &str, kind: DataType| Field::new(name, kind, true);
    let amount = || DataType::Decimal128(AMOUNT.0, AMOUNT.1);
    let microseconds = || DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    Arc::new(Schema::new(vec![
        always("candidate_id", DataType::Utf8),
        always("run_id", DataType::Utf8),
        always("tier", DataType::Utf8),
        always("instance", DataType::Utf8),
        always("config_hash", DataType::Utf8),
        sometimes("live_ratio", DataType::Decimal128(RATIO.0, RATIO.1)),
        always("client_order_id", DataType::Utf8),
        sometimes("venue_order_id", DataType::Int64),
        always("purpose", DataType::Utf8),
        always("event", DataType::Utf8),
        sometimes("ts_event_ns", DataType::Int64),
        always("ts_recv_ns", DataType::Int64),
        sometimes("ts_event", microseconds()),
        always("ts_recv", microseconds()),
        always("side", DataType::Utf8),
        always("order_type", DataType::Utf8),
        sometimes("price", amount()),
        always("touch", amount()),
        always("quantity", amount()),
        sometimes("venue_trade_id", DataType::Int64),
        sometimes("fill_price", amount()),
        sometimes("fill_quantity", amount()),
        always("filled_quantity", amount()),
        sometimes("liquidity", DataType::Utf8),
        sometimes("fee", DataType::Decimal128(MEASURE.0, MEASURE.1)),
        sometimes("fee_asset", DataType::Utf8),
        sometimes("reason", DataType::Utf8),
    ]))
});
