//! Few new orders in an interval.

use super::rate::Rate;
use super::{Action, DenyCode, Outcome, RiskContext, RiskRule, RuleDescription, Verdict};
use crate::event::Timestamp;

const TOO_MANY_ORDERS: DenyCode = DenyCode("TOO_MANY_ORDERS");

/// What the rule says of itself.
pub const DESCRIPTION: RuleDescription = RuleDescription {
    name: "orderRate",
    version: 1,
    purpose: "A strategy that runs wild, and a venue that shuts out whoever sends too much.",
    looks_at: "New orders that the portfolio took within the interval before the trade, by the engine's clock; reductions count too.",
    unit: "Orders, the trade among them.",
    formula: "orders in (now - intervalMilliseconds, now] + 1 <= maximum.",
    parameters: &[
        ("maximum", "most new orders in the interval."),
        (
            "intervalMilliseconds",
            "length of the sliding interval, in milliseconds.",
        ),
    ],
    deny_codes: &[(
        TOO_MANY_ORDERS,
        "with the trade there are more than `maximum` orders in the interval.",
    )],
    looks_at_portfolio: true,
    binds_reductions: &[],
    in_the_dataset: "What was denied is no order: against `Enforced` a burst shows `maximum` passes in an interval, against `AllTaken` its whole length counts.",
    source: "The throttlers of NautilusTrader's risk engine; Binance spot's limits ORDERS (intervalNum, limit).",
};

/// Few new orders in an interval.
#[derive(Debug, Clone)]
pub struct OrderRate(Rate);

impl OrderRate {
    /// At most `maximum` in an interval of so many milliseconds.
    pub fn new(maximum: u32, interval_milliseconds: u32) -> Self {
        Self(Rate::new(maximum, interval_milliseconds))
    }
}

impl RiskRule for OrderRate {
    fn description(&self) -> &'static RuleDescription {
        &DESCRIPTION
    }

    fn evaluate(&self, context: &RiskContext<'_>) -> Verdict {
        match context.action {
            Action::Submit => self.0.verdict(&DESCRIPTION, TOO_MANY_ORDERS, context.now),
            Action::Modify | Action::Cancel => Verdict::of(&DESCRIPTION, Outcome::Pass, None, None),
        }
    }

    fn taken(&mut self, action: Action, now: Timestamp) {
        if action == Action::Submit {
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

    fn case(milliseconds: i64) -> RiskCase {
        let mut case = RiskCase::buy("101", "1");
        case.now = at(milliseconds);
        case
    }

    #[test]
    fn as_many_as_the_maximum_pass_in_any_interval() {
        let mut rule = OrderRate::new(2, 100);
        for (milliseconds, code) in [
            (0, None),
            (10, None),
            (99, Some("TOO_MANY_ORDERS")),
            (100, None),
            (109, Some("TOO_MANY_ORDERS")),
            (110, None),
        ] {
            let verdict = case(milliseconds).evaluate(&rule);
            assert_eq!(denied(&verdict), code, "{milliseconds}");
            if verdict.passes() {
                rule.taken(Action::Submit, at(milliseconds));
            }
        }
    }

    #[test]
    fn a_reduction_passes_a_full_interval_and_a_change_of_an_order_is_no_new_one() {
        let mut rule = OrderRate::new(1, 100);
        rule.taken(Action::Modify, at(0));
        assert!(case(0).evaluate(&rule).passes());
        rule.taken(Action::Submit, at(0));
        assert!(!case(0).evaluate(&rule).passes());
        let reduction = RiskCase::sell("99", "1").after(Side::Buy, "1", "100");
        assert!(reduction.evaluate(&rule).passes());
        let mut change = case(0);
        change.action = Action::Modify;
        assert!(change.evaluate(&rule).passes());
    }

    proptest::proptest! {
        #[test]
        fn a_tighter_rate_never_accepts_more(steps in proptest::collection::vec(0_i64..60, 1..40), maximum in 1_u32..8, fewer in 0_u32..8, interval in 1_u32..100, longer in 0_u32..100) {
            let mut loose = OrderRate::new(maximum, interval);
            let mut tight = OrderRate::new(maximum.saturating_sub(fewer).max(1), interval + longer);
            let mut now = 0;
            for step in steps {
                now += step;
                let passes = |rule: &OrderRate| case(now).evaluate(rule).passes();
                proptest::prop_assert!(passes(&loose) || !passes(&tight));
                loose.taken(Action::Submit, at(now));
                tight.taken(Action::Submit, at(now));
            }
        }
    }
}
