//! The venue's requests, whichever way they come: what they need, what they cost, what they answer.

mod account;
mod answers;
mod endpoints;
mod market;
mod parameters;
mod trading;

use serde_json::Value;
use triptych_engine::event::Timestamp;

use crate::core::{AccountId, Refusal, Venue};
use crate::limits::OrderLimits;

pub(crate) use answers::{decimal, milliseconds, price_of, quote_size_of, side_name};
pub(crate) use endpoints::{Call, Endpoint, find_method, find_route, has_path, weight};
pub(crate) use market::{day_ticker, levels};
pub(crate) use parameters::Parameters;

/// A request that is not answered as asked.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ApiError {
    /// The HTTP status, which the WebSocket API gives as `status`.
    pub(crate) status: u16,
    pub(crate) refusal: Refusal,
    /// What went well and what did not, of a request with two parts.
    pub(crate) data: Option<Value>,
}

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        let status = match refusal.code {
            -2014 | -2015 => 401,
            -1003 | -1015 => 429,
            -1007 => 504,
            -1001 => 503,
            _ => 400,
        };
        Self {
            status,
            refusal,
            data: None,
        }
    }
}

/// What a request may look at and change.
pub(crate) struct Desk<'a> {
    pub(crate) venue: &'a mut Venue,
    pub(crate) orders: &'a mut OrderLimits,
    pub(crate) now: Timestamp,
}

/// Answers a request of which key and signature were checked; `account` is whose key it was.
pub(crate) fn answer(
    desk: &mut Desk<'_>,
    call: Call,
    account: Option<AccountId>,
    parameters: &Parameters,
) -> Result<Value, ApiError> {
    let Some(account) = account else {
        let value = market::answer(desk.venue, call, parameters, desk.now)?;
        parameters.all_read()?;
        return Ok(value);
    };
    match call {
        Call::PlaceOrder
        | Call::TestOrder
        | Call::CancelOrder
        | Call::CancelOpenOrders
        | Call::CancelReplace
        | Call::Amend => trading::answer(desk, call, account, parameters),
        _ => {
            let value = account::answer(desk, call, account, parameters)?;
            parameters.all_read()?;
            Ok(value)
        }
    }
}
