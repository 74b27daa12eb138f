//! The same intent was not seen a moment ago.

use super::{DenyCode, Outcome, RiskContext, RiskRule, RuleDescription, Verdict};
use crate::event::{InstrumentId, Side, Timestamp};
use crate::measure::Measure;
use crate::proposal::{Proposal, StrategyIndex};

const DUPLICATE_INTENT: DenyCode = DenyCode("DUPLICATE_INTENT");

/// What the rule says of itself.
pub const DESCRIPTION: RuleDescription = RuleDescription {
    name: "duplicateIntent",
    version: 1,
    purpose: "A strategy that repeats itself and would pay twice for one idea.",
    looks_at: "The time since the last proposal of the same strategy for the same instrument and side, by the engine's clock, whatever became of that proposal.",
    unit: "Milliseconds since the last one, and the window.",
    formula: "There was none, or the time since >= windowMilliseconds.",
    parameters: &[(
        "windowMilliseconds",
        "length of the window, in milliseconds.",
    )],
    deny_codes: &[(
        DUPLICATE_INTENT,
        "the same intent was proposed within the window.",
    )],
    looks_at_portfolio: false,
    binds_reductions: &[],
    in_the_dataset: "Every proposal starts the window anew, denied or not, so that the verdict is the same in every tier. `observed` is empty for the first proposal.",
    source: "FIA, \"Best practices for automated trading risk controls and system safety\" (2024), repeated automated execution throttle.",
};

/// The same intent was not seen a moment ago.
#[derive(Debug, Clone)]
pub struct DuplicateIntent {
    window: i64,
    instruments: usize,
    last: Vec<Option<Timestamp>>,
}

impl DuplicateIntent {
    /// A rule for this many strategies and instruments.
    pub fn new(window_milliseconds: u32, strategies: usize, instruments: usize) -> Self {
        Self {
            window: i64::from(window_milliseconds) * 1_000_000,
            instruments,
            last: vec![None; strategies * instruments * 2],
        }
    }

    fn place(&self, strategy: StrategyIndex, instrument: InstrumentId, side: Side) -> usize {
        let pair = usize::from(strategy.0) * self.instruments + instrument.index();
        pair * 2 + usize::from(side == Side::Sell)
    }

    fn last_of(&self, proposal: &Proposal) -> Option<Timestamp> {
        let place = self.place(proposal.strategy, proposal.instrument, proposal.side);
        self.last.get(place).copied().flatten()
    }
}

impl RiskRule for DuplicateIntent {
    fn description(&self) -> &'static RuleDescription {
        &DESCRIPTION
    }

    fn evaluate(&self, context: &RiskContext<'_>) -> Verdict {
        let since = self
            .last_of(context.proposal)
            .map(|last| context.now.nanoseconds_since(last));
        let outcome = match since {
            Some(since) if since < self.window => Outcome::Deny(DUPLICATE_INTENT),
            _ => Outcome::Pass,
        };
        let limit = Measure::milliseconds(self.window);
        Verdict::of(
            &DESCRIPTION,
            outcome,
            since.map(Measure::milliseconds),
            Some(limit),
        )
    }

    fn record(&mut self, proposal: &Proposal, now: Timestamp) {
        let place = self.place(proposal.strategy, proposal.instrument, proposal.side);
        if let Some(last) = self.last.get_mut(place) {
            *last = Some(now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_support::{RiskCase, denied};

    fn at(milliseconds: i64, strategy: u16, side: Side) -> RiskCase {
        let mut case = RiskCase::buy("101", "1");
        case.now = Timestamp::from_milliseconds(milliseconds);
        case.proposal.strategy = StrategyIndex(strategy);
        case.proposal.side = side;
        case
    }

    fn judge(rule: &mut DuplicateIntent, case: RiskCase) -> Option<&'static str> {
        let (proposal, now) = (case.proposal, case.now);
        let verdict = case.evaluate(rule);
        rule.record(&proposal, now);
        denied(&verdict)
    }

    #[test]
    fn the_same_intent_is_denied_until_the_window_has_passed() {
        let mut rule = DuplicateIntent::new(500, 2, 1);
        for (milliseconds, code) in [
            (1_000, None),
            (1_499, Some("DUPLICATE_INTENT")),
            // The denied one started the window anew.
            (1_500, Some("DUPLICATE_INTENT")),
            (2_000, None),
        ] {
            assert_eq!(
                judge(&mut rule, at(milliseconds, 0, Side::Buy)),
                code,
                "{milliseconds}"
            );
        }
    }

    #[test]
    fn another_strategy_or_side_is_another_intent() {
        let mut rule = DuplicateIntent::new(500, 2, 1);
        for (strategy, side) in [
            (0, Side::Buy),
            (0, Side::Sell),
            (1, Side::Buy),
            (1, Side::Sell),
        ] {
            assert_eq!(
                judge(&mut rule, at(1_000, strategy, side)),
                None,
                "{strategy} {side}"
            );
        }
    }

    #[test]
    fn judging_alone_is_not_proposing() {
        let rule = DuplicateIntent::new(500, 1, 1);
        for _ in 0..2 {
            assert!(at(1_000, 0, Side::Buy).evaluate(&rule).passes());
        }
    }

    proptest::proptest! {
        #[test]
        fn a_longer_window_never_accepts_more(steps in proptest::collection::vec(0_i64..300, 1..40), window in 1_u32..500, longer_by in 0_u32..500) {
            let mut shorter = DuplicateIntent::new(window, 1, 1);
            let mut longer = DuplicateIntent::new(window + longer_by, 1, 1);
            let mut now = 0;
            for step in steps {
                now += step;
                let by_shorter = judge(&mut shorter, at(now, 0, Side::Buy));
                let by_longer = judge(&mut longer, at(now, 0, Side::Buy));
                proptest::prop_assert!(by_shorter.is_none() || by_longer.is_some());
            }
        }
    }
}
