//! Pauses after each closed trade.

use super::pause::Pause;
use super::{DenyCode, RiskContext, RiskRule, RuleDescription, Verdict};
use crate::portfolio::{ClosedTrade, Portfolio};

const PAUSED_AFTER_TRADE: DenyCode = DenyCode("PAUSED_AFTER_TRADE");

/// What the rule says of itself.
pub const DESCRIPTION: RuleDescription = RuleDescription {
    name: "cooldownPeriod",
    version: 1,
    purpose: "Going back in at once where the strategy just went out.",
    looks_at: "The newest closed trade of the instrument, whatever closed it.",
    unit: "Milliseconds since the trade was closed, and the length of the pause.",
    formula: "None was closed yet, or the time since >= pauseSeconds.",
    parameters: &[("pauseSeconds", "length of the pause, in seconds.")],
    deny_codes: &[(
        PAUSED_AFTER_TRADE,
        "a trade of the instrument was closed within the pause.",
    )],
    looks_at_portfolio: true,
    binds_reductions: &[],
    in_the_dataset: "`observed` is empty before the first closed trade. A part of a position that is closed is a trade; the rest of it can still be reduced.",
    source: "freqtrade's protection CooldownPeriod (stop_duration).",
};

/// Pauses after each closed trade.
#[derive(Debug, Clone)]
pub struct CooldownPeriod {
    pauses: Vec<Pause>,
}

impl CooldownPeriod {
    /// A rule for so many instruments.
    pub fn new(pause_seconds: u32, instruments: usize) -> Self {
        Self {
            pauses: vec![Pause::of_seconds(pause_seconds); instruments],
        }
    }
}

impl RiskRule for CooldownPeriod {
    fn description(&self) -> &'static RuleDescription {
        &DESCRIPTION
    }

    fn evaluate(&self, context: &RiskContext<'_>) -> Verdict {
        let pause = &self.pauses[context.proposal.instrument.index()];
        pause.verdict(&DESCRIPTION, PAUSED_AFTER_TRADE, context.now)
    }

    fn closed(&mut self, trade: &ClosedTrade, _: &Portfolio) {
        self.pauses[trade.instrument.index()].begin(trade.closed_at);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{InstrumentId, Side, Timestamp};
    use crate::portfolio::CloseReason;
    use crate::test_support::{RiskCase, portfolio, round_trip};

    fn second(seconds: i64) -> Timestamp {
        Timestamp::from_milliseconds(seconds * 1_000)
    }

    fn after_a_trade(pause_seconds: u32) -> CooldownPeriod {
        let mut rule = CooldownPeriod::new(pause_seconds, 2);
        let mut portfolio = portfolio("1000", "0");
        let reason = CloseReason::Target;
        round_trip(&mut portfolio, &mut rule, second(0), "100", "101", reason);
        rule
    }

    fn case(seconds: i64) -> RiskCase {
        let mut case = RiskCase::buy("101", "1");
        case.now = second(seconds);
        case
    }

    #[test]
    fn the_instrument_of_a_closed_trade_pauses_for_so_long() {
        let rule = after_a_trade(60);
        assert!(!case(59).evaluate(&rule).passes());
        assert!(case(60).evaluate(&rule).passes());
        let mut elsewhere = case(0);
        elsewhere.proposal.instrument = InstrumentId(1);
        assert!(elsewhere.evaluate(&rule).passes());
        assert!(case(0).evaluate(&CooldownPeriod::new(60, 1)).passes());
    }

    #[test]
    fn a_reduction_passes_in_a_pause() {
        let case = RiskCase::sell("99", "1").after(Side::Buy, "1", "100");
        assert!(case.evaluate(&after_a_trade(60)).passes());
    }

    proptest::proptest! {
        #[test]
        fn a_longer_pause_never_accepts_more(pause in 1_u32..200, longer_by in 0_u32..200, at in 0_i64..400) {
            let passes = |pause| case(at).evaluate(&after_a_trade(pause)).passes();
            proptest::prop_assert!(passes(pause) || !passes(pause + longer_by));
        }
    }
}
