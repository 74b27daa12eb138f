//! The order path of W and R: intents on the disk before they are sent, each sent once, every doubt resolved by
//! asking.
//!
//! [`path`] decides what to send and what to ask, and learns from the answers; it knows no socket and no clock.
//! [`journal`] keeps what happened, [`record`] by record; [`own_orders`] is what that adds up to;
//! [`client_order_id`] gives an order the one name by which it is found again; [`finding`] is what halts.
//! [`exchange`] carries requests to a venue.
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test fails by panicking"))]

mod attempts;
pub mod client_order_id;
pub mod exchange;
pub mod finding;
pub mod journal;
pub mod own_orders;
pub mod path;
pub mod record;
