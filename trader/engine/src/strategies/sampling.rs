//! Samples of a price at equal steps of the venue's clock.
//!
//! Samples fall on whole multiples of the interval since the Unix epoch, so that every receiver of
//! the feed samples at the same instants. The price of a sample is the last one known before the
//! first event at or after that instant. When an event skips several instants, only the newest of
//! them is sampled: a silent market repeats no price.

use ethnum::I256;
use triptych_crds::strategies::SampledPrice;

use crate::decimal::Price;
use crate::event::{Event, Timestamp};
use crate::market::{Market, Top};

/// Units of an [`ExactPrice`] in one unit of a [`Price`].
const UNITS_PER_PRICE_UNIT: i128 = 10_000;

/// Units of an [`ExactPrice`] in one whole of the quote asset.
pub const UNITS_PER_WHOLE: f64 = 1e12;

/// A sampled price in units of 10⁻¹² of the quote asset: fine enough for the middle of two prices
/// without rounding. A microprice is rounded down. Zero to 9.3 · 10²².
pub type ExactPrice = i128;

/// The nearest `f64` of a price, in whole units of the quote asset.
#[allow(clippy::cast_precision_loss)]
pub fn to_whole(price: ExactPrice) -> f64 {
    price as f64 / UNITS_PER_WHOLE
}

/// A price at an instant.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sample {
    /// The instant, by the venue's clock.
    pub at: Timestamp,
    /// The last price known before: the nearest `f64`, for indicators that are floats.
    pub price: f64,
    /// The same price for comparisons that no rounding may decide.
    pub exact: ExactPrice,
}

/// Takes samples of one instrument's price.
#[derive(Debug, Clone)]
pub struct Sampler {
    price: SampledPrice,
    interval: i64,
    next: Option<i64>,
    last: Option<Quote>,
}

/// What a price is worked out from once a sample asks for it.
#[derive(Debug, Clone, Copy)]
enum Quote {
    Middle(Top),
    Micro(Top),
    Trade(Price),
}

impl Quote {
    fn price(&self) -> f64 {
        match self {
            Self::Middle(top) => top.mid(),
            Self::Micro(top) => top.microprice(),
            Self::Trade(price) => price.to_f64(),
        }
    }

    fn exact(&self) -> ExactPrice {
        match self {
            Self::Middle(top) => top.twice_mid_units() * UNITS_PER_PRICE_UNIT / 2,
            Self::Micro(top) => exact_microprice(top),
            Self::Trade(price) => i128::from(price.units()) * UNITS_PER_PRICE_UNIT,
        }
    }
}

/// The formula of [`crate::order_book::microprice`] in whole numbers, rounded down.
fn exact_microprice(top: &Top) -> ExactPrice {
    let (bid, ask) = (&top.bid, &top.ask);
    let total = i128::from(bid.quantity.units()) + i128::from(ask.quantity.units());
    if total <= 0 {
        return top.twice_mid_units() * UNITS_PER_PRICE_UNIT / 2;
    }
    let weighted = |price: Price, quantity: i64| I256::from(price.units()) * I256::from(quantity);
    let sum = weighted(bid.price, ask.quantity.units()) + weighted(ask.price, bid.quantity.units());
    (sum * I256::from(UNITS_PER_PRICE_UNIT) / I256::from(total)).as_i128()
}

impl Sampler {
    /// A sampler of `price` every `interval_milliseconds` (at least 1).
    pub fn new(price: SampledPrice, interval_milliseconds: u32) -> Self {
        let interval = i64::from(interval_milliseconds.max(1)) * 1_000_000;
        Self {
            price,
            interval,
            next: None,
            last: None,
        }
    }

    /// Takes an event that `market` has taken already; returns the sample that it completes.
    pub fn on_event(&mut self, event: &Event, market: &Market) -> Option<Sample> {
        let sample = match (event.ts_event, market.market_time()) {
            (Some(_), Some(time)) => self.advance(time.nanoseconds()),
            _ => None,
        };
        self.last = self.current_quote(market);
        sample
    }

