//! The fall of the equity from its highest point in a window stays below a limit.

use std::collections::VecDeque;

use triptych_crds::risk_rules::OnBreach;

use super::breach::{Breach, Consequence, Edge};
use super::pause::nanoseconds;
use super::{DenyCode, Outcome, RiskContext, RiskRule, RuleDescription, Verdict};
use crate::decimal::{Notional, Ratio};
use crate::event::Timestamp;
use crate::measure::{Measure, at_most_part};
use crate::portfolio::Portfolio;

const DRAWDOWN_ABOVE_LIMIT: DenyCode = DenyCode("DRAWDOWN_ABOVE_LIMIT");

/// Parts in which a window is kept: what is remembered is bounded, and a highest point counts for at
/// most one part longer than the window.
const PARTS: i64 = 256;

/// One for each part, the current and the oldest one included, and one that is about to go.
const MOST_KEPT: usize = 258;

/// What the rule says of itself.
pub const DESCRIPTION: RuleDescription = RuleDescription {
    name: "rollingDrawdown",
    version: 1,
    purpose: "A slow bleeding that no single day shows.",
    looks_at: "The equity, open positions at the middle of best bid and ask and fees included, and its highest point in the window before now, by the engine's clock.",
    unit: "Part of the highest equity, from 0 to 1.",
    formula: "(highest equity - equity) / highest equity <= limit.",
    parameters: &[
        (
            "limit",
            "largest fall as a part of the highest equity, from 0 to 1.",
        ),
        (
            "windowSeconds",
            "length of the window, in seconds. It slides in 256 steps: a highest point counts up to 1/256 longer.",
        ),
        (
            "onBreach",
            "`Deny`: candidates are denied. `Reduce`: the trader goes to Reducing besides. `Halt`: it halts besides.",
        ),
    ],
    deny_codes: &[(
        DRAWDOWN_ABOVE_LIMIT,
        "the fall is above `limit`, or the highest equity is not above zero.",
    )],
    looks_at_portfolio: true,
    binds_reductions: &[],
    in_the_dataset: "`observed` is the fall, rounded up at the eighth decimal; the comparison itself is exact.",
    source: "M. Magdon-Ismail, A. Atiya, \"Maximum drawdown\", Risk 17 (2004), over a sliding window.",
};

/// The fall of the equity from its highest point in a window stays below a limit.
#[derive(Debug, Clone)]
pub struct RollingDrawdown {
    limit: Ratio,
    part: i64,
    on_breach: OnBreach,
    last: Option<Notional>,
    /// Part of time and the highest equity in it; later ones are always lower.
    highest: VecDeque<(i64, Notional)>,
    edge: Edge,
}

impl RollingDrawdown {
    /// A rule that looks back so many seconds.
    pub fn new(limit: Ratio, window_seconds: u32, on_breach: OnBreach) -> Self {
        let length = nanoseconds(window_seconds);
        Self {
            limit,
            part: length / PARTS + i64::from(length % PARTS > 0),
            on_breach,
            last: None,
            highest: VecDeque::with_capacity(MOST_KEPT),
            edge: Edge::default(),
        }
    }

    fn peak(&self, portfolio: &Portfolio, now: Timestamp) -> Notional {
        let oldest = now.nanoseconds().div_euclid(self.part) - PARTS;
        let within = self.highest.iter().find(|(part, _)| *part >= oldest);
        // What the equity was last, it was until now.
        let last = self.last.unwrap_or_else(|| portfolio.equity_at_start());
        within
            .map_or(last, |(_, equity)| last.max(*equity))
            .max(portfolio.equity())
    }

    fn remember(&mut self, equity: Notional, now: Timestamp) {
        let part = now.nanoseconds().div_euclid(self.part);
        while self.highest.back().is_some_and(|(_, last)| *last <= equity) {
            self.highest.pop_back();
        }
        if self.highest.back().is_none_or(|(last, _)| *last < part) {
            self.highest.push_back((part, equity));
        }
        while self
            .highest
            .front()
            .is_some_and(|(first, _)| *first < part - PARTS)
        {
            self.highest.pop_front();
        }
    }

    /// Fall and highest point, in units of 10⁻¹⁶.
    fn fall(&self, portfolio: &Portfolio, now: Timestamp) -> (i128, i128) {
        let peak = self.peak(portfolio, now).units();
        (peak.saturating_sub(portfolio.equity().units()), peak)
    }

    fn is_broken(&self, (fall, peak): (i128, i128)) -> bool {
        peak <= 0 || !at_most_part(fall, peak, self.limit)
    }
}

/// The fall as a part; all of it where there was nothing to fall from.
fn shown((fall, peak): (i128, i128)) -> Measure {
    if peak > 0 {
        Measure::part(fall, peak)
    } else {
        Ratio::ONE.into()
    }
}

