//! Risk rules: whether a proposed trade may be made.
//!
//! Every rule of the revision judges every proposal; none stops another from being asked. Rules
//! compare exact decimals, never floating-point numbers. One file a rule; docs/risk-rules.md is
//! generated from their descriptions.

pub mod balance;
pub mod breach;
pub mod cooldown_period;
pub mod daily_loss;
pub mod description;
pub mod duplicate_intent;
pub mod gross_exposure;
pub mod loss_streak;
pub mod low_profit_instruments;
pub mod max_drawdown;
pub mod max_spread;
pub mod modify_rate;
pub mod net_exposure;
pub mod notional_limits;
pub mod order_rate;
mod pause;
pub mod precision;
pub mod price_collar;
pub mod quantity_limits;
mod rate;
pub mod reduce_only;
pub mod rolling_drawdown;
pub mod stale_data;
pub mod stoploss_guard;
pub mod verdict;

use crate::decimal::{Notional, Ratio};
use crate::event::Timestamp;
use crate::market::{Market, Top};
use crate::portfolio::{ClosedTrade, Exposure, Order, Portfolio};
use crate::proposal::Proposal;
pub use breach::{Breach, Consequence};
pub use description::RuleDescription;
pub use verdict::{DenyCode, Outcome, Verdict};

/// What is to be done with an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Send a new one: what strategies propose.
    Submit,
    /// Change a resting one to what the proposal says.
    Modify,
    /// Take one back. Always passes.
    Cancel,
}

/// What a rule may look at.
#[derive(Debug, Clone, Copy)]
pub struct RiskContext<'a> {
    /// What is to be done.
    pub action: Action,
    /// The proposed trade.
    pub proposal: &'a Proposal,
    /// The market of its instrument.
    pub market: &'a Market,
    /// Best bid and ask on which the proposal was made.
    pub top: Top,
    /// The engine's clock.
    pub now: Timestamp,
    /// The portfolio that the trade is judged by.
    pub portfolio: &'a Portfolio,
    /// What every limit of exposure is multiplied with, from 0 to 1: 1 for every verdict, the live
    /// ratio where W looks at what it would hold.
    pub exposure_scale: Ratio,
}

impl RiskContext<'_> {
    /// Whether the trade only makes the position smaller.
    pub fn is_reduction(&self) -> bool {
        let Proposal {
            instrument,
            side,
            quantity,
            ..
        } = *self.proposal;
        self.portfolio.reduces(instrument, side, quantity)
    }

    /// The trade as an order at its touch.
    pub const fn order(&self) -> Order {
        Order {
            instrument: self.proposal.instrument,
            side: self.proposal.side,
            quantity: self.proposal.quantity,
            price: self.proposal.touch,
        }
    }

    /// What is at risk with the trade at work.
    pub fn exposure(&self) -> Exposure {
        self.portfolio.exposure_with(&self.order(), &self.top)
    }

    /// A limit of exposure as it holds here, rounded down.
    pub fn scaled(&self, limit: Notional) -> Notional {
        limit.scaled_by(self.exposure_scale)
    }
}

/// A rule that judges proposed trades.
///
/// [`RiskRule::evaluate`] changes nothing, so that a proposal can be judged again with another
/// quantity; what a rule remembers, it learns from the other functions. A rule that looks at a
/// portfolio is built once for each, and learns only of that one.
pub trait RiskRule: Send {
    /// What the rule does, for the documentation, and its name and version for the verdicts.
    fn description(&self) -> &'static RuleDescription;

    /// Judges a proposal. Whether it is a reduction is none of the rule's concern: [`assess`] looks
    /// at that.
    fn evaluate(&self, context: &RiskContext<'_>) -> Verdict;

    /// Whether the rule also judges, after the live ratio, what W would send: an order's form, and what
    /// it holds or can pay for.
    fn holds_what_is_taken(&self) -> bool {
        false
    }

    /// Learns that a proposal was made, whatever the verdicts on it. Called once per proposal,
    /// after every rule judged it.
    fn record(&mut self, proposal: &Proposal, now: Timestamp) {
        let _ = (proposal, now);
    }

    /// Learns that an order of the portfolio was sent or changed.
    fn taken(&mut self, action: Action, now: Timestamp) {
        let _ = (action, now);
    }

    /// Learns that a trade closed a position of the portfolio, or a part of one; the trade is in the
    /// portfolio's history already.
    fn closed(&mut self, trade: &ClosedTrade, portfolio: &Portfolio) {
        let _ = (trade, portfolio);
    }

    /// Whether the rule wants to [follow](Self::follow) the portfolio.
    fn follows_equity(&self) -> bool {
        false
    }

    /// Learns that the portfolio is worth something else than before, at the latest after the event
    /// that changed it. Returns the breach where a limit breaks that was kept until now.
    fn follow(&mut self, portfolio: &Portfolio, now: Timestamp) -> Option<Breach> {
        let _ = (portfolio, now);
        None
    }
}

/// A rule's verdict on what is to be done with an order: cancels always pass, reductions too unless
/// the venue would refuse them.
pub fn assess(rule: &dyn RiskRule, context: &RiskContext<'_>) -> Verdict {
    let description = rule.description();
    if context.action == Action::Cancel {
        return Verdict::of(description, Outcome::Pass, None, None);
    }
    let mut verdict = rule.evaluate(context);
    if description.looks_at_portfolio {
        verdict.portfolio = Some(context.portfolio.name());
    }
    let is_waived = verdict
        .deny_code()
        .is_some_and(|code| !description.binds_reductions.contains(&code));
    if is_waived && context.is_reduction() {
        verdict.outcome = Outcome::Pass;
        verdict.portfolio = Some(context.portfolio.name());
    }
    verdict
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
    &balance::DESCRIPTION,
    &reduce_only::DESCRIPTION,
    &order_rate::DESCRIPTION,
    &modify_rate::DESCRIPTION,
    &daily_loss::DESCRIPTION,
    &rolling_drawdown::DESCRIPTION,
    &loss_streak::DESCRIPTION,
    &stoploss_guard::DESCRIPTION,
    &max_drawdown::DESCRIPTION,
    &cooldown_period::DESCRIPTION,
    &low_profit_instruments::DESCRIPTION,
    &gross_exposure::DESCRIPTION,
    &net_exposure::DESCRIPTION,
];
