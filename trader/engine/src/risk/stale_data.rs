//! The market data is not old.

use super::{DenyCode, Outcome, RiskContext, RiskRule, RuleDescription, Verdict};
use crate::measure::Measure;

const DATA_TOO_OLD: DenyCode = DenyCode("DATA_TOO_OLD");
const BOOK_NOT_IN_SYNC: DenyCode = DenyCode("BOOK_NOT_IN_SYNC");

/// What the rule says of itself.
pub const DESCRIPTION: RuleDescription = RuleDescription {
    name: "staleData",
    version: 1,
    purpose: "Trading on a market that was, while the feed is late, silent or broken.",
    looks_at: "The engine's clock (receive time of the newest event), the receive time of the best bid and ask, the receive time of the order book's newest update, and that update's time by the venue's clock.",
    unit: "Milliseconds.",
    formula: "The book is in sync, and the largest of these ages <= maxAgeMilliseconds: clock - receive time of the top; clock - receive time of the book; clock - venue time of the book (lateness; a clock that runs behind the venue's makes it negative, where the other two still show silence).",
    parameters: &[("maxAgeMilliseconds", "largest age, in milliseconds.")],
    deny_codes: &[
        (DATA_TOO_OLD, "the age is above `maxAgeMilliseconds`."),
        (BOOK_NOT_IN_SYNC, "the order book waits for a snapshot."),
    ],
    looks_at_portfolio: false,
    binds_reductions: &[],
    in_the_dataset: "`observed` is the largest age; empty where the book is not in sync.",
    source: "FIA, \"Best practices for automated trading risk controls and system safety\" (2024), market data reasonability.",
};

/// The market data is not old.
#[derive(Debug, Clone, Copy)]
pub struct StaleData {
    /// Largest age, in milliseconds.
    pub max_age_milliseconds: u32,
}

impl RiskRule for StaleData {
    fn description(&self) -> &'static RuleDescription {
        &DESCRIPTION
    }

    fn evaluate(&self, context: &RiskContext<'_>) -> Verdict {
        let limit = i64::from(self.max_age_milliseconds) * 1_000_000;
        let age = age_nanoseconds(context);
        let outcome = match age {
            None => Outcome::Deny(BOOK_NOT_IN_SYNC),
            Some(age) if age > limit => Outcome::Deny(DATA_TOO_OLD),
            Some(_) => Outcome::Pass,
        };
        let observed = age.map(Measure::milliseconds);
        Verdict::of(
            &DESCRIPTION,
            outcome,
            observed,
            Some(Measure::milliseconds(limit)),
        )
    }
}

/// The largest of the ages; `None` while the book is not in sync.
fn age_nanoseconds(context: &RiskContext<'_>) -> Option<i64> {
    let book = context.market.book();
    let received = book.ts_recv()?.min(context.top.ts_recv);
    let oldest = book
        .ts_event()
        .map_or(received, |ts_event| ts_event.min(received));
    Some(context.now.nanoseconds_since(oldest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Timestamp;
    use crate::test_support::{RiskCase, denied, depth};

    /// A book whose newest update happened at `ts_event` and was received at `ts_recv`, judged at
    /// `now`; all in milliseconds.
    fn evaluate(ts_event: i64, ts_recv: i64, now: i64, max_age_milliseconds: u32) -> Verdict {
        let mut case = RiskCase::buy("101", "1");
        let mut event = depth(ts_event, 2, &[("99", 5)], &[]);
        event.ts_recv = Timestamp::from_milliseconds(ts_recv);
        case.events.push(event);
        case.top.ts_recv = Timestamp::from_milliseconds(ts_recv);
        case.now = Timestamp::from_milliseconds(now);
        case.evaluate(&StaleData {
            max_age_milliseconds,
        })
    }

    #[test]
    fn silence_and_lateness_both_count_and_the_limit_itself_passes() {
        for (ts_event, ts_recv, now, code, observed) in [
            (1_000, 1_000, 1_500, None, "500"),
            (1_000, 1_000, 1_501, Some("DATA_TOO_OLD"), "501"),
            (1_000, 1_500, 1_500, None, "500"),
            (999, 1_500, 1_500, Some("DATA_TOO_OLD"), "501"),
            // The venue's clock is ahead: its time says nothing, silence still does.
            (9_000, 1_000, 1_500, None, "500"),
            (9_000, 1_000, 1_501, Some("DATA_TOO_OLD"), "501"),
        ] {
            let verdict = evaluate(ts_event, ts_recv, now, 500);
            assert_eq!(denied(&verdict), code, "{ts_event} {ts_recv} {now}");
            assert_eq!(verdict.observed.unwrap().to_string(), observed);
        }
    }

    #[test]
    fn a_book_that_waits_for_a_snapshot_is_denied_without_an_age() {
        let mut case = RiskCase::buy("101", "1");
        case.events.push(depth(1, 9, &[("99", 5)], &[]));
        let verdict = case.evaluate(&StaleData {
            max_age_milliseconds: 3_600_000,
        });
        assert_eq!(denied(&verdict), Some("BOOK_NOT_IN_SYNC"));
        assert_eq!(verdict.observed, None);
    }

    proptest::proptest! {
        #[test]
        fn a_smaller_age_limit_never_accepts_more(ts_event in 0_i64..5_000, ts_recv in 0_i64..5_000, now in 0_i64..5_000, limit in 1_u32..5_000, tighter_by in 0_u32..5_000) {
            let passes = |limit| evaluate(ts_event, ts_recv, now, limit).passes();
            proptest::prop_assert!(passes(limit) || !passes(limit.saturating_sub(tighter_by)));
        }
    }
}
