//! Which requests are under way, and when one may be made again.

use std::collections::BTreeMap;
use std::time::Duration;

use triptych_engine::event::Timestamp;

/// Longest wait between two attempts in vain, unless the venue asks for more: an order in doubt keeps others waiting.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// Requests that may have to be made more than once: a venue shuts out whoever repeats without a pause.
#[derive(Debug)]
pub(crate) struct Attempts<K> {
    made: BTreeMap<K, State>,
}

impl<K> Default for Attempts<K> {
    fn default() -> Self {
        let made = BTreeMap::new();
        Self { made }
    }
}

#[derive(Debug)]
enum State {
    UnderWay {
        in_vain: u32,
        /// Something happened since it was made.
        again: bool,
    },
    Waiting {
        /// Not sooner, whatever happens.
        earliest: Timestamp,
        until: Timestamp,
        in_vain: u32,
    },
}

impl<K: Ord + Clone> Attempts<K> {
    /// Whether to make it now; from then on it is under way.
    pub(crate) fn make(&mut self, request: &K, now: Timestamp) -> bool {
        let in_vain = match self.made.get(request) {
            Some(State::UnderWay { .. }) => return false,
            Some(State::Waiting { until, .. }) if now < *until => return false,
            Some(State::Waiting { in_vain, .. }) => *in_vain,
            None => 0,
        };
        let again = false;
        self.made
            .insert(request.clone(), State::UnderWay { in_vain, again });
        true
    }

    /// It was answered: it may be made again after a pause, or after the least one where something happened since.
    pub(crate) fn answered(
        &mut self,
        request: K,
        now: Timestamp,
        least: Duration,
        pause: Duration,
    ) {
        let earliest = later(now, least);
        let until = match self.made.get(&request) {
            Some(State::UnderWay { again: true, .. }) => earliest,
            _ => later(now, pause).max(earliest),
        };
        let state = State::Waiting {
            earliest,
            until,
            in_vain: 0,
        };
        self.made.insert(request, state);
    }

    /// Something happened that its answer tells of: it need not wait for the end of its pause.
    pub(crate) fn hurry(&mut self, request: &K) {
        match self.made.get_mut(request) {
            Some(State::UnderWay { again, .. }) => *again = true,
            Some(State::Waiting {
                earliest, until, ..
            }) => *until = *earliest,
            None => {}
        }
    }

    /// It came to nothing: each further time it waits twice as long, or as long as the venue asks for.
    pub(crate) fn in_vain(
        &mut self,
        request: K,
        now: Timestamp,
        pause: Duration,
        asked_for: Option<Duration>,
    ) {
        let before = match self.made.get(&request) {
            Some(State::UnderWay { in_vain, .. } | State::Waiting { in_vain, .. }) => *in_vain,
            None => 0,
        };
        let wait = pause.saturating_mul(1 << before.min(16)).min(LONGEST_WAIT);
        let until = later(now, wait.max(asked_for.unwrap_or_default()));
        let in_vain = before.saturating_add(1);
        let state = State::Waiting {
            earliest: until,
            until,
            in_vain,
        };
        self.made.insert(request, state);
    }

    /// Nobody needs it any more.
    pub(crate) fn forget(&mut self, request: &K) {
        self.made.remove(request);
    }

    /// When the next one that waits may be made.
    pub(crate) fn next(&self) -> Option<Timestamp> {
        let waiting = self.made.values().filter_map(|state| match state {
            State::Waiting { until, .. } => Some(*until),
            State::UnderWay { .. } => None,
        });
        waiting.min()
    }
}

/// A time that much later.
pub(crate) fn later(time: Timestamp, by: Duration) -> Timestamp {
    let by = i64::try_from(by.as_nanos()).unwrap_or(i64::MAX);
    Timestamp::from_nanoseconds(time.nanoseconds().saturating_add(by))
}
