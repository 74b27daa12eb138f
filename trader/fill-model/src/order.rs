//! Orders and what becomes of them.

use triptych_crds::strategies::OrderType;
use triptych_engine::decimal::{Notional, Price, Quantity};
use triptych_engine::event::{Liquidity, Side, Timestamp};

/// The number of an order, given by whoever submits it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OrderId(pub u64);

/// An order that is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NewOrder {
    /// Its number.
    pub id: OrderId,
    /// Buy or sell.
    pub side: Side,
    /// Limit or market.
    pub order_type: OrderType,
    /// The worst price of a limit order; without meaning for a market order.
    pub limit: Price,
    /// The quantity; above zero.
    pub quantity: Quantity,
    /// When it was decided on.
    pub sent: Timestamp,
}

/// A fill, whole or in part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Execution {
    /// The order.
    pub order: OrderId,
    /// Its side.
    pub side: Side,
    /// The price of the fill.
    pub price: Price,
    /// The quantity of the fill; above zero.
    pub quantity: Quantity,
    /// What is left of the order after it.
    pub left: Quantity,
    /// Whether it waited or took.
    pub liquidity: Liquidity,
    /// The fee, in the quote asset.
    pub fee: Notional,
    /// When, by the receiver's clock.
    pub at: Timestamp,
}

/// Why an order ended before it was filled whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EndReason {
    /// A market order found no more in the visible book.
    BookExhausted,
    /// Its time to rest was over.
    Expired,
    /// The recording ended.
    EndOfRecording,
}

impl EndReason {
    /// The name in the dataset.
    pub const fn name(self) -> &'static str {
        match self {
            Self::BookExhausted => "BookExhausted",
            Self::Expired => "Expired",
            Self::EndOfRecording => "EndOfRecording",
        }
    }
}

/// What became of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Report {
    /// It was filled, whole or in part.
    Filled(Execution),
    /// What was left of it is at work no more.
    Ended {
        /// The order.
        order: OrderId,
        /// Its side.
        side: Side,
        /// What was not filled.
        left: Quantity,
        /// Why.
        reason: EndReason,
        /// When.
        at: Timestamp,
    },
}
