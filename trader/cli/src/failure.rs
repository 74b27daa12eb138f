//! Why the command ends with another code than 0.

use std::io;
use std::path::PathBuf;

use thiserror::Error;
use triptych_dataset::compact::CompactError;
use triptych_dataset::labels::store::LabelError;
use triptych_dataset::read::ReadError;
use triptych_dataset::writer::DatasetError;
use triptych_dataset_store::change::StoreCompactError;
use triptych_dataset_store::failure::StoreError;
use triptych_dataset_store::mirror::MirrorError;
use triptych_dataset_store::push::PushError;
use triptych_market_data::recording::RecordingError;
use triptych_market_data::tape::TapeError;

/// Something was looked at and found wrong.
pub(crate) const FOUND_WRONG: u8 = 1;
/// Bad usage (`EX_USAGE`).
pub(crate) const USAGE: u8 = 64;
/// A configuration is invalid, or names what this build does not implement (`EX_DATAERR`).
const INVALID_CONFIGURATION: u8 = 65;
/// A file cannot be read (`EX_NOINPUT`).
const UNREADABLE: u8 = 66;
/// An object store cannot be used (`EX_UNAVAILABLE`).
const UNAVAILABLE: u8 = 69;
/// Something that should not happen (`EX_SOFTWARE`).
const INTERNAL: u8 = 70;
/// Output cannot be written (`EX_IOERR`).
const UNWRITABLE: u8 = 74;

/// Why the command failed.
#[derive(Debug, Error)]
pub(crate) enum Failure {
    /// A file of input cannot be read.
    #[error("{}: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file of output cannot be written.
    #[error("{}: {source}", path.display())]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Standard output cannot be written.
    #[error("standard output: {0}")]
    Output(io::Error),
    /// A configuration is invalid.
    #[error("{0}")]
    InvalidConfiguration(String),
    /// Something was looked at and found wrong; it has been printed.
    #[error("{0}")]
    FoundWrong(String),
    /// The values of several arguments do not go together.
    #[error("{0}")]
    Usage(String),
    /// A recording cannot be read.
    #[error(transparent)]
    Recording(#[from] RecordingError),
    /// A tape cannot be served.
    #[error(transparent)]
    Tape(#[from] TapeError),
    /// A dataset cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// A dataset cannot be written.
    #[error(transparent)]
    Dataset(#[from] DatasetError),
    /// Labels cannot be read or written.
    #[error(transparent)]
    Label(#[from] LabelError),
    /// A dataset cannot be compacted.
    #[error(transparent)]
    Compact(#[from] CompactError),
    /// A dataset on an object store cannot be compacted.
    #[error(transparent)]
    CompactStore(#[from] StoreCompactError),
    /// An object store cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A dataset cannot be had from an object store, or not be written back.
    #[error(transparent)]
    Mirror(#[from] MirrorError),
    /// A dataset cannot be copied to an object store.
    #[error(transparent)]
    Push(#[from] PushError),
    /// Anything else.
    #[error("internal error: {0}")]
    Internal(String),
}

impl Failure {
    /// The exit code.
    pub(crate) const fn code(&self) -> u8 {
        match self {
            Self::FoundWrong(_)
            | Self::Compact(CompactError::Changed { .. })
            | Self::Mirror(MirrorError::Different { .. } | MirrorError::Path(_))
            | Self::Push(PushError::Changed { .. }) => FOUND_WRONG,
            Self::Usage(_)
            | Self::Label(LabelError::OtherDefinition { .. })
            | Self::Mirror(MirrorError::NotAMirror(_)) => USAGE,
            Self::InvalidConfiguration(_) => INVALID_CONFIGURATION,
            Self::Unreadable { .. }
            | Self::Recording(_)
            | Self::Read(_)
            | Self::Compact(CompactError::Read(_))
            | Self::Mirror(MirrorError::NoDataset(_))
            | Self::Push(PushError::Read { .. })
            | Self::Label(LabelError::Read(_) | LabelError::Columns { .. }) => UNREADABLE,
            Self::Unwritable { .. }
            | Self::Output(_)
            | Self::Dataset(_)
            | Self::Label(_)
            | Self::Mirror(MirrorError::Folder { .. })
            | Self::Compact(_) => UNWRITABLE,
            Self::CompactStore(_) | Self::Store(_) | Self::Mirror(_) | Self::Push(_) => UNAVAILABLE,
            Self::Tape(_) | Self::Internal(_) => INTERNAL,
        }
    }
}
