//! How fast REST may be asked: the venue's weight per minute and its explicit pauses.
//!
//! The venue counts a weight for each call and address, reports the sum of the running minute in
//! `X-MBX-USED-WEIGHT-1M`, answers 429 with `Retry-After` above the limit and bans (418) whoever
//! goes on.

use std::time::{Duration, Instant};

/// Weight that the venue grants an address in a minute.
pub(super) const WEIGHT_PER_MINUTE: u32 = 6000;

/// Share of it that this process uses before it waits; others may share the address.
const USABLE_WEIGHT: u32 = WEIGHT_PER_MINUTE / 10 * 8;

/// Pause where the venue refuses without saying for how long.
const DEFAULT_PAUSE: Duration = Duration::from_mins(1);

/// Longest pause that is believed.
const LONGEST_PAUSE: Duration = Duration::from_hours(3 * 24);

/// Decides how long the next request has to wait.
#[derive(Debug, Default)]
pub(super) struct RequestBudget {
    not_before: Option<Instant>,
}

impl RequestBudget {
    /// Time until the next request may be sent.
    pub(super) fn wait(&self, now: Instant) -> Duration {
        self.not_before
            .map_or(Duration::ZERO, |time| time.saturating_duration_since(now))
    }

    /// Takes note of the weight that the venue reports, at `now`, `second` seconds into the minute.
    pub(super) fn on_used_weight(&mut self, used: u32, now: Instant, second: u64) {
        if used >= USABLE_WEIGHT {
            let next_minute = Duration::from_secs(60_u64.saturating_sub(second).max(1));
            self.pause_until(now + next_minute);
        }
    }

    /// Takes note of a refusal (429 or 418).
    pub(super) fn on_refusal(&mut self, retry_after: Option<Duration>, now: Instant) -> Duration {
        let pause = retry_after.unwrap_or(DEFAULT_PAUSE).min(LONGEST_PAUSE);
        self.pause_until(now + pause);
        pause
    }

    fn pause_until(&mut self, time: Instant) {
        self.not_before = Some(self.not_before.map_or(time, |known| known.max(time)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_waited_for_as_long_as_the_venue_says() {
        let now = Instant::now();
        for (retry_after, expected) in [
            (Some(Duration::from_secs(7)), Duration::from_secs(7)),
            (Some(Duration::MAX), LONGEST_PAUSE),
            (None, DEFAULT_PAUSE),
        ] {
            let mut budget = RequestBudget::default();
            assert_eq!(budget.wait(now), Duration::ZERO);
            budget.on_refusal(retry_after, now);
            assert_eq!(budget.wait(now), expected);
            assert_eq!(budget.wait(now + expected), Duration::ZERO);
        }
    }

    #[test]
    fn a_shorter_pause_never_shortens_a_longer_one() {
        let now = Instant::now();
        let mut budget = RequestBudget::default();
        budget.on_refusal(Some(Duration::from_secs(30)), now);
        budget.on_refusal(Some(Duration::from_secs(1)), now);
        assert_eq!(budget.wait(now), Duration::from_secs(30));
    }

    #[test]
    fn a_minute_that_is_nearly_used_up_is_waited_out() {
        let now = Instant::now();
        let mut budget = RequestBudget::default();
        budget.on_used_weight(USABLE_WEIGHT - 1, now, 20);
        assert_eq!(budget.wait(now), Duration::ZERO);
        budget.on_used_weight(USABLE_WEIGHT, now, 20);
        assert_eq!(budget.wait(now), Duration::from_secs(40));
    }
}
