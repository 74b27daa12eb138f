//! What the venue still grants. It has no clock of its own: who asks says what time it is.
//!
//! [Limits](https://github.com/binance/binance-spot-api-docs/blob/master/rest-api.md#limits): request weight by
//! address and minute, orders by account in ten seconds and a day; the answers' headers say what was used.

use std::time::{Duration, Instant};

use crate::allowance::{Use, Window, Withheld};

/// The venue's limits, and what is kept of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AllowanceLimits {
    /// Request weight that an address has in a minute.
    pub weight_per_minute: u32,
    /// What of it is for cancellations alone.
    pub kept_for_cancellations: u32,
    /// Orders of an account in ten seconds.
    pub orders_per_ten_seconds: u32,
    /// Orders of an account in a day.
    pub orders_per_day: u32,
}

impl Default for AllowanceLimits {
    /// Those of Binance spot; a tenth of the weight is kept.
    fn default() -> Self {
        Self {
            weight_per_minute: 6_000,
            kept_for_cancellations: 600,
            orders_per_ten_seconds: 100,
            orders_per_day: 200_000,
        }
    }
}

/// The pauses where the venue asks for one and does not say for how long.
const PAUSE_AFTER_429: Duration = Duration::from_mins(1);
const PAUSE_AFTER_418: Duration = Duration::from_mins(2);
const PAUSE_AFTER_TOO_MANY_ORDERS: Duration = Duration::from_secs(10);

/// Longest pause that is believed: Binance bans for three days at most.
const LONGEST_PAUSE: Duration = Duration::from_hours(72);

/// What an answer's headers say of what was used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Used {
    pub(crate) weight: Option<u32>,
    pub(crate) orders_in_ten_seconds: Option<u32>,
    pub(crate) orders_in_a_day: Option<u32>,
}

/// A request for a pause.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pause {
    /// 429: too much in this minute.
    TooMuch,
    /// 418: the address is banned.
    Banned,
    /// -1015: too many orders; everything else may go on.
    TooManyOrders,
}

/// What is left.
#[derive(Debug, Clone)]
pub(crate) struct Allowance {
    limits: AllowanceLimits,
    weight: Window,
    orders_in_ten_seconds: Window,
    orders_in_a_day: Window,
    /// Weight of requests without an answer yet: no header has counted it for sure.
    under_way: u32,
    paused_until: Option<Instant>,
    orders_paused_until: Option<Instant>,
}

impl Allowance {
    pub(crate) const fn new(limits: AllowanceLimits) -> Self {
        Self {
            limits,
            weight: Window::new(Duration::from_mins(1)),
            orders_in_ten_seconds: Window::new(Duration::from_secs(10)),
            orders_in_a_day: Window::new(Duration::from_hours(24)),
            under_way: 0,
            paused_until: None,
            orders_paused_until: None,
        }
    }

    /// Takes what a request costs, or says why it is not made. What was taken is given back by [`Self::ended`].
    pub(crate) fn take(&mut self, what: Use, weight: u32, now: Instant) -> Result<(), Withheld> {
        let pause = |until: Option<Instant>| {
            until
                .map(|until| until.saturating_duration_since(now))
                .filter(|left| !left.is_zero())
        };
        if let Some(left) = pause(self.paused_until) {
            return Err(Withheld::Paused(left));
        }
        let limits = self.limits;
        let limit = match what {
            Use::Cancellation => limits.weight_per_minute,
            Use::Order | Use::Question => limits
                .weight_per_minute
                .saturating_sub(limits.kept_for_cancellations),
        };
        if self.weight.used(now).saturating_add(weight) > limit {
            let renewed_in = self.weight.renewed_in(now);
            return Err(match what {
                Use::Cancellation => Withheld::Paused(renewed_in),
                Use::Order | Use::Question => Withheld::Kept(renewed_in),
            });
        }
        if what == Use::Order {
            if let Some(left) = pause(self.orders_paused_until) {
                return Err(Withheld::Paused(left));
            }
            self.take_order(now)?;
        }
        self.weight.add(weight, now);
        self.under_way = self.under_way.saturating_add(weight);
        Ok(())
    }

    fn take_order(&mut self, now: Instant) -> Result<(), Withheld> {
        let windows = [
            (
                &mut self.orders_in_ten_seconds,
                self.limits.orders_per_ten_seconds,
            ),
            (&mut self.orders_in_a_day, self.limits.orders_per_day),
        ];
        for (window, limit) in &windows {
            if window.used(now) >= *limit {
                return Err(Withheld::Paused(window.renewed_in(now)));
            }
        }
        for (window, _) in windows {
            window.add(1, now);
        }
        Ok(())
    }

    /// A request has ended, however it ended.
    pub(crate) const fn ended(&mut self, weight: u32) {
        self.under_way = self.under_way.saturating_sub(weight);
    }

    /// An answer to a request of this weight says what was used.
    pub(crate) fn count(&mut self, used: Used, weight: u32, now: Instant) {
        if let Some(used) = used.weight {
            let others = self.under_way.saturating_sub(weight);
            self.weight.set(used.saturating_add(others), now);
        }
        if let Some(orders) = used.orders_in_ten_seconds {
            self.orders_in_ten_seconds.set(orders, now);
        }
        if let Some(orders) = used.orders_in_a_day {
            self.orders_in_a_day.set(orders, now);
        }
    }

