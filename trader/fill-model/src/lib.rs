//! What would have become of an order in a recorded market.
//!
//! A [`SimulatedMarket`] takes orders and the market's events in the order of receipt and says what
//! was filled, at which price and for which fee. It is deterministic, and it changes nothing in the
//! market: other participants are taken to have done what the recording says. docs/backtest.md states
//! the model and where it is kinder or harsher than a venue.

mod liquidity;
mod model;
mod order;
mod queue;
mod simulated_market;
#[cfg(test)]
mod tests;

pub use liquidity::{Taken, against, resting_at};
pub use model::{FillModel, QueueModel};
pub use order::{EndReason, Execution, NewOrder, OrderId, Report};
pub use queue::QueuePlace;
pub use simulated_market::SimulatedMarket;
