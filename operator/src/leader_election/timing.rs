//! How long leadership lasts.

use std::time::Duration;

use thiserror::Error;

/// The three durations of an election.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    lease_duration: Duration,
    renew_deadline: Duration,
    retry_period: Duration,
}

/// Why three durations make no election.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum TimingError {
    /// The writer would not have stopped before the Lease can pass.
    #[error(
        "lease duration {lease:?} must be longer than the renew deadline {deadline:?}: the writer has to stop before the Lease can pass to another"
    )]
    LeaseTooShort {
        /// The lease duration.
        lease: Duration,
        /// The renew deadline.
        deadline: Duration,
    },
    /// There would be no second attempt.
    #[error(
        "renew deadline {deadline:?} must be longer than twice the retry period {retry:?}: one failed renewal is no reason to stop"
    )]
    DeadlineTooShort {
        /// The renew deadline.
        deadline: Duration,
        /// The retry period.
        retry: Duration,
    },
    /// A Lease counts in whole seconds.
    #[error("lease duration {lease:?} must be a whole number of seconds, at least 1")]
    NotWholeSeconds {
        /// The lease duration.
        lease: Duration,
    },
    /// The API server would be asked without a pause.
    #[error("retry period must be longer than zero")]
    NoPause,
}

impl Timing {
    /// Checks the durations against each other.
    pub fn new(
        lease_duration: Duration,
        renew_deadline: Duration,
        retry_period: Duration,
    ) -> Result<Self, TimingError> {
        if retry_period.is_zero() {
            return Err(TimingError::NoPause);
        }
        if lease_duration.as_secs() == 0 || lease_duration.subsec_nanos() != 0 {
            return Err(TimingError::NotWholeSeconds {
                lease: lease_duration,
            });
        }
        if lease_duration <= renew_deadline {
            return Err(TimingError::LeaseTooShort {
                lease: lease_duration,
                deadline: renew_deadline,
            });
        }
        if renew_deadline <= 2 * retry_period {
            return Err(TimingError::DeadlineTooShort {
                deadline: renew_deadline,
                retry: retry_period,
            });
        }
        Ok(Self {
            lease_duration,
            renew_deadline,
            retry_period,
        })
    }

    /// How long a candidate waits after it saw the Lease change for the last time.
    pub fn lease_duration(&self) -> Duration {
        self.lease_duration
    }

    /// How long the holder may write after the start of its last successful renewal.
    pub fn renew_deadline(&self) -> Duration {
        self.renew_deadline
    }

    /// The longest that one request to the lock may take: half of the deadline, so that a hung
    /// request leaves time for another.
    pub(super) fn attempt_limit(&self) -> Duration {
        self.renew_deadline / 2
    }

    /// The pause before the next attempt: the retry period with up to a fifth more or less, so that
    /// candidates do not march in step.
    pub(super) fn pause(&self, random: f64) -> Duration {
        self.retry_period.mul_f64(0.8 + 0.4 * random)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_that_would_let_two_write_are_refused() {
        let seconds = Duration::from_secs;
        let cases = [
            (15, 10, 2, None),
            (10, 10, 2, Some("must be longer than the renew deadline")),
            (9, 10, 2, Some("must be longer than the renew deadline")),
            (15, 4, 2, Some("longer than twice the retry period")),
            (0, 0, 1, Some("whole number of seconds")),
            (15, 10, 0, Some("longer than zero")),
        ];
        for (lease, deadline, retry, refusal) in cases {
            let timing = Timing::new(seconds(lease), seconds(deadline), seconds(retry));
            match (timing, refusal) {
                (Ok(_), None) => {}
                (Err(error), Some(expected)) => {
                    assert!(error.to_string().contains(expected), "{error}");
                }
                (result, _) => panic!("({lease}, {deadline}, {retry}): {result:?}"),
            }
        }
        let fraction = Timing::new(Duration::from_millis(15_500), seconds(10), seconds(2));
        assert!(matches!(fraction, Err(TimingError::NotWholeSeconds { .. })));
    }

    #[test]
    fn the_pause_stays_within_a_fifth_of_the_retry_period() {
        let timing = Timing::new(
            Duration::from_secs(15),
            Duration::from_secs(10),
            Duration::from_secs(2),
        )
        .expect("valid");
        assert_eq!(timing.pause(0.0), Duration::from_millis(1600));
        assert_eq!(timing.pause(1.0), Duration::from_millis(2400));
    }
}
