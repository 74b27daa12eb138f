//! Risk rules: whether a proposed trade may be made.
//!
//! Every rule of the revision judges every proposal; none stops another from being asked. Rules
//! compare exact decimals, never floating-point numbers. One file a rule; docs/risk-rules.md is
//! generated from their descriptions.

pub mod description;
pub mod duplicate_intent;
pub mod max_spread;
pub mod notional_limits;
pub mod precision;
pub mod price_collar;
pub mod quantity_limits;
pub mod stale_data;
pub mod verdict;

use crate::event::Timestamp;
use crate::market::{Market, Top};
use crate::proposal::Proposal;
pub use description::RuleDescription;
pub use verdict::{DenyCode, Outcome, Verdict};

/// What a rule may look at.
#[derive(Debug, Clone, Copy)]
pub struct RiskContext<'a> {
    /// The proposed trade.
    pub proposal: &'a Proposal,
    /// The market of its instrument.
    pub market: &'a Market,
    /// Best bid and ask on which the proposal was made.
    pub top: Top,
    /// The engine's clock.
    pub now: Timestamp,
}

/// A rule that judges proposed trades.
///
/// [`RiskRule::evaluate`] changes nothing, so that a proposal can be judged again with another
/// quantity; what a rule remembers, it learns in [`RiskRule::record`].
pub trait RiskRule: Send {
    /// What the rule does, for the documentation, and its name and version for the verdicts.
    fn description(&self) -> &'static RuleDescription;

    /// Judges a proposal.
    fn evaluate(&self, context: &RiskContext<'_>) -> Verdict;

    /// Learns that a proposal was made, whatever the verdicts on it. Called once per proposal,
    /// after every rule judged it.
    fn record(&mut self, proposal: &Proposal, now: Timestamp) {
        let _ = (proposal, now);
    }
}

/// The descriptions of every rule that this build implements, in the order of the documentation.
pub const DESCRIPTIONS: &[&RuleDescription] = &[
    &precision::DESCRIPTION,
    &quantity_limits::DESCRIPTION,
    &notional_limits::DESCRIPTION,
    &price_collar::DESCRIPTION,
    &max_spread::DESCRIPTION,
    &stale_data::DESCRIPTION,
    &duplicate_intent::DESCRIPTION,
];
