//! The decision path, as a whole and in its parts.

use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::time::Instant;

use serde_json::Value;
use triptych_engine::event::Event;
use triptych_engine::strategies::custom::Algorithms;
use triptych_engine::{Candidate, Engine};
use triptych_market_data::frame::FrameParser;
use triptych_market_data::instruments::Instruments;
use triptych_market_data::recording::{RecordingReader, discover_instruments, split_line};

use super::measured::{Latency, nanoseconds};
use super::{engine, file_size};
use crate::failure::Failure;
use crate::recorder::Recorder;
use crate::recordings::read_ahead;

/// What is measured, and how often.
pub(super) struct Bench<'a> {
    pub(super) document: &'a Value,
    pub(super) algorithms: &'a Algorithms,
    pub(super) recording: &'a Path,
    pub(super) runs: u32,
}

pub(super) struct Parsed {
    pub(super) events: u64,
    pub(super) seconds: Vec<f64>,
}

pub(super) struct Whole {
    pub(super) candidates: u64,
    pub(super) rows_written: u64,
    pub(super) seconds: Vec<f64>,
}

impl Bench<'_> {
    /// Reads the file and adds up its bytes.
    pub(super) fn floor(&self) -> Result<(Vec<f64>, u64), Failure> {
        let bytes = file_size(self.recording)?;
        let mut seconds = Vec::new();
        for _ in 0..self.runs {
            let start = Instant::now();
            let content = self.content()?;
            black_box(content.iter().map(|byte| u64::from(*byte)).sum::<u64>());
            seconds.push(start.elapsed().as_secs_f64());
        }
        Ok((seconds, bytes))
    }

    /// Reads every event and throws it away.
    pub(super) fn parsing(&self) -> Result<Parsed, Failure> {
        let instruments = self.instruments()?;
        let mut parsed = Parsed {
            events: 0,
            seconds: Vec::new(),
        };
        for _ in 0..self.runs {
            parsed.events = 0;
            let start = Instant::now();
            for event in RecordingReader::open(self.recording, instruments.clone())? {
                black_box(event?);
                parsed.events += 1;
            }
            parsed.seconds.push(start.elapsed().as_secs_f64());
        }
        Ok(parsed)
    }

    /// Decides on events in memory.
    pub(super) fn deciding(&self) -> Result<Vec<f64>, Failure> {
        let events: Vec<Event> = RecordingReader::open(self.recording, self.instruments()?)?
            .collect::<Result<_, _>>()?;
        let mut seconds = Vec::new();
        for _ in 0..self.runs {
            let mut engine = self.engine()?;
            let start = Instant::now();
            for event in &events {
                engine.on_event(event, |candidate| {
                    black_box(candidate);
                });
            }
            seconds.push(start.elapsed().as_secs_f64());
        }
        Ok(seconds)
    }

    /// From the file to a dataset that is closed, as `trader replay` does it: reading, deciding and writing
    /// on a thread each.
    pub(super) fn whole(&self) -> Result<Whole, Failure> {
        let instruments = self.instruments()?;
        let mut whole = Whole {
            candidates: 0,
            rows_written: 0,
            seconds: Vec::new(),
        };
        for _ in 0..self.runs {
            let mut engine = self.engine()?;
            let recording = Recording::start(&engine)?;
            let start = Instant::now();
            let reader = RecordingReader::open(self.recording, instruments.clone())?;
            for event in read_ahead(reader)? {
                let event = event?;
                engine.on_event(&event, |candidate| recording.take(candidate));
            }
            let (rows_written, closed) = recording.close()?;
            whole.rows_written = rows_written;
            whole.seconds.push((closed - start).as_secs_f64());
            whole.candidates = engine.counters().candidates;
        }
        Ok(whole)
    }

    /// Each frame alone: what stands between its last byte in memory and its decision in the queue.
    pub(super) fn latency(&self) -> Result<Latency, Failure> {
        let content = String::from_utf8(self.content()?)
            .map_err(|error| Failure::Internal(error.to_string()))?;
        let parser = FrameParser::new(self.instruments()?);
        let mut engine = self.engine()?;
        let recording = Recording::start(&engine)?;
        let mut latencies = Vec::with_capacity(content.len() / 64);
        for line in content.lines() {
            let start = Instant::now();
            let (received, message) = split_line(line).map_err(Failure::Internal)?;
            let event = parser
                .parse_recorded(message, received)
                .map_err(|error| Failure::Internal(error.to_string()))?;
            engine.on_event(&event, |candidate| recording.take(candidate));
            latencies.push(nanoseconds(start.elapsed()));
        }
        recording.close()?;
        Ok(Latency::of(latencies))
    }

    fn content(&self) -> Result<Vec<u8>, Failure> {
        std::fs::read(self.recording).map_err(|source| Failure::Unreadable {
            path: self.recording.to_owned(),
            source,
        })
    }

    /// Those of the recording; the engine's have to be the same.
    fn instruments(&self) -> Result<Instruments, Failure> {
        let found = discover_instruments(self.recording)?;
        let engine = self.engine()?;
        let same = found
            .iter()
            .all(|(id, symbol)| engine.instrument_id(symbol.as_str()) == Some(id));
        if same {
            return Ok(found);
        }
        Err(Failure::InvalidConfiguration(format!(
            "{}: its instruments are not those of the revision, in the same order",
            self.recording.display()
        )))
    }

    fn engine(&self) -> Result<Engine, Failure> {
        engine(self.document, self.algorithms)
    }
}

/// A dataset in a folder that goes away.
struct Recording {
    folder: PathBuf,
    recorder: Recorder,
}

impl Recording {
    fn start(engine: &Engine) -> Result<Self, Failure> {
        let folder = std::env::temp_dir().join(format!("triptych-bench-{}", uuid::Uuid::now_v7()));
        let recorder = Recorder::open(&folder, "ABH", "bench", engine)?;
        Ok(Self { folder, recorder })
    }

    fn take(&self, candidate: &Candidate) {
        // A writer that failed says why when it is closed.
        let _ = self.recorder.append(candidate);
    }

    /// Waits for the last row, and looks at the clock then; how many rows there are.
    fn close(self) -> Result<(u64, Instant), Failure> {
        let counters = self.recorder.close()?;
        let closed = Instant::now();
        std::fs::remove_dir_all(&self.folder).map_err(|source| Failure::Unwritable {
            path: self.folder,
            source,
        })?;
        Ok((counters.rows_written, closed))
    }
}
