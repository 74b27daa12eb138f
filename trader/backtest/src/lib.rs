//! Backtests: a revision over recordings, decided by the engine that trades, with its orders filled by
//! a model of the venue.
//!
//! [`Backtest`] is one run; [`grid`] makes the variants of a sweep, and [`all_cores`] plays one stream
//! of events to all of them. Nothing here reads a clock, a file or a random number: the same events
//! come to the same outcome. docs/backtest.md has the model and what it leaves out.

pub mod all_cores;
pub mod grid;
pub mod orders;
mod paper_account;
mod run;

pub use paper_account::PaperAccount;
pub use run::{Backtest, Outcome, Told};
