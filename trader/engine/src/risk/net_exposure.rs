//! The signed sum of all positions stays below a limit.

use super::{DenyCode, Outcome, RiskContext, RiskRule, RuleDescription, Verdict};
use crate::decimal::Notional;
use crate::event::Side;

const NET_EXPOSURE_ABOVE_LIMIT: DenyCode = DenyCode("NET_EXPOSURE_ABOVE_LIMIT");

/// What the rule says of itself.
pub const DESCRIPTION: RuleDescription = RuleDescription {
    name: "netExposure",
    version: 1,
    purpose: "A book that leans so far to one side that one move of the whole market hurts.",
    looks_at: "Positions and working orders of all instruments, the trade among them, longs minus shorts, in the direction of the trade: for a purchase every working purchase counts as filled and no sale, for a sale the reverse.",
    unit: "Quote asset, each instrument at the middle of its best bid and ask; below zero where shorts outweigh.",
    formula: "A purchase: sum over instruments of (position + purchases) * middle <= limit. A sale: sum of (position - sales) * middle >= -limit.",
    parameters: &[(
        "limit",
        "largest exposure in either direction, in the quote asset; on W multiplied with the live ratio.",
    )],
    deny_codes: &[(
        NET_EXPOSURE_ABOVE_LIMIT,
        "with the trade the exposure in its direction is above `limit`.",
    )],
    looks_at_portfolio: true,
    binds_reductions: &[],
    in_the_dataset: "`observed` is the exposure with the trade. A reduction passes even where it takes a hedge away and the net exposure grows.",
    source: "FIA, \"Best practices for automated trading risk controls and system safety\" (2024), maximum net position.",
};

/// The signed sum of all positions stays below a limit.
#[derive(Debug, Clone, Copy)]
pub struct NetExposure {
    /// Largest exposure in either direction.
    pub limit: Notional,
}

impl RiskRule for NetExposure {
    fn description(&self) -> &'static RuleDescription {
        &DESCRIPTION
    }

    fn evaluate(&self, context: &RiskContext<'_>) -> Verdict {
        let (exposure, limit) = (context.exposure(), context.scaled(self.limit));
        let (observed, leaning) = match context.proposal.side {
            Side::Buy => (exposure.net_high, exposure.net_high.units()),
            Side::Sell => (exposure.net_low, exposure.net_low.units().saturating_neg()),
        };
        let outcome = if leaning > limit.units() {
            Outcome::Deny(NET_EXPOSURE_ABOVE_LIMIT)
        } else {
            Outcome::Pass
        };
        Verdict::of(
            &DESCRIPTION,
            outcome,
            Some(observed.into()),
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
    use crate::test_support::{RiskCase, denied, order};

    fn rule(limit: &str) -> NetExposure {
        NetExposure {
            limit: limit.parse().unwrap(),
        }
    }

    /// The middle is 100.
    #[test]
    fn the_limit_itself_passes_in_both_directions_and_the_next_unit_is_denied() {
        for (case, observed, code) in [
            (RiskCase::buy("101", "3"), "300", None),
            (
                RiskCase::buy("101", "3.00000001"),
                "300.000001",
                Some("NET_EXPOSURE_ABOVE_LIMIT"),
            ),
            (RiskCase::sell("99", "3"), "-300", None),
            (
                RiskCase::sell("99", "3.00000001"),
                "-300.000001",
                Some("NET_EXPOSURE_ABOVE_LIMIT"),
            ),
        ] {
            let verdict = case.evaluate(&rule("300"));
            assert_eq!(denied(&verdict), code);
            assert_eq!(verdict.observed.unwrap().to_string(), observed);
        }
    }

    #[test]
    fn working_orders_count_only_in_the_direction_of_the_trade() {
        for (working, code) in [
            (Side::Buy, Some("NET_EXPOSURE_ABOVE_LIMIT")),
            (Side::Sell, None),
        ] {
            let mut case = RiskCase::buy("101", "2");
            case.portfolio.open(&order(working, "2", "100"));
            let verdict = case.evaluate(&rule("300"));
            assert_eq!(denied(&verdict), code, "{working}");
        }
    }

    #[test]
    fn a_reduction_passes_and_a_turn_beyond_the_limit_does_not() {
        let long = |quantity| RiskCase::sell("99", quantity).after(Side::Buy, "10", "101");
        assert!(long("10").evaluate(&rule("1")).passes());
        assert!(!long("13").evaluate(&rule("1")).passes());
    }

    proptest::proptest! {
        #[test]
        fn a_tighter_limit_never_accepts_more(held in 0_i64..1_000_000_000, traded in 1_i64..1_000_000_000, sells: bool, limit in 0_i128..2_000, tighter_by in 0_i128..2_000) {
            let passes = |limit: i128| {
                let mut case = if sells { RiskCase::sell("99", "1") } else { RiskCase::buy("101", "1") };
                case = case.after(Side::Buy, &Quantity::from_units(held).to_string(), "100");
                case.proposal.quantity = Quantity::from_units(traded);
                let limit = Notional::from_units(limit * 10_i128.pow(16));
                case.evaluate(&NetExposure { limit }).passes()
            };
            proptest::prop_assert!(passes(limit) || !passes((limit - tighter_by).max(0)));
        }
    }
}
