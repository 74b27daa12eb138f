//! What all rows of one run share.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::layout::COMPACTION;

/// A run: one process, from start to stop, on one configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunContext {
    /// Identity of the run; a UUID version 7, whose text sorts by start time.
    pub run_id: RunId,
    /// The tier: `W`, `R` or `ABH`.
    pub tier: String,
    /// The instance, as `<namespace>/<name>`.
    pub instance: String,
    /// SHA-256 of the executable, 64 hexadecimal digits.
    pub binary_sha256: String,
    /// Hash of the configuration, 64 hexadecimal digits.
    pub config_hash: String,
}

/// Identity of a run. It is a part of file names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RunId(String);

/// The text is no run id.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("run id {0:?}: expected 1 to 64 letters, digits and '-', such as a UUID")]
pub struct InvalidRunId(String);

impl RunId {
    /// Reads 1 to 64 letters, digits and hyphens.
    pub fn parse(text: &str) -> Result<Self, InvalidRunId> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        if (1..=64).contains(&text.len()) && text.bytes().all(plain) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidRunId(text.to_owned()))
        }
    }

    /// Stands for a run that nothing says the name of.
    pub(crate) fn unknown() -> Self {
        Self("unknown".to_owned())
    }

    /// Stands for the compactions of a dataset in the names of their files and of their manifest.
    pub(crate) fn compaction() -> Self {
        Self(COMPACTION.to_owned())
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for RunId {
    type Error = InvalidRunId;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text)
    }
}

impl From<RunId> for String {
    fn from(id: RunId) -> Self {
        id.0
    }
}

impl std::fmt::Display for RunId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}
