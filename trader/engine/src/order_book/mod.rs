//! The order book of one instrument, from snapshots and diffs.
//!
//! A book is either *in sync* (a snapshot and every diff since) or *syncing* (empty, keeping diffs
//! for the next snapshot). It never shows a state in between: a hole in the numbering, a lost
//! connection or a crossed book empties it until a snapshot joins again.

pub mod sequence;
pub mod side;

use crate::decimal::{Price, Quantity};
use crate::event::{DepthDiff, DepthSnapshot, Level, Levels, Side, Timestamp};
use sequence::{DepthSequence, DiffStep, SnapshotStep};
use side::BookSide;

/// Diffs that are kept at most while no snapshot joins: 100 seconds of a stream of ten a second.
pub const MAX_KEPT_DIFFS: usize = 1_000;

/// Why a book needs a new snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResyncReason {
    /// Update ids are missing between the book and a diff.
    Gap {
        /// The first update id that is missing.
        expected: u64,
        /// The first update id that came.
        received: u64,
    },
    /// The best bid is at or above the best ask: something was lost without a hole.
    Crossed {
        /// Best bid.
        bid: Price,
        /// Best ask.
        ask: Price,
    },
    /// The snapshot ends before the first kept diff begins.
    SnapshotTooOld {
        /// The smallest `lastUpdateId` that would do.
        needed: u64,
        /// The snapshot's.
        received: u64,
    },
    /// More diffs were kept than fit while waiting for a snapshot; they are forgotten.
    TooManyKeptDiffs,
}

/// What an input did to the book.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BookChange {
    /// The book is in sync and changed.
    Updated,
    /// Nothing that can be seen: an old diff or snapshot, or a diff kept for later.
    Unchanged,
    /// The book is empty and needs a new snapshot.
    NeedsSnapshot(ResyncReason),
}

/// How often what happened to a book.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct BookCounters {
    /// Holes in the numbering.
    pub gaps: u64,
    /// Crossed books.
    pub crossed: u64,
    /// Snapshots adopted.
    pub snapshots: u64,
    /// Snapshots refused as too old.
    pub snapshots_too_old: u64,
}

/// The order book of one instrument.
#[derive(Debug, Clone)]
pub struct OrderBook {
    sequence: DepthSequence,
    bids: BookSide,
    asks: BookSide,
    kept: KeptDiffs,
    ts_event: Option<Timestamp>,
    ts_recv: Option<Timestamp>,
    counters: BookCounters,
}

impl Default for OrderBook {
    fn default() -> Self {
        Self {
            sequence: DepthSequence::default(),
            bids: BookSide::new(Side::Buy),
            asks: BookSide::new(Side::Sell),
            kept: KeptDiffs::default(),
            ts_event: None,
            ts_recv: None,
            counters: BookCounters::default(),
        }
    }
}

impl OrderBook {
    /// Whether the book is whole and can be looked at.
    pub fn is_in_sync(&self) -> bool {
        self.sequence.is_joined()
    }

    /// The last update id in the book; `None` while it is syncing.
    pub fn last_update_id(&self) -> Option<u64> {
        self.sequence.last_update_id()
    }

    /// Bids, best first; empty while the book is syncing.
    pub fn bids(&self) -> &BookSide {
        &self.bids
    }

    /// Asks, best first; empty while the book is syncing.
    pub fn asks(&self) -> &BookSide {
        &self.asks
    }

    /// Best bid and best ask; `None` while syncing or with an empty side.
    pub fn top(&self) -> Option<(Level, Level)> {
        self.bids.best().zip(self.asks.best())
    }

    /// The venue's time of the newest diff in the book; `None` while syncing or before the first
    /// diff after a snapshot, which carries no time.
    pub fn ts_event(&self) -> Option<Timestamp> {
        self.ts_event
    }

    /// When the newest input in the book was received; `None` while syncing.
    pub fn ts_recv(&self) -> Option<Timestamp> {
        self.ts_recv
    }

    /// How often what happened to this book.
    pub fn counters(&self) -> BookCounters {
        self.counters
    }

    /// Empties the book: the connection was lost or opened anew, or messages are known to be lost.
    pub fn reset(&mut self) {
        self.sequence.reset();
        self.kept.clear();
        self.empty();
    }

    fn empty(&mut self) {
        self.bids.clear();
        self.asks.clear();
        self.ts_event = None;
        self.ts_recv = None;
    }

    /// Takes a diff.
    pub fn on_diff(
        &mut self,
        diff: &DepthDiff,
        ts_event: Option<Timestamp>,
        ts_recv: Timestamp,
    ) -> BookChange {
        match self
            .sequence
            .on_diff(diff.first_update_id, diff.final_update_id)
        {
            DiffStep::Old => BookChange::Unchanged,
            DiffStep::Apply => {
                self.apply(&diff.levels);
                self.ts_event = ts_event.or(self.ts_event);
                self.ts_recv = Some(ts_recv);
                self.void_if_crossed()
            }
            DiffStep::Keep => self.keep(diff, ts_event),
            DiffStep::Gap { expected, received } => {
                self.counters.gaps += 1;
                self.empty();
                self.kept.clear();
                self.keep(diff, ts_event);
                BookChange::NeedsSnapshot(ResyncReason::Gap { expected, received })
            }
        }
    }

