//! How much may be asked: request weight by address, unfilled orders by account.

use std::collections::HashMap;
use std::net::IpAddr;

use serde_json::{Value, json};
use triptych_engine::event::Timestamp;

use crate::api::milliseconds;
use crate::core::{AccountId, Refusal};

/// Weight that an address may use in a minute.
pub(crate) const WEIGHT_PER_MINUTE: u32 = 6_000;
/// Unfilled orders that an account may place in ten seconds.
const ORDERS_PER_TEN_SECONDS: i64 = 100;
/// Unfilled orders that an account may place in a day.
const ORDERS_PER_DAY: i64 = 200_000;

/// Refused requests of a minute after which an address is banned.
const REFUSALS_BEFORE_BAN: u32 = 10;
/// How long the first ban takes, in milliseconds.
const BAN_MILLISECONDS: i64 = 120_000;

const MINUTE: i64 = 60_000;

/// The limits as `exchangeInfo` shows them.
pub(crate) fn shown_limits() -> Value {
    json!([
        {
            "rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1,
            "limit": WEIGHT_PER_MINUTE,
        },
        {
            "rateLimitType": "ORDERS", "interval": "SECOND", "intervalNum": 10,
            "limit": ORDERS_PER_TEN_SECONDS,
        },
        {
            "rateLimitType": "ORDERS", "interval": "DAY", "intervalNum": 1,
            "limit": ORDERS_PER_DAY,
        },
    ])
}

/// What becomes of a request by its weight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Admission {
    /// It goes on; what the address has used of the minute.
    Granted { used: u32 },
    /// Too much in this minute; seconds until the next.
    TooMuch { retry_after: i64 },
    /// The address went on asking; seconds until the ban ends.
    Banned { retry_after: i64 },
}

#[derive(Debug, Clone, Copy, Default)]
struct Usage {
    minute: i64,
    used: u32,
    refused: u32,
    banned_until: i64,
}

/// Request weight by address.
#[derive(Debug, Default)]
pub(crate) struct RequestWeights {
    by_address: HashMap<IpAddr, Usage>,
}

impl RequestWeights {
    pub(crate) fn admit(&mut self, address: IpAddr, weight: u32, now: Timestamp) -> Admission {
        let now = milliseconds(now);
        let usage = self.by_address.entry(address).or_default();
        if usage.banned_until > now {
            return Admission::Banned {
                retry_after: whole_seconds(usage.banned_until - now),
            };
        }
        let minute = now.div_euclid(MINUTE);
        if usage.minute != minute {
            *usage = Usage {
                minute,
                ..Usage::default()
            };
        }
        usage.used = usage.used.saturating_add(weight);
        if usage.used <= WEIGHT_PER_MINUTE {
            return Admission::Granted { used: usage.used };
        }
        usage.refused += 1;
        if usage.refused > REFUSALS_BEFORE_BAN {
            usage.banned_until = now + BAN_MILLISECONDS;
            return Admission::Banned {
                retry_after: whole_seconds(BAN_MILLISECONDS),
            };
        }
        Admission::TooMuch {
            retry_after: whole_seconds((minute + 1) * MINUTE - now),
        }
    }
}

fn whole_seconds(milliseconds: i64) -> i64 {
    (milliseconds + 999).div_euclid(1_000)
}

/// An interval in which an account's orders are counted.
#[derive(Debug, Clone, Copy)]
struct Interval {
    milliseconds: i64,
    limit: i64,
    words: &'static str,
    header: &'static str,
    name: (&'static str, i64),
}

const INTERVALS: [Interval; 2] = [
    Interval {
        milliseconds: 10_000,
        limit: ORDERS_PER_TEN_SECONDS,
        words: "10 SECOND",
        header: "x-mbx-order-count-10s",
        name: ("SECOND", 10),
    },
    Interval {
        milliseconds: 86_400_000,
        limit: ORDERS_PER_DAY,
        words: "1 DAY",
        header: "x-mbx-order-count-1d",
        name: ("DAY", 1),
    },
];

/// How many unfilled orders an order that filled for the first time takes off the count: one that took,
/// and one that waited.
const TAKER_RELIEF: i64 = 1;
const MAKER_RELIEF: i64 = 5;

/// Unfilled orders by account.
#[derive(Debug, Default)]
pub(crate) struct OrderLimits {
    counts: HashMap<(AccountId, usize), (i64, i64)>,
}

impl OrderLimits {
    /// Counts an order, or refuses it.
    pub(crate) fn admit(&mut self, account: AccountId, now: Timestamp) -> Result<(), Refusal> {
        for (index, interval) in INTERVALS.iter().enumerate() {
            if self.count(account, index, now) >= interval.limit {
                return Err(Refusal::with(
                    -1015,
                    format!(
                        "Too many new orders; current limit is {} orders per {}.",
                        interval.limit, interval.words
                    ),
                ));
            }
        }
        self.change(account, now, 1);
        Ok(())
    }

