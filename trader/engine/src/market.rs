//! What the engine knows of one instrument's market at a moment.

use std::sync::Arc;

use crate::decimal::{Price, Quantity};
use crate::event::{BookTicker, Event, EventKind, InstrumentId, Level, Timestamp, Trade};
use crate::order_book::{BookChange, OrderBook, ResyncReason, microprice, mid_price};

/// An instrument of the revision, with the increments that the venue accepts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instrument {
    /// Its place in `spec.instruments`.
    pub id: InstrumentId,
    /// The venue's symbol.
    pub symbol: Arc<str>,
    /// Smallest step of a price; above zero.
    pub price_increment: Price,
    /// Smallest step of a quantity; above zero.
    pub quantity_increment: Quantity,
}

/// Best bid and ask at a moment: the newer of the order book's and the last book ticker's, by the
/// venue's update id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Top {
    /// Best bid.
    pub bid: Level,
    /// Best ask.
    pub ask: Level,
    /// The update id at which this was the top.
    pub update_id: u64,
    /// When it was received.
    pub ts_recv: Timestamp,
}

impl Top {
    /// Twice the middle in units of 10⁻⁸: the sum of bid and ask, which needs no rounding.
    pub const fn twice_mid_units(&self) -> i128 {
        self.bid.price.units() as i128 + self.ask.price.units() as i128
    }

    /// The middle, for indicators.
    pub fn mid(&self) -> f64 {
        mid_price(self.bid.price, self.ask.price)
    }

    /// The microprice of the best levels, for indicators.
    pub fn microprice(&self) -> f64 {
        microprice(self.bid, self.ask)
    }
}

/// The state of one instrument's market: order book, last ticker, last trade, and the time.
#[derive(Debug, Clone)]
pub struct Market {
    instrument: Instrument,
    book: OrderBook,
    ticker: Option<(BookTicker, Timestamp)>,
    last_trade: Option<Trade>,
    venue_time: Option<Timestamp>,
    now: Timestamp,
    events: u64,
    resyncs: u64,
}

impl Market {
    /// A market that has seen nothing yet.
    pub fn new(instrument: Instrument) -> Self {
        Self {
            instrument,
            book: OrderBook::default(),
            ticker: None,
            last_trade: None,
            venue_time: None,
            now: Timestamp::default(),
            events: 0,
            resyncs: 0,
        }
    }

    /// Takes an event of this instrument. `now` is the engine's clock.
    ///
    /// Returns why a new snapshot is needed, where one is.
    pub fn apply(&mut self, event: &Event, now: Timestamp) -> Option<ResyncReason> {
        self.events += 1;
        self.now = now;
        self.venue_time = self.venue_time.max(event.ts_event);
        let change = match &event.kind {
            EventKind::BookTicker(ticker) => {
                self.ticker = Some((*ticker, event.ts_recv));
                BookChange::Unchanged
            }
            EventKind::Trade(trade) => {
                self.last_trade = Some(*trade);
                BookChange::Unchanged
            }
            EventKind::DepthDiff(diff) => self.book.on_diff(diff, event.ts_event, event.ts_recv),
            EventKind::DepthSnapshot(snapshot) => self.book.on_snapshot(snapshot, event.ts_recv),
            EventKind::Connected | EventKind::Disconnected | EventKind::Gap => {
                self.book.reset();
                self.ticker = None;
                BookChange::Unchanged
            }
        };
        match change {
            BookChange::NeedsSnapshot(reason) => {
                self.resyncs += 1;
                Some(reason)
            }
            BookChange::Updated | BookChange::Unchanged => None,
        }
    }

    /// The instrument.
    pub fn instrument(&self) -> &Instrument {
        &self.instrument
    }

    /// The order book; empty while it is not in sync.
    pub fn book(&self) -> &OrderBook {
        &self.book
    }

    /// The last public trade.
    pub fn last_trade(&self) -> Option<Trade> {
        self.last_trade
    }

    /// The newest time of the venue's clock that an event of this instrument carried. It never
    /// goes back. `None` before the first such event.
    pub fn market_time(&self) -> Option<Timestamp> {
        self.venue_time
    }

    /// The engine's clock at the last event of this instrument.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// Events taken.
    pub fn events(&self) -> u64 {
        self.events
    }

    /// How often a new snapshot was needed after the book had been in sync or while it waited.
    pub fn resyncs(&self) -> u64 {
        self.resyncs
    }

    /// Best bid and ask; `None` while neither book nor ticker knows both.
    pub fn top(&self) -> Option<Top> {
        let from_ticker = self.ticker.map(|(ticker, ts_recv)| Top {
            bid: ticker.bid,
            ask: ticker.ask,
            update_id: ticker.update_id,
            ts_recv,
        });
        match (from_ticker, self.top_of_book()) {
            (Some(ticker), Some(book)) if ticker.update_id < book.update_id => Some(book),
            (Some(ticker), _) => Some(ticker),
            (None, book) => book,
        }
        .filter(|top| top.bid.price.is_positive() && top.ask.price.is_positive())
    }

    fn top_of_book(&self) -> Option<Top> {
        let (bid, ask) = self.book.top()?;
        Some(Top {
            bid,
            ask,
            update_id: self.book.last_update_id()?,
            ts_recv: self.book.ts_recv()?,
        })
    }
}
