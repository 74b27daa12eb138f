//! A recording as a continuous tape: from its snapshot on, and over again without a seam.
//!
//! A second pass cannot simply follow the first: its update ids, trade ids and times begin earlier,
//! and its diffs change a book that is not the one at the recording's end. So ids and times are
//! shifted on, and between the passes stands one diff that turns the book at the end into the book
//! of the recording's snapshot. Whoever follows the tape sees one sequence without a hole, and a
//! book that is right at every id.

use std::collections::VecDeque;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use thiserror::Error;
use triptych_engine::event::{DepthDiff, DepthSnapshot, Event, EventKind, Timestamp};

use super::reader::{RecordingError, RecordingReader};
use crate::instruments::Instruments;
use crate::level_book::LevelBook;

/// Time between the last message of a pass and the first of the next.
const PAUSE_BETWEEN_PASSES: i64 = 100_000_000;

/// Diffs kept at most while a pass has not met its snapshot: 1000 seconds of ten a second.
const MOST_KEPT_DIFFS: usize = 10_000;

/// Nanoseconds in a millisecond: passes are shifted by whole ones, the unit of the venue's times.
const MILLISECOND: i64 = 1_000_000;

/// How often a recording is played.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Passes {
    /// So many times, at least once.
    Count(u32),
    /// Without end.
    Forever,
}

/// Not a number of passes.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("repeat {0:?}: expected how often to play in all, 1 to 4294967295, or the word forever")]
pub struct PassesError(String);

impl FromStr for Passes {
    type Err = PassesError;

    fn from_str(text: &str) -> Result<Self, PassesError> {
        match (text, text.parse()) {
            ("forever", _) => Ok(Self::Forever),
            (_, Ok(count)) if count > 0 => Ok(Self::Count(count)),
            _ => Err(PassesError(text.to_owned())),
        }
    }
}

impl fmt::Display for Passes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Count(count) => count.fmt(f),
            Self::Forever => f.write_str("forever"),
        }
    }
}

/// The events of a recording from its snapshots on, repeated. The first event of each instrument is
/// a [`EventKind::DepthSnapshot`], the only one; after it come tickers, trades, and diffs whose ids
/// follow each other.
#[derive(Debug)]
pub struct RepeatedRecording {
    path: PathBuf,
    instruments: Instruments,
    passes_left: Passes,
    reader: RecordingReader,
    progress: Vec<Progress>,
    time_shift: i64,
    last_ts_recv: Option<Timestamp>,
    pass_has_begun: bool,
    failed: bool,
}

/// Where the continuous sequence of one instrument stands.
#[derive(Debug, Default)]
struct Progress {
    /// The book and its update id on the tape, once the recording's snapshot was met.
    book: Option<(LevelBook, u64)>,
    /// Whether this pass has met its snapshot.
    pass_is_open: bool,
    /// Diffs of this pass from before its snapshot, some of which continue it.
    kept: VecDeque<DepthDiff>,
    update_id_shift: u64,
    last_trade_id: u64,
    trade_id_shift: Option<u64>,
    last_ts_event: Option<Timestamp>,
}

impl RepeatedRecording {
    /// Opens the recording of `instruments` at `path`, to be played `passes` times.
    pub fn open(
        path: &Path,
        instruments: Instruments,
        passes: Passes,
    ) -> Result<Self, RecordingError> {
        Ok(Self {
            path: path.to_owned(),
            reader: RecordingReader::open(path, instruments.clone())?,
            progress: (0..instruments.count())
                .map(|_| Progress::default())
                .collect(),
            instruments,
            passes_left: passes,
            time_shift: 0,
            last_ts_recv: None,
            pass_has_begun: false,
            failed: false,
        })
    }

    fn next_event(&mut self) -> Result<Option<Event>, RecordingError> {
        loop {
            match self.reader.next() {
                None => {
                    if !self.begin_next_pass()? {
                        return Ok(None);
                    }
                }
                Some(event) => {
                    let event = self.shifted_in_time(event?);
                    let progress = &mut self.progress[event.instrument.index()];
                    if let Some(event) = progress.place(event) {
                        self.last_ts_recv = Some(event.ts_recv);
                        return Ok(Some(event));
                    }
                }
            }
        }
    }

    fn begin_next_pass(&mut self) -> Result<bool, RecordingError> {
        for ((_, symbol), progress) in self.instruments.iter().zip(&self.progress) {
            if progress.book.is_none() {
                return Err(RecordingError::NoSnapshot {
                    path: self.path.clone(),
                    symbol: symbol.clone(),
                });
            }
        }
        self.passes_left = match self.passes_left {
            Passes::Count(0 | 1) => return Ok(false),
            Passes::Count(count) => Passes::Count(count - 1),
            Passes::Forever => Passes::Forever,
        };
        self.reader = RecordingReader::open(&self.path, self.instruments.clone())?;
        self.pass_has_begun = false;
        for progress in &mut self.progress {
            progress.pass_is_open = false;
            progress.trade_id_shift = None;
        }
        Ok(true)
    }

