//! What an account holds, and which orders follow: one for each accepted intent, one for each stop or target that is
//! reached.
//!
//! [`Account`] is the same for W and R and for a backtest. It sends nothing: whoever sends its orders, to a venue or to
//! a model of one, tells it what is filled and what ends.
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test fails by panicking"))]

mod account;
mod order;
#[cfg(test)]
mod tests;

pub use account::{Account, Fee, Fill, Filled};
pub use order::{Order, OrderKey};
