//! Z-score mean reversion.

use triptych_crds::strategies::ZScoreMeanReversion as Parameters;

use super::rolling_deviation::{Deviation, RollingDeviation};
use super::sampling::{Sample, Sampler};
use super::stance::Stance;
use super::{Features, Signal, Strategy, Trigger};
use crate::decimal::Ratio;
use crate::event::{Event, Side};
use crate::market::Market;

/// Trades against a price that is far from its mean, and ends the trade when it came back.
///
/// `z = (price - mean) / deviation` over the last `period` samples, the current one among them, with
/// the sample standard deviation. A sale at `z >= entryThreshold`, a purchase at `z <=
/// -entryThreshold`; the sale ends at `z <= exitThreshold`, the purchase at `z >= -exitThreshold`.
/// All four are compared exactly. A price on its mean enters nothing.
///
/// Source: E. P. Chan, "Algorithmic Trading: Winning Strategies and Their Rationale" (2013), chapters
/// 2 and 3: the z-score over a moving window, with an entry and an exit threshold.
#[derive(Debug, Clone)]
pub struct ZScoreMeanReversion {
    sampler: Sampler,
    rolling: RollingDeviation,
    thresholds: Thresholds,
    stance: Stance,
}

/// Distances from the mean, in standard deviations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Thresholds {
    /// At or beyond it a trade begins.
    pub entry: Ratio,
    /// At or within it the trade ends.
    pub exit: Ratio,
}

impl ZScoreMeanReversion {
    /// The name in a manifest.
    pub const ALGORITHM: &'static str = "zScoreMeanReversion";

    /// A mean reversion with these parameters; `thresholds` are their texts, read.
    pub fn new(parameters: &Parameters, thresholds: Thresholds) -> Self {
        Self {
            sampler: Sampler::new(parameters.price, parameters.sample_interval_milliseconds),
            rolling: RollingDeviation::new(parameters.period),
            thresholds,
            stance: Stance::Flat,
        }
    }

    /// Whether a price can ever be `threshold` deviations away from the mean of `period` samples that
    /// hold it: at most `(period - 1) / sqrt(period)`.
    pub fn can_reach(period: u32, threshold: Ratio) -> bool {
        let alone = std::iter::repeat_n(0, period.saturating_sub(1) as usize).chain([1]);
        let mut rolling = RollingDeviation::new(period);
        let farthest = alone.fold(None, |_, value| rolling.take(value));
        farthest.is_some_and(|deviation| deviation.compare(threshold).is_ge())
    }

    fn side(&self, deviation: &Deviation) -> Option<Side> {
        let is_above = deviation.sign() > 0;
        let is_within = deviation.compare(self.thresholds.exit).is_le();
        match self.stance {
            Stance::Flat => {
                let enters =
                    deviation.sign() != 0 && deviation.compare(self.thresholds.entry).is_ge();
                enters.then_some(if is_above { Side::Sell } else { Side::Buy })
            }
            Stance::Long => (is_above || is_within).then_some(Side::Sell),
            Stance::Short => (!is_above || is_within).then_some(Side::Buy),
        }
    }

    fn on_sample(&mut self, sample: Sample) -> Option<Signal> {
        let deviation = self.rolling.take(sample.exact)?;
        let side = self.side(&deviation)?;
        let before = self.stance;
        self.stance = before.after(side);
        Some(Signal {
            side,
            trigger: Trigger::Sample(sample.at),
            confidence: None,
            features: Features::of(&[
                ("sampled_price", sample.price),
                ("mean", deviation.mean()),
                ("standard_deviation", deviation.standard_deviation()),
                ("z_score", deviation.z_score()),
                ("stance", before.feature()),
            ]),
        })
    }
}

impl Strategy for ZScoreMeanReversion {
    fn algorithm(&self) -> &'static str {
        Self::ALGORITHM
    }

    fn version(&self) -> u32 {
        1
    }

    fn on_event(&mut self, event: &Event, market: &Market) -> Option<Signal> {
        let sample = self.sampler.on_event(event, market)?;
        self.on_sample(sample)
    }
}

#[cfg(test)]
mod tests {
    use triptych_crds::strategies::SampledPrice;

    use super::*;
    use crate::test_support::signals_of_samples;

