//! An endless tape for whoever has no recording: seeded, deterministic, and with the traits of a
//! real one that strategies and the plumbing react to.
//!
//! What it models, for each instrument on its own:
//! - a fair price that walks with clustered volatility (GARCH) and is pulled back weakly;
//! - arrivals of orders in bursts (a Hawkes process; trades excite more than quotes);
//! - a real order book by price level: limit orders near the fair price and, thinner, far from it,
//!   cancellations, market orders that trade through levels, and takers who pick off quotes that the
//!   fair price has passed;
//! - the venue's publication: every change counts one update id, a ticker for each new top, a trade
//!   for each level hit, one diff every 100 ms whose levels apply exactly.
//!
//! What it does not: single orders and their queue positions, hidden or iceberg orders, news,
//! sessions and other times of day, dependence between instruments, impact of the reader's own
//! orders. Profit on this tape says nothing about profit on a market.
//!
//! The same seed gives the same tape on every machine and in every build of this version.

mod arrivals;
mod fair_price;
mod market;
mod publication;
mod random;

use triptych_engine::event::{Event, Timestamp};

use crate::instruments::Instruments;
use market::Market;

/// Receive time of a generated tape's beginning where nothing else is asked for:
/// 2024-01-01T00:00:00Z.
pub const DEFAULT_START: Timestamp = Timestamp::from_milliseconds(1_704_067_200_000);

/// An endless sequence of market events, ordered by receive time. The first event of each
/// instrument is its depth snapshot.
#[derive(Debug, Clone)]
pub struct Generator {
    markets: Vec<Market>,
}

impl Generator {
    /// The tape of `instruments` under `seed`, from `start` on.
    pub fn new(seed: u64, instruments: &Instruments, start: Timestamp) -> Self {
        let markets = instruments
            .iter()
            .map(|(id, symbol)| Market::open(id, symbol, seed, start))
            .collect();
        Self { markets }
    }

    fn earliest(&mut self) -> Option<&mut Market> {
        self.markets
            .iter_mut()
            .map(|market| (market.next_ts_recv(), market))
            .min_by_key(|(next, _)| *next)
            .map(|(_, market)| market)
    }
}

impl Iterator for Generator {
    type Item = Event;

    /// The next event; there always is one.
    fn next(&mut self) -> Option<Event> {
        self.earliest()?.pop()
    }
}

#[cfg(test)]
mod tests;
