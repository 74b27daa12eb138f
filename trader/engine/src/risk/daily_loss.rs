//! The loss of one day stays below a limit.

use triptych_crds::risk_rules::OnBreach;

use super::breach::{Breach, Consequence, Edge};
use super::{DenyCode, Outcome, RiskContext, RiskRule, RuleDescription, Verdict};
use crate::decimal::Notional;
use crate::event::Timestamp;
use crate::portfolio::Portfolio;

const DAILY_LOSS_ABOVE_LIMIT: DenyCode = DenyCode("DAILY_LOSS_ABOVE_LIMIT");

const HOUR: i64 = 3_600_000_000_000;
const DAY: i64 = 24 * HOUR;

/// What the rule says of itself.
pub const DESCRIPTION: RuleDescription = RuleDescription {
    name: "dailyLoss",
    version: 1,
    purpose: "A bad day that becomes a ruinous one.",
    looks_at: "The equity, open positions at the middle of best bid and ask and fees included, now and when the day began, by the engine's clock.",
    unit: "Quote asset.",
    formula: "equity at the start of the day - equity <= limit.",
    parameters: &[
        ("limit", "largest loss, in the quote asset."),
        ("dayStartsAtHour", "hour at which the day starts, in UTC."),
        (
            "onBreach",
            "`Deny`: candidates are denied. `Reduce`: the trader goes to Reducing besides. `Halt`: it halts besides.",
        ),
    ],
    deny_codes: &[(
        DAILY_LOSS_ABOVE_LIMIT,
        "the loss of the day is above `limit`.",
    )],
    looks_at_portfolio: true,
    binds_reductions: &[],
    in_the_dataset: "`observed` is the loss; below zero it is a profit.",
    source: "FIA, \"Best practices for automated trading risk controls and system safety\" (2024), loss limits; the daily loss limit of proprietary desks.",
};

/// The loss of one day stays below a limit.
#[derive(Debug, Clone)]
pub struct DailyLoss {
    limit: Notional,
    starts_at: i64,
    on_breach: OnBreach,
    seen: Option<Seen>,
    edge: Edge,
}

/// What is remembered between changes of the equity.
#[derive(Debug, Clone, Copy)]
struct Seen {
    day: i64,
    equity_at_start: Notional,
    equity: Notional,
}

impl DailyLoss {
    /// A rule whose day starts at an hour, UTC.
    pub fn new(limit: Notional, day_starts_at_hour: u32, on_breach: OnBreach) -> Self {
        Self {
            limit,
            starts_at: i64::from(day_starts_at_hour) * HOUR,
            on_breach,
            seen: None,
            edge: Edge::default(),
        }
    }

    fn day(&self, now: Timestamp) -> i64 {
        (now.nanoseconds() - self.starts_at).div_euclid(DAY)
    }

    /// The equity when the day of `now` began: it changes only where [`RiskRule::follow`] is told.
    fn equity_at_start(&self, portfolio: &Portfolio, now: Timestamp) -> Notional {
        match self.seen {
            Some(seen) if seen.day == self.day(now) => seen.equity_at_start,
            Some(seen) => seen.equity,
            None => portfolio.equity_at_start(),
        }
    }

    fn loss(&self, portfolio: &Portfolio, now: Timestamp) -> Notional {
        let start = self.equity_at_start(portfolio, now).units();
        Notional::from_units(start.saturating_sub(portfolio.equity().units()))
    }
}

