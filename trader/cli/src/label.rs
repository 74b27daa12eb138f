//! `trader dataset label`: what became of each candidate.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use triptych_dataset::labels::store::{LabelReport, label_dataset, market_of_candidates};
use triptych_dataset::labels::{Definition, QuotePath, Source};
use triptych_dataset_store::change::LabelsBefore;
use triptych_engine::decimal::{Price, Quantity};
use triptych_engine::event::Timestamp;
use triptych_engine::market::{Instrument, Market};

use crate::arguments::LabelArguments;
use crate::dataset::is_dataset;
use crate::failure::Failure;
use crate::object_store::{Place, Remote};
use crate::output;
use crate::recordings::{Recorded, Recordings};
use crate::table::{Align, Table};

/// Events between two messages on progress.
const EVENTS_BETWEEN_MESSAGES: u64 = 5_000_000;

/// Labels a dataset and prints how much is known.
pub(crate) fn run(arguments: &LabelArguments) -> Result<(), Failure> {
    let label = |directory: &Path| {
        let definition = definition(arguments);
        label(directory, &definition, &arguments.recordings)
    };
    let report = match &arguments.dataset {
        Place::Directory(directory) => {
            is_dataset(directory)?;
            label(directory)?
        }
        Place::Store(location) => {
            let Remote { runtime, store } = &arguments.store.open_for_now(location)?;
            let mut mirror = arguments.store.mirror(runtime, store)?;
            let before = LabelsBefore::of(&mirror)?;
            let report = label(mirror.directory())?;
            runtime.block_on(before.write_back(store, &mut mirror))?;
            report
        }
    };
    output::print(arguments.output, &report, text)
}

fn definition(arguments: &LabelArguments) -> Definition {
    Definition {
        name: arguments.definition.clone(),
        fee_basis_points: arguments.fee_basis_points,
        barrier_basis_points: arguments.barrier_basis_points,
        barrier_seconds: arguments.barrier_seconds,
    }
}

/// Labels a dataset from recordings; without any, from the candidates' own prices.
pub(crate) fn label(
    directory: &Path,
    definition: &Definition,
    recordings: &[PathBuf],
) -> Result<LabelReport, Failure> {
    let market = if recordings.is_empty() {
        market_of_candidates(directory)?
    } else {
        market_of_recordings(recordings)?
    };
    let labelled = label_dataset(directory, definition, &market, |done, all| {
        if done > 0 && done % 100 == 0 {
            eprintln!("trader: {done} of {all} folders labelled");
        }
    });
    Ok(labelled?)
}

/// The best prices of every instrument, through recordings that follow each other.
fn market_of_recordings(recordings: &[PathBuf]) -> Result<BTreeMap<String, QuotePath>, Failure> {
    let mut instruments: BTreeMap<String, (Market, QuotePath)> = BTreeMap::new();
    // The newest receive time so far, which is the engine's clock too.
    let mut clock = Timestamp::default();
    for (count, recorded) in (1_u64..).zip(Recordings::open(recordings)?) {
        let Recorded { symbol, event } = recorded?;
        if count.is_multiple_of(EVENTS_BETWEEN_MESSAGES) {
            eprintln!("trader: {count} events read");
        }
        clock = clock.max(event.ts_recv);
        let (market, quotes) = instruments
            .entry(symbol.to_string())
            .or_insert_with(|| (unconfigured(&symbol), QuotePath::new(Source::Recording)));
        market.apply(&event, clock);
        let top = market.top().map(|top| (top.bid.price, top.ask.price));
        quotes.observe(clock.nanoseconds(), top);
    }
    let paths = instruments.into_iter();
    Ok(paths
        .map(|(symbol, (_, quotes))| (symbol, quotes))
        .collect())
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