    /// Takes a snapshot.
    pub fn on_snapshot(&mut self, snapshot: &DepthSnapshot, ts_recv: Timestamp) -> BookChange {
        match self.sequence.on_snapshot(snapshot.last_update_id) {
            SnapshotStep::Old => BookChange::Unchanged,
            SnapshotStep::TooOld { needed, received } => {
                self.counters.snapshots_too_old += 1;
                BookChange::NeedsSnapshot(ResyncReason::SnapshotTooOld { needed, received })
            }
            SnapshotStep::Adopt => {
                self.counters.snapshots += 1;
                self.bids.replace(&snapshot.levels.bids);
                self.asks.replace(&snapshot.levels.asks);
                self.ts_event = None;
                self.ts_recv = Some(ts_recv);
                self.apply_kept(snapshot.last_update_id);
                self.void_if_crossed()
            }
        }
    }

    fn apply_kept(&mut self, snapshot: u64) {
        let mut kept = std::mem::take(&mut self.kept);
        for diff in kept.iter().filter(|diff| diff.final_update_id > snapshot) {
            self.apply(&diff.levels);
            self.ts_event = diff.ts_event.or(self.ts_event);
        }
        kept.clear();
        self.kept = kept;
    }

    fn apply(&mut self, levels: &Levels) {
        for &level in &levels.bids {
            self.bids.set(level);
        }
        for &level in &levels.asks {
            self.asks.set(level);
        }
    }

    fn keep(&mut self, diff: &DepthDiff, ts_event: Option<Timestamp>) -> BookChange {
        if self.kept.push(diff, ts_event) {
            return BookChange::Unchanged;
        }
        self.reset();
        BookChange::NeedsSnapshot(ResyncReason::TooManyKeptDiffs)
    }

    fn void_if_crossed(&mut self) -> BookChange {
        match self.top() {
            Some((bid, ask)) if bid.price >= ask.price => {
                self.counters.crossed += 1;
                self.reset();
                BookChange::NeedsSnapshot(ResyncReason::Crossed {
                    bid: bid.price,
                    ask: ask.price,
                })
            }
            _ => BookChange::Updated,
        }
    }
}

/// The mean of bid and ask, each weighted with the quantity of the other side:
/// `(bid * ask_quantity + ask * bid_quantity) / (bid_quantity + ask_quantity)`.
///
/// It leans towards the side that is about to give way. The middle where both quantities are zero.
/// Source: the weighted mid-price of S. Stoikov, "The micro-price: a high-frequency estimator of
/// future prices", Quantitative Finance 18 (2018), section 2.
pub fn microprice(bid: Level, ask: Level) -> f64 {
    let (bid_quantity, ask_quantity) = (bid.quantity.to_f64(), ask.quantity.to_f64());
    let total = bid_quantity + ask_quantity;
    if total <= 0.0 {
        return mid_price(bid.price, ask.price);
    }
    (bid.price.to_f64() * ask_quantity + ask.price.to_f64() * bid_quantity) / total
}

/// The middle between bid and ask.
pub fn mid_price(bid: Price, ask: Price) -> f64 {
    f64::midpoint(bid.to_f64(), ask.to_f64())
}

/// Diffs kept for the next snapshot, in memory that is used again.
#[derive(Debug, Clone, Default)]
struct KeptDiffs {
    diffs: Vec<KeptDiff>,
    used: usize,
}

#[derive(Debug, Clone, Default)]
struct KeptDiff {
    final_update_id: u64,
    ts_event: Option<Timestamp>,
    levels: Levels,
}

impl KeptDiffs {
    /// Keeps a copy; false where there is no room.
    fn push(&mut self, diff: &DepthDiff, ts_event: Option<Timestamp>) -> bool {
        if self.used == MAX_KEPT_DIFFS {
            return false;
        }
        if self.used == self.diffs.len() {
            self.diffs.push(KeptDiff::default());
        }
        let slot = &mut self.diffs[self.used];
        slot.final_update_id = diff.final_update_id;
        slot.ts_event = ts_event;
        slot.levels.bids.clone_from(&diff.levels.bids);
        slot.levels.asks.clone_from(&diff.levels.asks);
        self.used += 1;
        true
    }

    fn iter(&self) -> impl Iterator<Item = &KeptDiff> {
        self.diffs[..self.used].iter()
    }

    fn clear(&mut self) {
        self.used = 0;
    }
}

/// The quantity of the best levels of both sides, in units of 10⁻⁸.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Depth {
    /// Sum of the bids' quantities.
    pub bid_units: i128,
    /// Sum of the asks' quantities.
    pub ask_units: i128,
}

impl Depth {
    /// The best `levels` levels of a book that is in sync and has both sides.
    pub fn of(book: &OrderBook, levels: usize) -> Option<Self> {
        book.top()?;
        Some(Self {
            bid_units: book.bids().depth_units(levels),
            ask_units: book.asks().depth_units(levels),
        })
    }
}

impl OrderBook {
    /// The quantity resting at a price on a side; zero where there is none.
    pub fn quantity_at(&self, side: Side, price: Price) -> Quantity {
        match side {
            Side::Buy => self.bids.quantity_at(price),
            Side::Sell => self.asks.quantity_at(price),
        }
    }
}
