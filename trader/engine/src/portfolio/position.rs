//! A position in one instrument, by the average-cost method, and the orders at work on it.

use super::Exposure;
use super::arithmetic::{part_rounded_down, part_rounded_up, signed, value_at_middle};
use crate::decimal::{Notional, Price, Quantity};
use crate::event::Side;
use crate::market::Top;

/// A position in one instrument.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Position {
    /// Above zero for a long position, below for a short one.
    quantity: Quantity,
    /// What the open quantity was bought or sold for; never below zero.
    cost: Notional,
    /// Fees of the trades that opened it.
    entry_fees: Notional,
    realised: Notional,
    fees: Notional,
    working_purchases: Quantity,
    working_sales: Quantity,
    /// Bid plus ask at the last valuation, in units of 10⁻⁸.
    twice_middle: i128,
}

/// What a trade closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Closed {
    pub(super) quantity: Quantity,
    /// What the closed quantity was opened for.
    pub(super) entry_value: Notional,
    /// Profit before fees.
    pub(super) profit: Notional,
    /// Fees of opening and closing that quantity.
    pub(super) fees: Notional,
}

impl Position {
    /// Quantity held: above zero for a long position, below for a short one.
    pub const fn quantity(&self) -> Quantity {
        self.quantity
    }

    /// What a unit of it was bought or sold for on average, rounded down to 10⁻⁸; `None` where
    /// nothing is held.
    pub fn average_price(&self) -> Option<Price> {
        let size = i128::from(self.quantity.units().unsigned_abs());
        let units = self.cost.units().checked_div(size)?;
        i64::try_from(units).ok().map(Price::from_units)
    }

    /// Profit of what was closed, before fees.
    pub const fn realised(&self) -> Notional {
        self.realised
    }

    /// Fees of every trade.
    pub const fn fees(&self) -> Notional {
        self.fees
    }

    /// Profit of what is open, at the middle of best bid and ask, rounded down.
    pub fn unrealised(&self) -> Notional {
        let twice = i128::from(self.quantity.units()).saturating_mul(self.twice_middle);
        let cost = self.cost.units() * i128::from(self.quantity.units().signum());
        Notional::from_units(twice.div_euclid(2).saturating_sub(cost))
    }

    /// Quantity of working sales.
    pub const fn working_sales(&self) -> Quantity {
        self.working_sales
    }

    /// Whether nothing is held and no order is at work.
    pub(super) fn is_idle(&self) -> bool {
        self.quantity.is_zero() && self.working_purchases.is_zero() && self.working_sales.is_zero()
    }

    pub(super) const fn is_marked_at(&self, top: &Top) -> bool {
        self.twice_middle == top.twice_mid_units()
    }

    /// Whether an order on this side, after every working one on it, leaves the position on its side
    /// of zero, or at zero.
    pub fn is_reduced_by(&self, side: Side, quantity: Quantity) -> bool {
        let held = self.quantity.units();
        let (against, working) = match side {
            Side::Buy => (held < 0, self.working_purchases),
            Side::Sell => (held > 0, self.working_sales),
        };
        let largest = i128::from(held.unsigned_abs());
        against && i128::from(working.units()) + i128::from(quantity.units()) <= largest
    }

    pub(super) fn exposure(&self) -> Exposure {
        let high = self
            .quantity
            .units()
            .saturating_add(self.working_purchases.units());
        let low = self
            .quantity
            .units()
            .saturating_sub(self.working_sales.units());
        let (high, low) = (
            value_at_middle(high, self.twice_middle),
            value_at_middle(low, self.twice_middle),
        );
        let size = |value: Notional| value.units().saturating_abs();
        Exposure {
            gross: Notional::from_units(size(high).max(size(low))),
            net_high: high,
            net_low: low,
        }
    }

    pub(super) const fn mark(&mut self, top: &Top) {
        self.twice_middle = top.twice_mid_units();
    }

    pub(super) fn open(&mut self, side: Side, quantity: Quantity) {
        let working = self.working(side);
        *working = Quantity::from_units(working.units().saturating_add(quantity.units()));
    }

    pub(super) fn release(&mut self, side: Side, quantity: Quantity) {
        let working = self.working(side);
        *working = Quantity::from_units(working.units().saturating_sub(quantity.units()).max(0));
    }

    fn working(&mut self, side: Side) -> &mut Quantity {
        match side {
            Side::Buy => &mut self.working_purchases,
            Side::Sell => &mut self.working_sales,
        }
    }

    /// Takes in a trade: what goes against the position closes it at its average cost, the rest opens.
    pub(super) fn fill(
        &mut self,
        side: Side,
        quantity: Quantity,
        price: Price,
        fee: Notional,
    ) -> Option<Closed> {
        self.fees = sum(self.fees, fee);
        let held = self.quantity.units();
        let traded = signed(side, quantity);
        let goes_against = held.signum() == -traded.signum();
        let closing = if goes_against {
            quantity.units().min(held.saturating_abs())
        } else {
            0
        };
        let closing_fee = part_rounded_up(
            fee.units(),
            i128::from(closing),
            i128::from(quantity.units().max(1)),
        );
        let closed = (closing > 0).then(|| self.close(closing, price, closing_fee));
        let opening = Quantity::from_units(quantity.units() - closing);
        self.quantity = Quantity::from_units(held.saturating_add(traded));
        self.cost = sum(self.cost, price.notional(opening));
        self.entry_fees = sum(
            self.entry_fees,
            Notional::from_units(fee.units() - closing_fee),
        );
        closed
    }

    /// Gives back the part of cost and fees that belongs to `closing` units of what is held.
    fn close(&mut self, closing: i64, price: Price, closing_fee: i128) -> Closed {
        let held = i128::from(self.quantity.units().unsigned_abs());
        let quantity = Quantity::from_units(closing);
        let cost = part_rounded_down(self.cost.units(), closing.into(), held);
        let entry_fee = part_rounded_down(self.entry_fees.units(), closing.into(), held);
        self.cost = Notional::from_units(self.cost.units() - cost);
        self.entry_fees = Notional::from_units(self.entry_fees.units() - entry_fee);
        let gained = price.notional(quantity).units() - cost;
        let direction = i128::from(self.quantity.units().signum());
        let profit = Notional::from_units(gained * direction);
        self.realised = sum(self.realised, profit);
        Closed {
            quantity,
            entry_value: Notional::from_units(cost),
            profit,
            fees: Notional::from_units(entry_fee + closing_fee),
        }
    }
}

fn sum(left: Notional, right: Notional) -> Notional {
    Notional::from_units(left.units().saturating_add(right.units()))
}
