//! What a strategy's own signals add up to.

use crate::event::Side;

/// Where a strategy with exits stands after its own signals, each counted as filled at once.
///
/// It depends on the market alone and never on what rules, ratio or venue made of a signal: so the
/// strategy signals the same in every tier, and its candidates join. What is really held is for the
/// portfolio and its rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Stance {
    /// No trade is open: entries are looked for.
    #[default]
    Flat,
    /// Bought and not sold yet: the exit is looked for.
    Long,
    /// Sold and not bought back yet: likewise.
    Short,
}

impl Stance {
    /// The stance after a signal. A signal against the stance ends it; it does not turn it round.
    #[must_use]
    pub const fn after(self, side: Side) -> Self {
        match (self, side) {
            (Self::Flat | Self::Long, Side::Buy) => Self::Long,
            (Self::Flat | Self::Short, Side::Sell) => Self::Short,
            (Self::Short, Side::Buy) | (Self::Long, Side::Sell) => Self::Flat,
        }
    }

    /// The stance as a feature: 1 long, -1 short, 0 flat. At a signal 0 means an entry.
    pub const fn feature(self) -> f64 {
        match self {
            Self::Flat => 0.0,
            Self::Long => 1.0,
            Self::Short => -1.0,
        }
    }
}
