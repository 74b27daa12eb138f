//! Samples of a price at equal steps of the venue's clock.
//!
//! Samples fall on whole multiples of the interval since the Unix epoch, so that every receiver of
//! the feed samples at the same instants. The price of a sample is the last one known before the
//! first event at or after that instant. When an event skips several instants, only the newest of
//! them is sampled: a silent market repeats no price.

use triptych_crds::strategies::SampledPrice;

use crate::event::{Event, Timestamp};
use crate::market::Market;

/// A price at an instant.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sample {
    /// The instant, by the venue's clock.
    pub at: Timestamp,
    /// The last price known before.
    pub price: f64,
}

/// Takes samples of one instrument's price.
#[derive(Debug, Clone)]
pub struct Sampler {
    price: SampledPrice,
    interval: i64,
    next: Option<i64>,
    last_price: Option<f64>,
}

impl Sampler {
    /// A sampler of `price` every `interval_milliseconds` (at least 1).
    pub fn new(price: SampledPrice, interval_milliseconds: u32) -> Self {
        let interval = i64::from(interval_milliseconds.max(1)) * 1_000_000;
        Self {
            price,
            interval,
            next: None,
            last_price: None,
        }
    }

    /// Takes an event that `market` has taken already; returns the sample that it completes.
    pub fn on_event(&mut self, event: &Event, market: &Market) -> Option<Sample> {
        let sample = match (event.ts_event, market.market_time()) {
            (Some(_), Some(time)) => self.advance(time.nanoseconds()),
            _ => None,
        };
        self.last_price = self.current_price(market);
        sample
    }

    fn advance(&mut self, time: i64) -> Option<Sample> {
        let newest = time - time.rem_euclid(self.interval);
        let due = self.next.is_some_and(|next| time >= next);
        if due || self.next.is_none() {
            self.next = Some(newest + self.interval);
        }
        let price = self.last_price.filter(|_| due)?;
        Some(Sample {
            at: Timestamp::from_nanoseconds(newest),
            price,
        })
    }

    fn current_price(&self, market: &Market) -> Option<f64> {
        match self.price {
            SampledPrice::Mid => market.top().map(|top| top.mid()),
            SampledPrice::Microprice => market.top().map(|top| top.microprice()),
            SampledPrice::LastTrade => market.last_trade().map(|trade| trade.price.to_f64()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
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
}
