//! Who may change a dataset: one writer of candidates, and beside it one command that labels or
//! compacts.

use std::fs::{self, File, Metadata, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::MetadataExt;
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

/// A lock, until it is dropped. The operating system gives it back when the process dies.
#[derive(Debug)]
pub struct Held {
    file: File,
    path: PathBuf,
}

impl Held {
    /// Whether the directory is still the one that was locked. Where a volume went away, the folder
    /// beneath it comes to light, and rows written there would be lost with nobody noticing.
    pub fn is_still_there(&self) -> io::Result<()> {
        let identity = |found: Metadata| (found.dev(), found.ino());
        let held = self.file.metadata().map(identity)?;
        match fs::metadata(&self.path).map(identity) {
            Ok(found) if found == held => Ok(()),
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Err(io::Error::new(
                io::ErrorKind::NotFound,
                "the dataset's volume is gone, or another folder is in its place; mount it again",
            )),
        }
    }
}

/// Takes a lock.
pub fn hold(directory: &Path, name: &'static str) -> Result<Held, LockError> {
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
        Ok(()) => Ok(Held { file, path }),
        Err(TryLockError::WouldBlock) => Err(LockError::Held {
            directory: directory.to_owned(),
            name,
        }),
        Err(TryLockError::Error(source)) => Err(unusable(source)),
    }
}
