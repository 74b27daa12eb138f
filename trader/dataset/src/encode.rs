//! Candidates as columns, and how files of columns are written.

mod nested;

use arrow::array::{
    ArrayRef, Decimal128Array, Float64Array, Float64Builder, Int64Array, MapBuilder, MapFieldNames,
    RecordBatch, StringArray, StringBuilder, TimestampMicrosecondArray,
};
use arrow::error::ArrowError;
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;
use std::ops::Deref;
use std::sync::Arc;
use thiserror::Error;
use triptych_crds::TradingState;
use triptych_crds::strategies::OrderType;
use triptych_crds::trading_instance::LiveRatioMode;
use triptych_engine::Candidate;
use triptych_engine::decimal::{Price, Quantity};
use triptych_engine::event::Timestamp;
use triptych_engine::stage::NotTaken;

use crate::layout::Partition;
use crate::run::RunContext;
use crate::schema;
use nested::{portfolios, verdicts};

/// Rows could not be written as Parquet.
#[derive(Debug, Error)]
pub enum EncodeError {
    /// The rows do not fit the columns.
    #[error("rows do not fit the columns of their table: {0}")]
    Columns(#[from] ArrowError),
    /// The file could not be put together.
    #[error("no Parquet file from rows: {0}")]
    Parquet(#[from] ParquetError),
}

/// How every file of a dataset is written: compressed with zstd, with these entries in its footer.
pub(crate) fn properties(footer: Vec<KeyValue>) -> WriterProperties {
    let mut properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_created_by(concat!("triptych-dataset ", env!("CARGO_PKG_VERSION")).to_owned())
        .set_key_value_metadata(Some(footer));
    for column in schema::SELDOM_TWICE {
        properties = properties.set_column_dictionary_enabled(path(column), false);
    }
    for list in schema::LISTS_OF_VERDICTS {
        for field in schema::VERDICT_FIELDS.iter() {
            let column = format!("{list}.list.{}.{}", schema::ELEMENT, field.name());
            // Nobody finds rows by the least and the greatest of all that the rules observed.
            properties =
                properties.set_column_statistics_enabled(path(&column), EnabledStatistics::None);
        }
    }
    properties.build()
}

fn path(column: &str) -> ColumnPath {
    ColumnPath::new(column.split('.').map(str::to_owned).collect())
}

/// Which rows a file has: the version of its table's columns, run and partition.
pub(crate) fn footer(
    run: &RunContext,
    partition: &Partition,
    (version_key, version): (&'static str, u32),
) -> Vec<KeyValue> {
    [
        (version_key, version.to_string()),
        ("triptych.run_id", run.run_id.to_string()),
        ("triptych.date", partition.date.to_string()),
        ("triptych.strategy", partition.strategy.clone()),
        ("triptych.instrument", partition.instrument.clone()),
    ]
    .map(|(key, value)| KeyValue::new(key.to_owned(), value))
    .into()
}

/// The rows as one batch of [`schema::CANDIDATES`].
pub fn record_batch(run: &RunContext, rows: &[Decided]) -> Result<RecordBatch, ArrowError> {
    let columns: Vec<ArrayRef> = vec![
        text(rows, |row| Some(row.id.to_string())),
        text(rows, |_| Some(run.run_id.as_str())),
        text(rows, |_| Some(&run.tier)),
        text(rows, |_| Some(&run.instance)),
        text(rows, |_| Some(&run.binary_sha256)),
        text(rows, |_| Some(&run.config_hash)),
        decimals_of(rows, schema::RATIO, |row| {
            row.stage.map(|stage| stage.live.ratio.units().into())
        })?,
        integers(rows, |row| Some(signed(row.round))),
        integers(rows, |row| row.ts_event.map(Timestamp::nanoseconds)),
        integers(rows, |row| Some(row.ts_recv.nanoseconds())),
        integers(rows, |row| Some(row.ts_decision.nanoseconds())),
        microseconds(rows, |row| row.ts_event),
        microseconds(rows, |row| Some(row.ts_recv)),
        prices(rows, |row| Some(row.top.bid.price))?,
        prices(rows, |row| Some(row.top.ask.price))?,
        quantities(rows, |row| Some(row.top.bid.quantity))?,
        quantities(rows, |row| Some(row.top.ask.quantity))?,
        decimals_of(rows, schema::AMOUNT, |row| Some(spread_units(row)))?,
        integers(rows, |row| Some(signed(row.top.update_id))),
        text(rows, |row| Some(&*row.strategy_version)),
        text(rows, |row| Some(row.trigger.to_string())),
        text(rows, |row| Some(row.proposal.side.name())),
        text(rows, |row| Some(order_type_name(row.proposal.order_type))),
        prices(rows, |row| row.proposal.price())?,
        prices(rows, |row| Some(row.proposal.touch))?,
        quantities(rows, |row| Some(row.proposal.quantity))?,
        prices(rows, |row| row.proposal.stop)?,
        prices(rows, |row| row.proposal.target)?,
        Arc::new(
            rows.iter()
                .map(|row| row.confidence)
                .collect::<Float64Array>(),
        ),
        features(rows)?,
        verdicts(rows, |row| &row.verdicts)?,
        text(rows, |row| {
            row.enforcement.denial().map(|denial| denial.rule)
        }),
        text(rows, |row| {
            row.enforcement.denial().map(|denial| denial.code.0)
        }),
        text(rows, |row| Some(row.enforcement.name())),
        quantities(rows, |row| Some(row.final_quantity()))?,
        text(rows, |row| row.trading_state.map(trading_state_name)),
        text(rows, |row| {
            row.stage.map(|stage| live_ratio_mode_name(stage.live.mode))
        }),
        quantities(rows, |row| row.stage.map(|stage| stage.quantity))?,
        text(rows, |row| row.stage?.not_taken.map(not_taken_name)),
        verdicts(rows, |row| &row.verdicts_all_taken)?,
        portfolios(rows, |stated| stated.enforced)?,
        portfolios(rows, |stated| stated.all_taken)?,
    ];
    RecordBatch::try_new(Arc::clone(&schema::CANDIDATES), columns)
}

/// A candidate, and the trading state that it was decided in.
#[derive(Debug, Clone, PartialEq)]
pub struct Decided {
    /// What was decided on.
    pub candidate: Candidate,
    /// The trading state in force; `None` where none counts.
    pub trading_state: Option<TradingState>,
}

impl Deref for Decided {
    type Target = Candidate;

    fn deref(&self) -> &Candidate {
        &self.candidate
    }
}

/// The name in the dataset, in manifests and in the trader's status.
pub const fn trading_state_name(state: TradingState) -> &'static str {
    match state {
        TradingState::Active => "Active",
        TradingState::Reducing => "Reducing",
        TradingState::Halted => "Halted",
    }
}

/// The name in the dataset and in manifests.
pub const fn live_ratio_mode_name(mode: LiveRatioMode) -> &'static str {
    match mode {
        LiveRatioMode::Size => "Size",
        LiveRatioMode::Count => "Count",
    }
}

/// Why nothing is taken, as a word of the dataset; a rule's own code where a rule denies what the
/// ratio leaves.
pub const fn not_taken_name(why: NotTaken) -> &'static str {
    match why {
        NotTaken::Denied => "Denied",
        NotTaken::State(state) => trading_state_name(state),
        NotTaken::Count => "Count",
        NotTaken::BelowIncrement => "BelowIncrement",
        NotTaken::NothingToReduce => "NothingToReduce",
        NotTaken::Rule(denial) => denial.code.0,
    }
}

