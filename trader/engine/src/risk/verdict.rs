//! What a rule says of a proposal.

use std::fmt;

use crate::decimal::Quantity;
use crate::measure::Measure;
use crate::portfolio::PortfolioName;
use crate::risk::RuleDescription;

/// Why a proposal was denied: a constant word such as `SPREAD_TOO_WIDE`, documented with its rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DenyCode(pub &'static str);

/// A rule's decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The trade may be made as proposed.
    Pass,
    /// The trade may be made with this smaller quantity.
    Resize(Quantity),
    /// The trade may not be made.
    Deny(DenyCode),
}

/// A rule's decision with the numbers that it rests on.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Verdict {
    /// Name of the rule, as in a manifest.
    pub rule: &'static str,
    /// Version of the rule: raised whenever the same input would give another verdict.
    pub version: u32,
    /// The decision.
    pub outcome: Outcome,
    /// What the rule saw, in the unit that its page names; `None` where there was nothing to see.
    pub observed: Option<Measure>,
    /// What it allows, in the same unit: the limit that decided.
    pub limit: Option<Measure>,
    /// The portfolio that the decision depends on, where it depends on one.
    pub portfolio: Option<PortfolioName>,
}

impl fmt::Debug for Verdict {
    /// Says nothing of a portfolio where none counts: digests of such decisions stay what they were.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = f.debug_struct("Verdict");
        text.field("rule", &self.rule)
            .field("version", &self.version)
            .field("outcome", &self.outcome)
            .field("observed", &self.observed)
            .field("limit", &self.limit);
        if let Some(portfolio) = &self.portfolio {
            text.field("portfolio", portfolio);
        }
        text.finish()
    }
}

impl Verdict {
    /// A verdict of the described rule.
    pub fn of(
        rule: &RuleDescription,
        outcome: Outcome,
        observed: Option<Measure>,
        limit: Option<Measure>,
    ) -> Self {
        Self {
            rule: rule.name,
            version: rule.version,
            outcome,
            observed,
            limit,
            portfolio: None,
        }
    }

    /// Whether the trade may be made, as proposed or smaller.
    pub const fn passes(&self) -> bool {
        !matches!(self.outcome, Outcome::Deny(_))
    }

    /// The smaller quantity with which the trade may be made.
    pub const fn resized_quantity(&self) -> Option<Quantity> {
        match self.outcome {
            Outcome::Resize(quantity) => Some(quantity),
            Outcome::Pass | Outcome::Deny(_) => None,
        }
    }

    /// Why the trade may not be made.
    pub const fn deny_code(&self) -> Option<DenyCode> {
        match self.outcome {
            Outcome::Deny(code) => Some(code),
            Outcome::Pass | Outcome::Resize(_) => None,
        }
    }
}
