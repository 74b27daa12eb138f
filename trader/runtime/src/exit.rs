//! Why the process ends with another code than 0, and how it says so.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use thiserror::Error;

use crate::variables::EnvironmentError;

/// What `--help` says of the exit codes.
pub const HELP: &str = "\
Exit codes: 0 orderly stop, 64 usage or environment, 65 configuration invalid, 66 configuration
unreadable, 70 internal, 74 dataset or journal of orders not usable, 78 configuration is not the declared one.";

/// Bad usage or environment (`EX_USAGE`).
pub const USAGE: u8 = 64;
/// The configuration is invalid, or names what this build does not implement (`EX_DATAERR`).
pub const INVALID_CONFIGURATION: u8 = 65;
/// The configuration cannot be read (`EX_NOINPUT`).
pub const UNREADABLE_CONFIGURATION: u8 = 66;
/// Something that should not happen (`EX_SOFTWARE`).
pub const INTERNAL: u8 = 70;
/// The dataset or the journal of orders cannot be used (`EX_IOERR`).
pub const DATASET: u8 = 74;
/// The configuration is not the declared one (`EX_CONFIG`).
pub const HASH_MISMATCH: u8 = 78;

/// Where Kubernetes reads a container's last words from.
const TERMINATION_LOG: &str = "/dev/termination-log";

/// A failure that ends the process.
#[derive(Debug, Error)]
pub enum Failure {
    /// A variable is missing or wrong.
    #[error("{0}")]
    Usage(#[from] EnvironmentError),
    /// The mounted bytes are not the declared ones.
    #[error("config hash mismatch: declared {declared} loaded {loaded}")]
    HashMismatch {
        /// The hash in the environment.
        declared: String,
        /// The hash of the bytes.
        loaded: String,
    },
    /// The mounted file cannot be read.
    #[error("configuration {}: {reason}", path.display())]
    UnreadableConfiguration {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The configuration cannot be run by this build.
    #[error("configuration invalid: {0}")]
    InvalidConfiguration(String),
    /// The journal of orders cannot be used.
    #[error("{0}")]
    Journal(String),
    /// The dataset cannot be written.
    #[error("dataset: {0}")]
    Dataset(#[from] triptych_dataset::writer::DatasetError),
    /// Anything else.
    #[error("internal error: {0}")]
    Internal(String),
}

impl Failure {
    /// The exit code.
    pub const fn code(&self) -> u8 {
        match self {
            Self::Usage(_) => USAGE,
            Self::HashMismatch { .. } => HASH_MISMATCH,
            Self::UnreadableConfiguration { .. } => UNREADABLE_CONFIGURATION,
            Self::InvalidConfiguration(_) => INVALID_CONFIGURATION,
            Self::Dataset(_) | Self::Journal(_) => DATASET,
            Self::Internal(_) => INTERNAL,
        }
    }
}

/// Says on standard error and, in one line, in the termination log why the process ends.
pub fn report(program: &str, failure: &Failure) -> ExitCode {
    let message = failure.to_string().replace('\n', "; ");
    eprintln!("{program}: {message}");
    // The file is there in a pod only; nobody can be told where writing to it fails.
    if let Ok(mut log) = OpenOptions::new().write(true).open(TERMINATION_LOG) {
        let _ = writeln!(log, "{message}");
    }
    ExitCode::from(failure.code())
}
