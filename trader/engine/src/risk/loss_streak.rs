//! Not too many losing trades in a row.

use triptych_crds::risk_rules::OnBreach;

use super::breach::{Breach, Consequence};
use super::pause::Pause;
use super::{DenyCode, RiskContext, RiskRule, RuleDescription, Verdict};
use crate::event::Timestamp;
use crate::measure::Measure;
use crate::portfolio::{ClosedTrade, Portfolio};

const PAUSED_AFTER_LOSSES: DenyCode = DenyCode("PAUSED_AFTER_LOSSES");

/// What the rule says of itself.
pub const DESCRIPTION: RuleDescription = RuleDescription {
    name: "lossStreak",
    version: 1,
    purpose: "A strategy whose market is gone and that keeps trying.",
    looks_at: "Closed trades of all instruments, in the order in which they were closed. A trade that loses, fees counted, makes the row longer; any other ends it. `maximum` in a row start a pause, and a new row.",
    unit: "Milliseconds since the pause began, and its length.",
    formula: "There was no pause yet, or the time since >= pauseSeconds.",
    parameters: &[
        (
            "maximum",
            "number of losing trades in a row that starts a pause.",
        ),
        ("pauseSeconds", "length of the pause, in seconds."),
        (
            "onBreach",
            "when a pause starts: `Deny`: nothing else. `Reduce`: the trader goes to Reducing besides. `Halt`: it halts besides.",
        ),
    ],
    deny_codes: &[(
        PAUSED_AFTER_LOSSES,
        "the pause after `maximum` losing trades in a row lasts.",
    )],
    looks_at_portfolio: true,
    binds_reductions: &[],
    in_the_dataset: "`observed` is empty before the first pause. Each part of a position that is closed is a trade.",
    source: "The consecutive-loss limit of proprietary desks.",
};

/// Not too many losing trades in a row.
#[derive(Debug, Clone)]
pub struct LossStreak {
    maximum: u32,
    on_breach: OnBreach,
    in_a_row: u32,
    pause: Pause,
    breached_at: Option<Timestamp>,
}

impl LossStreak {
    /// A rule that pauses after `maximum` losing trades in a row.
    pub fn new(maximum: u32, pause_seconds: u32, on_breach: OnBreach) -> Self {
        Self {
            maximum,
            on_breach,
            in_a_row: 0,
            pause: Pause::of_seconds(pause_seconds),
            breached_at: None,
        }
    }
}

impl RiskRule for LossStreak {
    fn description(&self) -> &'static RuleDescription {
        &DESCRIPTION
    }

    fn evaluate(&self, context: &RiskContext<'_>) -> Verdict {
        self.pause
            .verdict(&DESCRIPTION, PAUSED_AFTER_LOSSES, context.now)
    }

    fn closed(&mut self, trade: &ClosedTrade, _: &Portfolio) {
        self.in_a_row = if trade.is_loss() {
            self.in_a_row + 1
        } else {
            0
        };
        if self.in_a_row == self.maximum {
            self.in_a_row = 0;
            self.pause.begin(trade.closed_at);
            self.breached_at = Some(trade.closed_at);
        }
    }

    fn follows_equity(&self) -> bool {
        true
    }

    fn follow(&mut self, _: &Portfolio, _: Timestamp) -> Option<Breach> {
        let at = self.breached_at.take()?;
        let losses = Measure::count(self.maximum.into());
        Some(Breach {
            rule: DESCRIPTION.name,
            observed: losses,
            limit: losses,
            consequence: Consequence::of(self.on_breach)?,
            at,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Side;
    use crate::portfolio::CloseReason;
    use crate::test_support::{RiskCase, portfolio, round_trip};

    fn second(seconds: i64) -> Timestamp {
        Timestamp::from_milliseconds(seconds * 1_000)
    }

    fn after(maximum: u32, results: &[&str]) -> LossStreak {
        let mut rule = LossStreak::new(maximum, 60, OnBreach::Halt);
        let mut portfolio = portfolio("1000", "0");
        for (at, sold) in (0..).zip(results) {
            round_trip(
                &mut portfolio,
                &mut rule,
                second(at),
                "100",
                sold,
                CloseReason::Signal,
            );
        }
        rule
    }

    fn passes(rule: &LossStreak, seconds: i64) -> bool {
        let mut case = RiskCase::buy("101", "1");
        case.now = second(seconds);
        case.evaluate(rule).passes()
    }

    #[test]
    fn so_many_losses_in_a_row_pause_for_so_long_and_fewer_do_not() {
        for (results, pauses) in [
            (&["99", "99", "99"][..], true),
            (&["99", "99"], false),
            (&["99", "99", "100", "99"], false),
            (&["99", "99", "101", "99", "99"], false),
        ] {
            let rule = after(3, results);
            assert_eq!(passes(&rule, 10), !pauses, "{results:?}");
        }
        let rule = after(3, &["99", "99", "99"]);
        assert!(
            !passes(&rule, 61) && passes(&rule, 62),
            "closed at second 2"
        );
    }

    #[test]
    fn a_pause_starts_a_new_row() {
        let rule = after(2, &["99", "99", "99"]);
        assert!(passes(&rule, 61), "the third loss began no new pause");
    }

    #[test]
    fn the_start_of_a_pause_is_told_once() {
        let mut rule = after(2, &["99", "99"]);
        let portfolio = portfolio("1000", "0");
        let breach = rule.follow(&portfolio, second(9)).unwrap();
        assert_eq!(breach.consequence, Consequence::Halt);
        assert_eq!(breach.observed.to_string(), "2");
        assert_eq!(rule.follow(&portfolio, second(9)), None);
    }

    #[test]
    fn a_reduction_passes_in_a_pause() {
        let rule = after(1, &["99"]);
        let case = RiskCase::sell("99", "1").after(Side::Buy, "1", "100");
        assert!(case.evaluate(&rule).passes());
    }

    proptest::proptest! {
        /// Judged while it counts: a pause that began earlier also ends earlier.
        #[test]
        fn fewer_allowed_losses_never_accept_more(results in proptest::collection::vec(proptest::bool::ANY, 1..12), maximum in 1_u32..6, fewer in 0_u32..6) {
            let results: Vec<_> = results.into_iter().map(|won| if won { "101" } else { "99" }).collect();
            let (loose, tight) = (after(maximum, &results), after(maximum.saturating_sub(fewer).max(1), &results));
            proptest::prop_assert!(passes(&loose, 12) || !passes(&tight, 12));
        }
    }
}
