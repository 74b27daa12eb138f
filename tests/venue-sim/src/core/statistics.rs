//! What was traded: recent trades, candles and the day's figures.

use std::collections::{BTreeMap, VecDeque};

use triptych_engine::decimal::{Price, Quantity};
use triptych_engine::event::{Side, Timestamp};

use super::event::PublicTrade;
use super::ledger::{Amount, value_of};
use super::rules::AVERAGE_PRICE_MINUTES;

/// Trades that are kept for queries.
const MOST_TRADES: usize = 5_000;

/// Minutes that are kept: a day and the minute that has begun.
const MOST_MINUTES: usize = 24 * 60 + 1;

const NANOSECONDS_PER_MINUTE: i64 = 60_000_000_000;

/// What was traded in a span of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Candle {
    /// Number of the first trade.
    pub first_trade: u64,
    /// Number of the last trade.
    pub last_trade: u64,
    /// First price.
    pub open: Price,
    /// Highest price.
    pub high: Price,
    /// Lowest price.
    pub low: Price,
    /// Last price.
    pub close: Price,
    /// Quantity of the base asset.
    pub volume: Quantity,
    /// Value in the quote asset.
    pub value: Amount,
    /// Trades.
    pub trades: u64,
    /// Of the volume, what buyers took.
    pub bought: Quantity,
    /// Of the value, what buyers took.
    pub bought_value: Amount,
}

impl Candle {
    fn of(trade: &PublicTrade) -> Self {
        let value = value_of(trade.price, trade.quantity);
        let (bought, bought_value) = match trade.aggressor {
            Side::Buy => (trade.quantity, value),
            Side::Sell => (Quantity::ZERO, Amount::ZERO),
        };
        Self {
            first_trade: trade.id,
            last_trade: trade.id,
            open: trade.price,
            high: trade.price,
            low: trade.price,
            close: trade.price,
            volume: trade.quantity,
            value,
            trades: 1,
            bought,
            bought_value,
        }
    }

    /// This span and the later one as one.
    #[must_use]
    pub fn followed_by(self, later: Self) -> Self {
        Self {
            first_trade: self.first_trade,
            last_trade: later.last_trade,
            open: self.open,
            high: self.high.max(later.high),
            low: self.low.min(later.low),
            close: later.close,
            volume: sum(self.volume, later.volume),
            value: sum(self.value, later.value),
            trades: self.trades + later.trades,
            bought: sum(self.bought, later.bought),
            bought_value: sum(self.bought_value, later.bought_value),
        }
    }

    /// The average price, by volume.
    pub fn average_price(&self) -> Price {
        average(
            i128::from(self.value.units()),
            i128::from(self.volume.units()),
        )
        .unwrap_or(self.close)
    }
}

fn sum(one: Amount, other: Amount) -> Amount {
    one.checked_add(other).unwrap_or(Amount::MAX)
}

fn average(value: i128, volume: i128) -> Option<Price> {
    if volume == 0 {
        return None;
    }
    let units = value * i128::from(triptych_engine::decimal::UNITS_PER_WHOLE) / volume;
    i64::try_from(units).ok().map(Price::from_units)
}

/// What was traded of one symbol.
#[derive(Debug, Clone, Default)]
pub struct Statistics {
    trades: VecDeque<PublicTrade>,
    minutes: BTreeMap<i64, Candle>,
}

impl Statistics {
    /// Takes note of a trade.
    pub(crate) fn add(&mut self, trade: PublicTrade) {
        if self.trades.len() == MOST_TRADES {
            self.trades.pop_front();
        }
        self.trades.push_back(trade);
        let minute = minute_of(trade.at);
        let candle = Candle::of(&trade);
        self.minutes
            .entry(minute)
            .and_modify(|before| *before = before.followed_by(candle))
            .or_insert(candle);
        if self.minutes.len() > MOST_MINUTES {
            self.minutes.pop_first();
        }
    }

    /// The last trades, oldest first.
    pub fn trades(&self) -> impl DoubleEndedIterator<Item = &PublicTrade> + ExactSizeIterator {
        self.trades.iter()
    }

    /// The price of the last trade.
    pub fn last_price(&self) -> Option<Price> {
        self.trades.back().map(|trade| trade.price)
    }

    /// Candles of so many minutes each, by the Unix minute at which they open; oldest first.
    pub fn candles(&self, minutes: i64) -> BTreeMap<i64, Candle> {
        let mut candles: BTreeMap<i64, Candle> = BTreeMap::new();
        for (minute, candle) in &self.minutes {
            candles
                .entry(minute.div_euclid(minutes) * minutes)
                .and_modify(|before| *before = before.followed_by(*candle))
                .or_insert(*candle);
        }
        candles
    }

    /// The 24 hours before `now` as one candle; `None` where nobody traded.
    pub fn day(&self, now: Timestamp) -> Option<Candle> {
        self.minutes
            .range(minute_of(now) - 24 * 60 + 1..=minute_of(now))
            .map(|(_, candle)| *candle)
            .reduce(Candle::followed_by)
    }

    /// The average price of the last five minutes, by volume; the last price where nobody traded in
    /// them; `None` where nobody ever did.
    pub fn average_price(&self, now: Timestamp) -> Option<Price> {
        let (value, volume) = self
            .minutes
            .range(minute_of(now) - AVERAGE_PRICE_MINUTES + 1..=minute_of(now))
            .fold((0, 0), |(value, volume), (_, candle)| {
                (
                    value + i128::from(candle.value.units()),
                    volume + i128::from(candle.volume.units()),
                )
            });
        average(value, volume).or_else(|| self.last_price())
    }
}

fn minute_of(time: Timestamp) -> i64 {
    time.nanoseconds().div_euclid(NANOSECONDS_PER_MINUTE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn candles_and_averages_are_those_of_the_trades() {
        let mut statistics = Statistics::default();
        for (id, minute, price, quantity, aggressor) in [
            (1, 0, 100, 2, Side::Buy),
            (2, 0, 104, 2, Side::Sell),
            (3, 1, 90, 4, Side::Buy),
            (4, 20, 50, 1, Side::Sell),
        ] {
            statistics.add(PublicTrade {
                id,
                taker: id,
                price: Price::from_units(price * 100_000_000),
                quantity: Quantity::from_units(quantity * 100_000_000),
                aggressor,
                at: Timestamp::from_milliseconds(minute * 60_000),
            });
        }
        let whole = |value: i64| value * 100_000_000;
        let candles = statistics.candles(5);
        let first = candles[&0];
        assert_eq!(
            [first.open, first.high, first.low, first.close].map(Price::units),
            [100, 104, 90, 90].map(whole)
        );
        assert_eq!(first.volume.units(), whole(8));
        assert_eq!(first.bought.units(), whole(6));
        assert_eq!(first.value.units(), whole(768));
        assert_eq!(first.trades, 3);
        assert_eq!(candles.len(), 2);
        let at = |minute: i64| Timestamp::from_milliseconds(minute * 60_000);
        assert_eq!(
            statistics.average_price(at(1)).map(Price::units),
            Some(whole(96))
        );
        assert_eq!(
            statistics.average_price(at(19)).map(Price::units),
            Some(whole(50))
        );
        assert_eq!(statistics.day(at(20)).map(|day| day.trades), Some(4));
        assert_eq!(statistics.day(at(24 * 60)).map(|day| day.trades), Some(2));
    }
}
