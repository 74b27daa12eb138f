//! `trader bench`: how fast this build decides on this machine.

mod measured;
mod path;
mod scaling;

use std::path::Path;

use serde::Serialize;
use serde_json::Value;
use triptych_engine::strategies::custom::Algorithms;

use crate::arguments::BenchArguments;
use crate::failure::Failure;
use crate::output;
use crate::replay::only_revision;
use measured::{Latency, Stage};
use scaling::Step;

/// What was measured. Seconds are those of each run, in the order in which they were made.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Report {
    events: u64,
    bytes: u64,
    candidates: u64,
    rows_written: u64,
    /// Reading the file and adding up its bytes: no program can do with less.
    floor: Stage,
    /// File to events.
    parsing: Stage,
    /// Events that are in memory already to candidates with every verdict.
    deciding: Stage,
    /// File to events to candidates to a closed Parquet dataset, which has a thread of its own.
    whole: Stage,
    /// From a frame in memory to its decision, handed to the dataset's queue.
    frame_to_decision: Latency,
    /// The most memory that the process has held so far, in bytes, the events in memory included.
    peak_memory_bytes: Option<u64>,
    /// What more instruments, strategies and rules cost; empty unless it was asked for.
    scaling: Vec<Step>,
}

/// Measures and prints.
pub(crate) fn run(arguments: &BenchArguments, algorithms: &Algorithms) -> Result<(), Failure> {
    let document = only_revision(&arguments.revision, None)?;
    let bench = path::Bench {
        document: &document,
        algorithms,
        recording: &arguments.recording,
        runs: arguments.runs.get(),
    };
    let (floor, bytes) = bench.floor()?;
    say("file to events");
    let parsing = bench.parsing()?;
    say("events to decisions");
    let deciding = bench.deciding()?;
    say("file to dataset");
    let whole = bench.whole()?;
    say("each frame alone");
    let frame_to_decision = bench.latency()?;
    let peak_memory_bytes = measured::peak_memory();
    let scaling = if arguments.scaling {
        scaling::steps(&document, algorithms, arguments.runs.get())?
    } else {
        Vec::new()
    };
    let report = Report {
        events: parsing.events,
        bytes,
        candidates: whole.candidates,
        rows_written: whole.rows_written,
        floor: Stage::new(floor, parsing.events),
        parsing: Stage::new(parsing.seconds, parsing.events),
        deciding: Stage::new(deciding, parsing.events),
        whole: Stage::new(whole.seconds, parsing.events),
        frame_to_decision,
        peak_memory_bytes,
        scaling,
    };
    output::print(arguments.output, &report, text)
}

fn say(what: &str) {
    eprintln!("trader: measuring {what}");
}

/// The engine of a revision, as `trader replay` builds it.
fn engine(document: &Value, algorithms: &Algorithms) -> Result<triptych_engine::Engine, Failure> {
    crate::build_check::engine_of(document, algorithms)
        .map_err(|problems| crate::hash::invalid(document, &problems))
}

fn file_size(path: &Path) -> Result<u64, Failure> {
    std::fs::metadata(path)
        .map(|metadata| metadata.len())
        .map_err(|source| Failure::Unreadable {
            path: path.to_owned(),
            source,
        })
}

fn text(report: &Report) -> String {
    let mut text = format!(
        "{} events, {} bytes; {} candidates, {} rows\n\n",
        report.events, report.bytes, report.candidates, report.rows_written
    );
    for (name, stage) in [
        ("file read, each byte touched", &report.floor),
        ("file to events", &report.parsing),
        ("events to decisions", &report.deciding),
        ("file to decisions to dataset", &report.whole),
    ] {
        let floors = stage.median / report.floor.median;
        text += &format!(
            "{name:<30} {:>12.0} events/s {:>8.0} ns/event {floors:>7.1} x the floor\n",
            stage.events_per_second,
            1e9 / stage.events_per_second,
        );
    }
    let Latency {
        p50,
        p99,
        p999,
        worst,
    } = report.frame_to_decision;
    text +=
        &format!("\nframe to decision, ns: p50 {p50}, p99 {p99}, p99.9 {p999}, worst {worst}\n");
    if let Some(bytes) = report.peak_memory_bytes {
        text += &format!("peak memory {} MiB\n", bytes / (1 << 20));
    }
    for step in &report.scaling {
        text += &format!(
            "{:<12} {:>5}  {:>8.0} ns/event\n",
            step.of, step.count, step.nanoseconds_per_event
        );
    }
    text
}
