//! How far the venue's clock is from ours. [`VenueClock`] reads no clock: who asks says what time it is.

use std::time::{Duration, Instant};

use triptych_engine::event::Timestamp;
use triptych_market_data::clock::now;

/// A moment by both clocks of this machine: the one that can be set, and the one that cannot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Moment {
    pub(crate) wall: Timestamp,
    pub(crate) monotonic: Instant,
}

impl Moment {
    pub(crate) fn now() -> Self {
        Self {
            wall: now(),
            monotonic: Instant::now(),
        }
    }
}

/// When orders are refused because of a clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClockLimits {
    /// Largest difference to the venue's clock.
    pub largest_offset: Duration,
    /// Longest round trip of a measurement: the offset is known to no better than that.
    pub longest_round_trip: Duration,
    /// Age at which a measurement is too old.
    pub oldest: Duration,
    /// Largest step of this machine's clock since the measurement.
    pub largest_step: Duration,
}

impl Default for ClockLimits {
    /// One second, which is what Binance and Bybit take of requests from the future; one second; ten minutes; 100 ms.
    fn default() -> Self {
        Self {
            largest_offset: Duration::from_secs(1),
            longest_round_trip: Duration::from_secs(1),
            oldest: Duration::from_mins(10),
            largest_step: Duration::from_millis(100),
        }
    }
}

/// What is known of the venue's clock: it is ahead of ours by a time between these two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClockOffset {
    /// At least so many nanoseconds; below zero where it is behind.
    pub at_least: i64,
    /// At most so many.
    pub at_most: i64,
}

/// The venue's clock.
#[derive(Debug, Clone)]
pub(crate) struct VenueClock {
    limits: ClockLimits,
    measured: Option<(ClockOffset, Moment)>,
}

impl VenueClock {
    pub(crate) const fn new(limits: ClockLimits) -> Self {
        Self {
            limits,
            measured: None,
        }
    }

    /// Takes the answer `venue`, in whole milliseconds, to a question that was sent and answered at these
    /// moments. The venue wrote it between the two, and nobody knows when.
    pub(crate) fn measure(
        &mut self,
        sent: Moment,
        answered: Moment,
        venue: Timestamp,
    ) -> Result<ClockOffset, String> {
        let round_trip = answered.monotonic.saturating_duration_since(sent.monotonic);
        let longest = self.limits.longest_round_trip;
        if round_trip > longest {
            return Err(format!(
                "the answer took {round_trip:?}; within {longest:?} it would tell the offset"
            ));
        }
        let step = step_between(sent, answered);
        if step > self.limits.largest_step {
            return Err(format!(
                "this machine's clock was set by {step:?} meanwhile"
            ));
        }
        let offset = ClockOffset {
            at_least: venue.nanoseconds_since(answered.wall),
            at_most: venue.nanoseconds_since(sent.wall).saturating_add(1_000_000),
        };
        self.measured = Some((offset, answered));
        Ok(offset)
    }

    /// Forgets: the venue found the time of a request wrong.
    pub(crate) const fn forget(&mut self) {
        self.measured = None;
    }

    /// The offset, or why orders must not rely on it.
    pub(crate) fn offset(&self, now: Moment) -> Result<ClockOffset, String> {
        let Some((offset, at)) = self.measured else {
            return Err("its offset was not measured yet".to_owned());
        };
        let age = now.monotonic.saturating_duration_since(at.monotonic);
        if age > self.limits.oldest {
            return Err(format!(
                "its offset was measured {age:?} ago, longer than {:?}",
                self.limits.oldest
            ));
        }
        let step = step_between(at, now);
        if step > self.limits.largest_step {
            return Err(format!(
                "this machine's clock was set by {step:?} since the offset was measured"
            ));
        }
        let largest = offset
            .at_least
            .unsigned_abs()
            .max(offset.at_most.unsigned_abs());
        let largest = Duration::from_nanos(largest);
        if largest > self.limits.largest_offset {
            return Err(format!(
                "it differs by up to {largest:?}, more than {:?}; set this machine's clock",
                self.limits.largest_offset
            ));
        }
        Ok(offset)
    }

