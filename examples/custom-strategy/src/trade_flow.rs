//! Trade flow.

use std::collections::VecDeque;

use triptych_engine::decimal::{Ratio, UNITS_PER_WHOLE};
use triptych_engine::event::{Event, EventKind, Side, Trade};
use triptych_engine::market::{Instrument, Market};
use triptych_engine::strategies::custom::CustomAlgorithm;
use triptych_engine::strategies::parameters::Parameters;
use triptych_engine::strategies::{Features, Signal, Trigger};

/// Trades in the direction in which the last public trades went.
///
/// `flow = (bought - sold) / (bought + sold)` over the quantities of the last `trades` trades, by the
/// side that took liquidity. A purchase where it reaches `threshold`, a sale where it reaches minus the
/// threshold, compared exactly; the next signal only after the flow was below it again.
///
/// Source: the order imbalance of D. Easley, M. López de Prado, M. O'Hara, "Flow toxicity and liquidity
/// in a high-frequency world", Review of Financial Studies 25 (2012), signed and over trades.
#[derive(Debug)]
pub struct TradeFlow {
    threshold: Ratio,
    trades: usize,
    /// Quantities in units of 10⁻⁸, sold ones below zero, the oldest first.
    quantities: VecDeque<i64>,
    net: i128,
    total: i128,
    is_beyond: bool,
}

impl TradeFlow {
    fn take(&mut self, trade: &Trade) {
        if self.quantities.len() == self.trades
            && let Some(oldest) = self.quantities.pop_front()
        {
            self.net -= i128::from(oldest);
            self.total -= i128::from(oldest.unsigned_abs());
        }
        let units = trade.quantity.units();
        let signed = match trade.aggressor {
            Side::Buy => units,
            Side::Sell => -units,
        };
        self.quantities.push_back(signed);
        self.net += i128::from(signed);
        self.total += i128::from(units);
    }

    /// The side whose threshold is reached.
    fn side(&self) -> Option<Side> {
        let reached = self.net.abs() * i128::from(UNITS_PER_WHOLE)
            >= i128::from(self.threshold.units()) * self.total;
        (self.total > 0 && reached).then_some(if self.net > 0 { Side::Buy } else { Side::Sell })
    }
}

impl CustomAlgorithm for TradeFlow {
    const NAME: &'static str = "trade-flow";
    const VERSION: u32 = 1;

    fn new(parameters: &mut Parameters<'_>, _: &Instrument) -> Self {
        let trades = parameters.whole("trades", 1..=10_000) as usize;
        let smallest = Ratio::from_units(1);
        let whole = Ratio::from_units(UNITS_PER_WHOLE);
        Self {
            threshold: parameters.decimal("threshold", smallest..=whole),
            trades,
            quantities: VecDeque::with_capacity(trades),
            net: 0,
            total: 0,
            is_beyond: false,
        }
    }

    fn on_event(&mut self, event: &Event, _: &Market) -> Option<Signal> {
        let EventKind::Trade(trade) = &event.kind else {
            return None;
        };
        self.take(trade);
        if self.quantities.len() < self.trades {
            return None;
        }
        let side = self.side();
        let was_beyond = std::mem::replace(&mut self.is_beyond, side.is_some());
        let side = side.filter(|_| !was_beyond)?;
        #[allow(
            clippy::cast_precision_loss,
            reason = "a feature, on which nothing is decided"
        )]
        let flow = self.net as f64 / self.total as f64;
        Some(Signal {
            side,
            trigger: Trigger::Trade(trade.trade_id),
            confidence: Some(flow.abs()),
            features: Features::of(&[("flow", flow)]),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use triptych_engine::event::{InstrumentId, Timestamp};

    use super::*;

    const BOUGHT: Side = Side::Buy;
    const SOLD: Side = Side::Sell;

    fn signals(trades: &str, threshold: &str, flow: &[(Side, &str)]) -> Vec<(u64, Side)> {
        let texts = BTreeMap::from([
            ("trades".to_owned(), trades.to_owned()),
            ("threshold".to_owned(), threshold.to_owned()),
        ]);
        let instrument = Instrument {
            id: InstrumentId(0),
            symbol: "BTCUSDT".into(),
            price_increment: "0.01".parse().unwrap(),
            quantity_increment: "0.00001".parse().unwrap(),
        };
        let mut parameters = Parameters::new(String::new(), &texts);
        let mut strategy = TradeFlow::new(&mut parameters, &instrument);
        let market = Market::new(instrument);
        let mut signals = Vec::new();
        for (trade_id, (aggressor, quantity)) in (0..).zip(flow) {
            let trade = Trade {
                trade_id,
                price: "100".parse().unwrap(),
                quantity: quantity.parse().unwrap(),
                aggressor: *aggressor,
            };
            let event = Event {
                instrument: InstrumentId(0),
                ts_event: None,
                ts_recv: Timestamp::default(),
                kind: EventKind::Trade(trade),
            };
            let signal = strategy.on_event(&event, &market);
            signals.extend(signal.map(|signal| (trade_id, signal.side)));
        }
        signals
    }

    #[test]
    fn the_threshold_itself_trades_and_the_next_decimal_does_not() {
        let flow = [(BOUGHT, "3"), (SOLD, "1")];
        assert_eq!(signals("2", "0.5", &flow), [(1, BOUGHT)]);
        assert_eq!(signals("2", "0.50000001", &flow), []);
        assert_eq!(
            signals("2", "0.5", &[(SOLD, "3"), (BOUGHT, "1")]),
            [(1, SOLD)]
        );
    }

    #[test]
    fn one_stretch_beyond_the_threshold_is_one_signal() {
        let flow = [
            (BOUGHT, "1"),
            (BOUGHT, "1"),
            (BOUGHT, "1"),
            (SOLD, "1"),
            (BOUGHT, "1"),
            (BOUGHT, "1"),
        ];
        assert_eq!(signals("2", "1", &flow), [(1, BOUGHT), (5, BOUGHT)]);
    }

    #[test]
    fn nothing_is_decided_before_there_are_as_many_trades() {
        assert_eq!(signals("4", "0.1", &[(BOUGHT, "1"); 3]), []);
    }

    #[test]
    fn trades_without_quantity_decide_nothing() {
        assert_eq!(signals("1", "0.1", &[(BOUGHT, "0")]), []);
    }
}
