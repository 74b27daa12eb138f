//! How much of the configured exposure W may use now, for the decision thread to read without a lock.

use std::sync::atomic::{AtomicU64, Ordering};

use triptych_crds::trading_instance::LiveRatioMode;
use triptych_engine::decimal::Ratio;
use triptych_engine::stage::LiveRatio;

/// A live ratio that one thread sets and another reads; none of it before it was set.
#[derive(Debug, Default)]
pub struct LiveRatioInForce {
    /// The ratio's units, and in the lowest bit whether it counts.
    packed: AtomicU64,
}

impl LiveRatioInForce {
    /// What is in force.
    pub fn get(&self) -> LiveRatio {
        let packed = self.packed.load(Ordering::Acquire);
        LiveRatio {
            mode: if packed & 1 == 1 {
                LiveRatioMode::Count
            } else {
                LiveRatioMode::Size
            },
            ratio: Ratio::from_units(i64::try_from(packed >> 1).unwrap_or_default()),
        }
    }

    /// Puts it in force, from 0 to 1.
    pub fn set(&self, live: LiveRatio) {
        let units = live.ratio.units().clamp(0, Ratio::ONE.units());
        let units = u64::try_from(units).unwrap_or_default();
        let counts = u64::from(live.mode == LiveRatioMode::Count);
        self.packed.store(units << 1 | counts, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_set_is_read_and_before_nothing_may_trade() {
        let in_force = LiveRatioInForce::default();
        assert_eq!(in_force.get().ratio, Ratio::ZERO);
        for mode in [LiveRatioMode::Size, LiveRatioMode::Count] {
            for ratio in ["0", "0.00000001", "0.25", "1"] {
                let ratio = ratio.parse().unwrap();
                let live = LiveRatio { mode, ratio };
                in_force.set(live);
                assert_eq!(in_force.get(), live);
            }
        }
    }

    #[test]
    fn no_ratio_lies_outside_of_0_to_1() {
        let in_force = LiveRatioInForce::default();
        for (units, expected) in [(-1, Ratio::ZERO), (i64::MAX, Ratio::ONE)] {
            in_force.set(LiveRatio {
                mode: LiveRatioMode::Size,
                ratio: Ratio::from_units(units),
            });
            assert_eq!(in_force.get().ratio, expected);
        }
    }
}
