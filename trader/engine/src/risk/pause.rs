//! Pauses: nothing is proposed with success for a time after something happened.

use super::{DenyCode, Outcome, RuleDescription, Verdict};
use crate::event::Timestamp;
use crate::measure::Measure;

const NANOSECONDS: i64 = 1_000_000_000;

/// Seconds in nanoseconds.
pub(super) fn nanoseconds(seconds: u32) -> i64 {
    i64::from(seconds) * NANOSECONDS
}

/// A pause of a fixed length; it can begin again and again.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pause {
    length: i64,
    began: Option<Timestamp>,
}

impl Pause {
    pub(super) fn of_seconds(seconds: u32) -> Self {
        Self {
            length: nanoseconds(seconds),
            began: None,
        }
    }

    pub(super) const fn begin(&mut self, at: Timestamp) {
        self.began = Some(at);
    }

    /// Denies while the pause lasts. `observed` is the time since it began, `limit` its length, both
    /// in milliseconds.
    pub(super) fn verdict(
        &self,
        description: &RuleDescription,
        code: DenyCode,
        now: Timestamp,
    ) -> Verdict {
        let since = self.began.map(|began| now.nanoseconds_since(began));
        let outcome = if since.is_some_and(|since| since < self.length) {
            Outcome::Deny(code)
        } else {
            Outcome::Pass
        };
        Verdict::of(
            description,
            outcome,
            since.map(Measure::milliseconds),
            Some(Measure::milliseconds(self.length)),
        )
    }
}
