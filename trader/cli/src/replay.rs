//! `trader replay`: a configuration over a recording, or over a generated market.

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use serde::Serialize;
use serde_json::Value;
use triptych_dataset::summary::Summary;
use triptych_dataset::writer::Counters;
use triptych_engine::Engine;
use triptych_engine::digest::DecisionDigest;
use triptych_engine::event::{Event, InstrumentId, Timestamp};
use triptych_engine::strategies::custom::Algorithms;
use triptych_market_data::generator::{DEFAULT_START, Generator};
use triptych_market_data::instruments::Instruments;
use triptych_market_data::recording::{
    Pace, RecordingError, RecordingReader, discover_instruments,
};

use crate::arguments::ReplayArguments;
use crate::build_check::engine_of;
use crate::failure::Failure;
use crate::hash::invalid;
use crate::manifests;
use crate::output;
use crate::recorder::{Ended, Recorder};
use crate::recordings::read_ahead;
use crate::summary_table;

/// Events of a generated market where no number is asked for.
const GENERATED_EVENTS: u64 = 100_000;
/// How often progress is said.
const PROGRESS_INTERVAL: Duration = Duration::from_secs(2);
/// The clock is looked at after so many events.
const EVENTS_BETWEEN_LOOKS: u64 = 4_096;

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Report {
    config_hash: String,
    events: u64,
    seconds: f64,
    events_per_second: f64,
    /// Events of instruments that the configuration does not have.
    events_of_other_instruments: u64,
    candidates: u64,
    summary: Summary,
    /// Equal exactly where every decision is.
    decision_digest: String,
    rows_written: u64,
    files_published: u64,
}

/// Replays and prints what came out.
pub(crate) fn run(arguments: &ReplayArguments, algorithms: &Algorithms) -> Result<(), Failure> {
    let document = only_revision(&arguments.revision, arguments.name.as_deref())?;
    let engine =
        engine_of(&document, algorithms).map_err(|problems| invalid(&document, &problems))?;
    let (events, known) = source(arguments, &engine)?;
    let mut replay = Replay {
        recorder: arguments
            .out
            .as_deref()
            .map(|directory| Recorder::open(directory, "ABH", "replay", &engine))
            .transpose()?,
        engine,
        known,
        pace: Pacer::new(arguments.speed),
        summary: Summary::default(),
        digest: DecisionDigest::default(),
        others: 0,
    };
    let start = Instant::now();
    let count = replay.play(events, start)?;
    let elapsed = start.elapsed();
    let report = replay.finish(count, elapsed)?;
    output::print(arguments.output, &report, text)
}

/// The one ConfigRevision of a file, or the one of this name.
pub(crate) fn only_revision(file: &Path, name: Option<&str>) -> Result<Value, Failure> {
    let documents = manifests::read(file)?;
    let mut revisions: Vec<Value> = documents
        .into_iter()
        .filter(manifests::is_config_revision)
        .collect();
    if let Some(name) = name {
        revisions.retain(|revision| manifests::name(revision) == name);
    }
    match <[Value; 1]>::try_from(revisions) {
        Ok([revision]) => Ok(revision),
        Err(found) => {
            let names: Vec<_> = found.iter().map(manifests::name).collect();
            Err(Failure::InvalidConfiguration(format!(
                "{}: expected one ConfigRevision, found {}: [{}]; choose one with --name",
                file.display(),
                names.len(),
                names.join(", ")
            )))
        }
    }
}

type Events = Box<dyn Iterator<Item = Result<Event, RecordingError>> + Send>;

/// The events, and which instrument of the engine each of theirs is.
fn source(
    arguments: &ReplayArguments,
    engine: &Engine,
) -> Result<(Events, Vec<Option<InstrumentId>>), Failure> {
    let most = arguments.events.map(std::num::NonZeroU64::get);
    let (events, instruments): (Events, Instruments) =
        match (&arguments.recording, arguments.generate) {
            (Some(path), _) => {
                let instruments = discover_instruments(path)?;
                let reader = RecordingReader::open(path, instruments.clone())?;
                (
                    Box::new(reader.take(to_usize(most.unwrap_or(u64::MAX)))),
                    instruments,
                )
            }
            (None, seed) => {
                let symbols = engine.instruments().map(|instrument| &*instrument.symbol);
                let instruments = Instruments::parse(symbols).map_err(|error| {
                    Failure::InvalidConfiguration(format!("spec.instruments: {error}"))
                })?;
                let generator =
                    Generator::new(seed.unwrap_or_default(), &instruments, DEFAULT_START);
                (
                    Box::new(
                        generator
                            .map(Ok)
                            .take(to_usize(most.unwrap_or(GENERATED_EVENTS))),
                    ),
                    instruments,
                )
            }
        };
    let known: Vec<_> = instruments
        .iter()
        .map(|(_, symbol)| engine.instrument_id(symbol.as_str()))
        .collect();
    if known.iter().all(Option::is_none) {
        return Err(Failure::InvalidConfiguration(format!(
            "{}: no instrument of the configuration in it",
            arguments
                .recording
                .as_deref()
                .unwrap_or(&arguments.revision)
                .display()
        )));
    }
    Ok((events, known))
}

