//! Few changes of resting orders in an interval.

use super::rate::Rate;
use super::{Action, DenyCode, Outcome, RiskContext, RiskRule, RuleDescription, Verdict};
use crate::event::Timestamp;

const TOO_MANY_CHANGES: DenyCode = DenyCode("TOO_MANY_CHANGES");

/// What the rule says of itself.
pub const DESCRIPTION: RuleDescription = RuleDescription {
    name: "modifyRate",
    version: 1,
    purpose: "Orders that are moved without end: a venue counts each change, and may shut out who moves too often.",
    looks_at: "Changes of resting orders within the interval before this one, by the engine's clock. A new order is no change, and a cancel is none.",
    unit: "Changes, this one among them.",
    formula: "changes in (now - intervalMilliseconds, now] + 1 <= maximum.",
    parameters: &[
        ("maximum", "most changes in the interval."),
        (
            "intervalMilliseconds",
            "length of the sliding interval, in milliseconds.",
        ),
    ],
    deny_codes: &[(
        TOO_MANY_CHANGES,
        "with this one there are more than `maximum` changes in the interval.",
    )],
    looks_at_portfolio: true,
    binds_reductions: &[],
    in_the_dataset: "A candidate is always a new order: the rule passes, and `observed` is empty.",
    source: "The modify throttler of NautilusTrader's risk engine.",
};

/// Few changes of resting orders in an interval.
#[derive(Debug, Clone)]
pub struct ModifyRate(Rate);

impl ModifyRate {
    /// At most `maximum` in an interval of so many milliseconds.
    pub fn new(maximum: u32, interval_milliseconds: u32) -> Self {
        Self(Rate::new(maximum, interval_milliseconds))
    }
}

impl RiskRule for ModifyRate {
    fn description(&self) -> &'static RuleDescription {
        &DESCRIPTION
    }

    fn evaluate(&self, context: &RiskContext<'_>) -> Verdict {
        match context.action {
            Action::Modify => self.0.verdict(&DESCRIPTION, TOO_MANY_CHANGES, context.now),
            Action::Submit | Action::Cancel => Verdict::of(&DESCRIPTION, Outcome::Pass, None, None),
        }
    }

    fn taken(&mut self, action: Action, now: Timestamp) {
        if action == Action::Modify {
            self.0.count(now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Side;
    use crate::test_support::{RiskCase, denied};

    fn at(milliseconds: i64) -> Timestamp {
        Timestamp::from_milliseconds(milliseconds)
    }

    fn change(milliseconds: i64) -> RiskCase {
        let mut case = RiskCase::buy("101", "1");
        case.action = Action::Modify;
        case.now = at(milliseconds);
        case
    }

    #[test]
    fn as_many_changes_as_the_maximum_pass_in_any_interval() {
        let mut rule = ModifyRate::new(1, 100);
        for (milliseconds, code) in [(0, None), (99, Some("TOO_MANY_CHANGES")), (100, None)] {
            let verdict = change(milliseconds).evaluate(&rule);
            assert_eq!(denied(&verdict), code, "{milliseconds}");
            if verdict.passes() {
                rule.taken(Action::Modify, at(milliseconds));
            }
        }
    }

    #[test]
    fn new_orders_cancels_and_reductions_pass() {
        let mut rule = ModifyRate::new(1, 100);
        rule.taken(Action::Modify, at(0));
        for action in [Action::Submit, Action::Cancel] {
            let mut case = change(0);
            case.action = action;
            assert!(case.evaluate(&rule).passes(), "{action:?}");
        }
        let mut reduction = RiskCase::sell("99", "1").after(Side::Buy, "1", "100");
        reduction.action = Action::Modify;
        assert!(reduction.evaluate(&rule).passes());
    }

    proptest::proptest! {
        #[test]
        fn a_tighter_rate_never_accepts_more(steps in proptest::collection::vec(0_i64..60, 1..40), maximum in 1_u32..8, fewer in 0_u32..8) {
            let mut loose = ModifyRate::new(maximum, 50);
            let mut tight = ModifyRate::new(maximum.saturating_sub(fewer).max(1), 50);
            let mut now = 0;
            for step in steps {
                now += step;
                let passes = |rule: &ModifyRate| change(now).evaluate(rule).passes();
                proptest::prop_assert!(passes(&loose) || !passes(&tight));
                loose.taken(Action::Modify, at(now));
                tight.taken(Action::Modify, at(now));
            }
        }
    }
}
