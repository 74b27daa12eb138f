//! Answers as the venue writes them, and as an account sees them.

use std::sync::Arc;

use serde::Deserialize;
use triptych_engine::decimal::{Notional, Price, Quantity};
use triptych_engine::event::{Liquidity, Side, Timestamp};

use crate::account::{Balance, KeyPermissions};
use crate::order::{OrderReport, OrderStatus, VenueOrderId, VenueTrade, VenueTradeId};

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
enum SideMessage {
    Buy,
    Sell,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum StatusMessage {
    New,
    PendingNew,
    PartiallyFilled,
    PendingCancel,
    Filled,
    Canceled,
    Rejected,
    Expired,
    ExpiredInMatch,
}

impl From<StatusMessage> for OrderStatus {
    fn from(status: StatusMessage) -> Self {
        match status {
            StatusMessage::New
            | StatusMessage::PendingNew
            | StatusMessage::PartiallyFilled
            | StatusMessage::PendingCancel => Self::Working,
            StatusMessage::Filled => Self::Filled,
            StatusMessage::Canceled => Self::Cancelled,
            StatusMessage::Rejected => Self::Rejected,
            StatusMessage::Expired | StatusMessage::ExpiredInMatch => Self::Expired,
        }
    }
}

/// An order, in the answer to a new one, to a cancellation and to a question.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct OrderMessage {
    symbol: Arc<str>,
    order_id: u64,
    client_order_id: Arc<str>,
    /// The order's name where the other is that of its cancellation.
    orig_client_order_id: Option<Arc<str>>,
    side: SideMessage,
    orig_qty: Quantity,
    executed_qty: Quantity,
    #[serde(rename = "cummulativeQuoteQty")]
    cumulative_quote_quantity: Notional,
    status: StatusMessage,
    transact_time: Option<i64>,
    update_time: Option<i64>,
}

impl From<OrderMessage> for OrderReport {
    fn from(message: OrderMessage) -> Self {
        Self {
            client_order_id: message
                .orig_client_order_id
                .unwrap_or(message.client_order_id),
            venue_order_id: VenueOrderId(message.order_id.to_string().into()),
            symbol: message.symbol,
            side: side(message.side),
            quantity: message.orig_qty,
            filled: message.executed_qty,
            filled_value: message.cumulative_quote_quantity,
            status: message.status.into(),
            updated: message
                .transact_time
                .or(message.update_time)
                .map(Timestamp::from_milliseconds),
        }
    }
}

const fn side(message: SideMessage) -> Side {
    match message {
        SideMessage::Buy => Side::Buy,
        SideMessage::Sell => Side::Sell,
    }
}

/// A fill.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TradeMessage {
    symbol: Arc<str>,
    id: u64,
    order_id: u64,
    price: Price,
    qty: Quantity,
    commission: Notional,
    commission_asset: Arc<str>,
    time: i64,
    is_buyer: bool,
    is_maker: bool,
}

impl From<TradeMessage> for VenueTrade {
    fn from(message: TradeMessage) -> Self {
        Self {
            trade_id: VenueTradeId(message.id.to_string().into()),
            venue_order_id: VenueOrderId(message.order_id.to_string().into()),
            symbol: message.symbol,
            side: if message.is_buyer {
                Side::Buy
            } else {
                Side::Sell
            },
            price: message.price,
            quantity: message.qty,
            fee: message.commission,
            fee_asset: message.commission_asset,
            liquidity: if message.is_maker {
                Liquidity::Maker
            } else {
                Liquidity::Taker
            },
            at: Timestamp::from_milliseconds(message.time),
        }
    }
}

/// An account.
#[derive(Debug, Deserialize)]
pub(super) struct AccountMessage {
    pub(super) balances: Vec<BalanceMessage>,
}

/// What an account has of an asset.
#[derive(Debug, Deserialize)]
pub(super) struct BalanceMessage {
    asset: Arc<str>,
    free: Quantity,
    locked: Quantity,
}

impl From<BalanceMessage> for Balance {
    fn from(message: BalanceMessage) -> Self {
        Self {
            asset: message.asset,
            free: message.free,
            locked: message.locked,
        }
    }
}

/// What a key may do.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PermissionsMessage {
    ip_restrict: bool,
    enable_withdrawals: bool,
    enable_spot_and_margin_trading: bool,
}

impl From<PermissionsMessage> for KeyPermissions {
    fn from(message: PermissionsMessage) -> Self {
        Self {
            withdraw: message.enable_withdrawals,
            trade: message.enable_spot_and_margin_trading,
            restricted_to_addresses: message.ip_restrict,
        }
    }
}

/// The venue's clock.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TimeMessage {
    pub(super) server_time: i64,
}
