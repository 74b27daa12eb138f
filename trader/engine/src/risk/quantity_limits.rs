//! The quantity of one order lies within limits.

use super::{DenyCode, Outcome, RiskContext, RiskRule, RuleDescription, Verdict};
use crate::decimal::Quantity;

const QUANTITY_BELOW_MINIMUM: DenyCode = DenyCode("QUANTITY_BELOW_MINIMUM");
const MAXIMUM_BELOW_INCREMENT: DenyCode = DenyCode("MAXIMUM_BELOW_INCREMENT");

/// What the rule says of itself.
pub const DESCRIPTION: RuleDescription = RuleDescription {
    name: "quantityLimits",
    version: 1,
    purpose: "Orders that are larger than one mistake may cost, or smaller than the venue takes.",
    looks_at: "The proposed quantity.",
    unit: "Base asset.",
    formula: "minimum <= quantity. Above the maximum the trade passes with the maximum, rounded down to `quantityIncrement`, as `resized_qty`.",
    parameters: &[
        (
            "minimum",
            "smallest quantity of an order, in the base asset.",
        ),
        (
            "maximum",
            "largest quantity of an order, in the base asset.",
        ),
    ],
    deny_codes: &[
        (
            QUANTITY_BELOW_MINIMUM,
            "the quantity is smaller than `minimum`.",
        ),
        (
            MAXIMUM_BELOW_INCREMENT,
            "the quantity is above `maximum`, and `maximum` rounded down to the increment is zero or below `minimum`.",
        ),
    ],
    looks_at_portfolio: false,
    binds_reductions: &[QUANTITY_BELOW_MINIMUM, MAXIMUM_BELOW_INCREMENT],
    in_the_dataset: "`limit` is the maximum, or the minimum where that denied; a resize passes and shows the smaller quantity.",
    source: "Binance spot filter LOT_SIZE (minQty, maxQty); the pre-trade checks of NautilusTrader's risk engine.",
};

/// The quantity of one order lies within limits.
#[derive(Debug, Clone, Copy)]
pub struct QuantityLimits {
    /// Smallest quantity.
    pub minimum: Quantity,
    /// Largest quantity.
    pub maximum: Quantity,
}

impl QuantityLimits {
    fn outcome(&self, quantity: Quantity, increment: Quantity) -> Outcome {
        if quantity < self.minimum {
            return Outcome::Deny(QUANTITY_BELOW_MINIMUM);
        }
        if quantity <= self.maximum {
            return Outcome::Pass;
        }
        let resized = self.maximum.round_down_to(increment);
        if resized < self.minimum || !resized.is_positive() {
            Outcome::Deny(MAXIMUM_BELOW_INCREMENT)
        } else {
            Outcome::Resize(resized)
        }
    }
}

impl RiskRule for QuantityLimits {
    fn description(&self) -> &'static RuleDescription {
        &DESCRIPTION
    }

    fn evaluate(&self, context: &RiskContext<'_>) -> Verdict {
        let quantity = context.proposal.quantity;
        let outcome = self.outcome(quantity, context.market.instrument().quantity_increment);
        let limit = if outcome == Outcome::Deny(QUANTITY_BELOW_MINIMUM) {
            self.minimum
        } else {
            self.maximum
        };
        Verdict::of(
            &DESCRIPTION,
            outcome,
            Some(quantity.into()),
            Some(limit.into()),
        )
    }

    fn holds_what_is_taken(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_support::{RiskCase, denied};

    fn evaluate(minimum: &str, maximum: &str, quantity: &str) -> Verdict {
        let rule = QuantityLimits {
            minimum: minimum.parse().unwrap(),
            maximum: maximum.parse().unwrap(),
        };
        RiskCase::buy("101", quantity).evaluate(&rule)
    }

    #[test]
    fn both_limits_themselves_pass_and_below_the_minimum_is_denied() {
        for quantity in ["0.002", "0.005"] {
            assert_eq!(
                evaluate("0.002", "0.005", quantity).outcome,
                Outcome::Pass,
                "{quantity}"
            );
        }
        let verdict = evaluate("0.002", "0.005", "0.00199999");
        assert_eq!(denied(&verdict), Some("QUANTITY_BELOW_MINIMUM"));
        assert_eq!(verdict.limit.unwrap().to_string(), "0.002");
    }

    #[test]
    fn above_the_maximum_the_quantity_shrinks_to_a_multiple_of_the_increment() {
        let verdict = evaluate("0.002", "0.0059", "0.00590001");
        assert_eq!(verdict.resized_quantity().unwrap().to_string(), "0.005");
        assert!(verdict.passes());
        assert_eq!(verdict.limit.unwrap().to_string(), "0.0059");
    }

    #[test]
    fn a_maximum_without_a_whole_increment_denies() {
        assert_eq!(
            denied(&evaluate("0", "0.0009", "1")),
            Some("MAXIMUM_BELOW_INCREMENT")
        );
        assert_eq!(
            denied(&evaluate("0.0055", "0.0059", "1")),
            Some("MAXIMUM_BELOW_INCREMENT")
        );
    }

    proptest::proptest! {
        #[test]
        fn a_lower_maximum_never_accepts_more(units in 0_i64..2_000_000, maximum in 0_i64..2_000_000, lower_by in 0_i64..2_000_000) {
            let accepted = |maximum: i64| {
                let rule = QuantityLimits { minimum: Quantity::ZERO, maximum: Quantity::from_units(maximum) };
                let mut case = RiskCase::buy("101", "1");
                case.proposal.quantity = Quantity::from_units(units);
                match case.evaluate(&rule).outcome {
                    Outcome::Pass => units,
                    Outcome::Resize(quantity) => quantity.units(),
                    Outcome::Deny(_) => 0,
                }
            };
            let tighter = (maximum - lower_by).max(0);
            proptest::prop_assert!(accepted(tighter) <= accepted(maximum));
            proptest::prop_assert!(accepted(maximum) <= maximum.max(0));
        }
    }
}
