//! A trading venue as an account sees it.
//!
//! [`Venue`] is what W and R ask of one. What changes something there is sent **once** and answered with
//! [`Sent`], which tells a refusal from an answer that never came; what only asks may be asked again.
//! Nothing here decides: that is the order path's. [`TradingEndpoints`] says where an account is reached: which
//! host is live and which is demo stands in code.
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test fails by panicking"))]

mod account;
mod account_stream;
mod allowance;
mod attempt;
pub mod binance;
mod clock;
mod connect;
mod credentials;
mod endpoint;
mod endpoints;
mod hosts;
mod lock;
mod order;
mod outcome;
mod sender;
mod venue;

pub use account::{Balance, KeyPermissions};
pub use account_stream::AccountStreamSettings;
pub use clock::{ClockLimits, ClockOffset};
pub use credentials::{Credentials, CredentialsError};
pub use endpoint::Endpoint;
pub use endpoints::{EndpointUrls, EndpointsError, TradingEndpoints};
pub use hosts::AccountSide;
pub use order::{
    ClientOrderId, ClientOrderIdError, NewOrder, OrderKind, OrderReport, OrderStatus, TimeInForce,
    VenueOrderId, VenueTrade, VenueTradeId,
};
pub use outcome::{NotSent, QueryError, Refusal, Sent, Unclear};
pub use venue::{Notice, RequestTime, Venue};
