//! How long to wait before trying again: exponential with jitter, bounded.

use std::time::Duration;

/// Exponential backoff. Each wait is drawn evenly from the upper half of the current step, so that
/// many clients cut off at the same moment do not come back at the same moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    first: Duration,
    most: Duration,
    attempt: u32,
}

impl Backoff {
    /// Waits from about `first`, doubling up to `most`.
    pub const fn new(first: Duration, most: Duration) -> Self {
        Self {
            first,
            most,
            attempt: 0,
        }
    }

    /// The next wait; `random` is any evenly drawn number.
    pub fn next(&mut self, random: u32) -> Duration {
        let step = self
            .first
            .saturating_mul(1_u32.checked_shl(self.attempt).unwrap_or(u32::MAX))
            .min(self.most);
        self.attempt = self.attempt.saturating_add(1).min(31);
        let half = step / 2;
        half + half.mul_f64(f64::from(random) / f64::from(u32::MAX))
    }

    /// Starts over after a success.
    pub const fn reset(&mut self) {
        self.attempt = 0;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const FIRST: Duration = Duration::from_millis(100);
    const MOST: Duration = Duration::from_secs(30);

    #[test]
    fn waits_double_up_to_the_bound_and_start_over_after_a_success() {
        let mut backoff = Backoff::new(FIRST, MOST);
        let waits: Vec<u128> = (0..11)
            .map(|_| backoff.next(u32::MAX).as_millis())
            .collect();
        assert_eq!(
            waits,
            [
                100, 200, 400, 800, 1600, 3200, 6400, 12_800, 25_600, 30_000, 30_000
            ]
        );
        backoff.reset();
        assert_eq!(backoff.next(u32::MAX), FIRST);
    }

    proptest! {
        #[test]
        fn every_wait_is_in_the_upper_half_of_its_step(randoms in prop::collection::vec(any::<u32>(), 1..60)) {
            let mut backoff = Backoff::new(FIRST, MOST);
            for (attempt, random) in randoms.into_iter().enumerate() {
                let step = FIRST.saturating_mul(1 << attempt.min(20)).min(MOST);
                let wait = backoff.next(random);
                prop_assert!(wait >= step / 2 && wait <= step, "attempt {attempt}: {wait:?} of {step:?}");
            }
        }
    }
}
