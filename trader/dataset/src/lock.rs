//! Who may change a dataset: one writer of candidates, and beside it one command that labels or
//! compacts.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

/// The file that a writer of candidates holds locked.
pub const WRITER: &str = ".writer.lock";
/// The file that a command holds locked which labels or compacts.
pub const MAINTENANCE: &str = ".maintenance.lock";

/// A lock cannot be had.
#[derive(Debug, Error)]
pub enum LockError {
    /// Another process has it.
    #[error("dataset directory {directory}: another process holds {name}; let it end first")]
    Held {
        /// The dataset's directory.
        directory: PathBuf,
        /// The lock.
        name: &'static str,
    },
    /// Its file cannot be opened or locked.
    #[error("{path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// Takes a lock until the file is dropped. The operating system gives it back when a process dies.
pub fn hold(directory: &Path, name: &'static str) -> Result<File, LockError> {
    let path = directory.join(name);
    let unusable = |source| LockError::File {
        path: path.clone(),
        source,
    };
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .open(&path)
        .map_err(unusable)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(LockError::Held {
            directory: directory.to_owned(),
            name,
        }),
        Err(TryLockError::Error(source)) => Err(unusable(source)),
    }
}