    /// An order filled for the first time.
    pub(crate) fn first_fill(&mut self, account: AccountId, is_maker: bool, now: Timestamp) {
        let relief = if is_maker { MAKER_RELIEF } else { TAKER_RELIEF };
        self.change(account, now, -relief);
    }

    /// The counts as `rateLimit/order` shows them.
    pub(crate) fn shown(&self, account: AccountId, now: Timestamp) -> Value {
        INTERVALS
            .iter()
            .enumerate()
            .map(|(index, interval)| {
                json!({
                    "rateLimitType": "ORDERS", "interval": interval.name.0,
                    "intervalNum": interval.name.1, "limit": interval.limit,
                    "count": self.count(account, index, now),
                })
            })
            .collect()
    }

    /// The counts as answers to orders carry them.
    pub(crate) fn headers(
        &self,
        account: AccountId,
        now: Timestamp,
    ) -> impl Iterator<Item = (&'static str, i64)> {
        INTERVALS
            .iter()
            .enumerate()
            .map(move |(index, interval)| (interval.header, self.count(account, index, now)))
    }

    fn count(&self, account: AccountId, index: usize, now: Timestamp) -> i64 {
        let current = milliseconds(now).div_euclid(INTERVALS[index].milliseconds);
        match self.counts.get(&(account, index)) {
            Some((interval, count)) if *interval == current => *count,
            _ => 0,
        }
    }

    fn change(&mut self, account: AccountId, now: Timestamp, change: i64) {
        for (index, interval) in INTERVALS.iter().enumerate() {
            let current = milliseconds(now).div_euclid(interval.milliseconds);
            let count = (self.count(account, index, now) + change).max(0);
            self.counts.insert((account, index), (current, count));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_that_fill_do_not_count() {
        let account = AccountId(0);
        let now = Timestamp::from_milliseconds(5);
        let mut limits = OrderLimits::default();
        for _ in 0..100 {
            assert_eq!(limits.admit(account, now), Ok(()));
        }
        let refused = limits.admit(account, now).unwrap_err();
        assert_eq!(refused.code, -1015);
        assert!(refused.message.contains("100 orders per 10 SECOND"));
        limits.first_fill(account, true, now);
        assert_eq!(limits.shown(account, now)[0]["count"], 95);
        let later = Timestamp::from_milliseconds(10_000);
        assert_eq!(limits.shown(account, later)[0]["count"], 0);
        assert_eq!(limits.shown(account, later)[1]["count"], 95);
    }

    #[test]
    fn who_goes_on_asking_is_banned() {
        let address: IpAddr = [127, 0, 0, 1].into();
        let at = Timestamp::from_milliseconds;
        let mut weights = RequestWeights::default();
        let granted = weights.admit(address, 6_000, at(0));
        assert_eq!(granted, Admission::Granted { used: 6_000 });
        for _ in 0..REFUSALS_BEFORE_BAN {
            let refused = weights.admit(address, 1, at(500));
            assert_eq!(refused, Admission::TooMuch { retry_after: 60 });
        }
        let banned = weights.admit(address, 1, at(1_000));
        assert_eq!(banned, Admission::Banned { retry_after: 120 });
        let next_minute = weights.admit(address, 1, at(61_000));
        assert_eq!(next_minute, Admission::Banned { retry_after: 60 });
        let after = weights.admit(address, 1, at(121_000));
        assert_eq!(after, Admission::Granted { used: 1 });
    }
}