    fn signals(prices: &[&str], period: u32, entry: &str, exit: &str) -> Vec<(usize, Side)> {
        let parameters = Parameters {
            period,
            entry_threshold: entry.into(),
            exit_threshold: exit.into(),
            sample_interval_milliseconds: 100,
            price: SampledPrice::LastTrade,
        };
        let thresholds = Thresholds {
            entry: entry.parse().unwrap(),
            exit: exit.parse().unwrap(),
        };
        signals_of_samples(
            &mut ZScoreMeanReversion::new(&parameters, thresholds),
            prices,
        )
    }

    #[test]
    fn the_entry_threshold_itself_trades_and_the_next_decimal_does_not() {
        // The last of 10, 13, 16 is exactly one deviation above the mean.
        assert_eq!(signals(&["10", "13", "16"], 3, "1", "0"), [(2, Side::Sell)]);
        assert_eq!(signals(&["10", "13", "16"], 3, "1.00000001", "0"), []);
        assert_eq!(signals(&["16", "13", "10"], 3, "1", "0"), [(2, Side::Buy)]);
        assert_eq!(signals(&["16", "13", "10"], 3, "1.00000001", "0"), []);
    }

    #[test]
    fn the_exit_threshold_itself_ends_the_trade_and_the_next_decimal_does_not() {
        // Sold at 16. Then 10, 16, 13 is on the mean; 13, 16, 16 is 1 / sqrt(3) = 0.577... above it.
        assert_eq!(
            signals(&["10", "13", "16", "16"], 3, "1", "0.57735027"),
            [(2, Side::Sell), (3, Side::Buy)]
        );
        assert_eq!(
            signals(&["10", "13", "16", "16"], 3, "1", "0.57735026"),
            [(2, Side::Sell)]
        );
        assert_eq!(
            signals(&["16", "13", "10", "10"], 3, "1", "0.57735027"),
            [(2, Side::Buy), (3, Side::Sell)]
        );
        assert_eq!(
            signals(&["16", "13", "10", "10"], 3, "1", "0.57735026"),
            [(2, Side::Buy)]
        );
    }

    #[test]
    fn an_exit_threshold_of_zero_ends_on_the_mean_and_beyond() {
        // After the sale at 16: 13, 16, 14.5 is on its mean; 13, 16, 10 below it.
        assert_eq!(
            signals(&["10", "13", "16", "14.5"], 3, "1", "0"),
            [(2, Side::Sell), (3, Side::Buy)]
        );
        assert_eq!(
            signals(&["10", "13", "16", "10"], 3, "1", "0"),
            [(2, Side::Sell), (3, Side::Buy)]
        );
    }

    #[test]
    fn a_constant_price_enters_nothing_and_ends_what_is_open() {
        assert_eq!(signals(&["10"; 40], 5, "0.1", "0"), []);
        let prices = ["10", "13", "16", "16", "16", "16"];
        assert_eq!(
            signals(&prices, 3, "1", "0"),
            [(2, Side::Sell), (4, Side::Buy)]
        );
    }

    #[test]
    fn no_signal_before_the_period_is_full() {
        assert_eq!(signals(&["10", "50", "10", "90"], 5, "0.1", "0"), []);
        assert_eq!(
            signals(&["10", "50", "10", "90"], 4, "0.1", "0"),
            [(3, Side::Sell)]
        );
    }

    #[test]
    fn an_open_trade_takes_no_second_entry() {
        // Each sample is farther above its mean than the threshold asks for.
        assert_eq!(
            signals(&["10", "13", "16", "20", "30", "50"], 3, "0.9", "0.1"),
            [(2, Side::Sell)]
        );
    }

    #[test]
    fn a_threshold_that_no_window_can_hold_is_known() {
        // 2 / sqrt(3) = 1.1547005383...
        for (period, threshold, can_be) in [
            (3, "1.15470053", true),
            (3, "1.15470054", false),
            (2, "0.70710678", true),
            (2, "0.70710679", false),
            (100, "9.9", true),
            (100, "9.90000001", false),
        ] {
            let found = ZScoreMeanReversion::can_reach(period, threshold.parse().unwrap());
            assert_eq!(found, can_be, "{period} {threshold}");
        }
    }
}
