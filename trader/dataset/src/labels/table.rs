//! The columns of `labels`, and labels to and from the bytes of a Parquet file.

use std::sync::{Arc, LazyLock};

use arrow::array::{
    Array, ArrayRef, AsArray, Decimal128Array, Float64Array, Int64Array, RecordBatch, StringArray,
};
use arrow::datatypes::{DataType, Field, Float64Type, Int64Type, Schema, SchemaRef};
use arrow::error::ArrowError;
use parquet::arrow::ArrowWriter;
use parquet::file::metadata::KeyValue;
use triptych_engine::decimal::Price;
use triptych_engine::event::Side;

use super::definition::{Definition, HORIZONS};
use super::outcome::{Barrier, BarrierOutcome, Excursion, Exit, Label, Missing, Subject};
use super::quotes::Source;
use crate::encode::{EncodeError, properties};
use crate::schema::AMOUNT;

/// Raised whenever a column changes its meaning, type or name.
pub const VERSION: u32 = 1;
/// Where the footer keeps the definition.
pub const DEFINITION_KEY: &str = "triptych.label_definition";

/// The columns in the files; `definition`, `date`, `strategy` and `instrument` stand in the path.
pub static LABELS: LazyLock<SchemaRef> = LazyLock::new(|| {
    let field = |name: &str, kind: DataType, empty: bool| Field::new(name, kind, empty);
    let amount = DataType::Decimal128(AMOUNT.0, AMOUNT.1);
    let mut fields = vec![
        field("candidate_id", DataType::Utf8, false),
        field("run_id", DataType::Utf8, false),
        field("side", DataType::Utf8, false),
        field("ts_decision_ns", DataType::Int64, false),
        field("entry", amount.clone(), false),
        field("target", amount.clone(), true),
        field("stop", amount.clone(), true),
        field("source", DataType::Utf8, true),
    ];
    for (horizon, _) in HORIZONS {
        fields.extend([
            field(&format!("exit_{horizon}"), amount.clone(), true),
            field(&format!("return_{horizon}_bps"), DataType::Float64, true),
            field(&format!("return_{horizon}_missing"), DataType::Utf8, true),
        ]);
    }
    fields.extend([
        field("take_profit", amount.clone(), false),
        field("stop_loss", amount.clone(), false),
        field("barrier", DataType::Utf8, true),
        field("barrier_ts_ns", DataType::Int64, true),
        field("barrier_exit", amount.clone(), true),
        field("barrier_return_bps", DataType::Float64, true),
        field("barrier_missing", DataType::Utf8, true),
        field("mfe_exit", amount.clone(), true),
        field("mfe_bps", DataType::Float64, true),
        field("mae_exit", amount, true),
        field("mae_bps", DataType::Float64, true),
        field("excursion_missing", DataType::Utf8, true),
    ]);
    Arc::new(Schema::new(fields))
});

/// A whole Parquet file of labels, with schema version and definition in its footer.
pub fn parquet_file(definition: &Definition, labels: &[Label]) -> Result<Vec<u8>, EncodeError> {
    let definition = serde_json::to_string(definition)
        .map_err(|error| ArrowError::ExternalError(Box::new(error)))?;
    let footer = [
        ("triptych.labels_schema_version", VERSION.to_string()),
        (DEFINITION_KEY, definition),
    ]
    .map(|(key, value)| KeyValue::new(key.to_owned(), value));
    let mut writer = ArrowWriter::try_new(
        Vec::new(),
        Arc::clone(&LABELS),
        Some(properties(footer.into())),
    )?;
    writer.write(&record_batch(labels)?)?;
    Ok(writer.into_inner()?)
}

