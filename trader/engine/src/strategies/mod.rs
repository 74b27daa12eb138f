//! Strategies: what decides when a trade is worth proposing.
//!
//! A strategy sees every event of its instruments in the order of receipt, after the market took
//! it, and may answer each with one [`Signal`]. It decides when and on which side; quantity, order
//! type, stop and target come from the configuration, the price from the book, and whether the
//! trade may be made from the risk rules. docs/strategies.md has a page on each.

pub mod custom;
pub mod donchian_breakout;
pub mod exponential_moving_average;
pub mod features;
pub mod moving_average_crossover;
pub mod order_book_imbalance;
pub mod parameters;
pub mod rolling_deviation;
pub mod rolling_extreme;
pub mod sampling;
pub mod stance;
pub mod z_score_mean_reversion;

use std::fmt;

use crate::event::{Event, Side, Timestamp};
use crate::market::Market;
pub use features::Features;

/// An algorithm on one instrument.
///
/// Implementations are deterministic: their state depends on the events alone. They read no clock
/// ([`Market::market_time`] is the venue's, [`Market::now`] the receiver's), and they allocate
/// nothing in [`Strategy::on_event`] once warm.
pub trait Strategy: Send {
    /// The algorithm's name as it stands in a manifest, for example `movingAverageCrossover`.
    fn algorithm(&self) -> &'static str;

    /// Raised whenever the same events would give other signals than before: it is part of every
    /// candidate's identity.
    fn version(&self) -> u32;

    /// Takes an event that `market` has taken already.
    fn on_event(&mut self, event: &Event, market: &Market) -> Option<Signal>;
}

/// A strategy's wish to trade.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Signal {
    /// Buy or sell.
    pub side: Side,
    /// What in the market caused it.
    pub trigger: Trigger,
    /// How sure the strategy is, from 0 to 1, where its formula says so.
    pub confidence: Option<f64>,
    /// The numbers on which it decided.
    pub features: Features,
}

/// What in the market caused a signal, in terms that are the same for every receiver of the feed:
/// part of the candidate's identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trigger {
    /// A sample taken at this instant of the venue's clock.
    Sample(Timestamp),
    /// The depth diff that ends with this update id.
    Depth(u64),
    /// The book ticker with this update id.
    BookTicker(u64),
    /// The trade with this id.
    Trade(u64),
}

impl fmt::Display for Trigger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sample(at) => write!(f, "sample:{}", at.nanoseconds()),
            Self::Depth(id) => write!(f, "depth:{id}"),
            Self::BookTicker(id) => write!(f, "bookTicker:{id}"),
            Self::Trade(id) => write!(f, "trade:{id}"),
        }
    }
}
