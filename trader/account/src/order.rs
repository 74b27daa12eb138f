//! An order that an account wants.

use std::sync::Arc;

use triptych_crds::strategies::OrderType;
use triptych_engine::candidate::CandidateId;
use triptych_engine::decimal::{Price, Quantity};
use triptych_engine::event::{InstrumentId, Side};
use triptych_engine::portfolio::CloseReason;

/// Which order it is: there is never a second one of the same key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OrderKey {
    /// The candidate that it carries out, or whose stop or target it is.
    pub candidate: CandidateId,
    /// Which of the three.
    pub purpose: CloseReason,
    /// How many orders of that purpose the candidate had before. A stop has several where more of the entry was filled
    /// after it was reached.
    pub part: u8,
}

/// An order that is to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// Which one.
    pub key: OrderKey,
    /// Name of the candidate's strategy.
    pub strategy: Arc<str>,
    /// The instrument.
    pub instrument: InstrumentId,
    /// Buy or sell.
    pub side: Side,
    /// Limit or market.
    pub order_type: OrderType,
    /// The price at which it would trade now: best ask for a purchase, best bid for a sale. The limit of a limit order.
    pub touch: Price,
    /// The quantity; above zero.
    pub quantity: Quantity,
    /// Price of the stop that protects what it opens.
    pub stop: Option<Price>,
    /// Price of the target of what it opens.
    pub target: Option<Price>,
    /// Whether it only makes a position smaller.
    pub reduces: bool,
}

impl Order {
    /// The limit of a limit order; `None` for a market order.
    pub const fn limit(&self) -> Option<Price> {
        match self.order_type {
            OrderType::Limit => Some(self.touch),
            OrderType::Market => None,
        }
    }
}
