//! Many small files of a folder into few, while readers read and a trader writes.
//!
//! What counts is the manifest. The new file is published whole; then one line lists it and says which
//! files it replaces; only then these are removed. Whoever goes by the manifests sees the old files or
//! the new one, never both. Killed before the line, the new file counts for nothing and the next
//! compaction removes it; killed after it, the next one removes what is left of the old.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use parquet::arrow::ArrowWriter;
use parquet::file::metadata::KeyValue;
use serde::Serialize;
use thiserror::Error;

use crate::encode::{EncodeError, properties};
use crate::files::{batches, footer, listed_by_folder_of, schema_of};
use crate::filesystem::{FileSystem, LocalFileSystem, put};
use crate::layout::{TEMPORARY, Table, compacted_name, is_compacted, published_name};
use crate::lock::{self, LockError};
use crate::manifest::{
    CompactedEntry, Entry, FileEntry, ManifestWriter, RunManifest, current_files, replaced_paths,
};
use crate::read::ReadError;
use crate::recovery::{files_under, has_extension, relative};
use crate::run::RunId;
use crate::writer::sha256_hex;

/// A folder cannot be compacted.
#[derive(Debug, Error)]
pub enum CompactError {
    /// Another command changes files of this dataset.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// A file cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The new file could not be put together.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// A file is not the one that was listed.
    #[error(
        "{path}: {what} is not what the manifest says; `trader dataset verify` says more, and nothing was compacted here"
    )]
    Changed {
        /// The file.
        path: PathBuf,
        /// What differs.
        what: &'static str,
    },
    /// The dataset cannot be changed.
    #[error("{path}: {source}")]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// What was compacted.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CompactReport {
    /// Folders in which files were put together.
    pub folders: u64,
    /// Files that were replaced.
    pub files_replaced: u64,
    /// Files that replace them.
    pub files_written: u64,
    /// Rows in them.
    pub rows: u64,
    /// Bytes of the files that were replaced.
    pub bytes_before: u64,
    /// Bytes of the files that replace them.
    pub bytes_after: u64,
    /// Files that a killed compaction had left, and that were removed.
    pub leftovers_removed: u64,
}

/// Compacts every folder of a dataset into files of at most `most_rows` rows. `progress` is told how
/// many folders are done, of how many.
pub fn compact(
    directory: &Path,
    most_rows: u64,
    progress: impl FnMut(usize, usize),
) -> Result<CompactReport, CompactError> {
    compact_on(&LocalFileSystem, directory, most_rows, progress)
}

/// Compacts on another file system.
pub fn compact_on(
    filesystem: &dyn FileSystem,
    directory: &Path,
    most_rows: u64,
    mut progress: impl FnMut(usize, usize),
) -> Result<CompactReport, CompactError> {
    let _lock = lock::hold(directory, lock::MAINTENANCE)?;
    let mut compaction = Compaction::open(filesystem, directory, most_rows)?;
    compaction.remove_leftovers()?;
    let mut folders = BTreeMap::new();
    for table in Table::ALL {
        folders.append(&mut listed_by_folder_of(directory, table)?);
    }
    for (done, (folder, files)) in folders.iter().enumerate() {
        progress(done, folders.len());
        compaction.folder(folder, files)?;
    }
    Ok(compaction.report)
}

struct Compaction<'a> {
    filesystem: &'a dyn FileSystem,
    directory: &'a Path,
    most_rows: u64,
    manifest: ManifestWriter,
    report: CompactReport,
}

impl<'a> Compaction<'a> {
    fn open(
        filesystem: &'a dyn FileSystem,
        directory: &'a Path,
        most_rows: u64,
    ) -> Result<Self, CompactError> {
        let own = RunId::compaction();
        let manifest =
            ManifestWriter::open(directory, &own).map_err(|source| write(directory, source))?;
        Ok(Self {
            filesystem,
            directory,
            most_rows,
            manifest,
            report: CompactReport::default(),
        })
    }

    /// What killed compactions left: files without a line, and replaced files.
    fn remove_leftovers(&mut self) -> Result<(), CompactError> {
        let manifests = read_manifests(self.directory)?;
        let replaced = replaced_paths(&manifests);
        let current: BTreeSet<&str> = current_files(&manifests).map(|file| &*file.path).collect();
        for path in self.files_of_tables()? {
            let name = relative(self.directory, &path);
            let unfinished =
                published_name(&path, TEMPORARY).is_some_and(|name| is_compacted(&name));
            let unlisted =
                has_extension(&path, "parquet") && is_compacted(&path) && !current.contains(&*name);
            if unfinished || unlisted || replaced.contains(&*name) {
                self.remove(&path)?;
                self.report.leftovers_removed += 1;
            }
        }
        Ok(())
    }

    fn files_of_tables(&self) -> Result<Vec<PathBuf>, CompactError> {
        let mut files = Vec::new();
        for table in Table::ALL {
            let folder = self.directory.join(table.folder());
            files.extend(files_under(&folder).map_err(|source| write(&folder, source))?);
        }
        Ok(files)
    }

