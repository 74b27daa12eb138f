//! Moves the tape's event times to now.
//!
//! Staleness rules compare event times with the clock: a tape recorded years ago would be stale from
//! its first message on. The first event time is moved to the moment at which playback began and
//! the others keep their distance, divided by the speed; none lies in the future.

use triptych_engine::event::{Event, Timestamp};

use crate::recording::Pace;

/// The mapping from the tape's event times to the wall clock.
#[derive(Debug)]
pub(super) struct EventClock {
    pace: Pace,
    origin: Option<(Timestamp, Timestamp)>,
}

impl EventClock {
    pub(super) fn new(pace: Pace) -> Self {
        Self { pace, origin: None }
    }

    /// Gives `event`, played at `now`, the event time that the venue would have given it now.
    pub(super) fn restamp(&mut self, event: &mut Event, now: Timestamp) {
        event.ts_recv = now;
        let Some(recorded) = event.ts_event else {
            return;
        };
        let (first_recorded, first_played) = *self.origin.get_or_insert((recorded, now));
        let played = match self.pace {
            Pace::FlatOut => now,
            Pace::Times(_) => {
                let since = self.pace.due_between(first_recorded, recorded);
                let since = i64::try_from(since.as_nanos()).unwrap_or(i64::MAX);
                Timestamp::from_nanoseconds(first_played.nanoseconds().saturating_add(since))
            }
        };
        event.ts_event = Some(played.min(now));
    }
}

#[cfg(test)]
mod tests {
    use triptych_engine::event::{EventKind, InstrumentId};

    use super::*;

    fn restamped(pace: Pace, recorded_and_now: &[(i64, i64)]) -> Vec<i64> {
        let mut clock = EventClock::new(pace);
        recorded_and_now
            .iter()
            .map(|(recorded, now)| {
                let mut event = Event {
                    instrument: InstrumentId(0),
                    ts_event: Some(Timestamp::from_milliseconds(*recorded)),
                    ts_recv: Timestamp::default(),
                    kind: EventKind::Gap,
                };
                clock.restamp(&mut event, Timestamp::from_milliseconds(*now));
                event.ts_event.unwrap().nanoseconds() / 1_000_000
            })
            .collect()
    }

    #[test]
    fn spacing_is_kept_at_the_tapes_own_pace() {
        assert_eq!(
            restamped(
                Pace::RECORDED,
                &[(500, 90_000), (600, 90_103), (700, 90_200)]
            ),
            [90_000, 90_100, 90_200]
        );
    }

    #[test]
    fn spacing_is_divided_by_the_speed() {
        assert_eq!(
            restamped(
                Pace::Times(10.0),
                &[(500, 90_000), (600, 90_011), (1500, 90_100)]
            ),
            [90_000, 90_010, 90_100]
        );
    }

    #[test]
    fn no_event_time_lies_in_the_future() {
        assert_eq!(
            restamped(Pace::RECORDED, &[(500, 90_000), (900, 90_100)]),
            [90_000, 90_100]
        );
        assert_eq!(
            restamped(Pace::FlatOut, &[(500, 90_000), (9_000, 90_001)]),
            [90_000, 90_001]
        );
    }
}
