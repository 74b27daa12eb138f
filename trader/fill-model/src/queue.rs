//! Where in the queue of its price an order waits.

use crate::model::QueueModel;

/// The place of an order in its queue; all quantities are in units of 10⁻⁸.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueuePlace {
    /// What is filled before it.
    ahead: i64,
    /// The level when it was last seen, without the order.
    level: i64,
    /// What traded at the price since.
    traded: i64,
}

impl QueuePlace {
    /// At the end of a level of this quantity.
    pub fn at_the_end_of(level: i64) -> Self {
        Self {
            ahead: level.max(0),
            level: level.max(0),
            traded: 0,
        }
    }

    /// A trade at the price; what of it is left for the order.
    pub fn trade(&mut self, quantity: i64) -> i64 {
        let before = self.ahead.min(quantity);
        self.ahead -= before;
        self.traded = self.traded.saturating_add(quantity);
        quantity - before
    }

    /// The level was seen anew.
    pub fn see(&mut self, level: i64, model: QueueModel) {
        let cancelled = (self.level - self.traded - level).max(0);
        let untraded = self.level - self.traded;
        if model == QueueModel::Proportional && untraded > 0 {
            let share = i128::from(cancelled) * i128::from(self.ahead) / i128::from(untraded);
            self.ahead -= i64::try_from(share).unwrap_or(self.ahead);
        }
        self.ahead = self.ahead.min(level.max(0));
        self.level = level.max(0);
        self.traded = 0;
    }

    /// What is filled before the order.
    pub const fn ahead(&self) -> i64 {
        self.ahead
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use QueueModel::{Proportional, RiskAverse};

    #[test]
    fn what_is_ahead_is_filled_first() {
        let mut place = QueuePlace::at_the_end_of(10);
        assert_eq!(place.trade(4), 0);
        assert_eq!(place.trade(9), 3, "six were ahead");
        assert_eq!(place.trade(5), 5);
    }

    #[test]
    fn cancellations_were_behind_or_spread_evenly() {
        for (model, levels, ahead) in [
            (RiskAverse, [20, 14], 10),
            (RiskAverse, [20, 8], 8),
            (RiskAverse, [8, 20], 8),
            (Proportional, [20, 14], 7),
            (Proportional, [20, 10], 5),
            (Proportional, [20, 0], 0),
            (Proportional, [20, 30], 10),
        ] {
            let mut place = QueuePlace::at_the_end_of(10);
            for level in levels {
                place.see(level, model);
            }
            assert_eq!(place.ahead(), ahead, "{model:?} {levels:?}");
        }
    }

    #[test]
    fn what_traded_is_no_cancellation() {
        let mut place = QueuePlace::at_the_end_of(10);
        place.see(20, Proportional);
        place.trade(4);
        place.see(16, Proportional);
        assert_eq!(place.ahead(), 6);
    }

    proptest::proptest! {
        #[test]
        fn the_risk_averse_place_is_never_before_the_proportional_one(
            start in 0_i64..1_000_000,
            steps in proptest::collection::vec((proptest::bool::ANY, 0_i64..1_000_000), 0..40),
        ) {
            let mut places = [RiskAverse, Proportional].map(|model| (model, QueuePlace::at_the_end_of(start)));
            for (is_trade, quantity) in steps {
                for (model, place) in &mut places {
                    let before = place.ahead();
                    if is_trade {
                        place.trade(quantity);
                    } else {
                        place.see(quantity, *model);
                    }
                    proptest::prop_assert!((0..=before).contains(&place.ahead()), "nobody moves back");
                }
                proptest::prop_assert!(places[0].1.ahead() >= places[1].1.ahead());
            }
        }
    }
}
