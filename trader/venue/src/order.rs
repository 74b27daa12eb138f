//! Orders, and what a venue reports of them.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use thiserror::Error;
use triptych_engine::decimal::{Notional, Price, Quantity};
use triptych_engine::event::{Liquidity, Side, Timestamp};

/// The name that we give an order: 1 to 36 letters, digits, `-` and `_`, which both Binance and Bybit take.
///
/// It says the same order wherever it appears: in the journal, in a question and in an event.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ClientOrderId(Arc<str>);

/// A text that is no client order id.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("client order id {0:?}: expected 1 to 36 letters, digits, '-' or '_'")]
pub struct ClientOrderIdError(pub String);

impl ClientOrderId {
    /// Most characters of one.
    pub const MAX_LENGTH: usize = 36;

    /// The id of that text.
    pub fn new(text: &str) -> Result<Self, ClientOrderIdError> {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        if (1..=Self::MAX_LENGTH).contains(&text.len()) && text.bytes().all(is_plain) {
            Ok(Self(text.into()))
        } else {
            Err(ClientOrderIdError(text.to_owned()))
        }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for ClientOrderId {
    type Error = ClientOrderIdError;

    fn try_from(text: String) -> Result<Self, ClientOrderIdError> {
        Self::new(&text)
    }
}

impl From<ClientOrderId> for String {
    fn from(id: ClientOrderId) -> Self {
        id.0.as_ref().to_owned()
    }
}

impl fmt::Display for ClientOrderId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The name that the venue gave an order.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct VenueOrderId(pub Arc<str>);

/// The name that the venue gave a fill.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct VenueTradeId(pub Arc<str>);

/// An order as it is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewOrder {
    /// Our name for it.
    pub client_order_id: ClientOrderId,
    /// Symbol of the instrument, as the venue writes it.
    pub symbol: Arc<str>,
    /// Buy or sell.
    pub side: Side,
    /// How it trades.
    pub kind: OrderKind,
    /// How much of the base asset.
    pub quantity: Quantity,
}

/// How an order trades.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all_fields = "camelCase")]
pub enum OrderKind {
    /// At once, at whatever price.
    Market,
    /// At this price or a better one.
    Limit {
        /// The worst price, in the quote asset.
        price: Price,
        /// How long it waits.
        time_in_force: TimeInForce,
    },
    /// Sleeps at the venue until the price moves against the position to the trigger, then a market order.
    StopLoss {
        /// The price that wakes it, in the quote asset.
        trigger: Price,
    },
    /// Sleeps at the venue until the price moves in favour of the position to the trigger, then a market order.
    TakeProfit {
        /// The price that wakes it, in the quote asset.
        trigger: Price,
    },
}

/// How long a limit order waits (FIX tag 59).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum TimeInForce {
    /// Until it is filled or cancelled.
    GoodTillCancel,
    /// Not at all: what cannot be filled at once ends.
    ImmediateOrCancel,
    /// Whole at once, or not at all.
    FillOrKill,
}

/// Where an order stands at the venue (FIX tag 39).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum OrderStatus {
    /// It waits, perhaps filled in part.
    Working,
    /// It was filled whole.
    Filled,
    /// It was cancelled, perhaps filled in part.
    Cancelled,
    /// The venue refused it after it had a name.
    Rejected,
    /// The venue ended it, perhaps filled in part: an immediate order, self-trade prevention, a wipe.
    Expired,
}

impl OrderStatus {
    /// Whether nothing more can happen to it.
    pub const fn has_ended(self) -> bool {
        !matches!(self, Self::Working)
    }
}

/// What the venue says of an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderReport {
    /// The name that its sender gave it; text, because it may be somebody else's order.
    pub client_order_id: Arc<str>,
    /// The venue's name for it.
    pub venue_order_id: VenueOrderId,
    /// Symbol of the instrument.
    pub symbol: Arc<str>,
    /// Buy or sell.
    pub side: Side,
    /// Ordered quantity.
    pub quantity: Quantity,
    /// What was filled of it so far.
    pub filled: Quantity,
    /// What that cost or brought, in the quote asset.
    pub filled_value: Notional,
    /// Where it stands.
    pub status: OrderStatus,
    /// When that last changed, by the venue's clock, where it says so.
    pub updated: Option<Timestamp>,
}

/// A fill of an order, as the venue books it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct VenueTrade {
    /// The venue's name for it, unique within its symbol.
    pub trade_id: VenueTradeId,
    /// The order.
    pub venue_order_id: VenueOrderId,
    /// Symbol of the instrument.
    pub symbol: Arc<str>,
    /// Buy or sell.
    pub side: Side,
    /// Its price, in the quote asset.
    pub price: Price,
    /// Its quantity, in the base asset.
    pub quantity: Quantity,
    /// Its fee, in units of `fee_asset`; above zero where it was paid.
    pub fee: Notional,
    /// The asset that the fee was paid in.
    pub fee_asset: Arc<str>,
    /// Whether our order waited in the book or took from it.
    pub liquidity: Liquidity,
    /// When, by the venue's clock.
    pub at: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_order_id_is_what_every_venue_takes() {
        for good in ["a", "A-b_9", &"x".repeat(36)] {
            assert_eq!(ClientOrderId::new(good).unwrap().as_str(), good);
        }
        for bad in ["", "a b", "a/b", "a.b", "ä", &"x".repeat(37)] {
            let error = ClientOrderId::new(bad).unwrap_err().to_string();
            assert!(error.contains("1 to 36"), "{error}");
        }
    }
}
