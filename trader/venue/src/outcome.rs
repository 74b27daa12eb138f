//! What became of a request.

use std::time::Duration;

use thiserror::Error;

/// What became of a request that changes something at the venue, which is sent once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sent<T> {
    /// The venue took it, and said this.
    Accepted(T),
    /// The venue refused it: nothing changed there.
    Refused(Refusal),
    /// Not one byte of it reached the venue, or the venue turned it away unread: nothing changed there.
    NotSent(NotSent),
    /// Nobody can say. It may have been carried out, and may still be: ask, never send again.
    Unknown(Unclear),
}

/// A refusal in the venue's words.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("the venue refuses it with {code}: {message}")]
pub struct Refusal {
    /// The venue's code.
    pub code: i64,
    /// What it says.
    pub message: String,
}

/// Why a request was not sent.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum NotSent {
    /// The venue turned it away unread, or would have: it asks for a pause.
    #[error("the venue asks for a pause of {retry_after:?}")]
    Throttled {
        /// For how long.
        retry_after: Duration,
    },
    /// What is left of the venue's allowance is kept for cancellations.
    #[error(
        "the rest of the venue's allowance is kept for cancellations; it is renewed in {renewed_in:?}"
    )]
    AllowanceKept {
        /// When there is more.
        renewed_in: Duration,
    },
    /// No connection came about.
    #[error("no connection: {0}")]
    NoConnection(String),
    /// The venue's clock and ours differ too much, or nobody knows by how much.
    #[error("the venue's clock: {0}")]
    Clock(String),
}

/// Why nobody can say what became of a request.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Unclear {
    /// No answer in time.
    #[error("no answer within {0:?}")]
    TimedOut(Duration),
    /// The connection ended before the answer was whole.
    #[error("the connection ended before the answer was whole: {0}")]
    CutOff(String),
    /// The venue itself does not know, or says something that cannot be read as yes or no.
    #[error("the venue's answer decides nothing: {0}")]
    Undecided(String),
}

/// Why a question was not answered. It may be asked again.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum QueryError {
    /// The venue asks for a pause.
    #[error("the venue asks for a pause of {retry_after:?}")]
    Throttled {
        /// For how long.
        retry_after: Duration,
    },
    /// No answer, or none that is whole.
    #[error("the venue does not answer: {0}")]
    Unavailable(String),
    /// The venue refuses to answer.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// An answer that is not what the venue's documentation says.
    #[error("the venue's answer is not what its documentation says: {0}")]
    Malformed(String),
}

/// An error with its causes on one line: the cause says what the network did.
pub(crate) fn text_of(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    text
}
