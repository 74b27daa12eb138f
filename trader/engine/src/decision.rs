//! The decision on a proposal: every rule's verdict, and what enforcing them all would make of it.

use crate::candidate::{Denial, Enforcement};
use crate::decimal::Quantity;
use crate::proposal::Proposal;
use crate::risk::{RiskContext, RiskRule, Verdict, assess};

/// Asks every rule, in order and without stopping at a denial; fills `verdicts` with one of each.
pub fn judge(rules: &[Box<dyn RiskRule>], context: &RiskContext<'_>, verdicts: &mut Vec<Verdict>) {
    verdicts.clear();
    verdicts.extend(rules.iter().map(|rule| assess(&**rule, context)));
}

/// What enforcing every rule makes of the proposal, given their verdicts on it.
///
/// Where rules shrink the trade, the smallest quantity is judged once more by every rule and has to
/// pass as it is: a trade shrunk below another rule's minimum is denied by that rule.
pub fn enforce(
    rules: &[Box<dyn RiskRule>],
    context: &RiskContext<'_>,
    verdicts: &[Verdict],
) -> Enforcement {
    if let Some(denial) = verdicts.iter().find_map(denial) {
        return Enforcement::Deny(denial);
    }
    let Some(quantity) = verdicts.iter().filter_map(Verdict::resized_quantity).min() else {
        return Enforcement::Accept;
    };
    let proposal = Proposal {
        quantity,
        ..*context.proposal
    };
    let smaller = RiskContext {
        proposal: &proposal,
        ..*context
    };
    let mut again = rules.iter().map(|rule| assess(&**rule, &smaller));
    match again.find_map(|verdict| objection(&verdict, quantity)) {
        Some(denial) => Enforcement::Deny(denial),
        None => Enforcement::Resize(quantity),
    }
}

fn denial(verdict: &Verdict) -> Option<Denial> {
    verdict.deny_code().map(|code| Denial {
        rule: verdict.rule,
        code,
    })
}

/// A denial of the shrunk trade; a rule that would shrink it further objects too.
fn objection(verdict: &Verdict, quantity: Quantity) -> Option<Denial> {
    let shrinks = verdict
        .resized_quantity()
        .filter(|smaller| *smaller < quantity);
    denial(verdict).or_else(|| {
        shrinks.map(|_| Denial {
            rule: verdict.rule,
            code: SHRINKS_TWICE,
        })
    })
}

/// A rule shrinks what other rules shrank already.
const SHRINKS_TWICE: crate::risk::DenyCode = crate::risk::DenyCode("SHRINKS_TWICE");

#[cfg(test)]
mod tests {
    use super::*;
    use crate::risk::max_spread::MaxSpread;
    use crate::risk::notional_limits::NotionalLimits;
    use crate::risk::quantity_limits::QuantityLimits;
    use crate::test_support::{RiskCase, denied};

    fn quantity_limits(minimum: &str, maximum: &str) -> Box<dyn RiskRule> {
        let (minimum, maximum) = (minimum.parse().unwrap(), maximum.parse().unwrap());
        Box::new(QuantityLimits { minimum, maximum })
    }

    fn notional_limits(minimum: &str, maximum: &str) -> Box<dyn RiskRule> {
        let (minimum, maximum) = (minimum.parse().unwrap(), maximum.parse().unwrap());
        Box::new(NotionalLimits { minimum, maximum })
    }

    fn max_spread(basis_points: &str) -> Box<dyn RiskRule> {
        Box::new(MaxSpread {
            basis_points: basis_points.parse().unwrap(),
        })
    }

    /// A purchase at 100 on a book whose spread is 200 basis points.
    fn decide(
        quantity: &str,
        rules: &[Box<dyn RiskRule>],
    ) -> (Vec<Option<&'static str>>, Enforcement) {
        RiskCase::buy("100", quantity).with_context(|context| {
            let mut verdicts = Vec::new();
            judge(rules, context, &mut verdicts);
            let enforcement = enforce(rules, context, &verdicts);
            (verdicts.iter().map(denied).collect(), enforcement)
        })
    }

    #[test]
    fn every_rule_is_asked_after_a_denial_too() {
        let rules = [
            max_spread("1"),
            quantity_limits("0", "9"),
            notional_limits("5000", "9000"),
        ];
        let (denials, enforcement) = decide("1", &rules);
        assert_eq!(
            denials,
            [
                Some("SPREAD_TOO_WIDE"),
                None,
                Some("NOTIONAL_BELOW_MINIMUM")
            ]
        );
        assert_eq!(
            enforcement.denial().unwrap().rule,
            "maxSpread",
            "the first in the order of rules"
        );
    }

    #[test]
    fn the_smallest_of_several_resizes_is_taken() {
        let rules = [quantity_limits("0", "5"), quantity_limits("0", "3")];
        assert_eq!(
            decide("9", &rules).1,
            Enforcement::Resize("3".parse().unwrap())
        );
    }

    #[test]
    fn a_trade_shrunk_below_another_minimum_is_denied() {
        let rules = [quantity_limits("0", "3"), notional_limits("500", "9000")];
        let (denials, enforcement) = decide("9", &rules);
        assert_eq!(
            denials,
            [None, None],
            "each verdict is on the trade as proposed"
        );
        assert_eq!(
            enforcement.denial().unwrap().code.0,
            "NOTIONAL_BELOW_MINIMUM"
        );
    }

    #[test]
    fn a_trade_is_denied_on_its_own_quantity_even_where_a_smaller_one_would_do() {
        let rules = [quantity_limits("0", "3"), notional_limits("5", "500")];
        assert_eq!(
            decide("9", &rules).1.denial().unwrap().rule,
            "notionalLimits"
        );
    }

    #[test]
    fn without_rules_everything_is_accepted() {
        assert_eq!(decide("9", &[]).1, Enforcement::Accept);
    }

    proptest::proptest! {
        /// Whatever the limits: what enforcement lets through, every rule passes as it is.
        #[test]
        fn what_is_let_through_breaks_no_rule(
            units in 1_i64..1_000_000_000,
            limits in proptest::collection::vec((0_i64..1_000_000_000, 0_i64..1_000_000_000), 1..4),
            notional in (0_i64..2_000, 0_i64..2_000),
        ) {
            let mut rules: Vec<Box<dyn RiskRule>> = Vec::new();
            for (minimum, maximum) in limits {
                let (minimum, maximum) = (Quantity::from_units(minimum), Quantity::from_units(maximum));
                rules.push(Box::new(QuantityLimits { minimum, maximum }));
            }
            rules.push(notional_limits(&notional.0.to_string(), &notional.1.to_string()));
            let mut case = RiskCase::buy("100", "1");
            case.proposal.quantity = Quantity::from_units(units);
            let broken = case.with_context(|context| {
                let mut verdicts = Vec::new();
                judge(&rules, context, &mut verdicts);
                let quantity = match enforce(&rules, context, &verdicts) {
                    Enforcement::Accept => context.proposal.quantity,
                    Enforcement::Resize(quantity) => quantity,
                    Enforcement::Deny(_) => return Vec::new(),
                };
                let proposal = Proposal { quantity, ..*context.proposal };
                judge(&rules, &RiskContext { proposal: &proposal, ..*context }, &mut verdicts);
                verdicts.retain(|verdict| verdict.outcome != crate::risk::Outcome::Pass);
                verdicts
            });
            proptest::prop_assert!(broken.is_empty(), "{broken:?}");
        }
    }
}
