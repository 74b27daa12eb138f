//! A portfolio that trades on paper: at the touch, at once, as a taker.
//!
//! A candidate that it takes is filled whole at its touch. Stop and target of a candidate close its
//! quantity, as far as it is still held, at the touch that crosses them: a long position's against
//! the best bid, a short one's against the best ask.

use super::holding::{Holding, Protection, way_out};
use super::{Account, CloseReason, ClosedTrade, Order, Portfolio, PortfolioName};
use crate::decimal::Quantity;
use crate::event::{InstrumentId, Timestamp};
use crate::market::Top;
use crate::proposal::Proposal;

/// A portfolio that trades on paper.
#[derive(Debug, Clone)]
pub struct Shadow(Holding<()>);

impl Shadow {
    /// A shadow portfolio without positions; without an account it takes nothing.
    pub fn new(name: PortfolioName, account: Option<&Account>) -> Self {
        Self(Holding::new(name, account))
    }

    /// The portfolio.
    pub const fn portfolio(&self) -> &Portfolio {
        self.0.portfolio()
    }

    /// Values the position at this top of the book; whether that changed the equity.
    pub fn mark(&mut self, instrument: InstrumentId, top: &Top) -> bool {
        self.0.mark(instrument, top)
    }

    /// Takes a candidate with this quantity, which is above zero. Returns what it closed.
    pub fn take(
        &mut self,
        proposal: &Proposal,
        quantity: Quantity,
        now: Timestamp,
    ) -> Option<ClosedTrade> {
        let order = Order {
            instrument: proposal.instrument,
            side: proposal.side,
            quantity,
            price: proposal.touch,
        };
        let protection = Protection {
            stop: proposal.stop,
            target: proposal.target,
            origin: (),
        };
        self.fill(&order, Some(protection), CloseReason::Signal, now)
    }

    /// Closes what has reached its stop or its target at this top of the book, one candidate's
    /// quantity a call, the oldest first; `None` where nothing has.
    pub fn close_reached(
        &mut self,
        instrument: InstrumentId,
        top: &Top,
        now: Timestamp,
    ) -> Option<ClosedTrade> {
        let reached = self.0.take_reached(instrument, top)?;
        self.fill(&reached.order, None, reached.reason, now)
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
        let held = self.portfolio().position(instrument).quantity();
        let excess = held.units().saturating_abs() - largest.units();
        if excess <= 0 {
            return None;
        }
        let (side, price) = way_out(held, top);
        let order = Order {
            instrument,
            side,
            quantity: Quantity::from_units(excess),
            price,
        };
        self.fill(&order, None, reason, now)
    }

    fn fill(
        &mut self,
        order: &Order,
        protection: Option<Protection<()>>,
        reason: CloseReason,
        now: Timestamp,
    ) -> Option<ClosedTrade> {
        let fee = self.portfolio().fee(order.price.notional(order.quantity));
        self.0.fill(order, fee, protection, reason, now)
    }
}

#[cfg(test)]
#[path = "shadow_tests.rs"]
mod tests;
