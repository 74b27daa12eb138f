//! The trader's own TradingInstance: [`view`] says what one reading of it means, [`follow`] keeps
//! reading it.

pub mod follow;
pub mod view;