    fn advance(&mut self, time: i64) -> Option<Sample> {
        let newest = time - time.rem_euclid(self.interval);
        let due = self.next.is_some_and(|next| time >= next);
        if due || self.next.is_none() {
            self.next = Some(newest + self.interval);
        }
        let quote = self.last.filter(|_| due)?;
        Some(Sample {
            at: Timestamp::from_nanoseconds(newest),
            price: quote.price(),
            exact: quote.exact(),
        })
    }

    fn current_quote(&self, market: &Market) -> Option<Quote> {
        match self.price {
            SampledPrice::Mid => market.top().map(Quote::Middle),
            SampledPrice::Microprice => market.top().map(Quote::Micro),
            SampledPrice::LastTrade => market.last_trade().map(|trade| Quote::Trade(trade.price)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decimal::Quantity;
    use crate::event::Level;
    use crate::test_support::{market, trade};

    #[test]
    fn samples_fall_on_multiples_of_the_interval_and_hold_the_price_before() {
        let mut market = market();
        let mut sampler = Sampler::new(SampledPrice::LastTrade, 100);
        let mut taken = Vec::new();
        for (milliseconds, price) in [
            (1_050, "10"),
            (1_099, "11"),
            (1_100, "12"),
            (1_250, "13"),
            (1_999, "14"),
            (2_000, "15"),
        ] {
            let event = trade(milliseconds, price);
            market.apply(&event, event.ts_recv);
            if let Some(sample) = sampler.on_event(&event, &market) {
                taken.push((sample.at.nanoseconds() / 1_000_000, sample.price));
            }
        }
        assert_eq!(
            taken,
            [(1_100, 11.0), (1_200, 12.0), (1_900, 13.0), (2_000, 14.0)]
        );
    }

    #[test]
    fn a_clock_that_goes_back_samples_nothing_twice() {
        let mut market = market();
        let mut sampler = Sampler::new(SampledPrice::LastTrade, 100);
        let mut taken = 0;
        for milliseconds in [1_050, 1_150, 1_050, 1_160, 1_090, 1_199] {
            let event = trade(milliseconds, "10");
            market.apply(&event, event.ts_recv);
            taken += usize::from(sampler.on_event(&event, &market).is_some());
        }
        assert_eq!(taken, 1);
    }

    #[test]
    fn without_a_price_there_is_no_sample() {
        let mut market = market();
        let mut sampler = Sampler::new(SampledPrice::Mid, 100);
        for milliseconds in [1_050, 1_150, 1_250] {
            let event = trade(milliseconds, "10");
            market.apply(&event, event.ts_recv);
            assert_eq!(sampler.on_event(&event, &market), None);
        }
    }

    #[test]
    fn the_exact_price_is_the_price() {
        let level = |price: &str, quantity: &str| Level {
            price: price.parse().unwrap(),
            quantity: quantity.parse().unwrap(),
        };
        let top = |bid, ask| Top {
            bid,
            ask,
            update_id: 1,
            ts_recv: Timestamp::default(),
        };
        let cases = [
            (
                Quote::Trade("61837.63".parse().unwrap()),
                61_837_630_000_000_000,
            ),
            (
                Quote::Middle(top(level("0.00000001", "1"), level("0.00000002", "1"))),
                15_000,
            ),
            // (1 * 1 + 2 * 2) / 3 = 1.66...
            (
                Quote::Micro(top(level("1", "2"), level("2", "1"))),
                1_666_666_666_666,
            ),
            (
                Quote::Micro(top(level("1", "0"), level("2", "0"))),
                1_500_000_000_000,
            ),
            (
                Quote::Micro(top(
                    Level {
                        price: Price::MAX,
                        quantity: Quantity::MAX,
                    },
                    Level {
                        price: Price::MAX,
                        quantity: Quantity::MAX,
                    },
                )),
                i128::from(i64::MAX) * 10_000,
            ),
        ];
        for (quote, exact) in cases {
            assert_eq!(quote.exact(), exact, "{quote:?}");
            let nearest = to_whole(exact);
            assert!(
                (quote.price() - nearest).abs() <= nearest * 1e-12,
                "{quote:?}"
            );
        }
    }
}
