//! Pauses when the closed trades of a time lost too much.

use super::pause::{Pause, nanoseconds};
use super::{DenyCode, RiskContext, RiskRule, RuleDescription, Verdict};
use crate::decimal::Ratio;
use crate::measure::at_most_part;
use crate::portfolio::{ClosedTrade, Portfolio};

const PAUSED_AFTER_DRAWDOWN: DenyCode = DenyCode("PAUSED_AFTER_DRAWDOWN");

/// What the rule says of itself.
pub const DESCRIPTION: RuleDescription = RuleDescription {
    name: "maxDrawdown",
    version: 1,
    purpose: "A run of trades that gives back what was earned.",
    looks_at: "The balance that closed trades lead to, fees counted: the quote balance at the start and their profits, in the order in which they were closed, over those within `lookbackSeconds` before the newest; the newest 10,000 closed trades are known.",
    unit: "Milliseconds since the pause began, and its length.",
    formula: "There was no pause yet, or the time since >= pauseSeconds. A closed trade begins a pause where there are at least `tradeLimit` and the largest (highest balance - later balance) / highest balance is above `limit`.",
    parameters: &[
        (
            "lookbackSeconds",
            "how far back closed trades count, in seconds.",
        ),
        ("tradeLimit", "fewest closed trades before the rule judges."),
        (
            "limit",
            "largest fall as a part of the highest balance, from 0 to 1.",
        ),
        ("pauseSeconds", "length of the pause, in seconds."),
    ],
    deny_codes: &[(
        PAUSED_AFTER_DRAWDOWN,
        "the pause after too large a fall lasts.",
    )],
    looks_at_portfolio: true,
    binds_reductions: &[],
    in_the_dataset: "`observed` is empty before the first pause. Open positions do not count; rollingDrawdown counts them.",
    source: "freqtrade's protection MaxDrawdown (trade_limit, lookback_period, max_allowed_drawdown, stop_duration), its calculation on the equity.",
};

/// Pauses when the closed trades of a time lost too much.
#[derive(Debug, Clone)]
pub struct MaxDrawdown {
    lookback: i64,
    trade_limit: u32,
    limit: Ratio,
    pause: Pause,
}

impl MaxDrawdown {
    /// A rule with these parameters; `limit` is the same as in them.
    pub fn new(parameters: &triptych_crds::risk_rules::MaxDrawdown, limit: Ratio) -> Self {
        Self {
            lookback: nanoseconds(parameters.lookback_seconds),
            trade_limit: parameters.trade_limit,
            limit,
            pause: Pause::of_seconds(parameters.pause_seconds),
        }
    }

    /// Whether the trades up to `newest` fell too far; looked through from the newest to the oldest.
    fn is_broken(&self, newest: &ClosedTrade, portfolio: &Portfolio) -> bool {
        let mut balance = portfolio.settled().units();
        let mut lowest_after = balance;
        let mut trades = 0;
        let mut is_too_far = false;
        for trade in portfolio.trades().within(self.lookback, newest.closed_at) {
            trades += 1;
            balance = balance.saturating_sub(trade.profit.units());
            let fall = balance.saturating_sub(lowest_after);
            is_too_far |= fall > 0 && (balance <= 0 || !at_most_part(fall, balance, self.limit));
            lowest_after = lowest_after.min(balance);
        }
        trades >= self.trade_limit && is_too_far
    }
}

impl RiskRule for MaxDrawdown {
    fn description(&self) -> &'static RuleDescription {
        &DESCRIPTION
    }

    fn evaluate(&self, context: &RiskContext<'_>) -> Verdict {
        self.pause
            .verdict(&DESCRIPTION, PAUSED_AFTER_DRAWDOWN, context.now)
    }

    fn closed(&mut self, trade: &ClosedTrade, portfolio: &Portfolio) {
        if self.is_broken(trade, portfolio) {
            self.pause.begin(trade.closed_at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Side, Timestamp};
    use crate::portfolio::CloseReason;
    use crate::test_support::{RiskCase, portfolio, round_trip};

    fn second(seconds: i64) -> Timestamp {
        Timestamp::from_milliseconds(seconds * 1_000)
    }

    /// The balance starts with 100.
    fn after(limit: Ratio, trade_limit: u32, trades: &[(i64, &str)]) -> MaxDrawdown {
        let parameters = triptych_crds::risk_rules::MaxDrawdown {
            lookback_seconds: 100,
            trade_limit,
            limit: limit.to_string().as_str().into(),
            pause_seconds: 60,
        };
        let mut rule = MaxDrawdown::new(&parameters, limit);
        let mut portfolio = portfolio("100", "0");
        for &(at, sold) in trades {
            let reason = CloseReason::Signal;
            round_trip(&mut portfolio, &mut rule, second(at), "100", sold, reason);
        }
        rule
    }

    fn passes(rule: &MaxDrawdown, seconds: i64) -> bool {
        let mut case = RiskCase::buy("101", "1");
        case.now = second(seconds);
        case.evaluate(rule).passes()
    }

    #[test]
    fn a_fall_above_the_limit_pauses_and_the_limit_itself_does_not() {
        let tenth: Ratio = "0.1".parse().unwrap();
        for (trades, pauses) in [
            (&[(0, "90")][..], false),
            (&[(0, "89.99999999")], true),
            // 200, then 180 and 179.99999999.
            (&[(0, "200"), (1, "80")], false),
            (&[(0, "200"), (1, "79.99999999")], true),
            // It recovered: the fall stays in the window.
            (&[(0, "85"), (1, "200")], true),
            // The first is out of the window when the second closes.
            (&[(0, "95"), (101, "94.5")], false),
            (&[(0, "95"), (100, "94.5")], true),
        ] {
            let at = trades[trades.len() - 1].0;
            let rule = after(tenth, 1, trades);
            assert_eq!(passes(&rule, at), !pauses, "{trades:?}");
        }
        let rule = after(tenth, 1, &[(0, "50")]);
        assert!(!passes(&rule, 59) && passes(&rule, 60));
    }

    #[test]
    fn it_judges_once_there_are_enough_trades() {
        let tenth: Ratio = "0.1".parse().unwrap();
        assert!(passes(&after(tenth, 2, &[(0, "50")]), 0));
        assert!(!passes(&after(tenth, 2, &[(0, "50"), (1, "100")]), 1));
    }

    #[test]
    fn a_reduction_passes_in_a_pause() {
        let rule = after(Ratio::ZERO, 1, &[(0, "50")]);
        let case = RiskCase::sell("99", "1").after(Side::Buy, "1", "100");
        assert!(case.evaluate(&rule).passes());
    }

    proptest::proptest! {
        #[test]
        fn a_tighter_limit_never_accepts_more(results in proptest::collection::vec(80_u32..120, 1..10), limit in 0_i64..=100_000_000, tighter_by in 0_i64..=100_000_000) {
            let results: Vec<String> = results.iter().map(ToString::to_string).collect();
            let trades: Vec<_> = (0..).zip(results.iter().map(String::as_str)).collect();
            let passes = |limit: i64| passes(&after(Ratio::from_units(limit), 1, &trades), 10);
            proptest::prop_assert!(passes(limit) || !passes((limit - tighter_by).max(0)));
        }
    }
}
