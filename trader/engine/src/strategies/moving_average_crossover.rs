//! Exponential-moving-average crossover.

use triptych_crds::strategies::MovingAverageCrossover as Parameters;

use super::exponential_moving_average::ExponentialMovingAverage;
use super::sampling::{Sample, Sampler};
use super::{Features, Signal, Strategy, Trigger};
use crate::event::{Event, Side};
use crate::market::Market;

/// Buys when the fast average rises above the slow one, sells when it falls below.
///
/// Both averages start with the first sample. A crossing is a change of sign of `fast - slow`; a
/// difference of exactly zero keeps the sign that was there before. No signal before `slowPeriod`
/// samples.
#[derive(Debug, Clone)]
pub struct MovingAverageCrossover {
    sampler: Sampler,
    fast: ExponentialMovingAverage,
    slow: ExponentialMovingAverage,
    slow_period: u64,
    samples: u64,
    above: Option<bool>,
}

/// Both averages after a sample.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Averages {
    /// The fast one.
    pub fast: f64,
    /// The slow one.
    pub slow: f64,
    /// The side of a crossing at this sample, warm or not.
    pub crossing: Option<Side>,
}

impl MovingAverageCrossover {
    /// The name in a manifest.
    pub const ALGORITHM: &'static str = "movingAverageCrossover";

    /// A crossover with these parameters.
    pub fn new(parameters: &Parameters) -> Self {
        Self {
            sampler: Sampler::new(parameters.price, parameters.sample_interval_milliseconds),
            fast: ExponentialMovingAverage::new(parameters.fast_period),
            slow: ExponentialMovingAverage::new(parameters.slow_period),
            slow_period: u64::from(parameters.slow_period),
            samples: 0,
            above: None,
        }
    }

    /// Takes the next sampled price.
    pub fn on_sample(&mut self, price: f64) -> Averages {
        self.samples += 1;
        let fast = self.fast.update(price);
        let slow = self.slow.update(price);
        let above = match fast.total_cmp(&slow) {
            std::cmp::Ordering::Greater => Some(true),
            std::cmp::Ordering::Less => Some(false),
            std::cmp::Ordering::Equal => self.above,
        };
        let crossing = match (self.above, above) {
            (Some(false), Some(true)) => Some(Side::Buy),
            (Some(true), Some(false)) => Some(Side::Sell),
            _ => None,
        };
        self.above = above;
        Averages {
            fast,
            slow,
            crossing,
        }
    }

    /// Whether enough samples were taken for signals.
    pub fn is_warm(&self) -> bool {
        self.samples >= self.slow_period
    }

    fn signal(&mut self, sample: Sample) -> Option<Signal> {
        let averages = self.on_sample(sample.price);
        let side = averages.crossing.filter(|_| self.is_warm())?;
        Some(Signal {
            side,
            trigger: Trigger::Sample(sample.at),
            confidence: None,
            features: Features::of(&[
                ("sampled_price", sample.price),
                ("fast_average", averages.fast),
                ("slow_average", averages.slow),
            ]),
        })
    }
}

impl Strategy for MovingAverageCrossover {
    fn algorithm(&self) -> &'static str {
        Self::ALGORITHM
    }

    fn version(&self) -> u32 {
        1
    }

    fn on_event(&mut self, event: &Event, market: &Market) -> Option<Signal> {
        let sample = self.sampler.on_event(event, market)?;
        self.signal(sample)
    }
}

#[cfg(test)]
mod tests {
    use triptych_crds::strategies::SampledPrice;

    use super::*;
    use crate::test_support::signals_of_samples;

    fn signals(prices: &[&str], fast_period: u32, slow_period: u32) -> Vec<(usize, Side)> {
        let mut strategy = MovingAverageCrossover::new(&Parameters {
            fast_period,
            slow_period,
            sample_interval_milliseconds: 100,
            price: SampledPrice::LastTrade,
        });
        signals_of_samples(&mut strategy, prices)
    }

    #[test]
    fn a_rise_after_a_fall_buys_and_a_fall_after_a_rise_sells() {
        let prices = ["10", "9", "8", "7", "12", "13", "6", "5"];
        assert_eq!(signals(&prices, 1, 3), [(4, Side::Buy), (6, Side::Sell)]);
    }

    #[test]
    fn no_signal_before_the_slow_period_is_full() {
        assert_eq!(signals(&["10", "9", "12", "13"], 1, 4), []);
        assert_eq!(signals(&["10", "9", "12", "13"], 1, 3), [(2, Side::Buy)]);
    }

    #[test]
    fn a_flat_price_never_crosses() {
        assert_eq!(signals(&["10"; 30], 2, 5), []);
    }

    #[test]
    fn equal_averages_keep_the_side_they_came_from() {
        let mut strategy = MovingAverageCrossover::new(&Parameters {
            fast_period: 1,
            slow_period: 3,
            sample_interval_milliseconds: 1,
            price: SampledPrice::Mid,
        });
        // 8 -> below; 8 again lets slow fall to the price only in the limit, so meet it exactly.
        let sides: Vec<_> = [10.0, 8.0, 9.0, 8.0, 12.0]
            .map(|price| strategy.on_sample(price).crossing)
            .into();
        assert_eq!(sides, [None, None, None, None, Some(Side::Buy)]);
    }
}
