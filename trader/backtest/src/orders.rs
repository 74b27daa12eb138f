//! What a backtest says of its orders.

use serde::Serialize;
use triptych_account::Order;
use triptych_engine::decimal::Quantity;
use triptych_engine::event::Timestamp;
use triptych_engine::portfolio::ClosedTrade;
use triptych_fill_model::{EndReason, Execution, OrderId};

/// Something that happened to an order.
#[derive(Debug, Clone)]
pub struct OrderEvent<'a> {
    /// Its number in the run, from 1.
    pub id: OrderId,
    /// The order.
    pub order: &'a Order,
    /// When, by the receiver's clock.
    pub at: Timestamp,
    /// What was filled of it so far.
    pub filled: Quantity,
    /// What happened.
    pub happened: Happened,
}

/// What happened to an order.
#[derive(Debug, Clone)]
pub enum Happened {
    /// It was sent.
    Sent,
    /// It was filled, whole or in part.
    Filled {
        /// The fill.
        execution: Execution,
        /// What it closed of the position.
        closed: Option<ClosedTrade>,
    },
    /// What was left of it is at work no more.
    Ended(EndReason),
}

/// What was counted of orders.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OrderCounts {
    /// Orders sent.
    pub sent: u64,
    /// Orders that were filled whole.
    pub filled: u64,
    /// Fills, whole or in part.
    pub fills: u64,
    /// Of these, those that waited in the book.
    pub maker_fills: u64,
    /// Orders whose rest was cancelled because its time was over.
    pub expired: u64,
    /// Market orders that found no more in the visible book.
    pub book_exhausted: u64,
    /// Orders that were at work when the recording ended.
    pub at_the_end: u64,
}

impl OrderCounts {
    /// An order ended before it was filled whole.
    pub(crate) const fn count_end(&mut self, reason: EndReason) {
        match reason {
            EndReason::Expired => self.expired += 1,
            EndReason::BookExhausted => self.book_exhausted += 1,
            EndReason::EndOfRecording => self.at_the_end += 1,
        }
    }
}