/// The name in the dataset and in manifests.
pub const fn order_type_name(order_type: OrderType) -> &'static str {
    match order_type {
        OrderType::Limit => "Limit",
        OrderType::Market => "Market",
    }
}

/// Parquet readers without unsigned integers are many; no venue's id reaches 2⁶³.
fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn spread_units(row: &Decided) -> i128 {
    i128::from(row.top.ask.price.units()) - i128::from(row.top.bid.price.units())
}

pub(crate) fn text<'a, R, T: AsRef<str>>(
    rows: &'a [R],
    value: impl Fn(&'a R) -> Option<T>,
) -> ArrayRef {
    Arc::new(rows.iter().map(value).collect::<StringArray>())
}

pub(crate) fn integers<R>(rows: &[R], value: impl Fn(&R) -> Option<i64>) -> ArrayRef {
    Arc::new(rows.iter().map(value).collect::<Int64Array>())
}

pub(crate) fn microseconds<R>(rows: &[R], value: impl Fn(&R) -> Option<Timestamp>) -> ArrayRef {
    let microseconds = |row| value(row).map(|at: Timestamp| at.nanoseconds().div_euclid(1_000));
    Arc::new(
        rows.iter()
            .map(microseconds)
            .collect::<TimestampMicrosecondArray>()
            .with_timezone("UTC"),
    )
}

pub(crate) fn prices<R>(
    rows: &[R],
    value: impl Fn(&R) -> Option<Price>,
) -> Result<ArrayRef, ArrowError> {
    decimals_of(rows, schema::AMOUNT, |row| {
        value(row).map(|price| price.units().into())
    })
}

pub(crate) fn quantities<R>(
    rows: &[R],
    value: impl Fn(&R) -> Option<Quantity>,
) -> Result<ArrayRef, ArrowError> {
    decimals_of(rows, schema::AMOUNT, |row| {
        value(row).map(|quantity| quantity.units().into())
    })
}

pub(crate) fn decimals_of<R>(
    rows: &[R],
    size: (u8, i8),
    units: impl Fn(&R) -> Option<i128>,
) -> Result<ArrayRef, ArrowError> {
    decimals(rows.iter().map(units), size)
}

fn decimals(
    units: impl Iterator<Item = Option<i128>>,
    (digits, decimals): (u8, i8),
) -> Result<ArrayRef, ArrowError> {
    let column: Decimal128Array = units.collect();
    Ok(Arc::new(column.with_precision_and_scale(digits, decimals)?))
}

fn features(rows: &[Decided]) -> Result<ArrayRef, ArrowError> {
    let names = MapFieldNames {
        entry: schema::ENTRIES.to_owned(),
        key: "key".to_owned(),
        value: "value".to_owned(),
    };
    let mut builder = MapBuilder::new(Some(names), StringBuilder::new(), Float64Builder::new())
        .with_keys_field(Arc::clone(&schema::FEATURE_NAME))
        .with_values_field(Arc::clone(&schema::FEATURE_VALUE));
    for row in rows {
        for (name, value) in row.features.iter() {
            builder.keys().append_value(name);
            builder.values().append_value(value);
        }
        builder.append(true)?;
    }
    Ok(Arc::new(builder.finish()))
}
