//! The sum of all positions' sizes stays below a limit.

use super::{DenyCode, Outcome, RiskContext, RiskRule, RuleDescription, Verdict};
use crate::decimal::Notional;

const GROSS_EXPOSURE_ABOVE_LIMIT: DenyCode = DenyCode("GROSS_EXPOSURE_ABOVE_LIMIT");

/// What the rule says of itself.
pub const DESCRIPTION: RuleDescription = RuleDescription {
    name: "grossExposure",
    version: 1,
    purpose: "More at risk than the account can bear if every market moves against it.",
    looks_at: "Positions and working orders of all instruments, the trade among them. An instrument counts with the larger of its two worst cases: every working purchase filled and no sale, or the reverse.",
    unit: "Quote asset, each instrument at the middle of its best bid and ask.",
    formula: "sum over instruments of max(|position + purchases|, |position - sales|) * middle <= limit.",
    parameters: &[(
        "limit",
        "largest exposure, in the quote asset; on W multiplied with the live ratio.",
    )],
    deny_codes: &[(
        GROSS_EXPOSURE_ABOVE_LIMIT,
        "with the trade the exposure is above `limit`.",
    )],
    looks_at_portfolio: true,
    binds_reductions: &[],
    in_the_dataset: "`observed` is the exposure with the trade. It can be above `limit` without any trade, where the market moved.",
    source: "FIA, \"Best practices for automated trading risk controls and system safety\" (2024), maximum gross position; Basel Committee, \"Minimum capital requirements for market risk\" (2019), gross positions.",
};

/// The sum of all positions' sizes stays below a limit.
#[derive(Debug, Clone, Copy)]
pub struct GrossExposure {
    /// Largest exposure.
    pub limit: Notional,
}

impl RiskRule for GrossExposure {
    fn description(&self) -> &'static RuleDescription {
        &DESCRIPTION
    }

    fn evaluate(&self, context: &RiskContext<'_>) -> Verdict {
        let (exposure, limit) = (context.exposure().gross, context.scaled(self.limit));
        let outcome = if exposure > limit {
            Outcome::Deny(GROSS_EXPOSURE_ABOVE_LIMIT)
        } else {
            Outcome::Pass
        };
        Verdict::of(
            &DESCRIPTION,
            outcome,
            Some(exposure.into()),
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
    use crate::event::Side;
    use crate::portfolio::PortfolioName;
    use crate::test_support::{RiskCase, denied, order};

    fn rule(limit: &str) -> GrossExposure {
        GrossExposure {
            limit: limit.parse().unwrap(),
        }
    }

    /// The middle is 100.
    #[test]
    fn the_limit_itself_passes_and_the_next_unit_is_denied() {
        for (case, code) in [
            (RiskCase::buy("101", "3"), None),
            (
                RiskCase::buy("101", "3.00000001"),
                Some("GROSS_EXPOSURE_ABOVE_LIMIT"),
            ),
            (RiskCase::sell("99", "3"), None),
            (
                RiskCase::buy("101", "2").after(Side::Buy, "1.5", "90"),
                Some("GROSS_EXPOSURE_ABOVE_LIMIT"),
            ),
            (
                RiskCase::buy("101", "1.5").after(Side::Buy, "1.5", "90"),
                None,
            ),
        ] {
            let verdict = case.evaluate(&rule("300"));
            assert_eq!(denied(&verdict), code, "{verdict:?}");
            assert_eq!(verdict.portfolio, Some(PortfolioName::Enforced));
        }
    }

    #[test]
    fn working_orders_count_and_the_worse_side_decides() {
        let mut case = RiskCase::sell("99", "1");
        case.portfolio.open(&order(Side::Buy, "3", "101"));
        let top = case.top;
        case.portfolio.mark(case.proposal.instrument, &top);
        let verdict = case.evaluate(&rule("300"));
        assert_eq!(verdict.observed.unwrap().to_string(), "300");
        assert!(verdict.passes());
    }

    #[test]
    fn a_reduction_passes_however_large_the_exposure_and_a_turn_does_not() {
        let long = |quantity| RiskCase::sell("99", quantity).after(Side::Buy, "10", "101");
        assert!(long("10").evaluate(&rule("1")).passes());
        assert!(!long("10.1").evaluate(&rule("1")).passes());
    }

    #[test]
    fn the_limit_shrinks_with_the_live_ratio() {
        let mut case = RiskCase::buy("101", "3");
        case.exposure_scale = "0.5".parse().unwrap();
        let verdict = case.evaluate(&rule("300.00000001"));
        assert_eq!(denied(&verdict), Some("GROSS_EXPOSURE_ABOVE_LIMIT"));
        assert_eq!(verdict.limit.unwrap().to_string(), "150.000000005");
    }

    proptest::proptest! {
        #[test]
        fn a_tighter_limit_never_accepts_more(held in 0_i64..1_000_000_000, traded in 1_i64..1_000_000_000, sells: bool, limit in 0_i128..2_000, tighter_by in 0_i128..2_000) {
            let passes = |limit: i128| {
                let mut case = if sells { RiskCase::sell("99", "1") } else { RiskCase::buy("101", "1") };
                case = case.after(Side::Buy, &Quantity::from_units(held).to_string(), "100");
                case.proposal.quantity = Quantity::from_units(traded);
                let limit = Notional::from_units(limit * 10_i128.pow(16));
                case.evaluate(&GrossExposure { limit }).passes()
            };
            proptest::prop_assert!(passes(limit) || !passes((limit - tighter_by).max(0)));
        }
    }
}
