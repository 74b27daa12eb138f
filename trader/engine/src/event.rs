//! Market events: what the engine sees, in the order in which it was received.
//!
//! The feed handler, the player of a recording and the generator all produce these; nothing else
//! tells the engine what time it is.

use std::fmt;

use serde::{Deserialize, Serialize, Serializer};

use crate::decimal::{Price, Quantity};

/// Nanoseconds since the Unix epoch (UTC).
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Timestamp(i64);

impl Timestamp {
    /// `nanoseconds` since the Unix epoch.
    pub const fn from_nanoseconds(nanoseconds: i64) -> Self {
        Self(nanoseconds)
    }

    /// `milliseconds` since the Unix epoch, the unit of most venue messages; saturates beyond the
    /// range of nanoseconds (the year 2262).
    pub const fn from_milliseconds(milliseconds: i64) -> Self {
        Self(milliseconds.saturating_mul(1_000_000))
    }

    /// Nanoseconds since the Unix epoch.
    pub const fn nanoseconds(self) -> i64 {
        self.0
    }

    /// Nanoseconds from `earlier` to this one; below zero where `earlier` is the later one.
    pub const fn nanoseconds_since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }
}

/// An instrument of the revision: its place in `spec.instruments`, from zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct InstrumentId(pub u16);

impl InstrumentId {
    /// The place in a list kept in the order of `spec.instruments`.
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// A side of a trade or of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
pub enum Side {
    /// Buys the base asset.
    Buy,
    /// Sells the base asset.
    Sell,
}

impl Side {
    /// The name as it is written in the dataset: `Buy` or `Sell`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Buy => "Buy",
            Self::Sell => "Sell",
        }
    }
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Serialize for Side {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// Whether a fill waited in the book or took from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Liquidity {
    /// It waited.
    Maker,
    /// It took.
    Taker,
}

impl Liquidity {
    /// The name in the dataset.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Maker => "Maker",
            Self::Taker => "Taker",
        }
    }
}

/// A price level of an order book. In a diff a quantity of zero removes the level.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Level {
    /// The level's price.
    pub price: Price,
    /// The whole quantity resting at that price.
    pub quantity: Quantity,
}

/// The two sides of a diff or a snapshot, in the order in which the venue sent them.
///
/// A producer that reads frames in a loop gets the vectors of the last event back with
/// [`Event::take_levels`] and fills them again, so that steady state allocates nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Levels {
    /// Bid levels.
    pub bids: Vec<Level>,
    /// Ask levels.
    pub asks: Vec<Level>,
}

impl Levels {
    /// Empties both sides and keeps their memory.
    pub fn clear(&mut self) {
        self.bids.clear();
        self.asks.clear();
    }
}

/// Best bid and ask as the venue publishes them (`<symbol>@bookTicker`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct BookTicker {
    /// The venue's book update id at which this was the top.
    pub update_id: u64,
    /// Best bid.
    pub bid: Level,
    /// Best ask.
    pub ask: Level,
}

/// A public trade (`<symbol>@trade`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trade {
    /// The venue's trade id.
    pub trade_id: u64,
    /// Price of the trade.
    pub price: Price,
    /// Quantity traded.
    pub quantity: Quantity,
    /// The side that took liquidity: `Sell` where the buyer was the maker.
    pub aggressor: Side,
}

/// Changes of the order book (`<symbol>@depth@100ms`).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DepthDiff {
    /// First update id in this event (`U`).
    pub first_update_id: u64,
    /// Last update id in this event (`u`).
    pub final_update_id: u64,
    /// New absolute quantities; zero removes a level.
    pub levels: Levels,
}

/// The whole order book at one update id (REST `/api/v3/depth`).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DepthSnapshot {
    /// The last update id that the snapshot contains.
    pub last_update_id: u64,
    /// Every level that the venue returned, best first.
    pub levels: Levels,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EventKind {
    /// The top of the book changed.
    BookTicker(BookTicker),
    /// Somebody traded.
    Trade(Trade),
    /// The book changed.
    DepthDiff(DepthDiff),
    /// The whole book, as an answer to a request.
    DepthSnapshot(DepthSnapshot),
    /// The stream of this instrument was opened: diffs start anew and a snapshot follows.
    Connected,
    /// The stream of this instrument was lost.
    Disconnected,
    /// The producer knows that it lost messages of this instrument, without having lost the
    /// connection (a full queue, an unreadable frame).
    Gap,
}

/// One market event of one instrument.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// The instrument.
    pub instrument: InstrumentId,
    /// When it happened by the venue's clock (`T` of a trade, `E` of a depth diff); `None` where
    /// the message carries no time, as spot book tickers, snapshots and connection events do.
    pub ts_event: Option<Timestamp>,
    /// When it was received, by the receiver's clock. The engine's only clock.
    pub ts_recv: Timestamp,
    /// What happened.
    pub kind: EventKind,
}

impl Event {
    /// Takes the level vectors out, emptied and with their memory, to fill the next event with;
    /// new ones where this event has none.
    pub fn take_levels(&mut self) -> Levels {
        let mut levels = match &mut self.kind {
            EventKind::DepthDiff(diff) => std::mem::take(&mut diff.levels),
            EventKind::DepthSnapshot(snapshot) => std::mem::take(&mut snapshot.levels),
            _ => Levels::default(),
        };
        levels.clear();
        levels
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn taken_levels_are_empty_and_keep_their_memory() {
        let levels = Levels {
            bids: vec![Level::default(); 64],
            asks: vec![Level::default(); 8],
        };
        let mut event = Event {
            instrument: InstrumentId(0),
            ts_event: None,
            ts_recv: Timestamp::from_milliseconds(1),
            kind: EventKind::DepthDiff(DepthDiff {
                first_update_id: 1,
                final_update_id: 2,
                levels,
            }),
        };
        let taken = event.take_levels();
        assert!(taken.bids.is_empty() && taken.asks.is_empty());
        assert!(taken.bids.capacity() >= 64 && taken.asks.capacity() >= 8);
    }

    #[test]
    fn milliseconds_beyond_the_range_saturate() {
        assert_eq!(
            Timestamp::from_milliseconds(i64::MAX).nanoseconds(),
            i64::MAX
        );
        assert_eq!(
            Timestamp::from_milliseconds(1_723_161_255_208).nanoseconds(),
            1_723_161_255_208_000_000
        );
    }
}