    /// The venue asks for a pause; how long it is. A longer one that was asked for before goes on.
    pub(crate) fn pause(
        &mut self,
        pause: Pause,
        retry_after: Option<Duration>,
        now: Instant,
    ) -> Duration {
        let (until, usual) = match pause {
            Pause::TooMuch => (&mut self.paused_until, PAUSE_AFTER_429),
            Pause::Banned => (&mut self.paused_until, PAUSE_AFTER_418),
            Pause::TooManyOrders => (&mut self.orders_paused_until, PAUSE_AFTER_TOO_MANY_ORDERS),
        };
        let asked = now + retry_after.unwrap_or(usual).min(LONGEST_PAUSE);
        let end = until.map_or(asked, |before| before.max(asked));
        *until = Some(end);
        end.saturating_duration_since(now)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn weight(used: u32) -> Used {
        Used {
            weight: Some(used),
            ..Used::default()
        }
    }

    #[test]
    fn the_last_of_the_minute_is_for_cancellations() {
        let now = Instant::now();
        let mut allowance = Allowance::new(AllowanceLimits::default());
        allowance.take(Use::Question, 1, now).unwrap();
        allowance.count(weight(5_399), 1, now);
        allowance.ended(1);
        allowance.take(Use::Order, 1, now).unwrap();
        allowance.count(weight(5_400), 1, now + SECOND);
        allowance.ended(1);
        let later = now + 2 * SECOND;
        let kept = Err(Withheld::Kept(58 * SECOND));
        assert_eq!(allowance.take(Use::Order, 1, later), kept);
        assert_eq!(allowance.take(Use::Question, 4, later), kept);
        for _ in 0..600 {
            allowance.take(Use::Cancellation, 1, later).unwrap();
        }
        let none = allowance.take(Use::Cancellation, 1, later);
        assert_eq!(none, Err(Withheld::Paused(58 * SECOND)));
        allowance.take(Use::Order, 1, now + 60 * SECOND).unwrap();
    }

    #[test]
    fn a_count_that_falls_is_of_a_new_minute() {
        let now = Instant::now();
        let mut allowance = Allowance::new(AllowanceLimits::default());
        allowance.count(weight(5_400), 0, now);
        assert!(allowance.take(Use::Order, 1, now).is_err());
        allowance.count(weight(3), 0, now + SECOND);
        assert!(allowance.take(Use::Order, 1, now + SECOND).is_ok());
    }

    #[test]
    fn pauses_are_kept_to_their_end_and_no_shorter_one_ends_them() {
        let now = Instant::now();
        for (pause, retry_after, expected) in [
            (Pause::TooMuch, Some(5), 5),
            (Pause::TooMuch, None, 60),
            (Pause::Banned, Some(259_200), 259_200),
            (Pause::Banned, None, 120),
            (Pause::Banned, Some(u64::MAX), 259_200),
        ] {
            let mut allowance = Allowance::new(AllowanceLimits::default());
            let retry_after = retry_after.map(Duration::from_secs);
            let expected = Duration::from_secs(expected);
            assert_eq!(allowance.pause(pause, retry_after, now), expected);
            assert_eq!(allowance.pause(Pause::TooMuch, Some(SECOND), now), expected);
            for what in [Use::Order, Use::Cancellation, Use::Question] {
                let early = now + expected.checked_sub(SECOND).unwrap();
                assert_eq!(
                    allowance.take(what, 1, early),
                    Err(Withheld::Paused(SECOND))
                );
                allowance.take(what, 1, now + expected).unwrap();
            }
        }
    }

    #[test]
    fn too_many_orders_pause_orders_alone() {
        let now = Instant::now();
        let mut allowance = Allowance::new(AllowanceLimits::default());
        allowance.pause(Pause::TooManyOrders, None, now);
        let paused = Err(Withheld::Paused(10 * SECOND));
        assert_eq!(allowance.take(Use::Order, 1, now), paused);
        allowance.take(Use::Cancellation, 1, now).unwrap();
        allowance.take(Use::Question, 4, now).unwrap();
    }

    #[test]
    fn no_more_orders_are_sent_than_an_account_has() {
        let now = Instant::now();
        let mut allowance = Allowance::new(AllowanceLimits::default());
        for _ in 0..100 {
            allowance.take(Use::Order, 1, now).unwrap();
        }
        let paused = Err(Withheld::Paused(10 * SECOND));
        assert_eq!(allowance.take(Use::Order, 1, now), paused);
        allowance.take(Use::Order, 1, now + 10 * SECOND).unwrap();
        let all = Used {
            orders_in_a_day: Some(200_000),
            ..Used::default()
        };
        allowance.count(all, 1, now);
        assert!(allowance.take(Use::Order, 1, now + 21 * SECOND).is_err());
    }

    proptest! {
        /// Whatever is asked for, less than the limit goes out unanswered, and cancellations go last.
        #[test]
        fn no_more_weight_goes_out_than_a_minute_has(
            asked in prop::collection::vec((0..3_u8, 1..400_u32), 1..60),
        ) {
            let now = Instant::now();
            let mut allowance = Allowance::new(AllowanceLimits::default());
            let (mut all, mut others) = (0, 0);
            for (what, weight) in asked {
                let what = [Use::Order, Use::Cancellation, Use::Question][usize::from(what)];
                if allowance.take(what, weight, now).is_ok() {
                    all += weight;
                    if what != Use::Cancellation {
                        others = all;
                    }
                }
            }
            prop_assert!(all <= 6_000 && others <= 5_400);
        }
    }
}
