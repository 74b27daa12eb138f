//! The columns of `candidates`.
//!
//! Decimals are exact: `DECIMAL(19, 8)` holds every price and quantity of the engine, `DECIMAL(38,
//! 16)` every product of the two. Times are `INT64` nanoseconds beside a timestamp in microseconds,
//! because not every reader takes nanosecond timestamps.

use std::sync::{Arc, LazyLock};

use arrow::datatypes::{DataType, Field, Fields, Schema, SchemaRef, TimeUnit};

/// Raised whenever a column changes its meaning, type or name.
pub const VERSION: u32 = 2;

/// Prices and quantities: digits and decimals.
pub const AMOUNT: (u8, i8) = (19, 8);
/// What rules observe and allow.
pub const MEASURE: (u8, i8) = (38, 16);
/// Ratios from 0 to 1.
pub const RATIO: (u8, i8) = (9, 8);

/// Names of the list's and the map's inner fields, as the Parquet format suggests them.
pub const ELEMENT: &str = "element";
/// The map's entries.
pub const ENTRIES: &str = "key_value";

const fn decimal((digits, decimals): (u8, i8)) -> DataType {
    DataType::Decimal128(digits, decimals)
}

fn utc_microseconds() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
}

/// Fields of one verdict.
pub static VERDICT_FIELDS: LazyLock<Fields> = LazyLock::new(|| {
    Fields::from(vec![
        Field::new("rule", DataType::Utf8, false),
        Field::new("version", DataType::Int32, false),
        Field::new("pass", DataType::Boolean, false),
        Field::new("observed", decimal(MEASURE), true),
        Field::new("limit", decimal(MEASURE), true),
        Field::new("resized_qty", decimal(AMOUNT), true),
        Field::new("deny_code", DataType::Utf8, true),
        Field::new("portfolio", DataType::Utf8, true),
    ])
});

/// Fields of a portfolio.
pub static PORTFOLIO_FIELDS: LazyLock<Fields> = LazyLock::new(|| {
    let measure = |name: &str| Field::new(name, decimal(MEASURE), false);
    Fields::from(vec![
        Field::new("position", decimal(AMOUNT), false),
        Field::new("average_price", decimal(AMOUNT), true),
        Field::new("base_balance", decimal(AMOUNT), false),
        measure("quote_balance"),
        measure("realised_profit"),
        measure("unrealised_profit"),
        measure("fees"),
        measure("equity"),
        measure("gross_exposure"),
        measure("net_exposure"),
    ])
});

/// One verdict in the list.
pub static VERDICT: LazyLock<Arc<Field>> = LazyLock::new(|| {
    Arc::new(Field::new(
        ELEMENT,
        DataType::Struct(VERDICT_FIELDS.clone()),
        false,
    ))
});

/// The key of a feature.
pub static FEATURE_NAME: LazyLock<Arc<Field>> =
    LazyLock::new(|| Arc::new(Field::new("key", DataType::Utf8, false)));
/// The value of a feature.
pub static FEATURE_VALUE: LazyLock<Arc<Field>> =
    LazyLock::new(|| Arc::new(Field::new("value", DataType::Float64, false)));

fn features() -> DataType {
    let entries = Fields::from(vec![Arc::clone(&FEATURE_NAME), Arc::clone(&FEATURE_VALUE)]);
    let entries = Field::new(ENTRIES, DataType::Struct(entries), false);
    DataType::Map(Arc::new(entries), false)
}

/// The columns in the files; `date`, `strategy` and `instrument` stand in the path.
pub static CANDIDATES: LazyLock<SchemaRef> = LazyLock::new(|| {
    let always = |name: &str, kind: DataType| Field::new(name, kind, false);
    let sometimes = |name: &str, kind: DataType| Field::new(name, kind, true);
    let text = || DataType::Utf8;
    let amount = || decimal(AMOUNT);
    let portfolio = || DataType::Struct(PORTFOLIO_FIELDS.clone());
    Arc::new(Schema::new(vec![
        always("candidate_id", text()),
        always("run_id", text()),
        always("tier", text()),
        always("instance", text()),
        always("binary_sha256", text()),
        always("config_hash", text()),
        sometimes("live_ratio", decimal(RATIO)),
        always("decision_round", DataType::Int64),
        sometimes("ts_event_ns", DataType::Int64),
        always("ts_recv_ns", DataType::Int64),
        always("ts_decision_ns", DataType::Int64),
        sometimes("ts_event", utc_microseconds()),
        always("ts_recv", utc_microseconds()),
        always("bid", amount()),
        always("ask", amount()),
        always("bid_size", amount()),
        always("ask_size", amount()),
        always("spread", amount()),
        always("book_update_id", DataType::Int64),
        always("strategy_version", text()),
        always("trigger", text()),
        always("side", text()),
        always("order_type", text()),
        sometimes("price", amount()),
        always("touch", amount()),
        always("quantity", amount()),
        sometimes("stop", amount()),
        sometimes("target", amount()),
        sometimes("confidence", DataType::Float64),
        always("features", features()),
        always("verdicts", DataType::List(Arc::clone(&VERDICT))),
        sometimes("first_deny", text()),
        sometimes("first_deny_code", text()),
        always("final_if_enforced", text()),
        always("final_quantity", amount()),
        sometimes("trading_state", text()),
        sometimes("live_ratio_mode", text()),
        sometimes("taken_quantity", amount()),
        sometimes("not_taken", text()),
        always("verdicts_all_taken", DataType::List(Arc::clone(&VERDICT))),
        sometimes("portfolio_enforced", portfolio()),
        sometimes("portfolio_all_taken", portfolio()),
    ]))
});

/// The columns that are lists of verdicts.
pub(crate) const LISTS_OF_VERDICTS: [&str; 2] = ["verdicts", "verdicts_all_taken"];

/// Columns whose values seldom come twice: a dictionary of them would only be work.
pub(crate) const SELDOM_TWICE: [&str; 22] = [
    "candidate_id",
    "decision_round",
    "ts_event_ns",
    "ts_recv_ns",
    "ts_decision_ns",
    "ts_event",
    "ts_recv",
    "bid_size",
    "ask_size",
    "book_update_id",
    "trigger",
    "confidence",
    "features.key_value.value",
    "verdicts.list.element.observed",
    "verdicts_all_taken.list.element.observed",
    "portfolio_enforced.unrealised_profit",
    "portfolio_enforced.equity",
    "portfolio_enforced.gross_exposure",
    "portfolio_all_taken.unrealised_profit",
    "portfolio_all_taken.equity",
    "portfolio_all_taken.gross_exposure",
    "portfolio_all_taken.net_exposure",
];

#[cfg(test)]
mod tests {
    use parquet::arrow::ArrowSchemaConverter;

    use super::*;

    #[test]
    fn columns_that_are_written_in_another_way_are_there() {
        let schema = ArrowSchemaConverter::new().convert(&CANDIDATES).unwrap();
        let columns: Vec<String> = schema
            .columns()
            .iter()
            .map(|column| column.path().string())
            .collect();
        for named in SELDOM_TWICE {
            assert!(columns.iter().any(|column| column == named), "{named}");
        }
        for list in LISTS_OF_VERDICTS {
            let fields = columns
                .iter()
                .filter(|column| column.starts_with(&format!("{list}.list.{ELEMENT}.")));
            assert_eq!(fields.count(), VERDICT_FIELDS.len(), "{list}");
        }
    }
}
