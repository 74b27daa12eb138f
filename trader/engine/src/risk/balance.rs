//! The account can pay for the order.

use super::{DenyCode, Outcome, RiskContext, RiskRule, RuleDescription, Verdict};
use crate::decimal::{Notional, Ratio, UNITS_PER_WHOLE};
use crate::event::Side;
use crate::measure::Measure;

const QUOTE_BALANCE_TOO_SMALL: DenyCode = DenyCode("QUOTE_BALANCE_TOO_SMALL");
const BASE_BALANCE_TOO_SMALL: DenyCode = DenyCode("BASE_BALANCE_TOO_SMALL");

/// What the rule says of itself.
pub const DESCRIPTION: RuleDescription = RuleDescription {
    name: "balance",
    version: 1,
    purpose: "Orders that the account cannot pay for: the venue refuses them, or lends.",
    looks_at: "The free balance: what is there minus what working orders will take. A purchase is paid for in the quote asset, fee included; a sale in the base asset of the instrument.",
    unit: "Quote asset for a purchase, base asset for a sale.",
    formula: "A purchase: quantity * touch + fee <= free quote balance * (1 - reserve). A sale: quantity <= free base balance * (1 - reserve).",
    parameters: &[(
        "reserve",
        "part of the free balance that is never used, from 0 to 1.",
    )],
    deny_codes: &[
        (
            QUOTE_BALANCE_TOO_SMALL,
            "a purchase costs more than the usable quote balance.",
        ),
        (
            BASE_BALANCE_TOO_SMALL,
            "a sale is larger than the usable base balance.",
        ),
    ],
    looks_at_portfolio: true,
    binds_reductions: &[],
    in_the_dataset: "`observed` is what the trade takes, `limit` what may be used. Against `AllTaken` it says how far the strategies together would overdraw the account.",
    source: "The pre-trade checks of NautilusTrader's risk engine; Binance spot's error -2010 for an account with an insufficient balance.",
};

/// The account can pay for the order.
#[derive(Debug, Clone, Copy)]
pub struct Balance {
    /// Part of the free balance that is never used.
    pub reserve: Ratio,
}

impl Balance {
    fn usable(self, free: Notional) -> Notional {
        let part = Ratio::from_units(UNITS_PER_WHOLE - self.reserve.units());
        free.scaled_by(part)
    }
}

impl RiskRule for Balance {
    fn description(&self) -> &'static RuleDescription {
        &DESCRIPTION
    }

    fn evaluate(&self, context: &RiskContext<'_>) -> Verdict {
        let (proposal, portfolio) = (context.proposal, context.portfolio);
        let (taken, usable, code) = match proposal.side {
            Side::Buy => {
                let value = proposal.notional();
                let cost = value.units().saturating_add(portfolio.fee(value).units());
                let usable = self.usable(portfolio.free_quote());
                (Measure::from_units(cost), usable, QUOTE_BALANCE_TOO_SMALL)
            }
            Side::Sell => {
                let free = portfolio.free_base(proposal.instrument);
                let free = Notional::from_units(Measure::from(free).units());
                let usable = self.usable(free);
                (proposal.quantity.into(), usable, BASE_BALANCE_TOO_SMALL)
            }
        };
        let usable = Measure::from(usable);
        let outcome = if taken > usable {
            Outcome::Deny(code)
        } else {
            Outcome::Pass
        };
        Verdict::of(&DESCRIPTION, outcome, Some(taken), Some(usable))
    }

    fn holds_what_is_taken(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decimal::Quantity;
    use crate::portfolio::{Account, Portfolio, PortfolioName};
    use crate::test_support::{RiskCase, denied, order, portfolio};

    fn rule(reserve: &str) -> Balance {
        Balance {
            reserve: reserve.parse().unwrap(),
        }
    }

    #[test]
    fn what_may_be_used_passes_and_the_next_unit_is_denied() {
        for (mut case, reserve, code) in [
            (RiskCase::buy("100", "9"), "0.1", None),
            (
                RiskCase::buy("100", "9.00000001"),
                "0.1",
                Some("QUOTE_BALANCE_TOO_SMALL"),
            ),
            (RiskCase::sell("100", "1.8"), "0.1", None),
            (
                RiskCase::sell("100", "1.80000001"),
                "0.1",
                Some("BASE_BALANCE_TOO_SMALL"),
            ),
            (RiskCase::buy("100", "10"), "0", None),
            (
                RiskCase::buy("100", "0.00000001"),
                "1",
                Some("QUOTE_BALANCE_TOO_SMALL"),
            ),
        ] {
            case.portfolio = portfolio("1000", "2");
            let verdict = case.evaluate(&rule(reserve));
            assert_eq!(denied(&verdict), code, "{verdict:?}");
        }
    }

    #[test]
    fn the_fee_is_part_of_what_a_purchase_costs() {
        let mut case = RiskCase::buy("100", "10");
        let account = Account {
            quote: "1000".parse().unwrap(),
            base: vec![Quantity::ZERO],
            taker_fee_basis_points: "10".parse().unwrap(),
        };
        case.portfolio = Portfolio::new(PortfolioName::Enforced, account);
        let verdict = case.evaluate(&rule("0"));
        assert_eq!(verdict.observed.unwrap().to_string(), "1001");
        assert_eq!(denied(&verdict), Some("QUOTE_BALANCE_TOO_SMALL"));
    }

    #[test]
    fn what_working_orders_will_take_is_not_free() {
        let mut case = RiskCase::buy("100", "6");
        case.portfolio = portfolio("1000", "2");
        case.portfolio.open(&order(Side::Buy, "5", "100"));
        assert!(!case.evaluate(&rule("0")).passes());
    }

    #[test]
    fn a_reduction_passes_with_an_empty_balance() {
        let mut case = RiskCase::buy("100", "1");
        case.portfolio = portfolio("0", "1");
        let case = case.after(Side::Sell, "1", "0.01");
        assert!(case.evaluate(&rule("1")).passes());
    }

    proptest::proptest! {
        #[test]
        fn a_larger_reserve_never_accepts_more(traded in 1_i64..20_000_000_000, sells: bool, reserve in 0_i64..=100_000_000, more in 0_i64..100_000_000) {
            let passes = |reserve: i64| {
                let mut case = if sells { RiskCase::sell("100", "1") } else { RiskCase::buy("100", "1") };
                case.portfolio = portfolio("1000", "10");
                case.proposal.quantity = Quantity::from_units(traded);
                case.evaluate(&Balance { reserve: Ratio::from_units(reserve) }).passes()
            };
            proptest::prop_assert!(passes(reserve) || !passes((reserve + more).min(UNITS_PER_WHOLE)));
        }
    }
}
