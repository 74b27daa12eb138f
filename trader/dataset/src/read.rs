//! Reads candidates back: for a look at them, and to check files.

use std::io;
use std::path::{Path, PathBuf};

use arrow::array::{
    Array, AsArray, BooleanArray, Decimal128Array, ListArray, RecordBatch, StringArray, StructArray,
};
use arrow::datatypes::{Float64Type, Int32Type, Int64Type};
use arrow::error::ArrowError;
use parquet::arrow::ProjectionMask;
use parquet::errors::ParquetError;
use serde::Serialize;
use thiserror::Error;
use triptych_engine::decimal::{Price, Quantity, Ratio};
use triptych_engine::measure::Measure;

use crate::files::{listed, listed_of, open, parquet_error, while_compacted};
use crate::layout::{Table, strategy_and_instrument};
use crate::manifest::FileEntry;
use crate::writer::sha256_hex;

/// A dataset cannot be read.
#[derive(Debug, Error)]
pub enum ReadError {
    /// A file cannot be opened.
    #[error("{path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file is no whole Parquet file.
    #[error("{path}: no whole Parquet file: {source}")]
    Parquet {
        /// The file.
        path: PathBuf,
        /// Why.
        source: ParquetError,
    },
    /// Rows cannot be read.
    #[error("{path}: {source}")]
    Rows {
        /// The file.
        path: PathBuf,
        /// Why.
        source: ArrowError,
    },
    /// A column is missing or of another type.
    #[error(
        "{path}: column {column} is missing or of another type; this build reads schema version {}",
        crate::schema::VERSION
    )]
    Column {
        /// The file.
        path: PathBuf,
        /// The column.
        column: &'static str,
    },
}

/// A candidate as a row of the dataset.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    /// Identity of the candidate.
    pub candidate_id: String,
    /// Identity of the run.
    pub run_id: String,
    /// `W`, `R` or `ABH`.
    pub tier: String,
    /// The instance, `<namespace>/<name>`.
    pub instance: String,
    /// Hash of the configuration.
    pub config_hash: String,
    /// Time of the causing event by the venue's clock, nanoseconds since the Unix epoch.
    pub ts_event_ns: Option<i64>,
    /// Receive time of the causing event, nanoseconds since the Unix epoch.
    pub ts_recv_ns: i64,
    /// Time of the decision, nanoseconds since the Unix epoch.
    pub ts_decision_ns: i64,
    /// Name of the strategy.
    pub strategy: String,
    /// Symbol.
    pub instrument: String,
    /// What caused it, such as `depth:50093239207`.
    pub trigger: String,
    /// `Buy` or `Sell`.
    pub side: String,
    /// `Limit` or `Market`.
    pub order_type: String,
    /// Best bid.
    pub bid: Price,
    /// Best ask.
    pub ask: Price,
    /// The price at which it would have traded.
    pub touch: Price,
    /// Proposed quantity.
    pub quantity: Quantity,
    /// Price of the protective stop.
    pub stop: Option<Price>,
    /// Price of the profit target.
    pub target: Option<Price>,
    /// How sure the strategy was.
    pub confidence: Option<f64>,
    /// Every rule's verdict.
    pub verdicts: Vec<VerdictRow>,
    /// The first rule that denies.
    pub first_deny: Option<String>,
    /// `Accept`, `Resize` or `Deny`.
    pub final_if_enforced: String,
    /// The quantity that enforcement would have let through.
    pub final_quantity: Quantity,
    /// `Active`, `Reducing` or `Halted`, as it was in force; W and R only.
    pub trading_state: Option<String>,
    /// The live ratio that was in force; W and R only.
    pub live_ratio: Option<Ratio>,
    /// `Size` or `Count`; W and R only.
    pub live_ratio_mode: Option<String>,
    /// The quantity that live ratio and trading state left; W and R only.
    pub taken_quantity: Option<Quantity>,
    /// Why nothing was taken.
    pub not_taken: Option<String>,
    /// The verdicts that depend on a portfolio once more, by the portfolio that takes every candidate.
    pub verdicts_all_taken: Vec<VerdictRow>,
}

