//! How many times something happened in a sliding interval.

use std::collections::VecDeque;

use super::{DenyCode, Outcome, RuleDescription, Verdict};
use crate::event::Timestamp;
use crate::measure::Measure;

/// At most so many in an interval.
#[derive(Debug, Clone)]
pub(super) struct Rate {
    maximum: u32,
    interval: i64,
    /// The newest, as many as `maximum`.
    times: VecDeque<Timestamp>,
}

impl Rate {
    pub(super) fn new(maximum: u32, interval_milliseconds: u32) -> Self {
        Self {
            maximum,
            interval: i64::from(interval_milliseconds) * 1_000_000,
            times: VecDeque::with_capacity(maximum as usize),
        }
    }

    pub(super) fn count(&mut self, now: Timestamp) {
        if self.times.len() == self.maximum as usize {
            self.times.pop_front();
        }
        self.times.push_back(now);
    }

    /// Denies one more that would be too many. `observed` counts it.
    pub(super) fn verdict(
        &self,
        description: &RuleDescription,
        code: DenyCode,
        now: Timestamp,
    ) -> Verdict {
        let is_over = |at: &Timestamp| now.nanoseconds_since(*at) >= self.interval;
        let within = self.times.len() - self.times.partition_point(is_over);
        let with_this = within as u64 + 1;
        let outcome = if with_this > u64::from(self.maximum) {
            Outcome::Deny(code)
        } else {
            Outcome::Pass
        };
        Verdict::of(
            description,
            outcome,
            Some(Measure::count(with_this)),
            Some(Measure::count(self.maximum.into())),
        )
    }
}
