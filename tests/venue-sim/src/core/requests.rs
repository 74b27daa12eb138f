//! What accounts ask of their orders, and what they get.

use triptych_engine::decimal::Quantity;
use triptych_engine::event::Timestamp;

use super::event::Fill;
use super::order::{Order, OrderId, SymbolId};

/// Which order a request means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OrderKey {
    /// The venue's number.
    Id(OrderId),
    /// The client's name.
    Name(String),
    /// The number, whose order must have this name.
    Both(OrderId, String),
}

/// Which status an order must have to be cancelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CancelRestriction {
    /// Nothing of it has traded.
    OnlyNew,
    /// Something of it has.
    OnlyPartiallyFilled,
}

/// A cancellation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cancel {
    /// The symbol.
    pub symbol: SymbolId,
    /// The order.
    pub key: OrderKey,
    /// The client's name for the cancellation.
    pub name: Option<String>,
    /// What the order must be like.
    pub restriction: Option<CancelRestriction>,
}

/// An order's answer: the order as it is after it, and what it took at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placed {
    /// The order.
    pub order: Order,
    /// Its fills.
    pub fills: Vec<Fill>,
}

/// A cancellation's answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Canceled {
    /// The order.
    pub order: Order,
    /// The name of the cancellation.
    pub name: String,
}

/// An amendment's answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Amended {
    /// The order.
    pub order: Order,
    /// The name that it had before.
    pub previous_name: String,
    /// The number of its report.
    pub execution_id: u64,
}

/// A change to an order's quantity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Amendment {
    /// The symbol.
    pub symbol: SymbolId,
    /// The order.
    pub key: OrderKey,
    /// Its whole quantity from now on.
    pub quantity: Quantity,
    /// Its name from now on; the venue gives one where it is missing.
    pub name: Option<String>,
}

/// A kept record of an amendment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AmendmentRecord {
    /// The symbol.
    pub symbol: SymbolId,
    /// The order.
    pub order: OrderId,
    /// The number of its report.
    pub execution_id: u64,
    /// Name before.
    pub previous_name: String,
    /// Name after.
    pub name: String,
    /// Quantity before.
    pub previous_quantity: Quantity,
    /// Quantity after.
    pub quantity: Quantity,
    /// When.
    pub at: Timestamp,
}