/// A verdict in a row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct VerdictRow {
    /// Name of the rule.
    pub rule: String,
    /// Version of the rule.
    pub version: i32,
    /// Whether it passes.
    pub pass: bool,
    /// What it saw.
    pub observed: Option<Measure>,
    /// What it allows.
    pub limit: Option<Measure>,
    /// A smaller quantity that passes.
    pub resized_qty: Option<Quantity>,
    /// Why it denies.
    pub deny_code: Option<String>,
    /// The portfolio that the decision depends on, where it depends on one.
    pub portfolio: Option<String>,
}

/// The listed files of candidates, those with the earliest decisions first.
pub fn listed_files(directory: &Path) -> Result<Vec<PathBuf>, ReadError> {
    listed_files_of(directory, Table::Candidates)
}

/// The listed files of a table, those with the earliest rows first.
pub fn listed_files_of(directory: &Path, table: Table) -> Result<Vec<PathBuf>, ReadError> {
    let files = listed_of(directory, table)?;
    Ok(files
        .iter()
        .map(|file| directory.join(&file.path))
        .collect())
}

/// The first `count` candidates of a dataset in the order of their decisions.
pub fn first_rows(directory: &Path, count: usize) -> Result<Vec<Row>, ReadError> {
    while_compacted(|| first_listed_rows(directory, count))
}

fn first_listed_rows(directory: &Path, count: usize) -> Result<Vec<Row>, ReadError> {
    let mut rows: Vec<Row> = Vec::new();
    for file in listed(directory)? {
        let full = rows.len() == count;
        if full
            && rows
                .last()
                .is_none_or(|row| row.ts_decision_ns <= file.first_ts_decision_ns)
        {
            break;
        }
        rows.extend(rows_of(&directory.join(&file.path))?);
        rows.sort_by_key(|row| row.ts_decision_ns);
        rows.truncate(count);
    }
    Ok(rows)
}

/// Every row of a file.
pub fn rows_of(path: &Path) -> Result<Vec<Row>, ReadError> {
    let reader = open(path)?
        .build()
        .map_err(|source| parquet_error(path, source))?;
    let mut rows = Vec::new();
    for batch in reader {
        let batch = batch.map_err(|source| ReadError::Rows {
            path: path.to_owned(),
            source,
        })?;
        append_rows(path, &batch, &mut rows)?;
    }
    Ok(rows)
}

/// What a manifest says of a file, from the file itself; `path` is left empty.
pub fn describe_file(path: &Path) -> Result<FileEntry, ReadError> {
    let bytes = std::fs::read(path).map_err(|source| ReadError::File {
        path: path.to_owned(),
        source,
    })?;
    let builder = open(path)?;
    let rows = builder.metadata().file_metadata().num_rows();
    let time = Table::of_file(path).time();
    let column = ProjectionMask::columns(builder.parquet_schema(), [time]);
    let reader = builder
        .with_projection(column)
        .build()
        .map_err(|source| parquet_error(path, source))?;
    let (mut first, mut last) = (i64::MAX, i64::MIN);
    for batch in reader {
        let batch = batch.map_err(|source| ReadError::Rows {
            path: path.to_owned(),
            source,
        })?;
        let columns = Columns {
            path,
            batch: &batch,
        };
        for &time in columns.integers(time)?.values() {
            (first, last) = (first.min(time), last.max(time));
        }
    }
    Ok(FileEntry {
        path: String::new(),
        rows: u64::try_from(rows).unwrap_or_default(),
        bytes: bytes.len() as u64,
        sha256: sha256_hex(&bytes),
        first_ts_decision_ns: first,
        last_ts_decision_ns: last,
        adopted: false,
    })
}

