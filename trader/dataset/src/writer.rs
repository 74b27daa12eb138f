//! Buffers candidates and executions, and publishes them as small complete files.
//!
//! When the disk fails, rows stay in a bounded buffer and are tried again; rows beyond the bound are
//! counted and noted as a gap.

use std::io;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};
use thiserror::Error;
use triptych_crds::TradingState;
use triptych_engine::Candidate;
use triptych_engine::event::{InstrumentId, Timestamp};
use triptych_engine::proposal::StrategyIndex;

use crate::buffers::Buffers;
use crate::encode::{Decided, EncodeError};
use crate::executions::ExecutionRow;
use crate::filesystem::{FileSystem, LocalFileSystem};
use crate::layout::{CANDIDATES, Date, MANIFEST, Partition, Table};
use crate::lock::{self, LockError};
use crate::manifest::{Entry, ManifestWriter, RunEntry};
use crate::open_file::Extent;
use crate::publisher::Publisher;
use crate::recovery::{RecoveryReport, recover};
use crate::run::RunContext;

/// How a writer buffers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// The dataset's directory; created where there is none.
    pub directory: PathBuf,
    /// Rows of a strategy and instrument after which they are published.
    pub flush_rows: usize,
    /// Age of the oldest buffered row after which they are published.
    pub flush_age: Duration,
    /// Rows that are kept in memory at most, when publishing fails.
    pub max_buffered_rows: usize,
    /// Rows that may wait in a queue before they come to the writer: a kill loses those too.
    pub queued_rows: usize,
}

impl Options {
    /// 5,000 rows or 5 seconds to a file, at most 50,000 rows in memory.
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Self {
            directory: directory.into(),
            flush_rows: 5_000,
            flush_age: Duration::from_secs(5),
            max_buffered_rows: 50_000,
            queued_rows: 0,
        }
    }
}