    fn folder(&mut self, folder: &Path, files: &[FileEntry]) -> Result<(), CompactError> {
        let groups = groups(self.directory, files, self.most_rows)?;
        self.report.folders += u64::from(!groups.is_empty());
        for group in groups {
            self.replace(folder, &group)?;
        }
        Ok(())
    }

    fn replace(&mut self, folder: &Path, group: &[&FileEntry]) -> Result<(), CompactError> {
        let bytes = together(self.directory, group)?;
        let sha256 = sha256_hex(&bytes);
        let path = self.directory.join(folder).join(compacted_name(&sha256));
        put(self.filesystem, &path, &bytes).map_err(|source| write(&path, source))?;
        let file = FileEntry {
            path: relative(self.directory, &path),
            rows: group.iter().map(|file| file.rows).sum(),
            bytes: bytes.len() as u64,
            sha256,
            first_ts_decision_ns: group
                .iter()
                .map(|file| file.first_ts_decision_ns)
                .min()
                .unwrap_or_default(),
            last_ts_decision_ns: group
                .iter()
                .map(|file| file.last_ts_decision_ns)
                .max()
                .unwrap_or_default(),
            adopted: false,
        };
        self.report.files_written += 1;
        self.report.files_replaced += group.len() as u64;
        self.report.rows += file.rows;
        self.report.bytes_before += group.iter().map(|file| file.bytes).sum::<u64>();
        self.report.bytes_after += file.bytes;
        self.manifest.queue(Entry::Compacted(CompactedEntry {
            file,
            replaces: group.iter().map(|file| file.path.clone()).collect(),
        }));
        self.manifest
            .write(self.filesystem)
            .map_err(|source| write(self.directory, source))?;
        for file in group {
            self.remove(&self.directory.join(&file.path))?;
        }
        Ok(())
    }

    fn remove(&self, path: &Path) -> Result<(), CompactError> {
        self.filesystem
            .remove_file(path)
            .map_err(|source| write(path, source))
    }
}

fn write(path: &Path, source: io::Error) -> CompactError {
    CompactError::Write {
        path: path.to_owned(),
        source,
    }
}

fn read_manifests(directory: &Path) -> Result<Vec<RunManifest>, CompactError> {
    RunManifest::read_all(directory).map_err(|source| write(directory, source))
}

/// Files that become one: neighbours in time with the same columns, of at most `most_rows` rows.
fn groups<'a>(
    directory: &Path,
    files: &'a [FileEntry],
    most_rows: u64,
) -> Result<Vec<Vec<&'a FileEntry>>, CompactError> {
    let mut by_columns: Vec<(SchemaRef, Vec<&FileEntry>)> = Vec::new();
    for file in files.iter().filter(|file| file.rows < most_rows) {
        let schema = schema_of(&directory.join(&file.path))?;
        match by_columns.iter_mut().find(|(known, _)| *known == schema) {
            Some((_, same)) => same.push(file),
            None => by_columns.push((schema, vec![file])),
        }
    }
    let mut groups = Vec::new();
    for (_, same) in by_columns {
        let mut group: Vec<&FileEntry> = Vec::new();
        for file in same {
            let rows: u64 = group.iter().map(|file| file.rows).sum();
            if rows + file.rows > most_rows {
                groups.push(std::mem::take(&mut group));
            }
            group.push(file);
        }
        groups.push(group);
    }
    groups.retain(|group| group.len() > 1);
    Ok(groups)
}

/// The rows of files with the same columns as one Parquet file.
fn together(directory: &Path, group: &[&FileEntry]) -> Result<Vec<u8>, CompactError> {
    let first = directory.join(&group[0].path);
    let mut entries: Vec<KeyValue> = footer(&first)?
        .into_iter()
        .filter(|entry| entry.key.starts_with("triptych.") && entry.key != "triptych.run_id")
        .collect();
    entries.push(KeyValue::new(
        "triptych.compacted_files".to_owned(),
        group.len().to_string(),
    ));
    let schema = schema_of(&first)?;
    let mut writer =
        ArrowWriter::try_new(Vec::new(), Arc::clone(&schema), Some(properties(entries)))
            .map_err(EncodeError::from)?;
    for file in group {
        let path = directory.join(&file.path);
        let bytes = fs::read(&path).map_err(|source| write(&path, source))?;
        let changed = |what| CompactError::Changed {
            path: path.clone(),
            what,
        };
        if sha256_hex(&bytes) != file.sha256 {
            return Err(changed("sha256"));
        }
        let mut rows = 0;
        for batch in batches(&path, None)? {
            rows += batch.num_rows() as u64;
            writer.write(&batch).map_err(EncodeError::from)?;
        }
        if rows != file.rows {
            return Err(changed("rows"));
        }
    }
    Ok(writer.into_inner().map_err(EncodeError::from)?)
}
