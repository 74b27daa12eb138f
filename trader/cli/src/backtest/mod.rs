//! `trader backtest`: a revision over recordings, and sweeps over its parameters.

mod arguments;
mod dataset;
mod recording;
mod report;

use std::num::NonZeroUsize;
use std::thread::available_parallelism;
use std::time::{Duration, Instant};

use serde_json::Value;
use triptych_backtest::grid::{Variant, variants};
use triptych_backtest::{Backtest, all_cores};
use triptych_crds::config_revision::ConfigRevisionSpec;
use triptych_engine::Engine;
use triptych_engine::event::Event;
use triptych_engine::portfolio::Account;
use triptych_engine::strategies::custom::Algorithms;
use triptych_fill_model::FillModel;

use crate::build_check::engine_of;
use crate::failure::Failure;
use crate::hash::invalid;
use crate::output;
use crate::recordings::Recordings;
use crate::replay::only_revision;
pub(crate) use arguments::BacktestArguments;
use recording::Recording;
use report::{Report, VariantResult};

/// How often progress is said.
const PROGRESS_INTERVAL: Duration = Duration::from_secs(2);
/// Variants that are played at once on each core: they bound the memory.
const VARIANTS_AT_ONCE: usize = 64;

/// Plays every variant and prints what came out.
pub(crate) fn run(arguments: &BacktestArguments, algorithms: &Algorithms) -> Result<(), Failure> {
    let document = only_revision(&arguments.revision, arguments.name.as_deref())?;
    let variants = variants(&document["spec"], &arguments.vary)
        .map_err(|error| Failure::Usage(error.to_string()))?;
    if let Some(directory) = &arguments.out {
        dataset::check(directory, arguments.html.as_deref())?;
    }
    let threads = available_parallelism().unwrap_or(NonZeroUsize::MIN);
    let mut results = Vec::with_capacity(variants.len());
    for wave in variants.chunks(VARIANTS_AT_ONCE * threads.get()) {
        let runs = wave
            .iter()
            .map(|variant| prepare(arguments, algorithms, &document, variant))
            .collect::<Result<Vec<_>, _>>()?;
        // Variants differ in values, never in the list of instruments: their numbers are the same.
        let Some(first) = runs.first() else { break };
        let events = Recordings::open(&arguments.recordings)?.of(first.run.engine());
        let mut progress = Progress::new(results.len(), wave.len(), variants.len());
        let played = all_cores::play(events, runs, threads, Prepared::take, |events| {
            progress.tell(events);
        })?;
        for prepared in played {
            results.push(prepared.finish()?);
        }
    }
    if let Some(directory) = &arguments.out {
        dataset::complete(directory, &arguments.recordings, arguments.html.as_deref())?;
    }
    let fields = arguments.vary.iter().map(|axis| axis.path.to_string());
    let report = Report {
        fields: fields.collect(),
        results,
    };
    output::print(arguments.output, &report, report::text)
}

/// A variant that is ready to be played.
struct Prepared {
    values: Vec<String>,
    config_hash: String,
    run: Backtest,
    recording: Option<Recording>,
}

fn prepare(
    arguments: &BacktestArguments,
    algorithms: &Algorithms,
    document: &Value,
    variant: &Variant,
) -> Result<Prepared, Failure> {
    let mut document = document.clone();
    document["spec"] = variant.spec.clone();
    let engine = engine_of(&document, algorithms).map_err(|problems| {
        let problems: Vec<String> = match variant.values.as_slice() {
            [] => problems,
            values => problems
                .iter()
                .map(|problem| format!("with {}: {problem}", values.join(", ")))
                .collect(),
        };
        invalid(&document, &problems)
    })?;
    let (account, model) = account_and_model(arguments, &document, &engine)?;
    let directory = arguments.out.as_deref();
    let recording = directory
        .map(|directory| Recording::open(directory, &engine))
        .transpose()?;
    Ok(Prepared {
        values: variant.values.clone(),
        config_hash: engine.config_hash().to_string(),
        run: Backtest::new(engine, &account, model),
        recording,
    })
}

/// The stated portfolio, and the model with the fees that were asked for, or else the stated ones.
fn account_and_model(
    arguments: &BacktestArguments,
    document: &Value,
    engine: &Engine,
) -> Result<(Account, FillModel), Failure> {
    let refuse = |problem: String| invalid(document, &[problem]);
    let spec: ConfigRevisionSpec = serde_json::from_value(document["spec"].clone())
        .map_err(|error| refuse(format!("spec: {error}")))?;
    let portfolio = spec.portfolio.as_ref().ok_or_else(|| {
        refuse(
            "spec.portfolio: a backtest needs the balance that it starts with: expected quoteBalance and takerFeeBasisPoints"
                .to_owned(),
        )
    })?;
    let symbols: Vec<&str> = engine.instruments().map(|known| &*known.symbol).collect();
    let account = Account::read(portfolio, &symbols)
        .map_err(|(path, error)| refuse(format!("{path}: {error}")))?;
    let stated = account.taker_fee_basis_points;
    let model = FillModel {
        latency_ns: i64::from(arguments.latency) * 1_000_000,
        rest_ns: i64::from(arguments.rest.get()) * 1_000_000_000,
        queue: arguments.queue.into(),
        maker_fee_basis_points: arguments.maker_fee.unwrap_or(stated),
        taker_fee_basis_points: arguments.taker_fee.unwrap_or(stated),
    };
    Ok((account, model))
}

impl Prepared {
    fn take(&mut self, event: &Event) {
        let Self { run, recording, .. } = self;
        run.on_event(event, |told| {
            if let Some(recording) = recording {
                recording.take(told);
            }
        });
    }

    fn finish(mut self) -> Result<VariantResult, Failure> {
        let outcome = self.run.finish(|told| {
            if let Some(recording) = &mut self.recording {
                recording.take(told);
            }
        });
        if let Some(recording) = self.recording {
            recording.close()?;
        }
        Ok(VariantResult {
            config_hash: self.config_hash,
            values: self.values,
            outcome,
        })
    }
}

/// Says now and then how far it is.
struct Progress {
    from: usize,
    to: usize,
    all: usize,
    next: Instant,
}

impl Progress {
    fn new(done: usize, playing: usize, all: usize) -> Self {
        Self {
            from: done + 1,
            to: done + playing,
            all,
            next: Instant::now() + PROGRESS_INTERVAL,
        }
    }

    fn tell(&mut self, events: u64) {
        if Instant::now() < self.next {
            return;
        }
        let Self { from, to, all, .. } = self;
        match all {
            1 => eprintln!("trader: {events} events"),
            _ => eprintln!("trader: {events} events, variants {from} to {to} of {all}"),
        }
        self.next = Instant::now() + PROGRESS_INTERVAL;
    }
}
