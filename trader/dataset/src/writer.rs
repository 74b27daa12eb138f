//! Buffers candidates and publishes them as small complete files.
//!
//! A file is encoded in memory, written under a temporary name, synced, renamed, and listed in the
//! manifest: readers see whole files only. When the disk fails, rows stay in a bounded buffer and are
//! tried again; rows beyond the bound are counted and noted as a gap.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};
use thiserror::Error;
use triptych_crds::TradingState;
use triptych_engine::Candidate;
use triptych_engine::event::{InstrumentId, Timestamp};
use triptych_engine::proposal::StrategyIndex;

use crate::encode::{Decided, EncodeError, parquet_file};
use crate::filesystem::{FileSystem, LocalFileSystem, put};
use crate::layout::{CANDIDATES, Date, MANIFEST, Partition, file_name};
use crate::lock::{self, Held, LockError};
use crate::manifest::{
    EndEntry, Entry, FileEntry, FolderEntry, GapEntry, ManifestWriter, RunEntry,
};
use crate::recovery::{RecoveryReport, recover, relative};
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
}

impl Options {
    /// 5,000 rows or 5 seconds to a file, at most 50,000 rows in memory.
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Self {
            directory: directory.into(),
            flush_rows: 5_000,
            flush_age: Duration::from_secs(5),
            max_buffered_rows: 50_000,
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

type BufferKey = (Date, StrategyIndex, InstrumentId);

struct Buffer {
    partition: Partition,
    rows: Vec<Decided>,
    oldest: Instant,
}

/// The only writer of a dataset's directory.
pub struct DatasetWriter {
    options: Options,
    run: RunContext,
    filesystem: Box<dyn FileSystem>,
    manifest: ManifestWriter,
    buffers: BTreeMap<BufferKey, Buffer>,
    sequence: u64,
    /// Folders that the manifest names.
    named_folders: BTreeSet<PathBuf>,
    /// After a failure rows wait for [`DatasetWriter::flush_due`] instead of failing one by one.
    failing: bool,
    counters: Counters,
    recovery: RecoveryReport,
    lock: Held,
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
            options.max_buffered_rows as u64,
        )));
        manifest.write(&*filesystem).map_err(unusable)?;
        Ok(Self {
            options,
            run,
            filesystem,
            manifest,
            buffers: BTreeMap::new(),
            sequence: 0,
            named_folders: BTreeSet::new(),
            failing: false,
            counters: Counters::default(),
            recovery,
            lock,
        })
    }

    /// What was put in order on opening.
    pub fn recovery(&self) -> &RecoveryReport {
        &self.recovery
    }

    /// What was done so far.
    pub fn counters(&self) -> &Counters {
        &self.counters
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
        if self.counters.rows_buffered >= self.options.max_buffered_rows as u64 {
            let at = candidate.ts_decision;
            self.record_loss(
                1,
                at,
                at,
                "the buffer was full while files could not be written",
            );
            return Ok(());
        }
        let proposal = &candidate.proposal;
        let key = (
            Date::of(candidate.ts_decision),
            proposal.strategy,
            proposal.instrument,
        );
        let buffer = self.buffers.entry(key).or_insert_with(|| Buffer {
            partition: Partition::of(candidate),
            rows: Vec::new(),
            oldest: now,
        });
        if buffer.rows.is_empty() {
            buffer.oldest = now;
        }
        buffer.rows.push(Decided {
            candidate: candidate.clone(),
            trading_state,
        });
        self.counters.rows_buffered += 1;
        if buffer.rows.len() >= self.options.flush_rows && !self.failing {
            return self.publish(key);
        }
        Ok(())
    }

    /// Notes rows that were lost before they came here, for example because a queue was full.
    pub fn record_loss(&mut self, rows: u64, first: Timestamp, last: Timestamp, reason: &str) {
        self.counters.rows_lost += rows;
        self.manifest.queue(Entry::Gap(GapEntry {
            rows: Some(rows),
            rows_at_most: None,
            first_ts_decision_ns: Some(first.nanoseconds()),
            last_ts_decision_ns: Some(last.nanoseconds()),
            reason: reason.to_owned(),
        }));
    }

    /// Publishes what is old enough, and tries again what failed. To be called about once a second.
    pub fn flush_due(&mut self, now: Instant) -> Result<(), DatasetError> {
        let age = self.options.flush_age;
        self.publish_where(|buffer| now.duration_since(buffer.oldest) >= age)
    }

    /// Publishes everything.
    pub fn flush(&mut self) -> Result<(), DatasetError> {
        self.publish_where(|_| true)
    }

    /// Publishes everything and ends the run. Rows that cannot be published are lost and counted.
    pub fn close(mut self) -> (Counters, Result<(), DatasetError>) {
        let flushed = self.flush();
        let unwritten: Vec<_> = std::mem::take(&mut self.buffers)
            .into_values()
            .filter_map(|buffer| {
                let times = || buffer.rows.iter().map(|row| row.ts_decision);
                Some((buffer.rows.len() as u64, times().min()?, times().max()?))
            })
            .collect();
        for (rows, first, last) in unwritten {
            self.record_loss(
                rows,
                first,
                last,
                "the run ended while files could not be written",
            );
        }
        self.counters.rows_buffered = 0;
        let rows = self.counters.rows_written;
        self.manifest.queue(Entry::End(EndEntry {
            rows,
            orderly: true,
        }));
        let ended = self.write_manifest();
        (self.counters, flushed.and(ended))
    }

    fn publish_where(&mut self, due: impl Fn(&Buffer) -> bool) -> Result<(), DatasetError> {
        let is_due = |(key, buffer): (&BufferKey, &Buffer)| {
            (!buffer.rows.is_empty() && due(buffer)).then_some(*key)
        };
        let keys: Vec<BufferKey> = self.buffers.iter().filter_map(is_due).collect();
        for key in keys {
            self.publish(key)?;
        }
        self.buffers.retain(|_, buffer| !buffer.rows.is_empty());
        self.write_manifest()
    }

    fn publish(&mut self, key: BufferKey) -> Result<(), DatasetError> {
        let published = self.name_folder(key).and_then(|()| self.write_file(key));
        self.failing = published.is_err();
        self.counters.failures += u64::from(self.failing);
        let entry = published?;
        self.counters.rows_written += entry.rows;
        self.counters.rows_buffered -= entry.rows;
        self.counters.files_published += 1;
        self.counters.last_published_file = Some(entry.path.clone());
        self.manifest.queue(Entry::File(entry));
        // The rows are safe: a line that cannot be written now is written later, or at recovery.
        self.write_manifest()
    }

    /// Says in the manifest where files will be, so that the next start knows where to look for those
    /// that a kill left without a line.
    fn name_folder(&mut self, key: BufferKey) -> Result<(), DatasetError> {
        self.is_still_there()?;
        let folder = self.buffers[&key].partition.folder();
        if self.named_folders.insert(folder.clone()) {
            let path = relative(Path::new(""), &folder);
            self.manifest.queue(Entry::Folder(FolderEntry { path }));
        }
        self.write_waiting_lines()
    }

    /// Writes a buffer's rows as a file and empties the buffer; keeps the rows on failure.
    fn write_file(&mut self, key: BufferKey) -> Result<FileEntry, DatasetError> {
        let Some(buffer) = self.buffers.get_mut(&key) else {
            unreachable!("a key of the map")
        };
        let bytes = parquet_file(&self.run, &buffer.partition, &buffer.rows)?;
        let name = file_name(&self.run.run_id, self.sequence);
        self.sequence += 1;
        let folder = self.options.directory.join(buffer.partition.folder());
        let path = folder.join(&name);
        put(&*self.filesystem, &path, &bytes).map_err(|source| {
            // The rows stay in memory and will be written again: no copy of them may stay here.
            let _ = self.filesystem.remove_file(&path);
            DatasetError::Write {
                path: path.clone(),
                source,
            }
        })?;
        let times = || buffer.rows.iter().map(|row| row.ts_decision.nanoseconds());
        let entry = FileEntry {
            path: relative(&self.options.directory, &path),
            rows: buffer.rows.len() as u64,
            bytes: bytes.len() as u64,
            sha256: sha256_hex(&bytes),
            first_ts_decision_ns: times().min().unwrap_or_default(),
            last_ts_decision_ns: times().max().unwrap_or_default(),
            adopted: false,
        };
        buffer.rows.clear();
        Ok(entry)
    }

    fn is_still_there(&self) -> Result<(), DatasetError> {
        self.lock
            .is_still_there()
            .map_err(|source| DatasetError::Write {
                path: self.options.directory.clone(),
                source,
            })
    }

    fn write_manifest(&mut self) -> Result<(), DatasetError> {
        let written = self.write_waiting_lines();
        self.counters.failures += u64::from(written.is_err());
        written
    }

    fn write_waiting_lines(&mut self) -> Result<(), DatasetError> {
        if self.manifest.is_written() {
            return Ok(());
        }
        self.is_still_there()?;
        self.manifest
            .write(&*self.filesystem)
            .map_err(|source| DatasetError::Write {
                path: self.options.directory.join(MANIFEST),
                source,
            })
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
