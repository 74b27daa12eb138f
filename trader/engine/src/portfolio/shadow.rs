//! A portfolio that trades on paper: at the touch, at once, as a taker.
//!
//! A candidate that it takes is filled whole at its touch. Stop and target of a candidate close its
//! quantity, as far as it is still held, at the touch that crosses them: a long position's against
//! the best bid, a short one's against the best ask.

use super::brackets::{Bracket, Brackets};
use super::{Account, CloseReason, ClosedTrade, Order, Portfolio, PortfolioName};
use crate::decimal::{Price, Quantity};
use crate::event::{InstrumentId, Side, Timestamp};
use crate::market::Top;
use crate::proposal::Proposal;

/// A portfolio that trades on paper.
#[derive(Debug, Clone)]
pub struct Shadow {
    portfolio: Portfolio,
    /// By instrument.
    brackets: Vec<Brackets>,
}

impl Shadow {
    /// A shadow portfolio without positions; without an account it takes nothing.
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

    /// Takes a candidate with this quantity, which is above zero. Returns what it closed.
    pub fn take(
        &mut self,
        proposal: &Proposal,
        quantity: Quantity,
        now: Timestamp,
    ) -> Option<ClosedTrade> {
        let brackets = self.brackets.get_mut(proposal.instrument.index())?;
        let fill = Order {
            instrument: proposal.instrument,
            side: proposal.side,
            quantity,
            price: proposal.touch,
        };
        let closed = self.portfolio.fill(&fill, CloseReason::Signal, now);
        let closed_units = closed.map_or(0, |closed| closed.quantity.units());
        let opened = quantity.units() - closed_units;
        match (closed.is_some(), opened > 0) {
            (true, true) => brackets.clear(),
            (true, false) => brackets.trim(self.portfolio.position(proposal.instrument).quantity()),
            (false, _) => {}
        }
        if opened > 0 && (proposal.stop.is_some() || proposal.target.is_some()) {
            let bracket = Bracket {
                quantity: Quantity::from_units(opened),
                stop: proposal.stop,
                target: proposal.target,
            };
            brackets.push(bracket, proposal.side == Side::Buy);
        }
        closed
    }

    /// Closes what has reached its stop or its target at this top of the book, one candidate's
    /// quantity a call, the oldest first; `None` where nothing has.
    pub fn close_reached(
        &mut self,
        instrument: InstrumentId,
        top: &Top,
        now: Timestamp,
    ) -> Option<ClosedTrade> {
        let brackets = self.brackets.get_mut(instrument.index())?;
        let held = self.portfolio.position(instrument).quantity();
        let (side, price) = way_out(held, top);
        let (quantity, reason) = brackets.take_reached(held.is_positive(), price)?;
        let fill = Order {
            instrument,
            side,
            quantity,
            price,
        };
        self.portfolio.fill(&fill, reason, now)
    }

    /// Makes a position that is larger than this, long or short, as large as this, at this top of the
    /// book.
    pub fn reduce_to(
        &mut self,
        instrument: InstrumentId,
        largest: Quantity,
        top: &Top,
        reason: CloseReason,
        now: Timestamp,
    ) -> Option<ClosedTrade> {
        let held = self.portfolio.position(instrument).quantity();
        let excess = held.units().saturating_abs() - largest.units();
        if excess <= 0 {
            return None;
        }
        let (side, price) = way_out(held, top);
        let fill = Order {
            instrument,
            side,
            quantity: Quantity::from_units(excess),
            price,
        };
        let closed = self.portfolio.fill(&fill, reason, now);
        let left = self.portfolio.position(instrument).quantity();
        self.brackets.get_mut(instrument.index())?.trim(left);
        closed
    }
}

/// Side and touch at which a position is closed.
fn way_out(held: Quantity, top: &Top) -> (Side, Price) {
    if held.is_positive() {
        (Side::Sell, top.bid.price)
    } else {
        (Side::Buy, top.ask.price)
    }
}

#[cfg(test)]
#[path = "shadow_tests.rs"]
mod tests;
