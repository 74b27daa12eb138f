//! A proposed trade: a signal in the shape that the configuration gives it.

use triptych_crds::strategies::OrderType;

use crate::decimal::{Notional, Price, Quantity};
use crate::event::{InstrumentId, Side};
use crate::market::{Instrument, Top};
use crate::measure::BASIS_POINTS_PER_WHOLE;
use crate::strategies::Signal;

/// The place of a strategy in `spec.strategies`, from zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct StrategyIndex(pub u16);

/// A trade that a strategy proposes, and that the risk rules judge.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Proposal {
    /// The strategy.
    pub strategy: StrategyIndex,
    /// The instrument.
    pub instrument: InstrumentId,
    /// Buy or sell.
    pub side: Side,
    /// Limit or market.
    pub order_type: OrderType,
    /// The price at which it would trade now: the best ask for a purchase, the best bid for a sale.
    /// The limit of a limit order; what a market order is judged by.
    pub touch: Price,
    /// The quantity.
    pub quantity: Quantity,
    /// Price of the protective stop.
    pub stop: Option<Price>,
    /// Price of the profit target.
    pub target: Option<Price>,
}

/// How a strategy's configuration shapes its signals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OrderShape {
    /// The strategy.
    pub strategy: StrategyIndex,
    /// Limit or market.
    pub order_type: OrderType,
    /// Quantity of each trade.
    pub quantity: Quantity,
    /// Distance of the stop from the touch, in basis points.
    pub stop_basis_points: Option<u32>,
    /// Distance of the target from the touch, in basis points.
    pub target_basis_points: Option<u32>,
}

impl OrderShape {
    /// The trade that a signal proposes at this top of the book.
    pub fn propose(&self, signal: &Signal, instrument: &Instrument, top: &Top) -> Proposal {
        let (touch, towards_profit) = match signal.side {
            Side::Buy => (top.ask.price, 1),
            Side::Sell => (top.bid.price, -1),
        };
        let away = |basis_points: Option<u32>, direction: i64| {
            basis_points.and_then(|distance| {
                moved(
                    touch,
                    direction * i64::from(distance),
                    instrument.price_increment,
                )
            })
        };
        Proposal {
            strategy: self.strategy,
            instrument: instrument.id,
            side: signal.side,
            order_type: self.order_type,
            touch,
            quantity: self.quantity,
            stop: away(self.stop_basis_points, -towards_profit),
            target: away(self.target_basis_points, towards_profit),
        }
    }
}

/// `price * (1 + basis_points / 10,000)`, rounded down to the increment; `None` beyond the range.
fn moved(price: Price, basis_points: i64, increment: Price) -> Option<Price> {
    let whole = i128::from(BASIS_POINTS_PER_WHOLE);
    let units = i128::from(price.units()) * (whole + i128::from(basis_points));
    let moved = i64::try_from(units.div_euclid(whole)).ok()?;
    Some(Price::from_units(moved).round_down_to(increment))
}

impl Proposal {
    /// The limit of a limit order; `None` for a market order.
    pub const fn price(&self) -> Option<Price> {
        match self.order_type {
            OrderType::Limit => Some(self.touch),
            OrderType::Market => None,
        }
    }

    /// Touch times quantity, in the quote asset.
    pub const fn notional(&self) -> Notional {
        self.touch.notional(self.quantity)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::strategies::{Features, Trigger};
    use crate::test_support::market_with_book;

    fn propose(side: Side, order_type: OrderType) -> Proposal {
        let market = market_with_book();
        let shape = OrderShape {
            strategy: StrategyIndex(0),
            order_type,
            quantity: "0.5".parse().unwrap(),
            stop_basis_points: Some(33),
            target_basis_points: Some(50),
        };
        let signal = Signal {
            side,
            trigger: Trigger::Depth(1),
            confidence: None,
            features: Features::default(),
        };
        shape.propose(&signal, market.instrument(), &market.top().unwrap())
    }

    fn text(price: Option<Price>) -> String {
        price.map(|price| price.to_string()).unwrap_or_default()
    }

    #[test]
    fn a_purchase_is_priced_at_the_ask_with_its_stop_below() {
        let proposal = propose(Side::Buy, OrderType::Limit);
        assert_eq!(text(proposal.price()), "101");
        assert_eq!(text(proposal.stop), "100.66");
        assert_eq!(text(proposal.target), "101.5");
        assert_eq!(proposal.notional().to_string(), "50.5");
    }

    #[test]
    fn a_sale_is_priced_at_the_bid_with_its_stop_above() {
        let proposal = propose(Side::Sell, OrderType::Limit);
        assert_eq!(text(proposal.price()), "99");
        assert_eq!(text(proposal.stop), "99.32");
        assert_eq!(text(proposal.target), "98.5");
    }

    #[test]
    fn a_market_order_has_a_touch_and_no_price() {
        let proposal = propose(Side::Buy, OrderType::Market);
        assert_eq!(
            (text(proposal.price()), proposal.touch.to_string()),
            (String::new(), "101".into())
        );
    }
}
