//! Price and quantity are multiples of the instrument's increments.

use super::{DenyCode, Outcome, RiskContext, RiskRule, RuleDescription, Verdict};
use crate::decimal::{Price, Quantity};
use crate::measure::Measure;

const PRICE_NOT_ON_INCREMENT: DenyCode = DenyCode("PRICE_NOT_ON_INCREMENT");
const QUANTITY_NOT_ON_INCREMENT: DenyCode = DenyCode("QUANTITY_NOT_ON_INCREMENT");

/// What the rule says of itself.
pub const DESCRIPTION: RuleDescription = RuleDescription {
    name: "precision",
    version: 1,
    purpose: "Orders that the venue refuses because price or quantity is finer than its steps.",
    looks_at: "The price of a limit order and the quantity, with `priceIncrement` and `quantityIncrement` of the instrument.",
    unit: "The remainder above the last multiple, and the increment: in the quote asset for a price, in the base asset for a quantity. The price is looked at first; a pass shows the quantity.",
    formula: "price mod priceIncrement = 0 (limit orders), and quantity mod quantityIncrement = 0.",
    parameters: &[],
    deny_codes: &[
        (
            PRICE_NOT_ON_INCREMENT,
            "the price is no multiple of `priceIncrement`.",
        ),
        (
            QUANTITY_NOT_ON_INCREMENT,
            "the quantity is no multiple of `quantityIncrement`.",
        ),
    ],
    looks_at_portfolio: false,
    binds_reductions: &[PRICE_NOT_ON_INCREMENT, QUANTITY_NOT_ON_INCREMENT],
    in_the_dataset: "A denial says that the revision's increments or quantities do not fit the venue's; it is a fault of the configuration and not of the market.",
    source: "Binance spot filters PRICE_FILTER (tickSize) and LOT_SIZE (stepSize); the pre-trade checks of NautilusTrader's risk engine.",
};

/// Price and quantity are multiples of the instrument's increments.
#[derive(Debug, Clone, Copy)]
pub struct Precision;

impl RiskRule for Precision {
    fn description(&self) -> &'static RuleDescription {
        &DESCRIPTION
    }

    fn evaluate(&self, context: &RiskContext<'_>) -> Verdict {
        let instrument = context.market.instrument();
        let verdict = |outcome, observed: Measure, limit: Measure| {
            Verdict::of(&DESCRIPTION, outcome, Some(observed), Some(limit))
        };
        let tick = instrument.price_increment;
        if let Some(price) = context
            .proposal
            .price()
            .filter(|price| !price.is_multiple_of(tick))
        {
            let above = Price::from_units(price.units() - price.round_down_to(tick).units());
            return verdict(
                Outcome::Deny(PRICE_NOT_ON_INCREMENT),
                above.into(),
                tick.into(),
            );
        }
        let step = instrument.quantity_increment;
        let quantity = context.proposal.quantity;
        let above = Quantity::from_units(quantity.units() - quantity.round_down_to(step).units());
        let outcome = if quantity.is_multiple_of(step) {
            Outcome::Pass
        } else {
            Outcome::Deny(QUANTITY_NOT_ON_INCREMENT)
        };
        verdict(outcome, above.into(), step.into())
    }

    fn holds_what_is_taken(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use triptych_crds::strategies::OrderType;

    use super::*;
    use crate::risk::verdict::Verdict;
    use crate::test_support::{RiskCase, denied};

    fn evaluate(case: RiskCase) -> Verdict {
        case.evaluate(&Precision)
    }

    #[test]
    fn multiples_of_both_increments_pass() {
        let verdict = evaluate(RiskCase::buy("101", "0.003"));
        assert_eq!(verdict.outcome, Outcome::Pass);
        assert_eq!(verdict.observed.unwrap().to_string(), "0");
    }

    #[test]
    fn one_unit_beyond_a_multiple_is_denied() {
        for (price, quantity, code, observed) in [
            (
                "101.00000001",
                "0.003",
                "PRICE_NOT_ON_INCREMENT",
                "0.00000001",
            ),
            (
                "101.00999999",
                "0.003",
                "PRICE_NOT_ON_INCREMENT",
                "0.00999999",
            ),
            (
                "101",
                "0.00300001",
                "QUANTITY_NOT_ON_INCREMENT",
                "0.00000001",
            ),
            ("101", "0.0005", "QUANTITY_NOT_ON_INCREMENT", "0.0005"),
        ] {
            let verdict = evaluate(RiskCase::buy(price, quantity));
            assert_eq!(denied(&verdict), Some(code), "{price} {quantity}");
            assert_eq!(verdict.observed.unwrap().to_string(), observed);
        }
    }

    #[test]
    fn a_market_order_has_no_price_to_be_precise_about() {
        let mut case = RiskCase::buy("101.00000001", "0.003");
        case.proposal.order_type = OrderType::Market;
        assert_eq!(evaluate(case).outcome, Outcome::Pass);
    }

    proptest::proptest! {
        #[test]
        fn a_coarser_increment_never_accepts_more(units in 1_i64..100_000_000, step in 1_i64..1_000, times in 1_i64..20) {
            let at_step = |step| {
                let mut case = RiskCase::buy("101", "1");
                case.proposal.quantity = Quantity::from_units(units);
                case.instrument.quantity_increment = Quantity::from_units(step);
                evaluate(case).passes()
            };
            proptest::prop_assert!(at_step(step) || !at_step(step * times));
        }
    }
}
