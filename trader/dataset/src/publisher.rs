//! Publishes files, and keeps the run's manifest.
//!
//! A file is whole in memory before it is written under a temporary name, synced, renamed, and listed
//! in the manifest: readers see whole files only.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::filesystem::{FileSystem, put};
use crate::layout::{MANIFEST, Table, file_name};
use crate::lock::Held;
use crate::manifest::{EndEntry, Entry, FileEntry, FolderEntry, GapEntry, ManifestWriter};
use crate::open_file::{Extent, WholeFile};
use crate::recovery::relative;
use crate::run::RunContext;
use crate::writer::{Counters, DatasetError, Options, sha256_hex};

/// What publishes the files of a run.
pub(crate) struct Publisher {
    pub(crate) options: Options,
    pub(crate) run: RunContext,
    pub(crate) filesystem: Box<dyn FileSystem>,
    pub(crate) manifest: ManifestWriter,
    pub(crate) lock: Held,
    sequence: u64,
    /// Folders that the manifest names.
    named_folders: BTreeSet<PathBuf>,
    /// After a failure rows wait for the next attempt instead of failing one by one.
    failing: bool,
    pub(crate) counters: Counters,
}

impl Publisher {
    pub(crate) fn new(
        options: Options,
        run: RunContext,
        filesystem: Box<dyn FileSystem>,
        manifest: ManifestWriter,
        lock: Held,
    ) -> Self {
        Self {
            options,
            run,
            filesystem,
            manifest,
            lock,
            sequence: 0,
            named_folders: BTreeSet::new(),
            failing: false,
            counters: Counters::default(),
        }
    }

    /// Whether the last attempt failed.
    pub(crate) const fn is_failing(&self) -> bool {
        self.failing
    }

    /// Whether no further row may stay in memory.
    pub(crate) const fn is_full(&self) -> bool {
        self.counters.rows_buffered >= self.options.max_buffered_rows as u64
    }

    /// Notes rows that are lost.
    pub(crate) fn record_loss(&mut self, table: Table, lost: Extent, reason: &str) {
        self.counters.rows_lost += lost.rows;
        let reason = match table {
            Table::Candidates => reason.to_owned(),
            Table::Executions => format!("{}: {reason}", table.folder()),
        };
        self.manifest.queue(Entry::Gap(GapEntry {
            rows: Some(lost.rows),
            rows_at_most: None,
            first_ts_decision_ns: Some(lost.first.nanoseconds()),
            last_ts_decision_ns: Some(lost.last.nanoseconds()),
            reason,
        }));
    }

    /// Notes rows that were in memory as lost.
    pub(crate) fn lose_buffered(&mut self, table: Table, lost: Option<Extent>, reason: &str) {
        if let Some(lost) = lost {
            self.counters.rows_buffered -= lost.rows;
            self.record_loss(table, lost, reason);
        }
    }

    /// Gets a folder ready for files, before the first of them is there.
    pub(crate) fn prepare(&mut self, folder: &Path) -> Result<(), DatasetError> {
        let prepared = self.name_folder(folder).and_then(|()| {
            let path = self.options.directory.join(folder);
            self.filesystem
                .create_folder(&path)
                .map_err(|source| DatasetError::Write { path, source })
        });
        self.noted(prepared)
    }

    /// Publishes a file. Its line waits for [`Self::write_manifest`]: until then the file is one that
    /// the next start would find and list.
    pub(crate) fn publish(&mut self, folder: &Path, file: &WholeFile) -> Result<(), DatasetError> {
        let published = self
            .name_folder(folder)
            .and_then(|()| self.write_file(folder, file));
        let entry = self.noted(published)?;
        self.counters.rows_written += entry.rows;
        self.counters.rows_buffered -= entry.rows;
        self.counters.files_published += 1;
        self.counters.last_published_file = Some(entry.path.clone());
        self.manifest.queue(Entry::File(entry));
        Ok(())
    }

    fn noted<T>(&mut self, tried: Result<T, DatasetError>) -> Result<T, DatasetError> {
        self.failing = tried.is_err();
        self.counters.failures += u64::from(self.failing);
        tried
    }

    /// Writes the line that ends the run.
    pub(crate) fn end(&mut self) -> Result<(), DatasetError> {
        let rows = self.counters.rows_written;
        self.manifest.queue(Entry::End(EndEntry {
            rows,
            orderly: true,
        }));
        self.write_manifest()
    }

    /// Says in the manifest where files will be, so that the next start knows where to look for those
    /// that a kill left without a line.
    fn name_folder(&mut self, folder: &Path) -> Result<(), DatasetError> {
        self.is_still_there()?;
        if self.named_folders.contains(folder) {
            return Ok(());
        }
        let path = relative(Path::new(""), folder);
        self.manifest.queue(Entry::Folder(FolderEntry { path }));
        self.write_waiting_lines()?;
        self.named_folders.insert(folder.to_owned());
        Ok(())
    }

    fn write_file(&mut self, folder: &Path, file: &WholeFile) -> Result<FileEntry, DatasetError> {
        let name = file_name(&self.run.run_id, self.sequence);
        self.sequence += 1;
        let path = self.options.directory.join(folder).join(name);
        put(&*self.filesystem, &path, &file.bytes).map_err(|source| {
            // The rows stay in memory and will be written again: no copy of them may stay here.
            let _ = self.filesystem.remove_file(&path);
            DatasetError::Write {
                path: path.clone(),
                source,
            }
        })?;
        Ok(FileEntry {
            path: relative(&self.options.directory, &path),
            rows: file.extent.rows,
            bytes: file.bytes.len() as u64,
            sha256: sha256_hex(&file.bytes),
            first_ts_decision_ns: file.extent.first.nanoseconds(),
            last_ts_decision_ns: file.extent.last.nanoseconds(),
            adopted: false,
        })
    }

    fn is_still_there(&self) -> Result<(), DatasetError> {
        self.lock
            .is_still_there()
            .map_err(|source| DatasetError::Write {
                path: self.options.directory.clone(),
                source,
            })
    }

    pub(crate) fn write_manifest(&mut self) -> Result<(), DatasetError> {
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
