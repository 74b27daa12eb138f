//! How long a failing object waits before its next attempt.

use std::time::Duration;

/// Ceiling after the first failure; it doubles with each further one.
pub const BASE: Duration = Duration::from_secs(1);

/// The highest ceiling.
pub const CAP: Duration = Duration::from_mins(2);

/// Exponential backoff with full jitter: a time between zero and the ceiling, evenly spread, so that
/// objects that failed together do not come back together.
///
/// `failures` counts the failures in a row, from 1; `random` lies between 0 and 1.
pub fn delay(failures: u32, random: f64) -> Duration {
    ceiling(failures).mul_f64(random.clamp(0.0, 1.0))
}

fn ceiling(failures: u32) -> Duration {
    let doublings = failures.saturating_sub(1).min(31);
    BASE.saturating_mul(1 << doublings).min(CAP)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_ceiling_doubles_up_to_the_cap() {
        let seconds = [1, 2, 4, 8, 16, 32, 64, 120, 120];
        for (failures, expected) in (1..).zip(seconds) {
            assert_eq!(delay(failures, 1.0), Duration::from_secs(expected));
        }
    }

    proptest! {
        #[test]
        fn the_delay_lies_between_zero_and_the_ceiling(failures: u32, random in 0.0..=1.0f64) {
            let delay = delay(failures, random);
            prop_assert!(delay <= CAP);
            prop_assert!(delay <= ceiling(failures));
        }

        #[test]
        fn the_jitter_reaches_the_whole_range(failures in 1..10u32, random in 0.0..=1.0f64) {
            let expected = ceiling(failures).as_secs_f64() * random;
            prop_assert!((delay(failures, random).as_secs_f64() - expected).abs() < 1e-6);
        }
    }
}