fn append_rows(path: &Path, batch: &RecordBatch, rows: &mut Vec<Row>) -> Result<(), ReadError> {
    let columns = Columns { path, batch };
    let (strategy, instrument) = strategy_and_instrument(path).ok_or(ReadError::Column {
        path: path.to_owned(),
        column: "strategy",
    })?;
    let text = |name| columns.text(name);
    let (ids, runs) = (text("candidate_id")?, text("run_id")?);
    let (tiers, hashes) = (text("tier")?, text("config_hash")?);
    let (instances, triggers) = (text("instance")?, text("trigger")?);
    let (sides, order_types) = (text("side")?, text("order_type")?);
    let (first_denials, finals) = (text("first_deny")?, text("final_if_enforced")?);
    let happened = columns.integers("ts_event_ns")?;
    let (received, decided) = (
        columns.integers("ts_recv_ns")?,
        columns.integers("ts_decision_ns")?,
    );
    let amount = |name| columns.decimals(name);
    let (bids, asks, touches) = (amount("bid")?, amount("ask")?, amount("touch")?);
    let (stops, targets) = (amount("stop")?, amount("target")?);
    let (quantities, final_quantities) = (amount("quantity")?, amount("final_quantity")?);
    let confidences = columns
        .get("confidence")?
        .as_primitive_opt::<Float64Type>()
        .ok_or_else(|| columns.missing("confidence"))?;
    let verdicts = columns.list("verdicts")?;
    // Files of earlier builds lack some columns.
    let has = |name| batch.column_by_name(name).is_some();
    let states = has("trading_state").then(|| text("trading_state"));
    let states = states.transpose()?;
    let modes = has("live_ratio_mode").then(|| text("live_ratio_mode"));
    let modes = modes.transpose()?;
    let not_taken = has("not_taken").then(|| text("not_taken")).transpose()?;
    let taken = has("taken_quantity").then(|| amount("taken_quantity"));
    let (ratios, taken) = (amount("live_ratio")?, taken.transpose()?);
    let all_taken = has("verdicts_all_taken").then(|| columns.list("verdicts_all_taken"));
    let all_taken = all_taken.transpose()?;
    for place in 0..batch.num_rows() {
        rows.push(Row {
            candidate_id: ids.value(place).to_owned(),
            run_id: runs.value(place).to_owned(),
            tier: tiers.value(place).to_owned(),
            instance: instances.value(place).to_owned(),
            config_hash: hashes.value(place).to_owned(),
            ts_event_ns: happened.is_valid(place).then(|| happened.value(place)),
            ts_recv_ns: received.value(place),
            ts_decision_ns: decided.value(place),
            strategy: strategy.clone(),
            instrument: instrument.clone(),
            trigger: triggers.value(place).to_owned(),
            side: sides.value(place).to_owned(),
            order_type: order_types.value(place).to_owned(),
            bid: Price::from_units(units(bids, place)),
            ask: Price::from_units(units(asks, place)),
            touch: Price::from_units(units(touches, place)),
            quantity: Quantity::from_units(units(quantities, place)),
            stop: optional_price(stops, place),
            target: optional_price(targets, place),
            confidence: confidences
                .is_valid(place)
                .then(|| confidences.value(place)),
            verdicts: verdict_rows(&verdicts.value(place))
                .ok_or_else(|| columns.missing("verdicts"))?,
            first_deny: optional_text(first_denials, place),
            final_if_enforced: finals.value(place).to_owned(),
            final_quantity: Quantity::from_units(units(final_quantities, place)),
            trading_state: states.and_then(|states| optional_text(states, place)),
            live_ratio: optional_units(ratios, place).map(Ratio::from_units),
            live_ratio_mode: modes.and_then(|modes| optional_text(modes, place)),
            taken_quantity: taken
                .and_then(|taken| optional_units(taken, place))
                .map(Quantity::from_units),
            not_taken: not_taken.and_then(|why| optional_text(why, place)),
            verdicts_all_taken: all_taken
                .map_or(Some(Vec::new()), |lists| verdict_rows(&lists.value(place)))
                .ok_or_else(|| columns.missing("verdicts_all_taken"))?,
        });
    }
    Ok(())
}

