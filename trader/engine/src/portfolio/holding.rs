//! A portfolio with the stops and targets of what it holds.

use super::brackets::{Bracket, Brackets};
use super::{Account, CloseReason, ClosedTrade, Order, Portfolio, PortfolioName};
use crate::decimal::{Notional, Price, Quantity};
use crate::event::{InstrumentId, Side, Timestamp};
use crate::market::Top;

/// Stop and target of what an order opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Protection<O> {
    /// Price of the protective stop.
    pub stop: Option<Price>,
    /// Price of the profit target.
    pub target: Option<Price>,
    /// Whose they are: handed back when one of them is reached.
    pub origin: O,
}

/// What has reached its stop or its target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reached<O> {
    /// The order that closes it.
    pub order: Order,
    /// Which of the two it has reached.
    pub reason: CloseReason,
    /// Whose it is.
    pub origin: O,
}

/// A portfolio with the stops and targets of what it holds, each with its origin.
#[derive(Debug, Clone)]
pub struct Holding<O> {
    portfolio: Portfolio,
    /// By instrument.
    brackets: Vec<Brackets<O>>,
}

impl<O: Copy> Holding<O> {
    /// Without positions; without an account it takes nothing.
    pub fn new(name: PortfolioName, account: Option<&Account>) -> Self {
        match account {
            Some(account) => Self {
                brackets: vec![Brackets::new(); account.base.len()],
                portfolio: Portfolio::new(name, account.clone()),
            },
            None => Self {
                portfolio: Portfolio::untracked(name),
                brackets: Vec::new(),
            },
        }
    }

    /// The portfolio.
    pub const fn portfolio(&self) -> &Portfolio {
        &self.portfolio
    }

    /// Values the position at this top of the book; whether that changed the equity.
    pub fn mark(&mut self, instrument: InstrumentId, top: &Top) -> bool {
        self.portfolio.mark(instrument, top)
    }

    /// An order is at work: what it may lead to counts from now on.
    pub fn open(&mut self, order: &Order) {
        self.portfolio.open(order);
    }

    /// What is left of a working order is not at work any more, or the part of it that was filled.
    pub fn release(&mut self, order: &Order) {
        self.portfolio.release(order);
    }

    /// A trade happened, for this fee; what it opens is protected. Returns what it closed.
    pub fn fill(
        &mut self,
        fill: &Order,
        fee: Notional,
        protection: Option<Protection<O>>,
        reason: CloseReason,
        now: Timestamp,
    ) -> Option<ClosedTrade> {
        let brackets = self.brackets.get_mut(fill.instrument.index())?;
        let closed = self.portfolio.fill_for(fill, fee, reason, now);
        let closed_units = closed.map_or(0, |closed| closed.quantity.units());
        let opened = fill.quantity.units() - closed_units;
        match (closed.is_some(), opened > 0) {
            (true, true) => brackets.clear(),
            (true, false) => brackets.trim(self.portfolio.position(fill.instrument).quantity()),
            (false, _) => {}
        }
        let protection = protection.filter(|prices| prices.stop.or(prices.target).is_some());
        if let (true, Some(protection)) = (opened > 0, protection) {
            let bracket = Bracket {
                quantity: Quantity::from_units(opened),
                stop: protection.stop,
                target: protection.target,
                origin: protection.origin,
            };
            brackets.push(bracket, fill.side == Side::Buy);
        }
        closed
    }

    /// The order that closes what has reached its stop or its target at this top of the book, one
    /// candidate's quantity a call, the oldest first. It is handed out once.
    pub fn take_reached(&mut self, instrument: InstrumentId, top: &Top) -> Option<Reached<O>> {
        let brackets = self.brackets.get_mut(instrument.index())?;
        let held = self.portfolio.position(instrument).quantity();
        let (side, price) = way_out(held, top);
        let (bracket, reason) = brackets.take_reached(held.is_positive(), price)?;
        let order = Order {
            instrument,
            side,
            quantity: bracket.quantity,
            price,
        };
        Some(Reached {
            order,
            reason,
            origin: bracket.origin,
        })
    }
}

/// Side and touch at which a position is closed.
pub(super) const fn way_out(held: Quantity, top: &Top) -> (Side, Price) {
    if held.is_positive() {
        (Side::Sell, top.bid.price)
    } else {
        (Side::Buy, top.ask.price)
    }
}
