//! Order-book imbalance.

use triptych_crds::strategies::OrderBookImbalance as Parameters;

use super::{Features, Signal, Strategy, Trigger};
use crate::decimal::{Ratio, UNITS_PER_WHOLE};
use crate::event::{Event, EventKind, Side, Timestamp};
use crate::market::Market;
use crate::order_book::{Depth, microprice, mid_price};

/// Trades in the direction in which the best levels lean.
///
/// `imbalance = (bids - asks) / (bids + asks)` over the quantities of the best `levels` levels of
/// each side, after every depth diff of a book in sync. A purchase at or above `threshold`, a sale
/// at or below minus the threshold, compared exactly. After a signal none follows within
/// `cooldownMilliseconds` of the venue's clock. The imbalance's size is the confidence.
///
/// Source: M. Gould, J. Bonart, "Queue imbalance as a one-tick-ahead price predictor in a limit
/// order book", Market Microstructure and Liquidity 2 (2016), taken here over several levels.
#[derive(Debug, Clone)]
pub struct OrderBookImbalance {
    levels: usize,
    threshold: Ratio,
    cooldown: i64,
    last_signal: Option<Timestamp>,
}

impl OrderBookImbalance {
    /// The name in a manifest.
    pub const ALGORITHM: &'static str = "orderBookImbalance";

    /// An imbalance strategy with these parameters; `threshold` is their text, read.
    pub fn new(parameters: &Parameters, threshold: Ratio) -> Self {
        Self {
            levels: parameters.levels as usize,
            threshold,
            cooldown: i64::from(parameters.cooldown_milliseconds) * 1_000_000,
            last_signal: None,
        }
    }

    fn side(&self, depth: Depth) -> Option<Side> {
        let total = depth.bid_units + depth.ask_units;
        let lean = (depth.bid_units - depth.ask_units).saturating_mul(i128::from(UNITS_PER_WHOLE));
        let needed = i128::from(self.threshold.units()).saturating_mul(total);
        if total == 0 || lean == 0 {
            None
        } else if lean >= needed {
            Some(Side::Buy)
        } else if lean <= -needed {
            Some(Side::Sell)
        } else {
            None
        }
    }

    fn is_cooling_down(&self, time: Timestamp) -> bool {
        self.last_signal
            .is_some_and(|last| time.nanoseconds_since(last) < self.cooldown)
    }
}

impl Strategy for OrderBookImbalance {
    fn algorithm(&self) -> &'static str {
        Self::ALGORITHM
    }

    fn version(&self) -> u32 {
        1
    }

    fn on_event(&mut self, event: &Event, market: &Market) -> Option<Signal> {
        let EventKind::DepthDiff(diff) = &event.kind else {
            return None;
        };
        // A diff that the book already had, or that only waits for a snapshot, decides nothing.
        if market.book().last_update_id() != Some(diff.final_update_id) {
            return None;
        }
        let depth = Depth::of(market.book(), self.levels)?;
        let side = self.side(depth)?;
        let time = market.market_time().unwrap_or(market.now());
        if self.is_cooling_down(time) {
            return None;
        }
        self.last_signal = Some(time);
        let (bid, ask) = market.book().top()?;
        let imbalance = ratio(
            depth.bid_units - depth.ask_units,
            depth.bid_units + depth.ask_units,
        );
        Some(Signal {
            side,
            trigger: Trigger::Depth(diff.final_update_id),
            confidence: Some(imbalance.abs()),
            features: Features::of(&[
                ("imbalance", imbalance),
                (
                    "bid_depth",
                    ratio(depth.bid_units, i128::from(UNITS_PER_WHOLE)),
                ),
                (
                    "ask_depth",
                    ratio(depth.ask_units, i128::from(UNITS_PER_WHOLE)),
                ),
                ("mid_price", mid_price(bid.price, ask.price)),
                ("microprice", microprice(bid, ask)),
            ]),
        })
    }
}

#[allow(clippy::cast_precision_loss)]
fn ratio(part: i128, whole: i128) -> f64 {
    part as f64 / whole as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_support::{depth, market_with_book};

    fn strategy(threshold: &str, cooldown_milliseconds: u32) -> OrderBookImbalance {
        let parameters = Parameters {
            levels: 2,
            threshold: threshold.into(),
            cooldown_milliseconds,
        };
        OrderBookImbalance::new(&parameters, threshold.parse().unwrap())
    }

    /// Sets the only two levels of each side to these quantities and asks for a signal.
    fn side_at(strategy: &mut OrderBookImbalance, bids: i64, asks: i64, at: i64) -> Option<Side> {
        let mut market = market_with_book();
        let event = depth(
            at,
            2,
            &[("99", bids), ("98", 0)],
            &[("101", asks), ("102", 0)],
        );
        market.apply(&event, event.ts_recv);
        strategy.on_event(&event, &market).map(|signal| signal.side)
    }

    #[test]
    fn the_threshold_itself_trades_and_one_unit_less_does_not() {
        for (bids, asks, side) in [
            (3_000, 1_000, Some(Side::Buy)),
            (2_999, 1_000, None),
            (1_000, 3_000, Some(Side::Sell)),
            (1_000, 2_999, None),
            (1_000, 1_000, None),
        ] {
            assert_eq!(
                side_at(&mut strategy("0.5", 0), bids, asks, 1_000),
                side,
                "{bids} {asks}"
            );
        }
    }

    #[test]
    fn a_balanced_book_trades_at_no_threshold() {
        assert_eq!(side_at(&mut strategy("0", 0), 1_000, 1_000, 1_000), None);
    }

    #[test]
    fn no_second_signal_within_the_cooldown() {
        let mut strategy = strategy("0.5", 500);
        let sides = [1_000, 1_499, 1_500].map(|at| side_at(&mut strategy, 9_000, 1_000, at));
        assert_eq!(sides, [Some(Side::Buy), None, Some(Side::Buy)]);
    }

    #[test]
    fn a_book_that_is_not_in_sync_gives_no_signal() {
        let mut market = crate::test_support::market();
        let event = depth(1_000, 2, &[("99", 9_000)], &[("101", 1)]);
        market.apply(&event, event.ts_recv);
        assert_eq!(strategy("0.1", 0).on_event(&event, &market), None);
    }
}
