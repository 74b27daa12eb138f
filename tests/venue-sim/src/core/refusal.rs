//! Why a request is refused: the venue's code and text.
//!
//! Codes and texts are those of the public documentation (errors.md of binance-spot-api-docs).

use std::borrow::Cow;

use thiserror::Error;

/// A refusal, as the venue words it.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{code}: {message}")]
pub struct Refusal {
    /// The venue's code, below zero.
    pub code: i32,
    /// The venue's text.
    pub message: Cow<'static, str>,
}

impl Refusal {
    /// A refusal of this code and text.
    pub const fn new(code: i32, message: &'static str) -> Self {
        Self {
            code,
            message: Cow::Borrowed(message),
        }
    }

    /// A refusal whose text names what it is about.
    pub const fn with(code: i32, message: String) -> Self {
        Self {
            code,
            message: Cow::Owned(message),
        }
    }

    /// The same text under the code of another request.
    #[must_use]
    pub fn under(self, code: i32) -> Self {
        Self { code, ..self }
    }

    /// A filter of the symbol refused the order.
    pub fn filter(name: &str) -> Self {
        Self::with(-1013, format!("Filter failure: {name}"))
    }

    /// A parameter that has to be there is missing or unreadable.
    pub fn missing(parameter: &str) -> Self {
        Self::with(
            -1102,
            format!(
                "Mandatory parameter '{parameter}' was not sent, was empty/null, or malformed."
            ),
        )
    }
}

/// No such symbol.
pub const INVALID_SYMBOL: Refusal = Refusal::new(-1121, "Invalid symbol.");
/// The symbol is halted.
pub const MARKET_CLOSED: Refusal = Refusal::new(-1013, "Market is closed.");
/// The account has too little for the order.
pub const INSUFFICIENT_BALANCE: Refusal = Refusal::new(
    -2010,
    "Account has insufficient balance for requested action.",
);
/// A maker order would take.
pub const WOULD_TAKE: Refusal = Refusal::new(-2010, "Order would immediately match and take.");
/// A conditional order's condition is met already.
pub const WOULD_TRIGGER: Refusal = Refusal::new(-2010, "Order would trigger immediately.");
/// The client's name for the order is in use.
pub const DUPLICATE_ORDER: Refusal = Refusal::new(-2010, "Duplicate order sent.");
/// A market order in the quote asset finds less than the smallest lot.
pub const TOO_LITTLE_LIQUIDITY: Refusal = Refusal::new(
    -2010,
    "Order book liquidity is less than `LOT_SIZE` filter minimum quantity.",
);
/// The order to cancel or to amend is not open.
pub const UNKNOWN_ORDER: Refusal = Refusal::new(-2011, "Unknown order sent.");
/// The order asked about was never there.
pub const NO_SUCH_ORDER: Refusal = Refusal::new(-2013, "Order does not exist.");
/// Number and name belong to different orders.
pub const NAME_IS_ANOTHERS: Refusal =
    Refusal::new(-2039, "Client order ID is not correct for this order ID.");
/// The order's status is not the one that the cancellation asked for.
pub const RESTRICTED: Refusal =
    Refusal::new(-2011, "Order was not canceled due to cancel restrictions.");
/// An amendment to more than the order has.
pub const AMEND_INCREASES: Refusal =
    Refusal::new(-2038, "Order amend (quantity increase) is not supported.");
/// An amendment to what the order has.
pub const AMEND_CHANGES_NOTHING: Refusal = Refusal::new(
    -2038,
    "The requested action would change no state; rejecting.",
);
