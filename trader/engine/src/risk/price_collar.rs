//! The price of an order is not far from the middle of the book.

use super::{DenyCode, Outcome, RiskContext, RiskRule, RuleDescription, Verdict};
use crate::decimal::Ratio;
use crate::measure::{Measure, at_most_basis_points};

const PRICE_OUTSIDE_COLLAR: DenyCode = DenyCode("PRICE_OUTSIDE_COLLAR");

/// What the rule says of itself.
pub const DESCRIPTION: RuleDescription = RuleDescription {
    name: "priceCollar",
    version: 1,
    purpose: "Orders at a price that no one meant: a wrong digit, a thin book, a broken feed.",
    looks_at: "The price (a market order's is the touch) and the middle between best bid and best ask.",
    unit: "Basis points of the middle.",
    formula: "|price - middle| / middle * 10,000 <= basisPoints.",
    parameters: &[(
        "basisPoints",
        "largest distance from the middle, in basis points.",
    )],
    deny_codes: &[(
        PRICE_OUTSIDE_COLLAR,
        "the price is further from the middle than `basisPoints`.",
    )],
    looks_at_portfolio: false,
    binds_reductions: &[],
    in_the_dataset: "`observed` is the distance, rounded up at the eighth decimal; the comparison itself is exact.",
    source: "FIA, \"Best practices for automated trading risk controls and system safety\" (2024), price tolerance; Binance spot filter PERCENT_PRICE_BY_SIDE.",
};

/// The price of an order is not far from the middle of the book.
#[derive(Debug, Clone, Copy)]
pub struct PriceCollar {
    /// Largest distance, in basis points.
    pub basis_points: Ratio,
}

impl RiskRule for PriceCollar {
    fn description(&self) -> &'static RuleDescription {
        &DESCRIPTION
    }

    fn evaluate(&self, context: &RiskContext<'_>) -> Verdict {
        // Everything twice, so that the middle needs no halving.
        let twice_mid = context.top.twice_mid_units();
        let distance = (2 * i128::from(context.proposal.touch.units()) - twice_mid).abs();
        let outcome = if at_most_basis_points(distance, twice_mid, self.basis_points) {
            Outcome::Pass
        } else {
            Outcome::Deny(PRICE_OUTSIDE_COLLAR)
        };
        let observed = Measure::basis_points(distance, twice_mid);
        Verdict::of(
            &DESCRIPTION,
            outcome,
            Some(observed),
            Some(self.basis_points.into()),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decimal::Price;
    use crate::test_support::{RiskCase, denied};

    /// The middle of the test book is 100.
    fn evaluate(basis_points: &str, price: &str) -> Verdict {
        let rule = PriceCollar {
            basis_points: basis_points.parse().unwrap(),
        };
        RiskCase::buy(price, "1").evaluate(&rule)
    }

    #[test]
    fn the_edge_of_the_collar_passes_on_both_sides_and_the_next_unit_is_denied() {
        for (price, code) in [
            ("101", None),
            ("101.00000001", Some("PRICE_OUTSIDE_COLLAR")),
            ("99", None),
            ("98.99999999", Some("PRICE_OUTSIDE_COLLAR")),
            ("100", None),
        ] {
            assert_eq!(denied(&evaluate("100", price)), code, "{price}");
        }
        assert_eq!(evaluate("100", "100.5").observed.unwrap().to_string(), "50");
    }

    #[test]
    fn a_collar_of_zero_takes_only_the_middle() {
        assert!(evaluate("0", "100").passes());
        assert!(!evaluate("0", "100.00000001").passes());
    }

    proptest::proptest! {
        #[test]
        fn a_tighter_collar_never_accepts_more(units in 1_i64..50_000_000_000, limit in 0_i64..i64::MAX, tighter_by in 0_i64..i64::MAX) {
            let passes = |limit: i64| {
                let mut case = RiskCase::buy("100", "1");
                case.proposal.touch = Price::from_units(units);
                case.evaluate(&PriceCollar { basis_points: Ratio::from_units(limit) }).passes()
            };
            proptest::prop_assert!(passes(limit) || !passes((limit - tighter_by).max(0)));
        }
    }
}
