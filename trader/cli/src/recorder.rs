//! Writes the dataset of a run over recorded events, on a thread of its own.

use std::cell::Cell;
use std::fmt::Display;
use std::fs;
use std::io;
use std::ops::ControlFlow;
use std::path::Path;
use std::time::Duration;

use triptych_dataset::background::{self, Record, ToWriter, Writing, queues};
use triptych_dataset::executions::ExecutionRow;
use triptych_dataset::run::RunId;
use triptych_dataset::writer::{Counters, sha256_hex};
use triptych_dataset::{DatasetWriter, Options, RunContext};
use triptych_engine::{Candidate, Engine};

use crate::failure::Failure;

/// Rows that may wait, as in a trader.
const QUEUE: usize = 8_192;

/// Rows after which the thread is woken: a recording does not go by the clock that it sleeps by.
const ROWS_TO_WAKE: u32 = 64;

/// Writes the dataset of a run. Where a trader would lose rows because the queue is full, a recording
/// waits.
pub(crate) struct Recorder {
    to_writer: ToWriter,
    writing: Writing,
    /// Rows since the thread was woken.
    unannounced: Cell<u32>,
}

/// The dataset takes no more rows: [`Recorder::close`] says why.
#[derive(Debug)]
pub(crate) struct Ended;

impl Recorder {
    /// A run of its own in a directory; `instance` says what kind of run it is.
    pub(crate) fn open(
        directory: &Path,
        tier: &str,
        instance: &str,
        engine: &Engine,
    ) -> Result<Self, Failure> {
        let run = RunContext {
            run_id: RunId::parse(&uuid::Uuid::now_v7().to_string())
                .map_err(|error| internal(&error))?,
            tier: tier.to_owned(),
            instance: instance.to_owned(),
            binary_sha256: own_sha256().map_err(|error| internal(&error))?,
            config_hash: engine.config_hash().to_string(),
        };
        let options = Options {
            // A recording does not go by the clock: its files end where the rows say so.
            flush_age: Duration::MAX,
            queued_rows: QUEUE,
            ..Options::new(directory)
        };
        let writer = DatasetWriter::open(options, run)?;
        let (to_writer, of_writer) = queues(QUEUE);
        let writing = background::start(writer, of_writer, |_, attempt| match attempt {
            Some(Err(_)) => ControlFlow::Break(()),
            _ => ControlFlow::Continue(()),
        })
        .map_err(|error| internal(&error))?;
        Ok(Self {
            to_writer,
            writing,
            unannounced: Cell::new(0),
        })
    }

    pub(crate) fn append(&self, candidate: &Candidate) -> Result<(), Ended> {
        self.send(Record::Candidate(self.to_writer.copy(candidate)))
    }

    pub(crate) fn append_execution(&self, row: ExecutionRow) -> Result<(), Ended> {
        self.send(Record::Execution(Box::new(row)))
    }

    fn send(&self, record: Record) -> Result<(), Ended> {
        self.to_writer.records.send(record).map_err(|_| Ended)?;
        self.unannounced.update(|rows| rows + 1);
        if self.unannounced.get() >= ROWS_TO_WAKE {
            self.unannounced.set(0);
            self.writing.thread().unpark();
        }
        Ok(())
    }

    /// Waits for the last row.
    pub(crate) fn close(self) -> Result<Counters, Failure> {
        drop(self.to_writer);
        // Nothing more comes: it need not sleep on.
        self.writing.thread().unpark();
        let joined = self.writing.join();
        let closed = joined.map_err(|_| internal(&"the dataset's thread panicked"))?;
        Ok(closed?)
    }
}

fn internal(error: &dyn Display) -> Failure {
    Failure::Internal(error.to_string())
}

fn own_sha256() -> io::Result<String> {
    Ok(sha256_hex(&fs::read(std::env::current_exe()?)?))
}
