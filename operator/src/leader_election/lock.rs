//! What candidates compete for.

use std::{future::Future, time::Duration};

use thiserror::Error;

/// The state of a record: it changes with every write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version(pub String);

/// What the lock says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Who holds it; `None` after it was given back.
    pub holder: Option<String>,
    /// How long others wait after they saw it change.
    pub lease_duration: Duration,
    /// How often somebody became its holder; 0 in a record that was created and never held.
    pub transitions: i32,
}

/// What a write does to the record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Somebody becomes its holder.
    Take,
    /// Its holder stays.
    Renew,
    /// Its holder gives it back.
    GiveBack,
}

/// Why a request to the lock did nothing, as far as one can know.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum LockError {
    /// The record is not in the expected state: somebody else wrote it.
    #[error("the record was changed by somebody else")]
    Conflict,
    /// There was no answer, or none that says what happened: the write may still take effect.
    #[error("{0}")]
    Unavailable(String),
}

/// A record that is written only from a known state (compare and swap).
pub trait Lock: Send + Sync + 'static {
    /// The record and its state; `None` where there is none yet.
    fn read(&self) -> impl Future<Output = Result<Option<(Record, Version)>, LockError>> + Send;

    /// Writes the record where its state is still `expected` (`None`: where there is none yet).
    fn write(
        &self,
        step: Step,
        record: &Record,
        expected: Option<&Version>,
    ) -> impl Future<Output = Result<Version, LockError>> + Send;
}
