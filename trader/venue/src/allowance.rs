//! What every venue's allowance is made of. It has no clock of its own: who asks says what time it is.

use std::time::{Duration, Instant};

/// What a request is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Use {
    Order,
    Cancellation,
    Question,
}

/// Why a request is not made now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Withheld {
    /// The venue asked for a pause, which lasts so long.
    Paused(Duration),
    /// The rest is kept for cancellations until then.
    Kept(Duration),
}

/// A count that begins anew every so often.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Window {
    length: Duration,
    used: u32,
    /// When it surely is another one: its length after it was first seen.
    ends: Option<Instant>,
}

impl Window {
    pub(crate) const fn new(length: Duration) -> Self {
        Self {
            length,
            used: 0,
            ends: None,
        }
    }

    pub(crate) fn used(&self, now: Instant) -> u32 {
        if self.ends.is_some_and(|ends| now < ends) {
            self.used
        } else {
            0
        }
    }

    pub(crate) fn renewed_in(&self, now: Instant) -> Duration {
        self.ends
            .map_or(Duration::ZERO, |ends| ends.saturating_duration_since(now))
    }

    pub(crate) fn add(&mut self, more: u32, now: Instant) {
        self.set(self.used(now).saturating_add(more), now);
    }

    /// A count that falls is of another window.
    pub(crate) fn set(&mut self, used: u32, now: Instant) {
        if self.ends.is_none_or(|ends| now >= ends) || used < self.used {
            self.ends = Some(now + self.length);
        }
        self.used = used;
    }
}