impl RiskRule for DailyLoss {
    fn description(&self) -> &'static RuleDescription {
        &DESCRIPTION
    }

    fn evaluate(&self, context: &RiskContext<'_>) -> Verdict {
        let loss = self.loss(context.portfolio, context.now);
        let outcome = if loss > self.limit {
            Outcome::Deny(DAILY_LOSS_ABOVE_LIMIT)
        } else {
            Outcome::Pass
        };
        Verdict::of(
            &DESCRIPTION,
            outcome,
            Some(loss.into()),
            Some(self.limit.into()),
        )
    }

    fn follows_equity(&self) -> bool {
        true
    }

    fn follow(&mut self, portfolio: &Portfolio, now: Timestamp) -> Option<Breach> {
        self.seen = Some(Seen {
            day: self.day(now),
            equity_at_start: self.equity_at_start(portfolio, now),
            equity: portfolio.equity(),
        });
        let loss = self.loss(portfolio, now);
        let breaks = self.edge.breaks(loss > self.limit);
        let consequence = Consequence::of(self.on_breach).filter(|_| breaks)?;
        Some(Breach {
            rule: DESCRIPTION.name,
            observed: loss.into(),
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

    fn rule(limit: &str, on_breach: OnBreach) -> DailyLoss {
        DailyLoss::new(limit.parse().unwrap(), 8, on_breach)
    }

    fn hour(hours: i64) -> Timestamp {
        Timestamp::from_nanoseconds(hours * HOUR)
    }

    /// Buys one at 100 and values it at `price`.
    fn holding(price: &str) -> Portfolio {
        let mut portfolio = portfolio("1000", "0");
        fill_at(&mut portfolio, Side::Buy, "1", "100", price);
        portfolio
    }

    fn judge(rule: &DailyLoss, portfolio: &Portfolio, now: Timestamp) -> Option<&'static str> {
        let mut case = RiskCase::buy("101", "1");
        case.portfolio = portfolio.clone();
        case.now = now;
        denied(&case.evaluate(rule))
    }

    #[test]
    fn the_limit_itself_passes_and_the_next_unit_is_denied() {
        for (price, code) in [
            ("90", None),
            ("89.99999999", Some("DAILY_LOSS_ABOVE_LIMIT")),
            ("150", None),
        ] {
            let mut rule = rule("10", OnBreach::Deny);
            let portfolio = holding(price);
            rule.follow(&portfolio, hour(9));
            assert_eq!(judge(&rule, &portfolio, hour(9)), code, "{price}");
        }
    }

    #[test]
    fn a_new_day_starts_with_the_equity_that_it_found() {
        let mut rule = rule("10", OnBreach::Deny);
        let lost = holding("85");
        rule.follow(&lost, hour(20));
        assert!(
            judge(&rule, &lost, hour(31)).is_some(),
            "07:59 is the same day"
        );
        assert_eq!(judge(&rule, &lost, hour(32)), None);
        let more = holding("74");
        rule.follow(&more, hour(33));
        assert!(
            judge(&rule, &more, hour(33)).is_some(),
            "11 lost since 08:00"
        );
    }

    #[test]
    fn a_breach_is_told_once_each_time_that_the_limit_breaks() {
        let mut rule = rule("10", OnBreach::Halt);
        let mut told = Vec::new();
        for (hours, price) in [(9, "95"), (10, "89"), (11, "88"), (12, "91"), (13, "80")] {
            let breach = rule.follow(&holding(price), hour(hours));
            told.extend(breach.map(|breach| (hours, breach.observed.to_string())));
        }
        assert_eq!(told, [(10, "11".to_owned()), (13, "20".to_owned())]);
        let mut quiet = self::rule("10", OnBreach::Deny);
        assert_eq!(quiet.follow(&holding("50"), hour(9)), None);
    }

    #[test]
    fn a_reduction_passes_after_any_loss() {
        let mut rule = rule("10", OnBreach::Deny);
        let mut case = RiskCase::sell("99", "1");
        case.portfolio = holding("50");
        rule.follow(&case.portfolio, case.now);
        assert!(case.evaluate(&rule).passes());
    }

    proptest::proptest! {
        #[test]
        fn a_tighter_limit_never_accepts_more(prices in proptest::collection::vec(1_u32..200, 1..20), limit in 0_i128..200, tighter_by in 0_i128..200) {
            let units = |whole: i128| Notional::from_units(whole * 10_i128.pow(16));
            let mut loose = DailyLoss::new(units(limit), 0, OnBreach::Deny);
            let mut tight = DailyLoss::new(units((limit - tighter_by).max(0)), 0, OnBreach::Deny);
            for (hours, price) in (0..).zip(prices) {
                let portfolio = holding(&price.to_string());
                loose.follow(&portfolio, hour(hours));
                tight.follow(&portfolio, hour(hours));
                let passes = |rule: &DailyLoss| judge(rule, &portfolio, hour(hours)).is_none();
                proptest::prop_assert!(passes(&loose) || !passes(&tight));
            }
        }
    }
}
