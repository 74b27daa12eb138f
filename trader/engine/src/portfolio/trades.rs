//! Closed trades, a bounded history.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::decimal::{Notional, Quantity};
use crate::event::{InstrumentId, Timestamp};

/// Closed trades that are kept; the oldest go first. As many as the largest `tradeLimit`.
pub const MAX_CLOSED_TRADES: usize = 10_000;

/// Why a position was closed, as a whole or in part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum CloseReason {
    /// A strategy proposed it.
    Signal,
    /// The protective stop was reached.
    Stop,
    /// The profit target was reached.
    Target,
}

impl CloseReason {
    /// The name in the dataset.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Signal => "Signal",
            Self::Stop => "Stop",
            Self::Target => "Target",
        }
    }
}

/// A trade that closed a position, or a part of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClosedTrade {
    /// The instrument.
    pub instrument: InstrumentId,
    /// When, by the engine's clock.
    pub closed_at: Timestamp,
    /// How much was closed.
    pub quantity: Quantity,
    /// What that was opened for, by the average-cost method.
    pub entry_value: Notional,
    /// Fees of opening and closing that quantity.
    pub fees: Notional,
    /// Profit after fees.
    pub profit: Notional,
    /// Why.
    pub reason: CloseReason,
}

impl ClosedTrade {
    /// Whether it lost money, fees counted.
    pub const fn is_loss(&self) -> bool {
        self.profit.units() < 0
    }
}

/// The newest closed trades.
#[derive(Debug, Clone)]
pub struct ClosedTrades {
    trades: VecDeque<ClosedTrade>,
    bound: usize,
}

impl ClosedTrades {
    pub(super) fn new() -> Self {
        Self {
            trades: VecDeque::with_capacity(MAX_CLOSED_TRADES),
            bound: MAX_CLOSED_TRADES,
        }
    }

    /// A history that keeps nothing.
    pub(super) const fn none() -> Self {
        Self {
            trades: VecDeque::new(),
            bound: 0,
        }
    }

    pub(super) fn push(&mut self, trade: ClosedTrade) {
        if self.bound == 0 {
            return;
        }
        if self.trades.len() == self.bound {
            self.trades.pop_front();
        }
        self.trades.push_back(trade);
    }

    /// Those that were closed at most so many nanoseconds before `now`, the newest first.
    pub fn within(
        &self,
        nanoseconds: i64,
        now: Timestamp,
    ) -> impl Iterator<Item = &ClosedTrade> + '_ {
        self.trades
            .iter()
            .rev()
            .take_while(move |trade| now.nanoseconds_since(trade.closed_at) <= nanoseconds)
    }

    /// All that are kept, the newest first.
    pub fn newest_first(&self) -> impl Iterator<Item = &ClosedTrade> + '_ {
        self.trades.iter().rev()
    }
}
