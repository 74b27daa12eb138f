//! The venue's rule for joining a snapshot and a stream of diffs without a hole.
//!
//! Every diff carries the first and the last update id that it contains. A diff continues the book
//! when `first <= book + 1 <= final`; it is old when `final <= book`; it leaves a hole when
//! `first > book + 1`. The same rule joins the first diff to a snapshot, whose `lastUpdateId`
//! stands for the book. Source: Binance spot documentation, "How to manage a local order book
//! correctly".
//!
//! The feed handler keeps one of these to know when to ask for a snapshot; the order book keeps
//! another to know what to apply. Both come to the same conclusion because it is the same code.

/// What to do with a diff.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DiffStep {
    /// No snapshot yet: keep the diff until there is one.
    Keep,
    /// It continues the book.
    Apply,
    /// Everything in it is in the book already.
    Old,
    /// Updates between the book and this diff are missing: the book is void, a new snapshot is
    /// needed, and this diff is the first to keep for it.
    Gap {
        /// The first update id that is missing.
        expected: u64,
        /// The first update id of the diff.
        received: u64,
    },
}

/// What to do with a snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SnapshotStep {
    /// It joins the diffs kept so far, or there are none: it is the book now.
    Adopt,
    /// The kept diffs begin after it with a hole: ask for a newer one.
    TooOld {
        /// The smallest `lastUpdateId` that would do.
        needed: u64,
        /// The snapshot's `lastUpdateId`.
        received: u64,
    },
    /// The book is further on without it.
    Old,
}