/// The dataset cannot be written.
#[derive(Debug, Error)]
pub enum DatasetError {
    /// The directory cannot be used.
    #[error("dataset directory {path}: {source}; it has to exist or be creatable, and be writable")]
    Directory {
        /// The directory.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Another process writes to it: a dataset has one writer.
    #[error(transparent)]
    Locked(#[from] LockError),
    /// A file could not be published; its rows are kept.
    #[error("cannot write {path}: {source}")]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Rows could not be encoded.
    #[error(transparent)]
    Encode(#[from] EncodeError),
}

/// What a writer did so far.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Counters {
    /// Rows in published files.
    pub rows_written: u64,
    /// Rows in memory.
    pub rows_buffered: u64,
    /// Rows lost, each in a gap.
    pub rows_lost: u64,
    /// Published files.
    pub files_published: u64,
    /// Attempts to publish that failed.
    pub failures: u64,
    /// Path of the newest file, relative to the directory.
    pub last_published_file: Option<String>,
}

/// What says a candidate's partition without a text.
type CandidateKey = (Date, StrategyIndex, InstrumentId);

/// Why rows beyond the bound are lost.
const FULL: &str = "the buffer was full while files could not be written";
/// Why the last rows are lost.
const ENDED: &str = "the run ended while files could not be written";

/// The only writer of a dataset's directory.
pub struct DatasetWriter {
    publisher: Publisher,
    candidates: Buffers<CandidateKey, Decided>,
    executions: Buffers<Partition, ExecutionRow>,
    recovery: RecoveryReport,
}

impl DatasetWriter {
    /// Opens a dataset for one run, and puts in order what an earlier run left.
    pub fn open(options: Options, run: RunContext) -> Result<Self, DatasetError> {
        Self::open_on(Box::new(LocalFileSystem), options, run)
    }

    /// Opens a dataset on another file system.
    pub fn open_on(
        filesystem: Box<dyn FileSystem>,
        options: Options,
        run: RunContext,
    ) -> Result<Self, DatasetError> {
        let unusable = |source| DatasetError::Directory {
            path: options.directory.clone(),
            source,
        };
        for folder in [CANDIDATES, MANIFEST] {
            filesystem
                .create_folder(&options.directory.join(folder))
                .map_err(unusable)?;
        }
        let lock = lock::hold(&options.directory, lock::WRITER)?;
        let recovery = recover(&options.directory, &*filesystem).map_err(unusable)?;
        let mut manifest =
            ManifestWriter::open(&options.directory, &run.run_id).map_err(unusable)?;
        manifest.queue(Entry::Run(RunEntry::of(
            &run,
            (options.max_buffered_rows + options.queued_rows) as u64,
        )));
        manifest.write(&*filesystem).map_err(unusable)?;
        Ok(Self {
            publisher: Publisher::new(options, run, filesystem, manifest, lock),
            candidates: Buffers::default(),
            executions: Buffers::default(),
            recovery,
        })
    }

    /// What was put in order on opening.
    pub fn recovery(&self) -> &RecoveryReport {
        &self.recovery
    }

    /// What was done so far.
    pub fn counters(&self) -> &Counters {
        &self.publisher.counters
    }

    /// Takes a candidate that was decided in no trading state: see [`Self::append_decided`].
    pub fn append(&mut self, candidate: &Candidate, now: Instant) -> Result<(), DatasetError> {
        self.append_decided(candidate, None, now)
    }

    /// Takes a candidate with the trading state that it was decided in; publishes those of its
    /// strategy and instrument when there are enough.
    ///
    /// An error says that publishing failed; the rows are kept. A candidate beyond the bound of the
    /// buffer is lost and counted, which is no error.
    pub fn append_decided(
        &mut self,
        candidate: &Candidate,
        trading_state: Option<TradingState>,
        now: Instant,
    ) -> Result<(), DatasetError> {
        let at = candidate.ts_decision;
        if !self.has_room() {
            self.record_loss(1, at, at, FULL);
            return Ok(());
        }
        let proposal = &candidate.proposal;
        let key = (Date::of(at), proposal.strategy, proposal.instrument);
        let row = Decided {
            candidate: candidate.clone(),
            trading_state,
        };
        self.candidates.append(&mut self.publisher, key, row, now)
    }

    /// Takes what happened to an order, as [`Self::append_decided`] takes candidates; the bound is that
    /// of both together.
    pub fn append_execution(
        &mut self,
        row: ExecutionRow,
        now: Instant,
    ) -> Result<(), DatasetError> {
        let at = row.ts_recv;
        if !self.has_room() {
            let lost = Extent {
                rows: 1,
                first: at,
                last: at,
            };
            self.publisher.record_loss(Table::Executions, lost, FULL);
            return Ok(());
        }
        let key = Partition::of_execution(&row);
        self.executions.append(&mut self.publisher, key, row, now)
    }

    /// Notes candidates that were lost before they came here, for example because a queue was full.
    pub fn record_loss(&mut self, rows: u64, first: Timestamp, last: Timestamp, reason: &str) {
        let extent = Extent { rows, first, last };
        self.publisher
            .record_loss(Table::Candidates, extent, reason);
    }

    /// Publishes what is old enough, and tries again what failed. To be called about once a second.
    pub fn flush_due(&mut self, now: Instant) -> Result<(), DatasetError> {
        let age = self.publisher.options.flush_age;
        self.publish_where(|oldest| now.duration_since(oldest) >= age)
    }

    /// Publishes everything.
    pub fn flush(&mut self) -> Result<(), DatasetError> {
        self.publish_where(|_| true)
    }

    /// Publishes everything and ends the run. Rows that cannot be published are lost and counted.
    pub fn close(mut self) -> (Counters, Result<(), DatasetError>) {
        let published = self.publish_files(|_| true);
        self.candidates.lose(&mut self.publisher, ENDED);
        self.executions.lose(&mut self.publisher, ENDED);
        let ended = self.publisher.end();
        (self.publisher.counters, published.and(ended))
    }

    /// Whether a row may stay in memory; where files can be written, what is there makes room first.
    fn has_room(&mut self) -> bool {
        if self.publisher.is_full() && !self.publisher.is_failing() {
            // A failure is counted, and told by the next attempt.
            let _ = self.flush();
        }
        !self.publisher.is_full()
    }

    fn publish_where(&mut self, due: impl Fn(Instant) -> bool) -> Result<(), DatasetError> {
        let published = self.publish_files(due);
        published.and(self.publisher.write_manifest())
    }

    fn publish_files(&mut self, due: impl Fn(Instant) -> bool) -> Result<(), DatasetError> {
        let publisher = &mut self.publisher;
        self.candidates
            .publish_where(publisher, |buffer| due(buffer.oldest))?;
        self.executions
            .publish_where(publisher, |buffer| due(buffer.oldest))
    }
}

/// SHA-256 in lowercase hexadecimal.
pub fn sha256_hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .fold(String::with_capacity(64), |text, byte| {
            text + &format!("{byte:02x}")
        })
}
