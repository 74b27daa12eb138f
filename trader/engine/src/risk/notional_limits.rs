//! Price times quantity of one order lies within limits.

use super::{DenyCode, Outcome, RiskContext, RiskRule, RuleDescription, Verdict};
use crate::decimal::Notional;

const NOTIONAL_BELOW_MINIMUM: DenyCode = DenyCode("NOTIONAL_BELOW_MINIMUM");
const NOTIONAL_ABOVE_MAXIMUM: DenyCode = DenyCode("NOTIONAL_ABOVE_MAXIMUM");

/// What the rule says of itself.
pub const DESCRIPTION: RuleDescription = RuleDescription {
    name: "notionalLimits",
    version: 1,
    purpose: "Orders that are worth more than one mistake may cost, or less than the venue takes.",
    looks_at: "Quantity times price; a market order's price is the touch (best ask for a purchase, best bid for a sale).",
    unit: "Quote asset.",
    formula: "minimum <= price * quantity <= maximum.",
    parameters: &[
        (
            "minimum",
            "smallest notional of an order, in the quote asset.",
        ),
        (
            "maximum",
            "largest notional of an order, in the quote asset.",
        ),
    ],
    deny_codes: &[
        (
            NOTIONAL_BELOW_MINIMUM,
            "the notional is smaller than `minimum`.",
        ),
        (
            NOTIONAL_ABOVE_MAXIMUM,
            "the notional is larger than `maximum`.",
        ),
    ],
    looks_at_portfolio: false,
    binds_reductions: &[NOTIONAL_BELOW_MINIMUM],
    in_the_dataset: "`limit` is the maximum, or the minimum where that denied.",
    source: "Binance spot filter NOTIONAL (minNotional, maxNotional); the pre-trade checks of NautilusTrader's risk engine.",
};

/// Price times quantity of one order lies within limits.
#[derive(Debug, Clone, Copy)]
pub struct NotionalLimits {
    /// Smallest notional.
    pub minimum: Notional,
    /// Largest notional.
    pub maximum: Notional,
}

impl RiskRule for NotionalLimits {
    fn description(&self) -> &'static RuleDescription {
        &DESCRIPTION
    }

    fn evaluate(&self, context: &RiskContext<'_>) -> Verdict {
        let notional = context.proposal.notional();
        let (outcome, limit) = if notional < self.minimum {
            (Outcome::Deny(NOTIONAL_BELOW_MINIMUM), self.minimum)
        } else if notional > self.maximum {
            (Outcome::Deny(NOTIONAL_ABOVE_MAXIMUM), self.maximum)
        } else {
            (Outcome::Pass, self.maximum)
        };
        Verdict::of(
            &DESCRIPTION,
            outcome,
            Some(notional.into()),
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
    use crate::decimal::Quantity;
    use crate::test_support::{RiskCase, denied};

    fn evaluate(price: &str, quantity: &str) -> Verdict {
        let rule = NotionalLimits {
            minimum: "5".parse().unwrap(),
            maximum: "100".parse().unwrap(),
        };
        RiskCase::buy(price, quantity).evaluate(&rule)
    }

    #[test]
    fn both_limits_themselves_pass_and_the_next_unit_is_denied() {
        for (price, quantity, code) in [
            ("5", "1", None),
            ("4.99999999", "1", Some("NOTIONAL_BELOW_MINIMUM")),
            ("100", "1", None),
            ("100.00000001", "1", Some("NOTIONAL_ABOVE_MAXIMUM")),
            ("100", "1.00000001", Some("NOTIONAL_ABOVE_MAXIMUM")),
            ("200", "0.5", None),
        ] {
            assert_eq!(
                denied(&evaluate(price, quantity)),
                code,
                "{price} * {quantity}"
            );
        }
    }

    #[test]
    fn the_exact_product_is_observed() {
        let verdict = evaluate("61837.63", "0.00100001");
        assert_eq!(verdict.observed.unwrap().to_string(), "61.8382483763");
        assert_eq!(verdict.limit.unwrap().to_string(), "100");
    }

    proptest::proptest! {
        #[test]
        fn tighter_limits_never_accept_more(
            units in 0_i64..2_000_000_000, minimum in 0_i64..1_000, maximum in 0_i64..1_000,
            raise in 0_i64..1_000, lower in 0_i64..1_000,
        ) {
            let passes = |minimum: i64, maximum: i64| {
                let whole = 10_i128.pow(16);
                let rule = NotionalLimits {
                    minimum: Notional::from_units(i128::from(minimum) * whole),
                    maximum: Notional::from_units(i128::from(maximum) * whole),
                };
                let mut case = RiskCase::buy("50", "1");
                case.proposal.quantity = Quantity::from_units(units);
                case.evaluate(&rule).passes()
            };
            proptest::prop_assert!(passes(minimum, maximum) || !passes(minimum + raise, maximum - lower));
        }
    }
}