    fn shifted_in_time(&mut self, mut event: Event) -> Event {
        if !std::mem::replace(&mut self.pass_has_begun, true)
            && let Some(last) = self.last_ts_recv
        {
            let distance = last.nanoseconds_since(event.ts_recv) + PAUSE_BETWEEN_PASSES;
            self.time_shift = distance.div_euclid(MILLISECOND) * MILLISECOND;
        }
        event.ts_recv = later(event.ts_recv, self.time_shift);
        event.ts_event = event.ts_event.map(|time| later(time, self.time_shift));
        event
    }
}

fn later(time: Timestamp, nanoseconds: i64) -> Timestamp {
    Timestamp::from_nanoseconds(time.nanoseconds().saturating_add(nanoseconds))
}

impl Iterator for RepeatedRecording {
    type Item = Result<Event, RecordingError>;

    /// The next event; after an error there is none.
    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let event = self.next_event();
        self.failed = event.is_err();
        event.transpose()
    }
}

impl Progress {
    /// Gives the event its place in the sequence; `None` where it has none.
    fn place(&mut self, event: Event) -> Option<Event> {
        let kind = match event.kind {
            EventKind::DepthSnapshot(snapshot) => self.place_snapshot(&snapshot)?,
            EventKind::DepthDiff(diff) if !self.pass_is_open => {
                self.keep(diff);
                return None;
            }
            _ if !self.pass_is_open => return None,
            EventKind::DepthDiff(diff) => self.place_diff(diff)?,
            EventKind::BookTicker(mut ticker) => {
                ticker.update_id = ticker.update_id.saturating_add(self.update_id_shift);
                EventKind::BookTicker(ticker)
            }
            EventKind::Trade(mut trade) => {
                let next = self.last_trade_id + 1;
                let shift = *self
                    .trade_id_shift
                    .get_or_insert(next.saturating_sub(trade.trade_id));
                trade.trade_id = trade.trade_id.saturating_add(shift);
                self.last_trade_id = self.last_trade_id.max(trade.trade_id);
                EventKind::Trade(trade)
            }
            EventKind::Connected | EventKind::Disconnected | EventKind::Gap => return None,
        };
        let is_diff = matches!(kind, EventKind::DepthDiff(_));
        let ts_event = if is_diff && event.ts_event.is_none() {
            // A diff made from a snapshot, which carries no time of its own.
            Some(self.last_ts_event.unwrap_or(event.ts_recv))
        } else {
            event.ts_event
        };
        self.last_ts_event = ts_event.or(self.last_ts_event);
        Some(Event {
            ts_event,
            kind,
            ..event
        })
    }

    fn keep(&mut self, diff: DepthDiff) {
        if self.kept.len() == MOST_KEPT_DIFFS {
            self.kept.pop_front();
        }
        self.kept.push_back(diff);
    }

    /// The first snapshot opens the tape. Later ones, of the next pass or after a hole in the
    /// recording, become the diff that leads to them.
    fn place_snapshot(&mut self, snapshot: &DepthSnapshot) -> Option<EventKind> {
        let opens_pass = !std::mem::replace(&mut self.pass_is_open, true);
        let (target, target_id) = self.continued_by_kept_diffs(snapshot);
        let Some((book, last)) = &mut self.book else {
            let opening = target.snapshot(target_id, usize::MAX);
            self.book = Some((target, target_id));
            return Some(EventKind::DepthSnapshot(opening));
        };
        if opens_pass {
            self.update_id_shift = (*last + 1).saturating_sub(target_id);
        }
        let reached = target_id.saturating_add(self.update_id_shift);
        if reached <= *last {
            return None;
        }
        let diff = DepthDiff {
            first_update_id: *last + 1,
            final_update_id: reached,
            levels: book.changes_to(&target),
        };
        *book = target;
        *last = reached;
        Some(EventKind::DepthDiff(diff))
    }

    /// The book of a snapshot and of the diffs that were received before it and go beyond it.
    fn continued_by_kept_diffs(&mut self, snapshot: &DepthSnapshot) -> (LevelBook, u64) {
        let mut book = LevelBook::from_levels(&snapshot.levels);
        let mut last = snapshot.last_update_id;
        for diff in self.kept.drain(..) {
            if diff.final_update_id > last {
                book.apply(&diff.levels);
                last = diff.final_update_id;
            }
        }
        (book, last)
    }

    fn place_diff(&mut self, mut diff: DepthDiff) -> Option<EventKind> {
        let (book, last) = self.book.as_mut()?;
        diff.first_update_id = diff.first_update_id.saturating_add(self.update_id_shift);
        diff.final_update_id = diff.final_update_id.saturating_add(self.update_id_shift);
        if diff.final_update_id <= *last {
            return None;
        }
        diff.first_update_id = diff.first_update_id.max(*last + 1);
        book.apply(&diff.levels);
        *last = diff.final_update_id;
        Some(EventKind::DepthDiff(diff))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_of_passes_is_positive_or_forever() {
        assert_eq!("3".parse(), Ok(Passes::Count(3)));
        assert_eq!("forever".parse(), Ok(Passes::Forever));
        for bad in ["0", "-1", "", "always"] {
            assert!(bad.parse::<Passes>().is_err(), "{bad:?}");
        }
    }
}
