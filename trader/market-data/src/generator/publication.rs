//! What a generated venue publishes: update ids, tickers, trades and diffs, each at its time.

use std::collections::{BTreeMap, VecDeque};

use triptych_engine::decimal::{Price, Quantity};
use triptych_engine::event::{
    BookTicker, DepthDiff, Event, EventKind, InstrumentId, Level, Levels, Side, Timestamp, Trade,
};

use super::random::Random;
use crate::level_book::LevelBook;

/// Transport from the venue: a fixed part and the mean of a random part, in nanoseconds.
const FIXED_LATENCY: i64 = 2_000_000;
const MEAN_EXTRA_LATENCY: f64 = 300_000.0;

/// The stream of latencies is independent of what happens in the market.
const LATENCY_STREAM: u64 = 1 << 32;

/// The venue's publications of one instrument, in the order of their receive time.
#[derive(Debug, Clone)]
pub(super) struct Publications {
    instrument: InstrumentId,
    latencies: Random,
    changed_bids: BTreeMap<Price, Quantity>,
    changed_asks: BTreeMap<Price, Quantity>,
    update_id: u64,
    published_update_id: u64,
    trade_id: u64,
    top: Option<(Level, Level)>,
    last_ts_recv: i64,
    outbox: VecDeque<Event>,
}

impl Publications {
    /// Nothing published yet, at `now` in nanoseconds since the Unix epoch.
    pub(super) fn new(instrument: InstrumentId, seed: u64, now: i64) -> Self {
        Self {
            instrument,
            latencies: Random::new(seed, LATENCY_STREAM + u64::from(instrument.0)),
            changed_bids: BTreeMap::new(),
            changed_asks: BTreeMap::new(),
            update_id: 1_000_000,
            published_update_id: 0,
            trade_id: 500_000,
            top: None,
            last_ts_recv: now,
            outbox: VecDeque::new(),
        }
    }

    /// The next event that is received, if it has happened already.
    pub(super) fn front(&self) -> Option<&Event> {
        self.outbox.front()
    }

    /// Takes the next event.
    pub(super) fn pop(&mut self) -> Option<Event> {
        self.outbox.pop_front()
    }

    /// A level changed; every change counts one update id.
    pub(super) fn on_change(&mut self, side: Side, level: Level) {
        self.update_id += 1;
        let changes = match side {
            Side::Buy => &mut self.changed_bids,
            Side::Sell => &mut self.changed_asks,
        };
        changes.insert(level.price, level.quantity);
    }

    /// The whole book, from which the diffs go on.
    pub(super) fn publish_snapshot(&mut self, book: &LevelBook, now: i64) {
        self.changed_bids.clear();
        self.changed_asks.clear();
        self.published_update_id = self.update_id;
        let snapshot = book.snapshot(self.update_id, usize::MAX);
        self.publish(now, None, EventKind::DepthSnapshot(snapshot));
    }

    /// A ticker, where the top is another than in the last one.
    pub(super) fn publish_top(&mut self, book: &LevelBook, now: i64) {
        let top = book.best_bid().zip(book.best_ask());
        if top == self.top {
            return;
        }
        self.top = top;
        if let Some((bid, ask)) = top {
            let ticker = BookTicker {
                update_id: self.update_id,
                bid,
                ask,
            };
            self.publish(now, None, EventKind::BookTicker(ticker));
        }
    }

    /// A trade of `quantity` at `price`.
    pub(super) fn publish_trade(
        &mut self,
        aggressor: Side,
        price: Price,
        quantity: Quantity,
        now: i64,
    ) {
        self.trade_id += 1;
        let trade = Trade {
            trade_id: self.trade_id,
            price,
            quantity,
            aggressor,
        };
        self.publish(now, Some(venue_time(now)), EventKind::Trade(trade));
    }

    /// Every level that changed since the last diff, if any did.
    pub(super) fn publish_diff(&mut self, now: i64) {
        if self.update_id == self.published_update_id {
            return;
        }
        let diff = DepthDiff {
            first_update_id: self.published_update_id + 1,
            final_update_id: self.update_id,
            levels: Levels {
                bids: drained(&mut self.changed_bids),
                asks: drained(&mut self.changed_asks),
            },
        };
        self.published_update_id = self.update_id;
        self.publish(now, Some(venue_time(now)), EventKind::DepthDiff(diff));
    }

    fn publish(&mut self, now: i64, ts_event: Option<Timestamp>, kind: EventKind) {
        let extra = self.latencies.exponential(MEAN_EXTRA_LATENCY);
        #[allow(clippy::cast_possible_truncation)]
        let arrived = now + FIXED_LATENCY + extra as i64;
        self.last_ts_recv = arrived.max(self.last_ts_recv);
        self.outbox.push_back(Event {
            instrument: self.instrument,
            ts_event,
            ts_recv: Timestamp::from_nanoseconds(self.last_ts_recv),
            kind,
        });
    }
}

/// The venue's times are whole milliseconds.
const fn venue_time(now: i64) -> Timestamp {
    Timestamp::from_milliseconds(now / 1_000_000)
}

fn drained(changes: &mut BTreeMap<Price, Quantity>) -> Vec<Level> {
    std::mem::take(changes)
        .into_iter()
        .map(|(price, quantity)| Level { price, quantity })
        .collect()
}
