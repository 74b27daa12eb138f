//! The generated market of one instrument: its participants and its book.

use triptych_engine::decimal::{Price, Quantity, UNITS_PER_WHOLE};
use triptych_engine::event::{Event, InstrumentId, Level, Side, Timestamp};

use super::arrivals::Arrivals;
use super::fair_price::FairPrice;
use super::publication::Publications;
use super::random::Random;
use crate::instruments::Symbol;
use crate::level_book::LevelBook;
use crate::listing::Listing;

/// Nanoseconds between two diffs, and between two steps of the fair price.
const PUBLICATION_INTERVAL: i64 = 100_000_000;

/// Long-run deviation of the fair price's log return in 100 ms: about 35 % in a year.
const STEP_DEVIATION: f64 = 2e-5;

/// Mean distance of a quote from the fair price, as a share of it: at its edge, near and far.
const AT_THE_EDGE: f64 = 0.0;
const NEAR_DEPTH: f64 = 4e-5;
const FAR_DEPTH: f64 = 6e-4;

/// The least mean distance of a far quote, in ticks: with fewer a book would never have its levels.
const FAR_DEPTH_TICKS: f64 = 150.0;

/// Quotes beyond so many mean distances of a far quote are withdrawn, so that the book stays bounded.
const DEPTH_LIMIT: f64 = 10.0;

/// Median value of a quote and of a market order, in the quote asset.
const QUOTE_NOTIONAL: f64 = 2_500.0;
const TAKER_NOTIONAL: f64 = 700.0;

/// Levels of each side that the market never falls below.
const FEWEST_LEVELS: usize = 60;

/// Levels of each side at the beginning.
const OPENING_LEVELS: usize = 500;

/// Levels that one market order takes at most.
const MOST_LEVELS_TAKEN: usize = 20;

/// What an arrival does: shares of limit orders and cancellations; the rest are market orders.
const LIMIT_SHARE: f64 = 0.50;
const CANCEL_SHARE: f64 = 0.42;

/// One instrument's market.
#[derive(Debug, Clone)]
pub(super) struct Market {
    tick: i64,
    lot: i64,
    /// Mean distance of a far quote, as a share of the fair price.
    far_depth: f64,
    random: Random,
    fair: FairPrice,
    arrivals: Arrivals,
    book: LevelBook,
    now: i64,
    next_arrival: i64,
    next_publication: i64,
    publications: Publications,
}

impl Market {
    pub(super) fn open(
        instrument: InstrumentId,
        symbol: &Symbol,
        seed: u64,
        start: Timestamp,
    ) -> Self {
        let listing = Listing::of(symbol);
        let now = start.nanoseconds();
        let mut market = Self {
            tick: listing.tick.units(),
            lot: listing.lot.units(),
            far_depth: FAR_DEPTH
                .max(FAR_DEPTH_TICKS * listing.tick.to_f64() / listing.typical_price.to_f64()),
            random: Random::new(seed, u64::from(instrument.0)),
            fair: FairPrice::new(listing.typical_price.to_f64(), STEP_DEVIATION),
            arrivals: Arrivals::default(),
            book: LevelBook::default(),
            now,
            next_arrival: now,
            next_publication: now + PUBLICATION_INTERVAL,
            publications: Publications::new(instrument, seed, now),
        };
        market.fill_up_to(OPENING_LEVELS);
        market.publications.publish_snapshot(&market.book, now);
        market
    }

    /// Receive time of the next event.
    pub(super) fn next_ts_recv(&mut self) -> Timestamp {
        loop {
            if let Some(event) = self.publications.front() {
                return event.ts_recv;
            }
            self.advance();
        }
    }

    /// Takes the next event.
    pub(super) fn pop(&mut self) -> Option<Event> {
        self.next_ts_recv();
        self.publications.pop()
    }

