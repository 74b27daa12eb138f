//! What is wrong and does not go away by waiting.

/// A problem: the reason and message of `Degraded`, and what the next step waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Problem {
    pub(super) reason: &'static str,
    pub(super) message: String,
    pub(super) waiting_for: String,
}

impl Problem {
    pub(super) fn new(
        reason: &'static str,
        message: impl Into<String>,
        waiting_for: impl Into<String>,
    ) -> Self {
        Self {
            reason,
            message: message.into(),
            waiting_for: waiting_for.into(),
        }
    }
}