/// The labels as one batch of [`LABELS`].
pub fn record_batch(labels: &[Label]) -> Result<RecordBatch, ArrowError> {
    let mut columns = vec![
        text(labels, |label| Some(&*label.subject.candidate_id)),
        text(labels, |label| Some(&*label.subject.run_id)),
        text(labels, |label| Some(label.subject.side.name())),
        integers(labels, |label| Some(label.subject.decided_at)),
        prices(labels, |label| Some(label.subject.entry))?,
        prices(labels, |label| label.subject.target)?,
        prices(labels, |label| label.subject.stop)?,
        text(labels, |label| label.source.map(Source::name)),
    ];
    for place in 0..HORIZONS.len() {
        let exit = |label: &Label| label.returns[place].ok();
        columns.extend([
            prices(labels, |label| exit(label).map(|exit| exit.price))?,
            numbers(labels, |label| {
                exit(label).map(|exit| exit.net_basis_points)
            }),
            text(labels, |label| reason(label.returns[place].err())),
        ]);
    }
    let barrier = |label: &Label| label.barrier.ok();
    let best = |label: &Label| label.excursion.ok().map(|excursion| excursion.best);
    let worst = |label: &Label| label.excursion.ok().map(|excursion| excursion.worst);
    columns.extend([
        prices(labels, |label| Some(label.barriers.0))?,
        prices(labels, |label| Some(label.barriers.1))?,
        text(labels, |label| barrier(label).map(|met| met.barrier.name())),
        integers(labels, |label| barrier(label).map(|met| met.at)),
        prices(labels, |label| barrier(label).map(|met| met.exit.price))?,
        numbers(labels, |label| {
            barrier(label).map(|met| met.exit.net_basis_points)
        }),
        text(labels, |label| reason(label.barrier.err())),
        prices(labels, |label| best(label).map(|exit| exit.price))?,
        numbers(labels, |label| {
            best(label).map(|exit| exit.net_basis_points)
        }),
        prices(labels, |label| worst(label).map(|exit| exit.price))?,
        numbers(labels, |label| {
            worst(label).map(|exit| exit.net_basis_points)
        }),
        text(labels, |label| reason(label.excursion.err())),
    ]);
    RecordBatch::try_new(Arc::clone(&LABELS), columns)
}

fn reason(missing: Option<Missing>) -> Option<&'static str> {
    missing.map(Missing::name)
}

fn text<'a>(labels: &'a [Label], value: impl Fn(&'a Label) -> Option<&'a str>) -> ArrayRef {
    Arc::new(labels.iter().map(value).collect::<StringArray>())
}

fn integers(labels: &[Label], value: impl Fn(&Label) -> Option<i64>) -> ArrayRef {
    Arc::new(labels.iter().map(value).collect::<Int64Array>())
}

fn numbers(labels: &[Label], value: impl Fn(&Label) -> Option<f64>) -> ArrayRef {
    Arc::new(labels.iter().map(value).collect::<Float64Array>())
}

fn prices(
    labels: &[Label],
    value: impl Fn(&Label) -> Option<Price>,
) -> Result<ArrayRef, ArrowError> {
    let units = |label| value(label).map(|price| i128::from(price.units()));
    let column = labels.iter().map(units).collect::<Decimal128Array>();
    Ok(Arc::new(
        column.with_precision_and_scale(AMOUNT.0, AMOUNT.1)?,
    ))
}

/// Reads labels back; `None` where a column is missing or of another type, or a value is unknown.
pub fn labels_of(batch: &RecordBatch) -> Option<Vec<Label>> {
    let columns = Columns(batch);
    let base = Base {
        ids: columns.text("candidate_id")?,
        runs: columns.text("run_id")?,
        sides: columns.text("side")?,
        times: columns.integers("ts_decision_ns")?,
        entries: columns.prices("entry")?,
        targets: columns.prices("target")?,
        stops: columns.prices("stop")?,
    };
    let sources = columns.text("source")?;
    let barriers = (columns.prices("take_profit")?, columns.prices("stop_loss")?);
    let (kinds, times) = (columns.text("barrier")?, columns.integers("barrier_ts_ns")?);
    let ends = columns.exits("barrier_exit", "barrier_return_bps")?;
    let (best, worst) = (
        columns.exits("mfe_exit", "mfe_bps")?,
        columns.exits("mae_exit", "mae_bps")?,
    );
    let missing_barrier = columns.text("barrier_missing")?;
    let missing_excursion = columns.text("excursion_missing")?;
    let mut returns = Vec::new();
    for (horizon, _) in HORIZONS {
        let exits = columns.exits(&format!("exit_{horizon}"), &format!("return_{horizon}_bps"))?;
        returns.push((exits, columns.text(&format!("return_{horizon}_missing"))?));
    }
    let label = |place: usize| -> Option<Label> {
        let mut of_horizons = [Err(Missing::NotRecorded); HORIZONS.len()];
        for (known, (exits, reasons)) in of_horizons.iter_mut().zip(&returns) {
            *known = known_or(exits.at(place), reasons, place)?;
        }
        let met = optional(kinds, place).and_then(Barrier::of_name);
        let barrier = met
            .zip(ends.at(place))
            .map(|(barrier, exit)| BarrierOutcome {
                barrier,
                at: times.value(place),
                exit,
            });
        let excursion = best
            .at(place)
            .zip(worst.at(place))
            .map(|(best, worst)| Excursion { best, worst });
        Some(Label {
            subject: base.subject(place)?,
            source: optional(sources, place).and_then(source_of),
            barriers: (price(barriers.0, place)?, price(barriers.1, place)?),
            returns: of_horizons,
            barrier: known_or(barrier, missing_barrier, place)?,
            excursion: known_or(excursion, missing_excursion, place)?,
        })
    };
    (0..batch.num_rows()).map(label).collect()
}

