//! What one attempt at a venue came to, whichever venue it is.

use std::time::Duration;

use crate::allowance::Withheld;
use crate::credentials::Credentials;
use crate::order::{ClientOrderId, OrderReport};
use crate::outcome::{NotSent, QueryError, Refusal, Sent, Unclear};
use crate::sender::Loss;

/// What an attempt came to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Attempted<T> {
    /// What was asked for.
    Done(T),
    /// Refused, and nothing was done.
    Refused(Refusal),
    /// Turned away unread: the venue asks for a pause of this length.
    Paused(Duration),
    /// Not made: the allowance has no room for it.
    Withheld(Withheld),
    /// Not one byte of it was written.
    NotWritten(String),
    /// It was given to a connection, and no whole answer came.
    Lost(Loss),
    /// A whole answer that is neither yes nor no.
    Unclear(String),
    /// A yes that cannot be read.
    Unreadable(String),
}

impl<T> Attempted<T> {
    /// What became of a request that changes something.
    pub(crate) fn sent(self) -> Sent<T> {
        match self {
            Self::Done(value) => Sent::Accepted(value),
            Self::Refused(refusal) => Sent::Refused(refusal),
            Self::Paused(retry_after) | Self::Withheld(Withheld::Paused(retry_after)) => {
                Sent::NotSent(NotSent::Throttled { retry_after })
            }
            Self::Withheld(Withheld::Kept(renewed_in)) => {
                Sent::NotSent(NotSent::AllowanceKept { renewed_in })
            }
            Self::NotWritten(why) => Sent::NotSent(NotSent::NoConnection(why)),
            Self::Lost(Loss::TimedOut(after)) => Sent::Unknown(Unclear::TimedOut(after)),
            Self::Lost(Loss::CutOff(why)) => Sent::Unknown(Unclear::CutOff(why)),
            Self::Unclear(text) | Self::Unreadable(text) => Sent::Unknown(Unclear::Undecided(text)),
        }
    }

    /// What became of a question.
    pub(crate) fn answered(self) -> Result<T, QueryError> {
        Err(match self {
            Self::Done(value) => return Ok(value),
            Self::Refused(refusal) => QueryError::Refused(refusal),
            Self::Paused(retry_after)
            | Self::Withheld(Withheld::Paused(retry_after) | Withheld::Kept(retry_after)) => {
                QueryError::Throttled { retry_after }
            }
            Self::NotWritten(why) | Self::Lost(Loss::CutOff(why)) | Self::Unclear(why) => {
                QueryError::Unavailable(why)
            }
            Self::Lost(Loss::TimedOut(after)) => {
                QueryError::Unavailable(format!("no answer within {after:?}"))
            }
            Self::Unreadable(text) => QueryError::Malformed(text),
        })
    }

    /// The same without keys that the venue's words may repeat.
    pub(crate) fn redacted(self, credentials: &Credentials) -> Self {
        match self {
            Self::Refused(Refusal { code, message }) => Self::Refused(Refusal {
                code,
                message: credentials.redact(&message),
            }),
            Self::Unclear(text) => Self::Unclear(credentials.redact(&text)),
            Self::Unreadable(text) => Self::Unreadable(credentials.redact(&text)),
            other => other,
        }
    }

    /// The same of another value.
    pub(crate) fn map<U>(self, change: impl FnOnce(T) -> U) -> Attempted<U> {
        match self {
            Self::Done(value) => Attempted::Done(change(value)),
            Self::Refused(refusal) => Attempted::Refused(refusal),
            Self::Paused(pause) => Attempted::Paused(pause),
            Self::Withheld(withheld) => Attempted::Withheld(withheld),
            Self::NotWritten(why) => Attempted::NotWritten(why),
            Self::Lost(loss) => Attempted::Lost(loss),
            Self::Unclear(text) => Attempted::Unclear(text),
            Self::Unreadable(text) => Attempted::Unreadable(text),
        }
    }
}

/// Why a report is not believed: it is of another order than the one that was named.
pub(crate) fn of_another_order(
    report: &OrderReport,
    symbol: &str,
    order: &ClientOrderId,
) -> Option<String> {
    let is_it = *report.client_order_id == *order.as_str() && *report.symbol == *symbol;
    (!is_it).then(|| {
        format!(
            "it is about order {:?} of {:?}, and {order} of {symbol} was meant",
            report.client_order_id, report.symbol
        )
    })
}