fn to_usize(count: u64) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}

struct Replay {
    engine: Engine,
    known: Vec<Option<InstrumentId>>,
    pace: Pacer,
    recorder: Option<Recorder>,
    summary: Summary,
    digest: DecisionDigest,
    others: u64,
}

impl Replay {
    fn play(&mut self, events: Events, start: Instant) -> Result<u64, Failure> {
        let mut count = 0;
        let mut next_progress = start + PROGRESS_INTERVAL;
        for event in read_ahead(events)? {
            let mut event = event?;
            count += 1;
            self.pace.wait_for(event.ts_recv);
            if count % EVENTS_BETWEEN_LOOKS == 0 && Instant::now() >= next_progress {
                let candidates = self.engine.counters().candidates;
                eprintln!("trader: {count} events, {candidates} candidates");
                next_progress = Instant::now() + PROGRESS_INTERVAL;
            }
            let known = self.known.get(event.instrument.index()).copied().flatten();
            let Some(instrument) = known else {
                self.others += 1;
                continue;
            };
            event.instrument = instrument;
            if self.decide(&event).is_err() {
                break;
            }
        }
        Ok(count)
    }

    fn decide(&mut self, event: &Event) -> Result<(), Ended> {
        let Self {
            engine,
            recorder,
            summary,
            digest,
            ..
        } = self;
        let mut recorded = Ok(());
        engine.on_event(event, |candidate| {
            summary.add(candidate);
            digest.add(candidate);
            if let (Some(recorder), Ok(())) = (&*recorder, &recorded) {
                recorded = recorder.append(candidate);
            }
        });
        recorded
    }

    fn finish(self, events: u64, elapsed: Duration) -> Result<Report, Failure> {
        let counters = self
            .recorder
            .map_or_else(|| Ok(Counters::default()), Recorder::close)?;
        let seconds = elapsed.as_secs_f64();
        #[allow(clippy::cast_precision_loss)]
        let events_per_second = if seconds > 0.0 {
            events as f64 / seconds
        } else {
            0.0
        };
        Ok(Report {
            config_hash: self.engine.config_hash().to_string(),
            events,
            seconds,
            events_per_second,
            events_of_other_instruments: self.others,
            candidates: self.engine.counters().candidates,
            summary: self.summary,
            decision_digest: self.digest.finish(),
            rows_written: counters.rows_written,
            files_published: counters.files_published,
        })
    }
}

/// Waits until an event is due.
struct Pacer {
    pace: Pace,
    start: Instant,
    first: Option<Timestamp>,
}

impl Pacer {
    fn new(pace: Pace) -> Self {
        Self {
            pace,
            start: Instant::now(),
            first: None,
        }
    }

    fn wait_for(&mut self, received: Timestamp) {
        if self.pace == Pace::FlatOut {
            return;
        }
        let first = *self.first.get_or_insert(received);
        let due = self.start + self.pace.due_between(first, received);
        thread::sleep(due.saturating_duration_since(Instant::now()));
    }
}

fn text(report: &Report) -> String {
    let mut text = summary_table::text(&report.summary);
    text += &format!(
        "\n{} events in {:.3} s: {:.0} events/s; {} candidates",
        report.events, report.seconds, report.events_per_second, report.candidates
    );
    if report.events_of_other_instruments > 0 {
        text += &format!(
            "; {} events of other instruments",
            report.events_of_other_instruments
        );
    }
    if report.files_published > 0 {
        text += &format!(
            "; {} rows in {} files",
            report.rows_written, report.files_published
        );
    }
    text + &format!(
        "\nconfiguration {}\ndecisions     {}\n",
        report.config_hash, report.decision_digest
    )
}
