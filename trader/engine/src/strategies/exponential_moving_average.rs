//! The exponential moving average.

/// `EMA_t = a * p_t + (1 - a) * EMA_(t-1)` with `a = 2 / (period + 1)`, seeded with the first value:
/// `EMA_0 = p_0`.
///
/// The same recursion as `pandas.Series.ewm(span=period, adjust=False).mean()`, against which a
/// test compares it. Source: the usual definition, as in J. J. Murphy, "Technical Analysis of the
/// Financial Markets" (1999), chapter 9.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ExponentialMovingAverage {
    weight: f64,
    value: Option<f64>,
}

impl ExponentialMovingAverage {
    /// An average of `period` values (at least 1).
    pub fn new(period: u32) -> Self {
        Self {
            weight: 2.0 / (f64::from(period.max(1)) + 1.0),
            value: None,
        }
    }

    /// Takes the next value and returns the average.
    pub fn update(&mut self, next: f64) -> f64 {
        let value = match self.value {
            None => next,
            Some(previous) => self.weight * next + (1.0 - self.weight) * previous,
        };
        self.value = Some(value);
        value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_value_is_the_seed_and_each_next_weighs_two_over_period_plus_one() {
        let mut average = ExponentialMovingAverage::new(3);
        for (value, expected) in [(10.0, 10.0), (20.0, 15.0), (20.0, 17.5), (0.0, 8.75)] {
            assert!((average.update(value) - expected).abs() < 1e-12);
        }
    }

    #[test]
    fn a_period_of_one_is_the_value_itself() {
        let mut average = ExponentialMovingAverage::new(1);
        for value in [3.0, 9.0, 1.5] {
            assert!((average.update(value) - value).abs() < 1e-12);
        }
    }
}