/// Reads what labels need to know of candidates; `None` where a column is missing or of another type.
pub fn subjects_of(candidates: &RecordBatch) -> Option<Vec<Subject>> {
    let columns = Columns(candidates);
    let base = Base {
        ids: columns.text("candidate_id")?,
        runs: columns.text("run_id")?,
        sides: columns.text("side")?,
        times: columns.integers("ts_decision_ns")?,
        entries: columns.prices("touch")?,
        targets: columns.prices("target")?,
        stops: columns.prices("stop")?,
    };
    (0..candidates.num_rows())
        .map(|place| base.subject(place))
        .collect()
}

/// The columns of [`subjects_of`].
pub const SUBJECT_COLUMNS: [&str; 7] = [
    "candidate_id",
    "run_id",
    "side",
    "ts_decision_ns",
    "touch",
    "target",
    "stop",
];

struct Base<'a> {
    ids: &'a StringArray,
    runs: &'a StringArray,
    sides: &'a StringArray,
    times: &'a Int64Array,
    entries: &'a Decimal128Array,
    targets: &'a Decimal128Array,
    stops: &'a Decimal128Array,
}

impl Base<'_> {
    fn subject(&self, place: usize) -> Option<Subject> {
        let side = [Side::Buy, Side::Sell]
            .into_iter()
            .find(|side| side.name() == self.sides.value(place))?;
        Some(Subject {
            candidate_id: self.ids.value(place).to_owned(),
            run_id: self.runs.value(place).to_owned(),
            side,
            decided_at: self.times.value(place),
            entry: price(self.entries, place)?,
            target: price(self.targets, place),
            stop: price(self.stops, place),
        })
    }
}

struct Exits<'a>(&'a Decimal128Array, &'a Float64Array);

impl Exits<'_> {
    fn at(&self, place: usize) -> Option<Exit> {
        Some(Exit {
            price: price(self.0, place)?,
            net_basis_points: self.1.is_valid(place).then(|| self.1.value(place))?,
        })
    }
}

struct Columns<'a>(&'a RecordBatch);

impl<'a> Columns<'a> {
    fn text(&self, name: &str) -> Option<&'a StringArray> {
        self.0.column_by_name(name)?.as_string_opt()
    }

    fn integers(&self, name: &str) -> Option<&'a Int64Array> {
        self.0.column_by_name(name)?.as_primitive_opt::<Int64Type>()
    }

    fn prices(&self, name: &str) -> Option<&'a Decimal128Array> {
        self.0.column_by_name(name)?.as_any().downcast_ref()
    }

    fn exits(&self, price: &str, number: &str) -> Option<Exits<'a>> {
        let numbers = self.0.column_by_name(number)?;
        Some(Exits(
            self.prices(price)?,
            numbers.as_primitive_opt::<Float64Type>()?,
        ))
    }
}

fn known_or<T>(
    known: Option<T>,
    reasons: &StringArray,
    place: usize,
) -> Option<Result<T, Missing>> {
    match known {
        Some(known) => Some(Ok(known)),
        None => Missing::of_name(optional(reasons, place)?).map(Err),
    }
}

fn source_of(name: &str) -> Option<Source> {
    [Source::Recording, Source::Dataset]
        .into_iter()
        .find(|source| source.name() == name)
}

fn optional(column: &StringArray, place: usize) -> Option<&str> {
    column.is_valid(place).then(|| column.value(place))
}

fn price(column: &Decimal128Array, place: usize) -> Option<Price> {
    let units = column.is_valid(place).then(|| column.value(place))?;
    i64::try_from(units).ok().map(Price::from_units)
}

/// Best bid and ask at a decision.
#[derive(Debug, Clone, Copy)]
pub(super) struct DecisionQuote {
    pub(super) at: i64,
    pub(super) bid: Price,
    pub(super) ask: Price,
}

/// The columns of [`decision_quotes_of`].
pub(super) const DECISION_QUOTE_COLUMNS: [&str; 3] = ["ts_decision_ns", "bid", "ask"];

/// Best bids and asks of candidates; `None` where a column is missing or of another type.
pub(super) fn decision_quotes_of(candidates: &RecordBatch) -> Option<Vec<DecisionQuote>> {
    let columns = Columns(candidates);
    let (times, bids, asks) = (
        columns.integers("ts_decision_ns")?,
        columns.prices("bid")?,
        columns.prices("ask")?,
    );
    let quote = |place| {
        Some(DecisionQuote {
            at: times.value(place),
            bid: price(bids, place)?,
            ask: price(asks, place)?,
        })
    };
    (0..candidates.num_rows()).map(quote).collect()
}