impl RiskRule for RollingDrawdown {
    fn description(&self) -> &'static RuleDescription {
        &DESCRIPTION
    }

    fn evaluate(&self, context: &RiskContext<'_>) -> Verdict {
        let fall = self.fall(context.portfolio, context.now);
        let outcome = if self.is_broken(fall) {
            Outcome::Deny(DRAWDOWN_ABOVE_LIMIT)
        } else {
            Outcome::Pass
        };
        Verdict::of(
            &DESCRIPTION,
            outcome,
            Some(shown(fall)),
            Some(self.limit.into()),
        )
    }

    fn follows_equity(&self) -> bool {
        true
    }

    fn follow(&mut self, portfolio: &Portfolio, now: Timestamp) -> Option<Breach> {
        let before = self.last.unwrap_or_else(|| portfolio.equity_at_start());
        self.remember(before.max(portfolio.equity()), now);
        self.last = Some(portfolio.equity());
        let fall = self.fall(portfolio, now);
        let breaks = self.edge.breaks(self.is_broken(fall));
        let consequence = Consequence::of(self.on_breach).filter(|_| breaks)?;
        Some(Breach {
            rule: DESCRIPTION.name,
            observed: shown(fall),
            limit: self.limit.into(),
            consequence,
            at: now,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Side;
    use crate::test_support::{RiskCase, denied, fill_at, portfolio};

    fn rule(limit: &str) -> RollingDrawdown {
        RollingDrawdown::new(limit.parse().unwrap(), 256, OnBreach::Reduce)
    }

    fn second(seconds: i64) -> Timestamp {
        Timestamp::from_milliseconds(seconds * 1_000)
    }

    /// 100 of quote asset, one bought at 100 and worth `price`: that is the equity too.
    fn worth(price: &str) -> Portfolio {
        let mut portfolio = portfolio("100", "0");
        fill_at(&mut portfolio, Side::Buy, "1", "100", price);
        portfolio
    }

    fn judge(rule: &RollingDrawdown, portfolio: &Portfolio, now: Timestamp) -> Verdict {
        let mut case = RiskCase::buy("101", "1");
        case.portfolio = portfolio.clone();
        case.now = now;
        case.evaluate(rule)
    }

    #[test]
    fn the_limit_itself_passes_and_the_next_unit_is_denied() {
        for (price, code) in [
            ("180", None),
            ("179.99999999", Some("DRAWDOWN_ABOVE_LIMIT")),
        ] {
            let mut rule = rule("0.1");
            rule.follow(&worth("200"), second(0));
            rule.follow(&worth(price), second(1));
            let verdict = judge(&rule, &worth(price), second(1));
            assert_eq!(denied(&verdict), code, "{price}");
        }
        let mut rule = rule("0.1");
        rule.follow(&worth("150"), second(0));
        let verdict = judge(&rule, &worth("100"), second(0));
        assert_eq!(verdict.observed.unwrap().to_string(), "0.33333334");
    }

    #[test]
    fn the_equity_at_the_start_is_a_highest_point() {
        let rule = rule("0.1");
        assert!(!judge(&rule, &worth("89"), second(0)).passes());
    }

    #[test]
    fn a_highest_point_counts_as_long_as_the_window_and_the_equity_until_it_changed() {
        let mut rule = rule("0.1");
        rule.follow(&worth("200"), second(0));
        // It stood there until second 100.
        rule.follow(&worth("150"), second(100));
        for (seconds, passes) in [(101, false), (356, false), (357, true), (400, true)] {
            let verdict = judge(&rule, &worth("150"), second(seconds));
            assert_eq!(verdict.passes(), passes, "{seconds}");
        }
    }

    #[test]
    fn an_equity_of_nothing_is_denied_whatever_the_limit() {
        let mut rule = rule("1");
        rule.follow(&worth("0.00000001"), second(0));
        assert!(!judge(&rule, &worth("-5"), second(1_000)).passes());
    }

    #[test]
    fn a_breach_is_told_once_each_time_that_the_limit_breaks() {
        let mut rule = rule("0.1");
        let mut told = Vec::new();
        for (seconds, price) in [(0, "100"), (1, "85"), (2, "80"), (3, "95"), (4, "85")] {
            let breach = rule.follow(&worth(price), second(seconds));
            told.extend(breach.map(|breach| (seconds, breach.observed.to_string())));
        }
        assert_eq!(told, [(1, "0.15".to_owned()), (4, "0.15".to_owned())]);
    }

    #[test]
    fn a_reduction_passes_after_any_fall() {
        let mut case = RiskCase::sell("99", "1");
        case.portfolio = worth("1");
        assert!(case.evaluate(&rule("0")).passes());
    }

    proptest::proptest! {
        #[test]
        fn the_highest_point_is_that_of_the_window_or_a_part_longer(steps in proptest::collection::vec((1_i64..40, 1_i64..400), 1..60)) {
            let mut rule = rule("0.5");
            let mut history: Vec<(i64, i64)> = vec![(0, 100)];
            let mut now = 0;
            for (step, price) in steps {
                now += step;
                let portfolio = worth(&price.to_string());
                rule.follow(&portfolio, second(now));
                history.push((now, price));
                let highest_since = |since: i64| {
                    let until = history.iter().skip(1).map(|(at, _)| *at).chain([now]);
                    let held = history.iter().zip(until).filter(|(_, until)| *until >= since);
                    held.map(|((_, price), _)| *price).max().unwrap_or(0)
                };
                let peak = rule.peak(&portfolio, second(now)).units() / 10_i128.pow(16);
                proptest::prop_assert!(peak >= i128::from(highest_since(now - 256)));
                proptest::prop_assert!(peak <= i128::from(highest_since(now - 257)));
                proptest::prop_assert!(rule.highest.len() <= MOST_KEPT);
            }
        }

        #[test]
        fn a_tighter_limit_never_accepts_more(prices in proptest::collection::vec(1_u32..300, 1..20), limit in 0_i64..=100_000_000, tighter_by in 0_i64..=100_000_000) {
            let mut loose = RollingDrawdown::new(Ratio::from_units(limit), 256, OnBreach::Deny);
            let mut tight = RollingDrawdown::new(Ratio::from_units((limit - tighter_by).max(0)), 256, OnBreach::Deny);
            for (at, price) in (0..).zip(prices) {
                let portfolio = worth(&price.to_string());
                loose.follow(&portfolio, second(at));
                tight.follow(&portfolio, second(at));
                let passes = |rule: &RollingDrawdown| judge(rule, &portfolio, second(at)).passes();
                proptest::prop_assert!(passes(&loose) || !passes(&tight));
            }
        }
    }
}
