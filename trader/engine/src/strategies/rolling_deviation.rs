//! Mean and standard deviation of the last so many values, in whole numbers.

use std::collections::VecDeque;

use ethnum::{I256, U256};

use super::sampling::{ExactPrice, UNITS_PER_WHOLE};
use crate::decimal::{self, Ratio};

/// Sum and sum of squares of the last `period` values.
///
/// Both are kept in whole numbers that no value and no number of values overflows: what leaves is
/// subtracted exactly as it was added, so that nothing drifts however long it runs.
#[derive(Debug, Clone)]
pub struct RollingDeviation {
    period: usize,
    values: VecDeque<ExactPrice>,
    sum: i128,
    sum_of_squares: I256,
}

/// How far a value is from the mean of a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deviation {
    count: u32,
    sum: i128,
    /// `count * value - sum`: the distance from the mean, times the count.
    distance: i128,
    /// `count * sum of squares - sum * sum`: the variance, times `count * (count - 1)`.
    spread: U256,
}

impl RollingDeviation {
    /// Of the last `period` values (2 to 100,000, as the API says).
    pub fn new(period: u32) -> Self {
        let period = period.clamp(2, 100_000) as usize;
        Self {
            period,
            values: VecDeque::with_capacity(period),
            sum: 0,
            sum_of_squares: I256::ZERO,
        }
    }

    /// Takes the next value and returns how far it is from the mean of the last `period` values,
    /// itself among them; `None` before there are as many.
    pub fn take(&mut self, value: ExactPrice) -> Option<Deviation> {
        if self.values.len() == self.period
            && let Some(oldest) = self.values.pop_front()
        {
            self.sum -= oldest;
            self.sum_of_squares -= square(oldest);
        }
        self.values.push_back(value);
        self.sum += value;
        self.sum_of_squares += square(value);
        (self.values.len() == self.period).then(|| self.deviation(value))
    }

    fn deviation(&self, value: ExactPrice) -> Deviation {
        let count = u32::try_from(self.period).unwrap_or(u32::MAX);
        let spread = I256::from(count) * self.sum_of_squares - square(self.sum);
        Deviation {
            count,
            sum: self.sum,
            distance: i128::from(count) * value - self.sum,
            // Never below zero: the inequality of Cauchy and Schwarz.
            spread: spread.as_u256(),
        }
    }
}

fn square(value: i128) -> I256 {
    I256::from(value) * I256::from(value)
}

impl Deviation {
    /// Whether the value is above the mean, below it, or on it.
    pub const fn sign(&self) -> i128 {
        self.distance.signum()
    }

    /// How the distance from the mean, whatever its side, compares with `threshold` standard
    /// deviations: exactly.
    ///
    /// `|z|` against `k`, both squared: `distance² · (count - 1)` against `k² · count · spread`.
    pub fn compare(&self, threshold: Ratio) -> std::cmp::Ordering {
        let (count, units) = (
            U256::from(self.count),
            U256::from(threshold.units().unsigned_abs()),
        );
        let whole = U256::from(decimal::UNITS_PER_WHOLE.unsigned_abs());
        let distance = U256::from(self.distance.unsigned_abs());
        // At most 100,000³ · (9.3 · 10²²)² · 10¹⁶ < 2²⁵⁶.
        let left = distance * distance * (count - U256::ONE) * whole * whole;
        match (units * units).checked_mul(count * self.spread) {
            Some(right) => left.cmp(&right),
            None => std::cmp::Ordering::Less,
        }
    }

    /// The mean, in whole units of the quote asset.
    #[allow(clippy::cast_precision_loss)]
    pub fn mean(&self) -> f64 {
        self.sum as f64 / f64::from(self.count) / UNITS_PER_WHOLE
    }

    /// The sample standard deviation, in whole units of the quote asset.
    pub fn standard_deviation(&self) -> f64 {
        let count = f64::from(self.count);
        (self.spread.as_f64() / (count * (count - 1.0))).sqrt() / UNITS_PER_WHOLE
    }

    /// The distance from the mean in standard deviations; zero where no value deviates.
    #[allow(clippy::cast_precision_loss)]
    pub fn z_score(&self) -> f64 {
        if self.distance == 0 {
            return 0.0;
        }
        let count = f64::from(self.count);
        self.distance as f64 * (count - 1.0).sqrt() / (count * self.spread.as_f64()).sqrt()
    }
}

#[cfg(test)]
mod tests {
    use std::cmp::Ordering;

    use proptest::prelude::*;

    use super::*;

    const LARGEST: ExactPrice = i64::MAX as i128 * 10_000;

    fn last(period: u32, values: impl IntoIterator<Item = ExactPrice>) -> Option<Deviation> {
        let mut rolling = RollingDeviation::new(period);
        values
            .into_iter()
            .fold(None, |_, value| rolling.take(value))
    }

    fn close(left: f64, right: f64) -> bool {
        (left - right).abs() <= 1e-12 * left.abs().max(right.abs())
    }

