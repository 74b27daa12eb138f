//! The spread of the book is not wide.

use super::{DenyCode, Outcome, RiskContext, RiskRule, RuleDescription, Verdict};
use crate::decimal::Ratio;
use crate::measure::{Measure, at_most_basis_points};

const SPREAD_TOO_WIDE: DenyCode = DenyCode("SPREAD_TOO_WIDE");
const BOOK_CROSSED: DenyCode = DenyCode("BOOK_CROSSED");

/// What the rule says of itself.
pub const DESCRIPTION: RuleDescription = RuleDescription {
    name: "maxSpread",
    version: 1,
    purpose: "Trading while crossing the book costs more than the idea earns, or while the book is broken.",
    looks_at: "Best bid and best ask.",
    unit: "Basis points of the middle.",
    formula: "bid < ask, and (ask - bid) / middle * 10,000 <= basisPoints.",
    parameters: &[("basisPoints", "largest spread, in basis points.")],
    deny_codes: &[
        (SPREAD_TOO_WIDE, "the spread is wider than `basisPoints`."),
        (
            BOOK_CROSSED,
            "the best bid is at or above the best ask, which a working market does not show.",
        ),
    ],
    looks_at_portfolio: false,
    binds_reductions: &[],
    in_the_dataset: "`observed` is the spread, rounded up at the eighth decimal; the comparison itself is exact.",
    source: "The spread filter of freqtrade's pairlists and the usual pre-trade check of a desk.",
};

/// The spread of the book is not wide.
#[derive(Debug, Clone, Copy)]
pub struct MaxSpread {
    /// Widest spread, in basis points.
    pub basis_points: Ratio,
}

impl RiskRule for MaxSpread {
    fn description(&self) -> &'static RuleDescription {
        &DESCRIPTION
    }

    fn evaluate(&self, context: &RiskContext<'_>) -> Verdict {
        let top = &context.top;
        // Twice the spread, as the middle is known twice.
        let spread = 2 * (i128::from(top.ask.price.units()) - i128::from(top.bid.price.units()));
        let outcome = if spread <= 0 {
            Outcome::Deny(BOOK_CROSSED)
        } else if at_most_basis_points(spread, top.twice_mid_units(), self.basis_points) {
            Outcome::Pass
        } else {
            Outcome::Deny(SPREAD_TOO_WIDE)
        };
        let observed = Measure::basis_points(spread, top.twice_mid_units());
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

    fn evaluate(basis_points: &str, bid: &str, ask: &str) -> Verdict {
        let mut case = RiskCase::buy(ask, "1");
        case.top.bid.price = bid.parse().unwrap();
        case.top.ask.price = ask.parse().unwrap();
        case.evaluate(&MaxSpread {
            basis_points: basis_points.parse().unwrap(),
        })
    }

    #[test]
    fn the_limit_itself_passes_and_the_next_unit_is_denied() {
        for (bid, ask, code) in [
            ("99", "101", None),
            ("98.99999999", "101", Some("SPREAD_TOO_WIDE")),
            ("99", "101.00000001", Some("SPREAD_TOO_WIDE")),
            ("100", "100.00000001", None),
        ] {
            assert_eq!(denied(&evaluate("200", bid, ask)), code, "{bid} {ask}");
        }
        assert_eq!(
            evaluate("200", "99", "101").observed.unwrap().to_string(),
            "200"
        );
    }

    #[test]
    fn a_locked_or_crossed_book_is_denied_whatever_the_limit() {
        assert_eq!(
            denied(&evaluate("10000", "100", "100")),
            Some("BOOK_CROSSED")
        );
        let crossed = evaluate("10000", "101", "99");
        assert_eq!(denied(&crossed), Some("BOOK_CROSSED"));
        assert_eq!(crossed.observed.unwrap().to_string(), "-200");
    }

    proptest::proptest! {
        #[test]
        fn a_tighter_limit_never_accepts_more(bid in 1_i64..10_000, ask in 1_i64..10_000, limit in 0_i64..i64::MAX, tighter_by in 0_i64..i64::MAX) {
            let passes = |limit: i64| {
                let mut case = RiskCase::buy("100", "1");
                case.top.bid.price = Price::from_units(bid);
                case.top.ask.price = Price::from_units(ask);
                case.evaluate(&MaxSpread { basis_points: Ratio::from_units(limit) }).passes()
            };
            proptest::prop_assert!(passes(limit) || !passes((limit - tighter_by).max(0)));
        }
    }
}
