//! `trader dataset label`: what became of each candidate.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use triptych_dataset::labels::store::{LabelReport, label_dataset, market_of_candidates};
use triptych_dataset::labels::{Definition, QuotePath, Source};
use triptych_engine::decimal::{Price, Quantity};
use triptych_engine::event::Timestamp;
use triptych_engine::market::{Instrument, Market};
use triptych_market_data::recording::{RecordingReader, discover_instruments};

use crate::arguments::LabelArguments;
use crate::dataset::is_dataset;
use crate::failure::Failure;
use crate::output;
use crate::table::{Align, Table};

/// Events between two messages on progress.
const EVENTS_BETWEEN_MESSAGES: u64 = 5_000_000;

/// Labels a dataset and prints how much is known.
pub(crate) fn run(arguments: &LabelArguments) -> Result<(), Failure> {
    let directory = &arguments.directory;
    is_dataset(directory)?;
    let definition = Definition {
        name: arguments.definition.clone(),
        fee_basis_points: arguments.fee_basis_points,
        barrier_basis_points: arguments.barrier_basis_points,
        barrier_seconds: arguments.barrier_seconds.get(),
    };
    let market = if arguments.recordings.is_empty() {
        market_of_candidates(directory)?
    } else {
        market_of_recordings(&arguments.recordings)?
    };
    let report = label_dataset(directory, &definition, &market, |done, all| {
        if done > 0 && done % 100 == 0 {
            eprintln!("trader: {done} of {all} folders labelled");
        }
    })?;
    output::print(arguments.output, &report, text)
}

/// The best prices of every instrument, through recordings that follow each other.
fn market_of_recordings(recordings: &[PathBuf]) -> Result<BTreeMap<String, QuotePath>, Failure> {
    let mut market = RecordedMarket::default();
    for path in in_order_of_time(recordings)? {
        market.play(&path)?;
    }
    Ok(market.finish())
}

fn in_order_of_time(recordings: &[PathBuf]) -> Result<Vec<PathBuf>, Failure> {
    let mut starts = Vec::new();
    for path in recordings {
        let mut reader = RecordingReader::open(path, discover_instruments(path)?)?;
        let first = reader.next().transpose()?;
        starts.push((first.map(|event| event.ts_recv), path.clone()));
    }
    starts.sort();
    Ok(starts.into_iter().map(|(_, path)| path).collect())
}

#[derive(Default)]
struct RecordedMarket {
    instruments: BTreeMap<String, (Market, QuotePath)>,
    /// The newest receive time so far, which is the engine's clock too.
    clock: Timestamp,
    previous: Option<PathBuf>,
    events: u64,
}

impl RecordedMarket {
    fn play(&mut self, path: &Path) -> Result<(), Failure> {
        let instruments = discover_instruments(path)?;
        let symbols: Vec<String> = instruments
            .iter()
            .map(|(_, symbol)| symbol.as_str().to_owned())
            .collect();
        let mut first = true;
        for event in RecordingReader::open(path, instruments)? {
            let event = event?;
            if std::mem::take(&mut first)
                && let Some(previous) = &self.previous
                && event.ts_recv < self.clock
            {
                return Err(Failure::Usage(format!(
                    "{} begins before {} ends: give recordings that follow each other",
                    path.display(),
                    previous.display()
                )));
            }
            self.clock = self.clock.max(event.ts_recv);
            self.events += 1;
            if self.events.is_multiple_of(EVENTS_BETWEEN_MESSAGES) {
                eprintln!("trader: {} events read", self.events);
            }
            let Some(symbol) = symbols.get(event.instrument.index()) else {
                continue;
            };
            let (market, quotes) = self
                .instruments
                .entry(symbol.clone())
                .or_insert_with(|| (unconfigured(symbol), QuotePath::new(Source::Recording)));
            market.apply(&event, self.clock);
            let top = market.top().map(|top| (top.bid.price, top.ask.price));
            quotes.observe(self.clock.nanoseconds(), top);
        }
        self.previous = Some(path.to_owned());
        Ok(())
    }

    fn finish(self) -> BTreeMap<String, QuotePath> {
        let paths = self.instruments.into_iter();
        paths
            .map(|(symbol, (_, quotes))| (symbol, quotes))
            .collect()
    }
}

/// A market of which only the best prices are asked: the increments play no part.
fn unconfigured(symbol: &str) -> Market {
    Market::new(Instrument {
        id: triptych_engine::event::InstrumentId::default(),
        symbol: Arc::from(symbol),
        price_increment: Price::from_units(1),
        quantity_increment: Quantity::from_units(1),
    })
}

fn text(report: &LabelReport) -> String {
    let mut table = Table::new([
        ("LABEL".to_owned(), Align::Left),
        ("KNOWN".to_owned(), Align::Right),
        ("EMPTY".to_owned(), Align::Right),
        ("WHY".to_owned(), Align::Left),
    ]);
    for label in &report.labels {
        let reasons: Vec<_> = label
            .missing
            .iter()
            .map(|(reason, count)| format!("{reason} {count}"))
            .collect();
        table.row(vec![
            label.label.clone(),
            label.known.to_string(),
            label.missing.values().sum::<u64>().to_string(),
            reasons.join(", "),
        ]);
    }
    format!(
        "{}\n{} candidates, {} complete; {} files written\n",
        table.render(),
        report.candidates,
        report.complete,
        report.files_written
    )
}