    /// Lives through the next arrival or the next publication, whichever comes first.
    fn advance(&mut self) {
        if self.next_arrival < self.next_publication {
            self.now = self.next_arrival;
            let traded = self.act();
            self.arrivals.excite(traded);
            let gap = self.arrivals.next_gap(&mut self.random);
            self.next_arrival = self.now + nanoseconds(gap).max(1);
        } else {
            self.now = self.next_publication;
            self.fair.step(&mut self.random);
            self.pick_off_passed_quotes();
            self.requote();
            self.withdraw_distant_quotes();
            self.fill_up_to(FEWEST_LEVELS);
            self.publications.publish_top(&self.book, self.now);
            self.publications.publish_diff(self.now);
            self.next_publication += PUBLICATION_INTERVAL;
        }
    }

    /// One participant acts; whether it traded.
    fn act(&mut self) -> bool {
        let action = self.random.unit();
        if action < LIMIT_SHARE {
            let side = self.any_side();
            self.place(side);
        } else if action < LIMIT_SHARE + CANCEL_SHARE {
            self.cancel();
        } else {
            self.take();
            self.fill_up_to(FEWEST_LEVELS);
        }
        self.publications.publish_top(&self.book, self.now);
        action >= LIMIT_SHARE + CANCEL_SHARE
    }

    fn any_side(&mut self) -> Side {
        if self.random.chance(0.5) {
            Side::Buy
        } else {
            Side::Sell
        }
    }

    /// A limit order: at the fair price's edge, near it, or far from it; never through the book.
    fn place(&mut self, side: Side) {
        let kind = self.random.unit();
        let mean_depth = if kind < 0.45 {
            AT_THE_EDGE
        } else if kind < 0.85 {
            NEAR_DEPTH
        } else {
            self.far_depth
        };
        self.place_at(side, mean_depth);
    }

    /// Market makers follow the fair price: the spread closes again, mostly to one tick.
    fn requote(&mut self) {
        for side in [Side::Buy, Side::Sell] {
            if self.random.chance(0.8) {
                self.place_at(side, AT_THE_EDGE);
            }
        }
    }

    fn place_at(&mut self, side: Side, mean_depth: f64) {
        let fair = self.fair.price();
        let depth = self.random.exponential(mean_depth * fair);
        let wanted = match side {
            Side::Buy => self.tick_below(fair - depth),
            Side::Sell => self.tick_below(fair + depth) + self.tick,
        };
        let units = match (side, self.book.best_bid(), self.book.best_ask()) {
            (Side::Buy, _, Some(ask)) => wanted.min(ask.price.units() - self.tick),
            (Side::Sell, Some(bid), _) => wanted.max(bid.price.units() + self.tick),
            _ => wanted,
        };
        let price = Price::from_units(units.max(self.tick));
        let added = self.random_quantity(QUOTE_NOTIONAL);
        let resting = self.quantity_at(side, price).units();
        self.set(
            side,
            price,
            Quantity::from_units(resting.saturating_add(added)),
        );
    }

    /// A participant withdraws a whole level, or half of it.
    fn cancel(&mut self) {
        let side = self.any_side();
        let depth = index(self.random.exponential(12.0));
        let level = match side {
            Side::Buy => self.book.bids().nth(depth),
            Side::Sell => self.book.asks().nth(depth),
        };
        let Some(level) = level else { return };
        let rest = if self.random.chance(0.6) {
            Quantity::ZERO
        } else {
            Quantity::from_units(level.quantity.units() / 2).round_down_to(self.lot())
        };
        if rest.is_positive() || self.levels_of(side) > FEWEST_LEVELS {
            self.set(side, level.price, rest);
        }
    }

    /// A market order, more often towards the fair price.
    fn take(&mut self) {
        let Some((bid, ask)) = self.book.best_bid().zip(self.book.best_ask()) else {
            return;
        };
        let middle = f64::midpoint(bid.price.to_f64(), ask.price.to_f64());
        let buying = if self.fair.price() > middle { 0.6 } else { 0.4 };
        let aggressor = if self.random.chance(buying) {
            Side::Buy
        } else {
            Side::Sell
        };
        let mut left = self.random_quantity(TAKER_NOTIONAL);
        for _ in 0..MOST_LEVELS_TAKEN {
            let Some(level) = self.best_against(aggressor) else {
                return;
            };
            let taken = left.min(level.quantity.units());
            self.trade(aggressor, level, taken);
            left -= taken;
            if left == 0 {
                return;
            }
        }
    }

