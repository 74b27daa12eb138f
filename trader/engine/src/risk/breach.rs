//! Breaches: limits of losses that are broken, for the tier to act upon.

use triptych_crds::TradingState;
use triptych_crds::risk_rules::OnBreach;

use crate::event::Timestamp;
use crate::measure::Measure;

/// What follows a breach beside the denial of candidates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Consequence {
    /// Positions may only get smaller.
    Reduce,
    /// The trader halts.
    Halt,
}

impl Consequence {
    /// What a rule's configuration asks for; `None` where the denial is all.
    pub const fn of(on_breach: OnBreach) -> Option<Self> {
        match on_breach {
            OnBreach::Deny => None,
            OnBreach::Reduce => Some(Self::Reduce),
            OnBreach::Halt => Some(Self::Halt),
        }
    }

    /// The trading state that it leads to from Active.
    pub const fn state(self) -> TradingState {
        match self {
            Self::Reduce => TradingState::Reducing,
            Self::Halt => TradingState::Halted,
        }
    }
}

/// A limit that was kept until now and is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Breach {
    /// Name of the rule.
    pub rule: &'static str,
    /// What the rule saw, in its unit.
    pub observed: Measure,
    /// What it allows.
    pub limit: Measure,
    /// What follows.
    pub consequence: Consequence,
    /// The engine's clock.
    pub at: Timestamp,
}

/// Tells a limit's way from kept to broken apart from its staying broken.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Edge {
    is_broken: bool,
}

impl Edge {
    /// Whether the limit was kept the last time and is broken now.
    pub(super) const fn breaks(&mut self, is_broken: bool) -> bool {
        let was_broken = std::mem::replace(&mut self.is_broken, is_broken);
        is_broken && !was_broken
    }
}
