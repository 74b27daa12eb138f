//! What the venue tells: to accounts, and to everybody.

use triptych_engine::decimal::{Price, Quantity};
use triptych_engine::event::{Side, Timestamp};

use super::ledger::{AccountId, Amount, AssetId};
use super::order::{Order, OrderId, SymbolId};

/// One fill of one order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fill {
    /// The number of the trade, as everybody sees it.
    pub trade_id: u64,
    /// The order.
    pub order: OrderId,
    /// Whose order it is.
    pub account: AccountId,
    /// Its side.
    pub side: Side,
    /// The price.
    pub price: Price,
    /// The quantity of the base asset.
    pub quantity: Quantity,
    /// The value in the quote asset.
    pub value: Amount,
    /// What the venue kept.
    pub commission: Amount,
    /// Of which asset.
    pub commission_asset: AssetId,
    /// Whether the order waited in the book.
    pub is_maker: bool,
    /// When.
    pub at: Timestamp,
}

/// A trade that was not made, because both orders belong to one account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Prevention {
    /// The number of the meeting.
    pub id: u64,
    /// The other order.
    pub counter_order: OrderId,
    /// The quantity of this order that ended by it.
    pub quantity: Quantity,
    /// The price at which they met.
    pub price: Price,
}

/// What happened to an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Execution {
    /// It was accepted, or went to work at its trigger.
    New,
    /// It traded.
    Trade(Fill),
    /// A client cancelled it, under this name of the cancellation.
    Canceled(String),
    /// A client amended it; the name that it had before.
    Replaced(String),
    /// It ended by its rules or the venue's.
    Expired,
    /// It met an order of its own account.
    Prevented(Prevention),
}

/// What happened to an order, with the order as it is since.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderReport {
    /// Counts every report.
    pub execution_id: u64,
    /// The order after it.
    pub order: Order,
    /// What happened.
    pub execution: Execution,
    /// When.
    pub at: Timestamp,
}

/// A trade as everybody sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PublicTrade {
    /// Its number.
    pub id: u64,
    /// Trades of one taking order share a number.
    pub taker: u64,
    /// The price.
    pub price: Price,
    /// The quantity of the base asset.
    pub quantity: Quantity,
    /// The side that took.
    pub aggressor: Side,
    /// When.
    pub at: Timestamp,
}

/// Something to tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VenueEvent {
    /// To the order's account.
    Order(Box<OrderReport>),
    /// To an account: balances of these assets may have changed.
    Balances {
        /// Whose.
        account: AccountId,
        /// Of which assets.
        assets: Vec<AssetId>,
        /// When.
        at: Timestamp,
    },
    /// To an account: an amount came or went from outside.
    Deposit {
        /// Whose.
        account: AccountId,
        /// Of which asset.
        asset: AssetId,
        /// In units of 10⁻⁸; below zero where it went.
        change: i64,
        /// When.
        at: Timestamp,
    },
    /// To everybody.
    Trade {
        /// Of which symbol.
        symbol: SymbolId,
        /// The trade.
        trade: PublicTrade,
    },
}
