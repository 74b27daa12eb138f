//! Which questions are under way, and when one may be asked again.

use std::collections::BTreeMap;
use std::time::Duration;

use triptych_engine::event::Timestamp;

use crate::exchange::Question;

/// Longest wait between two questions in vain, unless the venue asks for more: an order in doubt keeps others waiting.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

#[derive(Debug, Default)]
pub(crate) struct Questions {
    asked: BTreeMap<Question, State>,
}

#[derive(Debug)]
enum State {
    UnderWay {
        in_vain: u32,
        /// Something happened since it was asked.
        again: bool,
    },
    Waiting {
        /// Not sooner, whatever happens.
        earliest: Timestamp,
        until: Timestamp,
        in_vain: u32,
    },
}

impl Questions {
    /// Whether to ask now; from then on it is under way.
    pub(crate) fn ask(&mut self, question: &Question, now: Timestamp) -> bool {
        let in_vain = match self.asked.get(question) {
            Some(State::UnderWay { .. }) => return false,
            Some(State::Waiting { until, .. }) if now < *until => return false,
            Some(State::Waiting { in_vain, .. }) => *in_vain,
            None => 0,
        };
        let again = false;
        self.asked
            .insert(question.clone(), State::UnderWay { in_vain, again });
        true
    }

    /// It was answered: it may be asked again after a pause, or after the least one where something happened since.
    pub(crate) fn answered(
        &mut self,
        question: Question,
        now: Timestamp,
        least: Duration,
        pause: Duration,
    ) {
        let earliest = later(now, least);
        let until = match self.asked.get(&question) {
            Some(State::UnderWay { again: true, .. }) => earliest,
            _ => later(now, pause).max(earliest),
        };
        let state = State::Waiting {
            earliest,
            until,
            in_vain: 0,
        };
        self.asked.insert(question, state);
    }

    /// Something happened that its answer tells of: it need not wait for the end of its pause.
    pub(crate) fn hurry(&mut self, question: &Question) {
        match self.asked.get_mut(question) {
            Some(State::UnderWay { again, .. }) => *again = true,
            Some(State::Waiting {
                earliest, until, ..
            }) => *until = *earliest,
            None => {}
        }
    }

    /// It was not answered: each further time it waits twice as long, or as long as the venue asks for.
    pub(crate) fn in_vain(
        &mut self,
        question: Question,
        now: Timestamp,
        pause: Duration,
        asked_for: Option<Duration>,
    ) {
        let before = match self.asked.get(&question) {
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
        self.asked.insert(question, state);
    }

    /// Nobody asks it any more.
    pub(crate) fn forget(&mut self, question: &Question) {
        self.asked.remove(question);
    }

    /// When the next one that waits may be asked.
    pub(crate) fn next(&self) -> Option<Timestamp> {
        let waiting = self.asked.values().filter_map(|state| match state {
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