/// Where a book stands in the venue's numbering.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DepthSequence {
    position: Position,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Position {
    /// No snapshot yet; the range that the kept diffs cover without a hole, if there are any.
    Waiting { kept: Option<Range> },
    /// The last update id in the book.
    Joined { last: u64 },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Range {
    first: u64,
    last: u64,
}

impl Default for Position {
    fn default() -> Self {
        Self::Waiting { kept: None }
    }
}

impl DepthSequence {
    /// Whether a snapshot and the diffs since are joined.
    pub const fn is_joined(&self) -> bool {
        matches!(self.position, Position::Joined { .. })
    }

    /// The last update id in the book; `None` while it waits for a snapshot.
    pub const fn last_update_id(&self) -> Option<u64> {
        match self.position {
            Position::Joined { last } => Some(last),
            Position::Waiting { .. } => None,
        }
    }

    /// Whether diffs are being kept for a snapshot. The venue advises to ask for the snapshot
    /// only after the first diff was received.
    pub const fn keeps_diffs(&self) -> bool {
        matches!(self.position, Position::Waiting { kept: Some(_) })
    }

    /// Forgets everything: after a lost connection or a known loss.
    pub fn reset(&mut self) {
        self.position = Position::default();
    }

    /// Takes note of a diff and says what to do with it.
    pub fn on_diff(&mut self, first: u64, last: u64) -> DiffStep {
        match self.position {
            Position::Waiting { kept: None } => {
                self.position = Position::Waiting {
                    kept: Some(Range { first, last }),
                };
                DiffStep::Keep
            }
            Position::Waiting { kept: Some(kept) } => {
                if first > kept.last.saturating_add(1) {
                    return self.gap(kept.last, first, last);
                }
                let last = kept.last.max(last);
                self.position = Position::Waiting {
                    kept: Some(Range {
                        first: kept.first,
                        last,
                    }),
                };
                DiffStep::Keep
            }
            Position::Joined { last: book } => {
                if last <= book {
                    return DiffStep::Old;
                }
                if first > book.saturating_add(1) {
                    return self.gap(book, first, last);
                }
                self.position = Position::Joined { last };
                DiffStep::Apply
            }
        }
    }

    fn gap(&mut self, book: u64, first: u64, last: u64) -> DiffStep {
        self.position = Position::Waiting {
            kept: Some(Range { first, last }),
        };
        DiffStep::Gap {
            expected: book.saturating_add(1),
            received: first,
        }
    }

    /// Takes note of a snapshot and says what to do with it. After [`SnapshotStep::Adopt`] the
    /// position covers the snapshot and every kept diff.
    pub fn on_snapshot(&mut self, snapshot: u64) -> SnapshotStep {
        match self.position {
            Position::Waiting { kept: Some(kept) } if kept.first > snapshot.saturating_add(1) => {
                SnapshotStep::TooOld {
                    needed: kept.first.saturating_sub(1),
                    received: snapshot,
                }
            }
            Position::Waiting { kept } => {
                let last = kept.map_or(snapshot, |kept| kept.last.max(snapshot));
                self.position = Position::Joined { last };
                SnapshotStep::Adopt
            }
            Position::Joined { last } if last >= snapshot => SnapshotStep::Old,
            Position::Joined { .. } => {
                self.position = Position::Joined { last: snapshot };
                SnapshotStep::Adopt
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn joined_at(snapshot: u64) -> DepthSequence {
        let mut sequence = DepthSequence::default();
        assert_eq!(sequence.on_snapshot(snapshot), SnapshotStep::Adopt);
        sequence
    }

    #[test]
    fn a_diff_is_old_applied_or_a_gap_by_its_ids() {
        for (first, last, step) in [
            (80, 99, DiffStep::Old),
            (90, 100, DiffStep::Old),
            (90, 101, DiffStep::Apply),
            (100, 105, DiffStep::Apply),
            (101, 101, DiffStep::Apply),
            (
                102,
                110,
                DiffStep::Gap {
                    expected: 101,
                    received: 102,
                },
            ),
        ] {
            assert_eq!(joined_at(100).on_diff(first, last), step, "{first}..{last}");
        }
    }

    #[test]
    fn diffs_before_the_snapshot_are_kept_and_joined() {
        let mut sequence = DepthSequence::default();
        assert_eq!(sequence.on_diff(90, 95), DiffStep::Keep);
        assert_eq!(sequence.on_diff(96, 110), DiffStep::Keep);
        assert_eq!(sequence.on_snapshot(100), SnapshotStep::Adopt);
        assert_eq!(sequence.last_update_id(), Some(110));
        assert_eq!(sequence.on_diff(111, 111), DiffStep::Apply);
    }

    #[test]
    fn a_snapshot_older_than_the_kept_diffs_is_refused() {
        let mut sequence = DepthSequence::default();
        sequence.on_diff(102, 105);
        assert_eq!(
            sequence.on_snapshot(100),
            SnapshotStep::TooOld {
                needed: 101,
                received: 100
            }
        );
        assert!(!sequence.is_joined());
        assert_eq!(sequence.on_snapshot(101), SnapshotStep::Adopt);
    }

    #[test]
    fn after_a_gap_the_diff_that_showed_it_is_the_first_one_kept() {
        let mut sequence = joined_at(100);
        sequence.on_diff(105, 108);
        assert!(!sequence.is_joined() && sequence.keeps_diffs());
        assert_eq!(sequence.on_diff(109, 112), DiffStep::Keep);
        assert_eq!(sequence.on_snapshot(107), SnapshotStep::Adopt);
        assert_eq!(sequence.last_update_id(), Some(112));
    }

    #[test]
    fn a_hole_among_kept_diffs_starts_the_keeping_anew() {
        let mut sequence = DepthSequence::default();
        sequence.on_diff(10, 12);
        assert_eq!(
            sequence.on_diff(14, 15),
            DiffStep::Gap {
                expected: 13,
                received: 14
            }
        );
        assert!(matches!(
            sequence.on_snapshot(12),
            SnapshotStep::TooOld { .. }
        ));
        assert_eq!(sequence.on_snapshot(13), SnapshotStep::Adopt);
    }

    #[test]
    fn a_snapshot_behind_a_joined_book_changes_nothing() {
        let mut sequence = joined_at(100);
        assert_eq!(sequence.on_snapshot(99), SnapshotStep::Old);
        assert_eq!(sequence.on_snapshot(120), SnapshotStep::Adopt);
        assert_eq!(sequence.last_update_id(), Some(120));
    }

    #[test]
    fn ids_at_the_end_of_the_range_do_not_overflow() {
        assert_eq!(
            joined_at(u64::MAX).on_diff(u64::MAX, u64::MAX),
            DiffStep::Old
        );
    }
}
