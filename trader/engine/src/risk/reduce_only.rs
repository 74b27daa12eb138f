//! A position only gets smaller.

use super::{DenyCode, Outcome, RiskContext, RiskRule, RuleDescription, Verdict};

const NOT_A_REDUCTION: DenyCode = DenyCode("NOT_A_REDUCTION");

/// What the rule says of itself.
pub const DESCRIPTION: RuleDescription = RuleDescription {
    name: "reduceOnly",
    version: 1,
    purpose: "New risk, while a strategy is wound down.",
    looks_at: "The position in the trade's instrument and the working orders on the trade's side.",
    unit: "Base asset: the position, below zero where it is short. There is no limit to show.",
    formula: "The trade goes against the position, and with every working order of its side filled before it the position does not cross zero.",
    parameters: &[],
    deny_codes: &[(
        NOT_A_REDUCTION,
        "the trade opens a position, makes one larger or turns it.",
    )],
    looks_at_portfolio: true,
    binds_reductions: &[],
    in_the_dataset: "The stated portfolio starts without a position, so that with this rule `Enforced` never has one; against `AllTaken` the verdict says which candidates would have reduced.",
    source: "The reduce-only check of NautilusTrader's risk engine.",
};

/// A position only gets smaller.
#[derive(Debug, Clone, Copy)]
pub struct ReduceOnly;

impl RiskRule for ReduceOnly {
    fn description(&self) -> &'static RuleDescription {
        &DESCRIPTION
    }

    fn evaluate(&self, context: &RiskContext<'_>) -> Verdict {
        let position = context.portfolio.position(context.proposal.instrument);
        let outcome = if context.is_reduction() {
            Outcome::Pass
        } else {
            Outcome::Deny(NOT_A_REDUCTION)
        };
        Verdict::of(
            &DESCRIPTION,
            outcome,
            Some(position.quantity().into()),
            None,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Side;
    use crate::risk::Action;
    use crate::test_support::{RiskCase, denied, order};

    #[test]
    fn only_what_makes_the_position_smaller_passes() {
        for (case, passes) in [
            (RiskCase::buy("101", "1"), false),
            (RiskCase::sell("99", "1"), false),
            (RiskCase::sell("99", "2").after(Side::Buy, "2", "100"), true),
            (
                RiskCase::sell("99", "2.00000001").after(Side::Buy, "2", "100"),
                false,
            ),
            (
                RiskCase::buy("101", "1").after(Side::Buy, "2", "100"),
                false,
            ),
            (
                RiskCase::buy("101", "2").after(Side::Sell, "2", "100"),
                true,
            ),
        ] {
            let verdict = case.evaluate(&ReduceOnly);
            assert_eq!(verdict.passes(), passes, "{verdict:?}");
        }
    }

    #[test]
    fn orders_at_work_reduce_first() {
        let mut case = RiskCase::sell("99", "1").after(Side::Buy, "2", "100");
        case.portfolio.open(&order(Side::Sell, "1.5", "99"));
        assert_eq!(denied(&case.evaluate(&ReduceOnly)), Some("NOT_A_REDUCTION"));
    }

    #[test]
    fn a_cancel_passes_whatever_it_cancels() {
        let mut case = RiskCase::buy("101", "1");
        case.action = Action::Cancel;
        assert!(case.evaluate(&ReduceOnly).passes());
    }
}
