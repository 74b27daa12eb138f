//! What a portfolio was when a trade was judged by it.

use super::Portfolio;
use crate::decimal::{Notional, Price, Quantity};
use crate::event::InstrumentId;

/// A portfolio at a decision, before the trade; position and base asset are those of the trade's
/// instrument, everything else is of the whole portfolio.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PortfolioSnapshot {
    /// Quantity held: below zero for a short position.
    pub position: Quantity,
    /// Average entry price; `None` where nothing is held.
    pub average_price: Option<Price>,
    /// Base asset.
    pub base_balance: Quantity,
    /// Quote asset.
    pub quote_balance: Notional,
    /// Profit of what was closed, before fees.
    pub realised_profit: Notional,
    /// Profit of what is open, at the middle of best bid and ask.
    pub unrealised_profit: Notional,
    /// Fees paid.
    pub fees: Notional,
    /// Quote balance at the start and all profit, minus fees.
    pub equity: Notional,
    /// Sizes of all positions and working orders added.
    pub gross_exposure: Notional,
    /// Longs minus shorts; of the two worst cases of working orders the larger one.
    pub net_exposure: Notional,
}

impl Portfolio {
    /// The portfolio as it is now, seen from one instrument.
    pub fn snapshot(&self, instrument: InstrumentId) -> PortfolioSnapshot {
        let position = self.position(instrument);
        let (high, low) = (self.exposure.net_high, self.exposure.net_low);
        let is_long = high.units().saturating_abs() >= low.units().saturating_abs();
        PortfolioSnapshot {
            position: position.quantity(),
            average_price: position.average_price(),
            base_balance: self.base_balance(instrument),
            quote_balance: self.quote,
            realised_profit: self.realised,
            unrealised_profit: self.unrealised,
            fees: self.fees,
            equity: self.equity(),
            gross_exposure: self.exposure.gross,
            net_exposure: if is_long { high } else { low },
        }
    }
}
