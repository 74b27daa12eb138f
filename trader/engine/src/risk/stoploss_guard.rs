//! Pauses after several stop losses.

use super::pause::{Pause, nanoseconds};
use super::{DenyCode, RiskContext, RiskRule, RuleDescription, Verdict};
use crate::event::InstrumentId;
use crate::portfolio::{CloseReason, ClosedTrade, Portfolio};

const PAUSED_AFTER_STOPS: DenyCode = DenyCode("PAUSED_AFTER_STOPS");

/// What the rule says of itself.
pub const DESCRIPTION: RuleDescription = RuleDescription {
    name: "stoplossGuard",
    version: 1,
    purpose: "A market that runs through one stop after the other.",
    looks_at: "Trades that a protective stop closed at a loss, fees counted, within `lookbackSeconds` before the newest of them; the newest 10,000 closed trades are known.",
    unit: "Milliseconds since the pause began, and its length.",
    formula: "There was no pause yet, or the time since >= pauseSeconds. A stop loss begins a pause where with it there are at least `tradeLimit`.",
    parameters: &[
        (
            "lookbackSeconds",
            "how far back stop losses count, in seconds.",
        ),
        ("tradeLimit", "number of stop losses that starts a pause."),
        ("pauseSeconds", "length of the pause, in seconds."),
        (
            "perInstrument",
            "whether an instrument is paused by its own stop losses only, instead of all by those of all.",
        ),
    ],
    deny_codes: &[(
        PAUSED_AFTER_STOPS,
        "the pause after `tradeLimit` stop losses lasts.",
    )],
    looks_at_portfolio: true,
    binds_reductions: &[],
    in_the_dataset: "`observed` is empty before the first pause. Only candidates with a `stop` can be closed by one.",
    source: "freqtrade's protection StoplossGuard (trade_limit, lookback_period, stop_duration, only_per_pair).",
};

/// Pauses after several stop losses.
#[derive(Debug, Clone)]
pub struct StoplossGuard {
    lookback: i64,
    trade_limit: u32,
    per_instrument: bool,
    /// One for each instrument, or one for all.
    pauses: Vec<Pause>,
}

impl StoplossGuard {
    /// A rule for so many instruments.
    pub fn new(parameters: &triptych_crds::risk_rules::StoplossGuard, instruments: usize) -> Self {
        let pauses = if parameters.per_instrument {
            instruments
        } else {
            1
        };
        Self {
            lookback: nanoseconds(parameters.lookback_seconds),
            trade_limit: parameters.trade_limit,
            per_instrument: parameters.per_instrument,
            pauses: vec![Pause::of_seconds(parameters.pause_seconds); pauses],
        }
    }

    const fn place(&self, instrument: InstrumentId) -> usize {
        if self.per_instrument {
            instrument.index()
        } else {
            0
        }
    }
}

fn is_stop_loss(trade: &ClosedTrade) -> bool {
    trade.reason == CloseReason::Stop && trade.is_loss()
}

impl RiskRule for StoplossGuard {
    fn description(&self) -> &'static RuleDescription {
        &DESCRIPTION
    }

    fn evaluate(&self, context: &RiskContext<'_>) -> Verdict {
        let place = self.place(context.proposal.instrument);
        self.pauses[place].verdict(&DESCRIPTION, PAUSED_AFTER_STOPS, context.now)
    }

    fn closed(&mut self, trade: &ClosedTrade, portfolio: &Portfolio) {
        if !is_stop_loss(trade) {
            return;
        }
        let counts = |known: &&ClosedTrade| {
            is_stop_loss(known) && (!self.per_instrument || known.instrument == trade.instrument)
        };
        let stops = portfolio
            .trades()
            .within(self.lookback, trade.closed_at)
            .filter(counts)
            .take(self.trade_limit as usize)
            .count();
        if stops == self.trade_limit as usize {
            let place = self.place(trade.instrument);
            self.pauses[place].begin(trade.closed_at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Side, Timestamp};
    use crate::test_support::{RiskCase, portfolio, round_trip};

    fn second(seconds: i64) -> Timestamp {
        Timestamp::from_milliseconds(seconds * 1_000)
    }

    fn after(trade_limit: u32, trades: &[(i64, &str, CloseReason)]) -> StoplossGuard {
        let parameters = triptych_crds::risk_rules::StoplossGuard {
            lookback_seconds: 100,
            trade_limit,
            pause_seconds: 60,
            per_instrument: false,
        };
        let mut rule = StoplossGuard::new(&parameters, 2);
        let mut portfolio = portfolio("1000", "0");
        for &(at, sold, reason) in trades {
            round_trip(&mut portfolio, &mut rule, second(at), "100", sold, reason);
        }
        rule
    }

    fn passes(rule: &StoplossGuard, seconds: i64) -> bool {
        let mut case = RiskCase::buy("101", "1");
        case.now = second(seconds);
        case.evaluate(rule).passes()
    }

    #[test]
    fn stops_at_a_loss_within_the_lookback_pause_and_nothing_else_does() {
        use CloseReason::{Signal, Stop, Target};
        for (trades, pauses) in [
            (&[(0, "99", Stop), (100, "99", Stop)][..], true),
            (&[(0, "99", Stop), (101, "99", Stop)], false),
            (&[(99, "99", Stop), (100, "99", Signal)], false),
            (&[(99, "99", Stop), (100, "101", Stop)], false),
            (&[(99, "101", Target), (100, "99", Stop)], false),
        ] {
            let rule = after(2, trades);
            assert_eq!(passes(&rule, 110), !pauses, "{trades:?}");
        }
        let rule = after(1, &[(0, "99", Stop)]);
        assert!(!passes(&rule, 59) && passes(&rule, 60));
    }

    #[test]
    fn per_instrument_only_the_one_with_the_stops_pauses() {
        for per_instrument in [false, true] {
            let parameters = triptych_crds::risk_rules::StoplossGuard {
                lookback_seconds: 100,
                trade_limit: 1,
                pause_seconds: 60,
                per_instrument,
            };
            let mut rule = StoplossGuard::new(&parameters, 2);
            let mut portfolio = portfolio("1000", "0");
            round_trip(
                &mut portfolio,
                &mut rule,
                second(0),
                "100",
                "99",
                CloseReason::Stop,
            );
            let mut elsewhere = RiskCase::buy("101", "1");
            elsewhere.proposal.instrument = InstrumentId(1);
            assert_eq!(elsewhere.evaluate(&rule).passes(), per_instrument);
            assert!(!passes(&rule, 0));
        }
    }

    #[test]
    fn a_reduction_passes_in_a_pause() {
        let rule = after(1, &[(0, "99", CloseReason::Stop)]);
        let case = RiskCase::sell("99", "1").after(Side::Buy, "1", "100");
        assert!(case.evaluate(&rule).passes());
    }

    proptest::proptest! {
        #[test]
        fn fewer_allowed_stops_never_accept_more(steps in proptest::collection::vec(0_i64..60, 1..12), limit in 1_u32..6, fewer in 0_u32..6) {
            let mut now = 0;
            let trades: Vec<_> = steps.iter().map(|step| { now += step; (now, "99", CloseReason::Stop) }).collect();
            let (loose, tight) = (after(limit, &trades), after(limit.saturating_sub(fewer).max(1), &trades));
            proptest::prop_assert!(passes(&loose, now) || !passes(&tight, now));
        }
    }
}