    #[test]
    fn mean_deviation_and_score_are_those_of_a_table() {
        // 2, 4, 4, 4, 5, 5, 7, 9: mean 5, sample deviation sqrt(32 / 7).
        let values = [2, 4, 4, 4, 5, 5, 7, 9].map(|value| value * 1_000_000_000_000);
        let found = last(8, values).unwrap();
        let expected = (32.0_f64 / 7.0).sqrt();
        assert!(close(found.mean(), 5.0));
        assert!(close(found.standard_deviation(), expected));
        assert!(close(found.z_score(), 4.0 / expected));
    }

    #[test]
    fn the_threshold_itself_is_met_exactly_and_the_next_decimal_is_not() {
        // Of 0, 0, 0, 0, 5 the last is 4 from the mean 1, and the deviation is sqrt(5): z² = 3.2.
        // Of 0, 3, 6: z = 3 / 3 = 1.
        let found = last(3, [0, 3, 6]).unwrap();
        for (threshold, expected) in [
            ("1", Ordering::Equal),
            ("0.99999999", Ordering::Greater),
            ("1.00000001", Ordering::Less),
        ] {
            assert_eq!(
                found.compare(threshold.parse().unwrap()),
                expected,
                "{threshold}"
            );
        }
        let found = last(5, [0, 0, 0, 0, 5]).unwrap();
        assert_eq!(
            found.compare("1.78885438".parse().unwrap()),
            Ordering::Greater
        );
        assert_eq!(found.compare("1.78885439".parse().unwrap()), Ordering::Less);
    }

    #[test]
    fn the_largest_prices_and_thresholds_overflow_nothing() {
        let found = last(
            100_000,
            (0..100_000).map(|place| if place % 2 == 0 { 0 } else { LARGEST }),
        )
        .unwrap();
        assert_eq!(found.compare(Ratio::MAX), Ordering::Less);
        assert_eq!(found.compare("0.5".parse().unwrap()), Ordering::Greater);
        let alone = last(
            100_000,
            (0..100_000).map(|place| if place == 99_999 { LARGEST } else { 0 }),
        )
        .unwrap();
        assert_eq!(alone.compare("316".parse().unwrap()), Ordering::Greater);
        assert_eq!(alone.compare("317".parse().unwrap()), Ordering::Less);
        assert_eq!(alone.compare(Ratio::MAX), Ordering::Less);
    }

    #[test]
    fn after_millions_of_values_the_sums_are_those_of_the_window_alone() {
        let price =
            |place: i128| 61_837_630_000_000_000 + (place * 7_919 % 104_729) * 5_000_000_000;
        let mut rolling = RollingDeviation::new(50);
        let memory = rolling.values.capacity();
        let mut found = None;
        for place in 0..3_000_000 {
            // A spike of all that a price can be leaves no trace once it is out of the window.
            found = rolling.take(if place == 1_000_000 {
                LARGEST
            } else {
                price(place)
            });
        }
        assert_eq!(found, last(50, (2_999_950..3_000_000).map(price)));
        assert_eq!(rolling.values.capacity(), memory);
    }

    #[test]
    fn a_constant_price_has_no_deviation_whatever_was_before() {
        let before = (0..500).map(|place| 1_000_000_007 * place);
        let found = last(20, before.chain([61_837_630_000_000_001; 20])).unwrap();
        assert_eq!(found.sign(), 0);
        assert_eq!(found.spread, U256::ZERO);
        assert!(
            found.standard_deviation().abs() < f64::MIN_POSITIVE
                && found.z_score().abs() < f64::MIN_POSITIVE
        );
    }

    proptest! {
        #[test]
        fn it_is_what_a_slice_gives(values in prop::collection::vec(0..=LARGEST, 2..120), period in 2_u32..40) {
            let mut rolling = RollingDeviation::new(period);
            for (place, &value) in values.iter().enumerate() {
                let found = rolling.take(value);
                let window = (place + 1).checked_sub(period as usize).map(|first| &values[first..=place]);
                let expected = window.map(|window| {
                    let sum: i128 = window.iter().sum();
                    let squares: I256 = window.iter().map(|&value| square(value)).sum();
                    Deviation {
                        count: period,
                        sum,
                        distance: i128::from(period) * value - sum,
                        spread: (I256::from(period) * squares - square(sum)).as_u256(),
                    }
                });
                prop_assert_eq!(found, expected);
            }
        }

        #[test]
        fn the_exact_comparison_is_that_of_the_score_where_rounding_does_not_matter(
            values in prop::collection::vec(0_i128..1_000_000, 3..30), threshold in 0_i64..400_000_000,
        ) {
            let found = last(u32::try_from(values.len()).unwrap(), values).unwrap();
            let threshold = Ratio::from_units(threshold);
            let difference = found.z_score().abs() - threshold.to_f64();
            if difference.abs() > 1e-9 && found.sign() != 0 {
                prop_assert_eq!(found.compare(threshold).is_gt(), difference > 0.0);
            }
        }
    }
}