    /// The venue's time that surely is not after this time of ours, as well as it is known.
    ///
    /// A request is stamped with the lower end: it must not hold longer than its sender meant it to.
    pub(crate) fn at_venue(&self, ours: Timestamp) -> Timestamp {
        let ahead = self.measured.map_or(0, |(offset, _)| offset.at_least);
        Timestamp::from_nanoseconds(ours.nanoseconds().saturating_add(ahead))
    }
}

/// By how much the clock that can be set moved otherwise than the one that cannot.
fn step_between(earlier: Moment, later: Moment) -> Duration {
    let wall = later.wall.nanoseconds_since(earlier.wall);
    let monotonic = later
        .monotonic
        .saturating_duration_since(earlier.monotonic)
        .as_nanos();
    let difference = i128::from(wall) - i128::try_from(monotonic).unwrap_or(i128::MAX);
    Duration::from_nanos(u64::try_from(difference.unsigned_abs()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MS: i64 = 1_000_000;

    fn moment(start: Instant, wall: i64, monotonic: u64) -> Moment {
        Moment {
            wall: Timestamp::from_milliseconds(wall),
            monotonic: start + Duration::from_millis(monotonic),
        }
    }

    fn measured(venue: i64) -> (VenueClock, Instant) {
        let start = Instant::now();
        let mut clock = VenueClock::new(ClockLimits::default());
        let [sent, answered] =
            [0_u64, 20].map(|after| moment(start, 1_000 + after.cast_signed(), after));
        clock
            .measure(sent, answered, Timestamp::from_milliseconds(venue))
            .unwrap();
        (clock, start)
    }

    #[test]
    fn orders_are_refused_where_the_offset_is_unknown_old_too_large_or_the_clock_was_set() {
        let unknown = VenueClock::new(ClockLimits::default());
        let start = Instant::now();
        let error = unknown.offset(moment(start, 0, 0)).unwrap_err();
        assert!(error.contains("not measured"), "{error}");
        for (venue, wall, monotonic, reason) in [
            (1_010, 1_100, 100, None),
            (1_010, 601_000, 600_000, None),
            (1_010, 700_000, 699_000, Some("ago")),
            (1_010, 1_300, 100, Some("was set")),
            (1_010, 900, 100, Some("was set")),
            (2_600, 1_100, 100, Some("set this machine's clock")),
            (-400, 1_100, 100, Some("set this machine's clock")),
        ] {
            let (clock, start) = measured(venue);
            let answer = clock.offset(moment(start, wall, monotonic));
            match (reason, answer) {
                (None, Ok(offset)) => {
                    assert_eq!((offset.at_least, offset.at_most), (-10 * MS, 11 * MS));
                }
                (Some(reason), Err(error)) => assert!(error.contains(reason), "{error}"),
                (_, answer) => panic!("{venue} {wall}: {answer:?}"),
            }
        }
    }

    #[test]
    fn a_slow_answer_measures_nothing_and_what_is_forgotten_is_unknown() {
        let (mut clock, start) = measured(1_010);
        let venue = Timestamp::from_milliseconds(1_500);
        let slow = clock.measure(moment(start, 1_000, 0), moment(start, 2_001, 1_001), venue);
        assert!(slow.unwrap_err().contains("took"));
        let set = clock.measure(moment(start, 1_000, 0), moment(start, 1_500, 20), venue);
        assert!(set.unwrap_err().contains("was set"));
        assert!(clock.offset(moment(start, 1_100, 100)).is_ok());
        clock.forget();
        assert!(clock.offset(moment(start, 1_100, 100)).is_err());
    }

    proptest! {
        /// However the round trip is split, a stamp is never later than the venue's own time.
        #[test]
        fn a_stamp_is_never_late(offset in -500..500_i64, there in 0..400_u64, back in 0..400_u64) {
            let start = Instant::now();
            let (there_ms, both_ms) = (there.cast_signed(), (there + back).cast_signed());
            let mut clock = VenueClock::new(ClockLimits::default());
            let venue = Timestamp::from_milliseconds(10_000 + there_ms + offset);
            let answered = moment(start, 10_000 + both_ms, there + back);
            let found = clock.measure(moment(start, 10_000, 0), answered, venue).unwrap();
            prop_assert!(found.at_least <= offset * MS && offset * MS <= found.at_most);
            let ours = Timestamp::from_milliseconds(20_000);
            let stamp = clock.at_venue(ours).nanoseconds();
            prop_assert!(stamp <= (20_000 + offset) * MS);
        }
    }
}