    /// Quotes that the fair price has passed are mostly withdrawn, else traded against.
    fn pick_off_passed_quotes(&mut self) {
        let fair = self.fair.price();
        let passed_asks: Vec<Level> = self
            .book
            .asks_up_to(Price::from_units(self.tick_below(fair)))
            .collect();
        let passed_bids: Vec<Level> = self
            .book
            .bids_down_to(Price::from_units(self.tick_below(fair) + self.tick))
            .collect();
        for (aggressor, passed) in [(Side::Buy, passed_asks), (Side::Sell, passed_bids)] {
            for level in passed {
                if self.random.chance(0.25) {
                    self.trade(aggressor, level, level.quantity.units());
                } else {
                    self.set(opposite(aggressor), level.price, Quantity::ZERO);
                }
            }
        }
    }

    fn withdraw_distant_quotes(&mut self) {
        let fair = self.fair.price();
        let most = DEPTH_LIMIT * self.far_depth;
        let lowest = Price::from_units(self.tick_below(fair * (1.0 - most)));
        let highest = Price::from_units(self.tick_below(fair * (1.0 + most)));
        if let Some(bid) = self.book.worst_bid().filter(|bid| bid.price < lowest) {
            self.set(Side::Buy, bid.price, Quantity::ZERO);
        }
        if let Some(ask) = self.book.worst_ask().filter(|ask| ask.price > highest) {
            self.set(Side::Sell, ask.price, Quantity::ZERO);
        }
    }

    fn fill_up_to(&mut self, levels: usize) {
        for side in [Side::Buy, Side::Sell] {
            while self.levels_of(side) < levels {
                self.place(side);
            }
        }
    }

    fn trade(&mut self, aggressor: Side, level: Level, taken: i64) {
        let rest = Quantity::from_units(level.quantity.units() - taken);
        self.set(opposite(aggressor), level.price, rest);
        self.publications.publish_trade(
            aggressor,
            level.price,
            Quantity::from_units(taken),
            self.now,
        );
    }

    fn set(&mut self, side: Side, price: Price, quantity: Quantity) {
        let level = Level { price, quantity };
        match side {
            Side::Buy => self.book.set_bid(level),
            Side::Sell => self.book.set_ask(level),
        }
        self.publications.on_change(side, level);
    }

    fn quantity_at(&self, side: Side, price: Price) -> Quantity {
        match side {
            Side::Buy => self.book.bid_quantity(price),
            Side::Sell => self.book.ask_quantity(price),
        }
    }

    fn levels_of(&self, side: Side) -> usize {
        match side {
            Side::Buy => self.book.bid_count(),
            Side::Sell => self.book.ask_count(),
        }
    }

    fn best_against(&self, aggressor: Side) -> Option<Level> {
        match aggressor {
            Side::Buy => self.book.best_ask(),
            Side::Sell => self.book.best_bid(),
        }
    }

    fn lot(&self) -> Quantity {
        Quantity::from_units(self.lot)
    }

    /// A quantity of about `notional`, a multiple of the lot, at least one lot; in units.
    fn random_quantity(&mut self, notional: f64) -> i64 {
        let quantity = self.random.lognormal(notional, 1.2) / self.fair.price();
        (units(quantity) / self.lot).max(1) * self.lot
    }

    /// The highest multiple of the tick that is not above `price`, in units.
    fn tick_below(&self, price: f64) -> i64 {
        units(price).div_euclid(self.tick) * self.tick
    }
}

const fn opposite(side: Side) -> Side {
    match side {
        Side::Buy => Side::Sell,
        Side::Sell => Side::Buy,
    }
}

#[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss)]
fn units(value: f64) -> i64 {
    (value * UNITS_PER_WHOLE as f64) as i64
}

#[allow(clippy::cast_possible_truncation)]
fn nanoseconds(seconds: f64) -> i64 {
    (seconds * 1e9) as i64
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn index(value: f64) -> usize {
    value as usize
}
