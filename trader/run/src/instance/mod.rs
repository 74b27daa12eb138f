//! The trader's own TradingInstance: [`view`] says what one reading of it means, [`order`] which of
//! two readings is the newer one, [`follow`] keeps reading.

pub mod follow;
pub mod live_ratio;
pub mod order;
pub mod view;