fn verdict_rows(verdicts: &dyn Array) -> Option<Vec<VerdictRow>> {
    let verdicts: &StructArray = verdicts.as_struct_opt()?;
    let portfolios = verdicts.column_by_name("portfolio");
    let portfolios = portfolios.and_then(|column| column.as_string_opt::<i32>());
    let text = |name| verdicts.column_by_name(name)?.as_string_opt::<i32>();
    let decimals = |name| -> Option<&Decimal128Array> {
        verdicts.column_by_name(name)?.as_any().downcast_ref()
    };
    let (rules, codes) = (text("rule")?, text("deny_code")?);
    let versions = verdicts
        .column_by_name("version")?
        .as_primitive_opt::<Int32Type>()?;
    let passes: &BooleanArray = verdicts.column_by_name("pass")?.as_boolean_opt()?;
    let (observed, limits) = (decimals("observed")?, decimals("limit")?);
    let resized = decimals("resized_qty")?;
    let measure = |column: &Decimal128Array, place| {
        column
            .is_valid(place)
            .then(|| Measure::from_units(column.value(place)))
    };
    let row = |place| VerdictRow {
        rule: rules.value(place).to_owned(),
        version: versions.value(place),
        pass: passes.value(place),
        observed: measure(observed, place),
        limit: measure(limits, place),
        resized_qty: resized
            .is_valid(place)
            .then(|| Quantity::from_units(units(resized, place))),
        deny_code: optional_text(codes, place),
        portfolio: portfolios.and_then(|column| optional_text(column, place)),
    };
    Some((0..verdicts.len()).map(row).collect())
}

pub(crate) fn optional_text(column: &StringArray, place: usize) -> Option<String> {
    column
        .is_valid(place)
        .then(|| column.value(place).to_owned())
}

fn optional_price(column: &Decimal128Array, place: usize) -> Option<Price> {
    optional_units(column, place).map(Price::from_units)
}

pub(crate) fn optional_units(column: &Decimal128Array, place: usize) -> Option<i64> {
    column.is_valid(place).then(|| units(column, place))
}

pub(crate) fn units(column: &Decimal128Array, place: usize) -> i64 {
    i64::try_from(column.value(place)).unwrap_or_default()
}

pub(crate) struct Columns<'a> {
    pub(crate) path: &'a Path,
    pub(crate) batch: &'a RecordBatch,
}

impl<'a> Columns<'a> {
    pub(crate) fn missing(&self, column: &'static str) -> ReadError {
        ReadError::Column {
            path: self.path.to_owned(),
            column,
        }
    }

    fn get(&self, name: &'static str) -> Result<&'a dyn Array, ReadError> {
        let column = self
            .batch
            .column_by_name(name)
            .ok_or_else(|| self.missing(name))?;
        Ok(&**column)
    }

    pub(crate) fn text(&self, name: &'static str) -> Result<&'a StringArray, ReadError> {
        self.get(name)?
            .as_string_opt()
            .ok_or_else(|| self.missing(name))
    }

    fn list(&self, name: &'static str) -> Result<&'a ListArray, ReadError> {
        self.get(name)?
            .as_list_opt()
            .ok_or_else(|| self.missing(name))
    }

    pub(crate) fn integers(
        &self,
        name: &'static str,
    ) -> Result<&'a arrow::array::Int64Array, ReadError> {
        self.get(name)?
            .as_primitive_opt::<Int64Type>()
            .ok_or_else(|| self.missing(name))
    }

    pub(crate) fn decimals(&self, name: &'static str) -> Result<&'a Decimal128Array, ReadError> {
        self.get(name)?
            .as_any()
            .downcast_ref()
            .ok_or_else(|| self.missing(name))
    }
}
