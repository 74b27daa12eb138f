//! How many orders the venue takes in a second, on one core.

use std::time::{Duration, Instant};

use triptych_engine::decimal::{Price, Quantity};
use triptych_engine::event::Side;
use triptych_market_data::generator::{DEFAULT_START, Generator};
use triptych_market_data::instruments::{InstrumentError, Instruments};

use crate::core::{
    Amount, AssetId, Cancel, CommissionRates, Instruction, Ledger, Limit, OrderKey, OrderRequest,
    SelfTradePrevention, SymbolId, SymbolRules, TimeInForce, Venue,
};

const SYMBOL: SymbolId = SymbolId(0);

/// Orders that may wait before the oldest is cancelled.
const MOST_WAITING: usize = 100;

/// What a measurement found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Measurement {
    /// Orders placed.
    pub orders: usize,
    /// Of these, refused.
    pub refused: usize,
    /// Orders cancelled among them.
    pub canceled: usize,
    /// Fills of both sides.
    pub fills: usize,
    /// Events of the crowd among them.
    pub crowd_events: usize,
    /// How long it took.
    pub took: Duration,
}

impl Measurement {
    /// Orders in a second.
    pub fn orders_per_second(&self) -> u128 {
        self.orders as u128 * 1_000_000_000 / self.took.as_nanos().max(1)
    }
}

/// Two accounts place limit orders around the touch, of which some take and some wait, while the
/// generator moves the market: one of its events for each order. One core, no network.
pub fn measure(orders: usize, seed: u64) -> Result<Measurement, InstrumentError> {
    let instruments = Instruments::parse(["BTCUSDT"])?;
    let (base, quote) = (AssetId(0), AssetId(1));
    let ledger = Ledger::new(vec!["BTC".to_owned(), "USDT".to_owned()]);
    let rules = instruments
        .iter()
        .map(|(_, symbol)| SymbolRules::usual(symbol, base, quote))
        .collect();
    let mut venue = Venue::new(ledger, rules);
    let rates = CommissionRates {
        maker: "0.001".parse().unwrap_or_default(),
        taker: "0.001".parse().unwrap_or_default(),
    };
    let plenty = Amount::from_units(i64::MAX / 8);
    let accounts =
        [1, 2].map(|uid| venue.open_account(uid, rates, &[(base, plenty), (quote, plenty)]));
    let mut crowd = Generator::new(seed, &instruments, DEFAULT_START);
    let mut random = fastrand::Rng::with_seed(seed);
    let mut waiting = std::collections::VecDeque::new();
    let mut found = Measurement {
        orders,
        refused: 0,
        canceled: 0,
        fills: 0,
        crowd_events: 0,
        took: Duration::ZERO,
    };
    let begun = Instant::now();
    for index in 0..orders {
        let Some(event) = crowd.next() else { break };
        let now = event.ts_recv;
        venue.on_market_event(SYMBOL, &event, now);
        found.crowd_events += 1;
        let (Some(bid), Some(ask)) = venue.market(SYMBOL).top() else {
            continue;
        };
        let side = if random.bool() { Side::Buy } else { Side::Sell };
        let (near, sign) = match side {
            Side::Buy => (ask.price, -1),
            Side::Sell => (bid.price, 1),
        };
        let ticks = random.i64(-2..20);
        let request = OrderRequest {
            symbol: SYMBOL,
            side,
            instruction: Instruction::Limit(Limit {
                price: Price::from_units(near.units() + sign * ticks * 1_000_000),
                quantity: Quantity::from_units(random.i64(10..2_000) * 1_000),
                time_in_force: TimeInForce::GoodTilCanceled,
            }),
            client_order_id: None,
            self_trade_prevention: SelfTradePrevention::DEFAULT,
            strategy_id: None,
            strategy_type: None,
        };
        let account = accounts[index % 2];
        match venue.place(account, &request, now) {
            Ok(placed) if placed.order.status.is_open() => {
                waiting.push_back((account, placed.order.id));
            }
            Ok(_) => {}
            Err(_) => found.refused += 1,
        }
        if waiting.len() > MOST_WAITING
            && let Some((account, id)) = waiting.pop_front()
        {
            let cancel = Cancel {
                symbol: SYMBOL,
                key: OrderKey::Id(id),
                name: None,
                restriction: None,
            };
            found.canceled += usize::from(venue.cancel(account, &cancel, now).is_ok());
        }
        drop(venue.take_events());
    }
    found.took = begun.elapsed();
    found.fills = venue.market(SYMBOL).fills().len();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_measured_orders_trade_and_wait_as_real_ones() {
        let found = measure(2_000, 7).unwrap();
        assert!(found.fills > 100 && found.canceled > 100, "{found:?}");
        assert!(found.refused < 100, "{found:?}");
    }
}
