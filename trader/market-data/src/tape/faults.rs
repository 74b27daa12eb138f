//! Faults on purpose, for whoever tests what a client does about them.

use std::num::NonZeroU32;
use std::time::Duration;

use triptych_engine::event::{Event, EventKind};

/// Which faults the tape server makes; none by default.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Faults {
    /// Cuts every connection, without a goodbye, each time so much time has passed.
    pub cut_every: Option<Duration>,
    /// Leaves out every n-th depth diff: a hole in the update ids.
    pub drop_every: Option<NonZeroU32>,
    /// Sends a frame that is no JSON after every n-th message.
    pub garbage_every: Option<NonZeroU32>,
    /// Answers every n-th depth request with 429 and `Retry-After: 1`.
    pub throttle_every: Option<NonZeroU32>,
}

/// Counts what happens until the next fault is due.
#[derive(Debug, Default)]
pub(super) struct FaultCounter {
    count: u32,
}

impl FaultCounter {
    /// Counts one more; whether it is the one that the fault hits.
    pub(super) fn hits(&mut self, every: Option<NonZeroU32>) -> bool {
        let Some(every) = every else { return false };
        self.count += 1;
        if self.count < every.get() {
            return false;
        }
        self.count = 0;
        true
    }
}

/// The faults that hit messages on their way to clients.
#[derive(Debug, Default)]
pub(super) struct MessageFaults {
    diffs: FaultCounter,
    messages: FaultCounter,
}

impl MessageFaults {
    /// Whether this event is left out.
    pub(super) fn drops(&mut self, faults: &Faults, event: &Event) -> bool {
        matches!(event.kind, EventKind::DepthDiff(_)) && self.diffs.hits(faults.drop_every)
    }

    /// Whether garbage follows.
    pub(super) fn adds_garbage(&mut self, faults: &Faults) -> bool {
        self.messages.hits(faults.garbage_every)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_nth_is_hit_and_none_without_the_option() {
        let mut counter = FaultCounter::default();
        let hits: Vec<bool> = (0..7).map(|_| counter.hits(NonZeroU32::new(3))).collect();
        assert_eq!(hits, [false, false, true, false, false, true, false]);
        let mut counter = FaultCounter::default();
        assert!((0..100).all(|_| !counter.hits(None)));
    }
}
