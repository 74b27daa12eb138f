//! Pauses instruments that earned too little.

use super::pause::{Pause, nanoseconds};
use super::{DenyCode, RiskContext, RiskRule, RuleDescription, Verdict};
use crate::decimal::{Ratio, UNITS_PER_WHOLE};
use crate::portfolio::{ClosedTrade, Portfolio};

const PAUSED_FOR_LOW_PROFIT: DenyCode = DenyCode("PAUSED_FOR_LOW_PROFIT");

/// What the rule says of itself.
pub const DESCRIPTION: RuleDescription = RuleDescription {
    name: "lowProfitInstruments",
    version: 1,
    purpose: "Time and fees spent on an instrument that does not pay.",
    looks_at: "Closed trades of the instrument within `lookbackSeconds` before the newest of them; the newest 10,000 closed trades of all instruments are known. A trade's return is its profit, fees counted, over what was paid to open it, rounded down at the eighth decimal.",
    unit: "Milliseconds since the pause began, and its length.",
    formula: "There was no pause yet, or the time since >= pauseSeconds. A closed trade begins a pause where there are at least `tradeLimit` and the sum of their returns is below `requiredProfit`.",
    parameters: &[
        (
            "lookbackSeconds",
            "how far back closed trades count, in seconds.",
        ),
        ("tradeLimit", "fewest closed trades before the rule judges."),
        (
            "requiredProfit",
            "smallest sum of the trades' returns that avoids a pause, from 0 to 1.",
        ),
        ("pauseSeconds", "length of the pause, in seconds."),
    ],
    deny_codes: &[(
        PAUSED_FOR_LOW_PROFIT,
        "the pause after too little profit lasts.",
    )],
    looks_at_portfolio: true,
    binds_reductions: &[],
    in_the_dataset: "`observed` is empty before the first pause.",
    source: "freqtrade's protection LowProfitPairs (trade_limit, lookback_period, required_profit, stop_duration).",
};

/// Pauses instruments that earned too little.
#[derive(Debug, Clone)]
pub struct LowProfitInstruments {
    lookback: i64,
    trade_limit: u32,
    required_profit: Ratio,
    pauses: Vec<Pause>,
}

impl LowProfitInstruments {
    /// A rule for so many instruments; `required_profit` is the same as in the parameters.
    pub fn new(
        parameters: &triptych_crds::risk_rules::LowProfitInstruments,
        required_profit: Ratio,
        instruments: usize,
    ) -> Self {
        Self {
            lookback: nanoseconds(parameters.lookback_seconds),
            trade_limit: parameters.trade_limit,
            required_profit,
            pauses: vec![Pause::of_seconds(parameters.pause_seconds); instruments],
        }
    }
}

/// A trade's return in units of 10⁻⁸, rounded down.
fn return_units(trade: &ClosedTrade) -> i128 {
    let scaled = trade
        .profit
        .units()
        .saturating_mul(i128::from(UNITS_PER_WHOLE));
    scaled.div_euclid(trade.entry_value.units().max(1))
}

impl RiskRule for LowProfitInstruments {
    fn description(&self) -> &'static RuleDescription {
        &DESCRIPTION
    }

    fn evaluate(&self, context: &RiskContext<'_>) -> Verdict {
        let pause = &self.pauses[context.proposal.instrument.index()];
        pause.verdict(&DESCRIPTION, PAUSED_FOR_LOW_PROFIT, context.now)
    }

    fn closed(&mut self, trade: &ClosedTrade, portfolio: &Portfolio) {
        let known = portfolio.trades().within(self.lookback, trade.closed_at);
        let of_instrument = known.filter(|known| known.instrument == trade.instrument);
        let (mut trades, mut returns) = (0, 0_i128);
        for known in of_instrument {
            trades += 1;
            returns = returns.saturating_add(return_units(known));
        }
        if trades >= self.trade_limit && returns < i128::from(self.required_profit.units()) {
            self.pauses[trade.instrument.index()].begin(trade.closed_at);
        }
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

    fn after(required: Ratio, trade_limit: u32, trades: &[(i64, &str)]) -> LowProfitInstruments {
        let parameters = triptych_crds::risk_rules::LowProfitInstruments {
            lookback_seconds: 100,
            trade_limit,
            required_profit: required.to_string().as_str().into(),
            pause_seconds: 60,
        };
        let mut rule = LowProfitInstruments::new(&parameters, required, 2);
        let mut portfolio = portfolio("1000", "0");
        for &(at, sold) in trades {
            let reason = CloseReason::Signal;
            round_trip(&mut portfolio, &mut rule, second(at), "100", sold, reason);
        }
        rule
    }

    fn passes(rule: &LowProfitInstruments, seconds: i64) -> bool {
        let mut case = RiskCase::buy("101", "1");
        case.now = second(seconds);
        case.evaluate(rule).passes()
    }

    #[test]
    fn too_little_profit_pauses_the_instrument_and_the_required_one_does_not() {
        let twentieth: Ratio = "0.05".parse().unwrap();
        for (trades, pauses) in [
            (&[(0, "102"), (1, "103")][..], false),
            (&[(0, "102"), (1, "102.999999")], true),
            (&[(0, "90"), (1, "120")], false),
            (&[(0, "103"), (101, "103")], false),
            (&[(0, "103"), (100, "101")], true),
        ] {
            let at = trades[trades.len() - 1].0;
            let rule = after(twentieth, 2, trades);
            assert_eq!(passes(&rule, at), !pauses, "{trades:?}");
        }
        let rule = after(twentieth, 1, &[(0, "100")]);
        assert!(!passes(&rule, 59) && passes(&rule, 60));
        let mut elsewhere = RiskCase::buy("101", "1");
        elsewhere.proposal.instrument = InstrumentId(1);
        assert!(elsewhere.evaluate(&rule).passes());
    }

    #[test]
    fn a_reduction_passes_in_a_pause() {
        let rule = after(Ratio::ONE, 1, &[(0, "100")]);
        let case = RiskCase::sell("99", "1").after(Side::Buy, "1", "100");
        assert!(case.evaluate(&rule).passes());
    }

    proptest::proptest! {
        #[test]
        fn a_higher_requirement_never_accepts_more(results in proptest::collection::vec(90_u32..120, 1..10), required in 0_i64..=100_000_000, more in 0_i64..=100_000_000) {
            let results: Vec<String> = results.iter().map(ToString::to_string).collect();
            let trades: Vec<_> = (0..).zip(results.iter().map(String::as_str)).collect();
            let passes = |required: i64| passes(&after(Ratio::from_units(required), 1, &trades), 10);
            proptest::prop_assert!(passes(required) || !passes((required + more).min(UNITS_PER_WHOLE)));
        }
    }
}
