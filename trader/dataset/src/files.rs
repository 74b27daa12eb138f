//! The files that count, and what is in them.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{Schema, SchemaRef};
use arrow::error::ArrowError;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;

use crate::layout::Table;
use crate::manifest::{FileEntry, RunManifest, current_files};
use crate::read::ReadError;

/// The files of candidates that count, those with the earliest decisions first.
pub fn listed(directory: &Path) -> Result<Vec<FileEntry>, ReadError> {
    listed_of(directory, Table::Candidates)
}

/// The files of a table that count, those with the earliest rows first.
pub fn listed_of(directory: &Path, table: Table) -> Result<Vec<FileEntry>, ReadError> {
    let manifests = RunManifest::read_all(directory).map_err(|source| ReadError::File {
        path: directory.to_owned(),
        source,
    })?;
    Ok(listed_in(&manifests, table))
}

/// The files of a table that count by manifests that were read already, likewise.
pub fn listed_in(manifests: &[RunManifest], table: Table) -> Vec<FileEntry> {
    let mut files: Vec<_> = current_files(manifests)
        .filter(|file| Table::of_file(Path::new(&file.path)) == table)
        .cloned()
        .collect();
    files.sort_by_key(|file| file.first_ts_decision_ns);
    files
}

/// The listed files of each folder of candidates, relative to the directory, those with the earliest
/// decisions first.
pub fn listed_by_folder(directory: &Path) -> Result<BTreeMap<PathBuf, Vec<FileEntry>>, ReadError> {
    listed_by_folder_of(directory, Table::Candidates)
}

/// The same of a table.
pub fn listed_by_folder_of(
    directory: &Path,
    table: Table,
) -> Result<BTreeMap<PathBuf, Vec<FileEntry>>, ReadError> {
    let mut folders: BTreeMap<PathBuf, Vec<FileEntry>> = BTreeMap::new();
    for file in listed_of(directory, table)? {
        let folder = Path::new(&file.path).parent().unwrap_or(Path::new(""));
        folders.entry(folder.to_owned()).or_default().push(file);
    }
    Ok(folders)
}

/// The rows of a file, of these columns or of all.
pub fn batches(path: &Path, columns: Option<&[&str]>) -> Result<Vec<RecordBatch>, ReadError> {
    let mut builder = open(path)?;
    if let Some(columns) = columns {
        let mask = ProjectionMask::columns(builder.parquet_schema(), columns.iter().copied());
        builder = builder.with_projection(mask);
    }
    let reader = builder
        .build()
        .map_err(|source| parquet_error(path, source))?;
    let batches: Result<_, ArrowError> = reader.collect();
    batches.map_err(|source| ReadError::Rows {
        path: path.to_owned(),
        source,
    })
}

/// Keys and values in a file's footer.
pub fn footer(path: &Path) -> Result<Vec<KeyValue>, ReadError> {
    let builder = open(path)?;
    let entries = builder.metadata().file_metadata().key_value_metadata();
    Ok(entries.cloned().unwrap_or_default())
}

/// The value of a key in a file's footer.
pub fn footer_value(path: &Path, key: &str) -> Result<Option<String>, ReadError> {
    let mut entries = footer(path)?.into_iter();
    Ok(entries
        .find(|entry| entry.key == key)
        .and_then(|entry| entry.value))
}

/// The columns of a file.
pub fn schema_of(path: &Path) -> Result<SchemaRef, ReadError> {
    let fields = open(path)?.schema().fields().clone();
    Ok(Arc::new(Schema::new(fields)))
}

/// Reads listed files while others may be compacting: a listed file that is gone was replaced, and what
/// reads is run again on the new list.
pub fn while_compacted<T, E: IsGone>(mut read: impl FnMut() -> Result<T, E>) -> Result<T, E> {
    for _ in 0..MOST_READINGS {
        match read() {
            Err(error) if error.is_gone() => {}
            found => return found,
        }
    }
    read()
}

/// Readings of a list before a missing file counts as missing.
const MOST_READINGS: usize = 20;

/// Whether an error says that a file is not there.
pub trait IsGone {
    /// Whether it does.
    fn is_gone(&self) -> bool;
}

impl IsGone for ReadError {
    fn is_gone(&self) -> bool {
        matches!(self, Self::File { source, .. } if source.kind() == io::ErrorKind::NotFound)
    }
}

pub(crate) fn open(path: &Path) -> Result<ParquetRecordBatchReaderBuilder<File>, ReadError> {
    let file = File::open(path).map_err(|source| ReadError::File {
        path: path.to_owned(),
        source,
    })?;
    ParquetRecordBatchReaderBuilder::try_new(file).map_err(|source| parquet_error(path, source))
}

pub(crate) fn parquet_error(path: &Path, source: ParquetError) -> ReadError {
    ReadError::Parquet {
        path: path.to_owned(),
        source,
    }
}
