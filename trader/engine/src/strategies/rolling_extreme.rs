//! The highest or the lowest of the last so many values.

use std::collections::VecDeque;

use super::sampling::ExactPrice;

/// The highest or the lowest of the last `period` values, each taken in constant time (amortised)
/// and without allocation.
///
/// It keeps those values alone that can still become the extreme: a monotonic queue. Source: D.
/// Lemire, "Streaming maximum-minimum filter using no more than three comparisons per element",
/// Nordic Journal of Computing 13 (2006).
#[derive(Debug, Clone)]
pub struct RollingExtreme {
    highest: bool,
    period: u64,
    taken: u64,
    /// Places and values, the extreme first and each next one less extreme and newer.
    kept: VecDeque<(u64, ExactPrice)>,
}

impl RollingExtreme {
    /// The highest of the last `period` values (at least 1).
    pub fn highest(period: u32) -> Self {
        Self::new(true, period)
    }

    /// The lowest of the last `period` values (at least 1).
    pub fn lowest(period: u32) -> Self {
        Self::new(false, period)
    }

    fn new(highest: bool, period: u32) -> Self {
        let period = period.max(1);
        Self {
            highest,
            period: u64::from(period),
            taken: 0,
            kept: VecDeque::with_capacity(period as usize),
        }
    }

    /// Takes the next value.
    pub fn take(&mut self, value: ExactPrice) {
        let oldest_within = (self.taken + 1).saturating_sub(self.period);
        while self
            .kept
            .front()
            .is_some_and(|&(place, _)| place < oldest_within)
        {
            self.kept.pop_front();
        }
        while self
            .kept
            .back()
            .is_some_and(|&(_, other)| self.outdoes(value, other))
        {
            self.kept.pop_back();
        }
        self.kept.push_back((self.taken, value));
        self.taken += 1;
    }

    /// Whether a newer `value` makes an older one needless.
    fn outdoes(&self, value: ExactPrice, other: ExactPrice) -> bool {
        if self.highest {
            value >= other
        } else {
            value <= other
        }
    }

    /// The extreme of the last `period` values; `None` before there are as many.
    pub fn value(&self) -> Option<ExactPrice> {
        if self.taken < self.period {
            return None;
        }
        self.kept.front().map(|&(_, value)| value)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_million_values_never_need_more_memory_than_the_first_ones() {
        let mut extreme = RollingExtreme::highest(500);
        let before = extreme.kept.capacity();
        for place in 0..1_000_000_i128 {
            // Falls for 500 values at a time, which is the most that the queue can hold.
            extreme.take(-(place % 500));
        }
        assert_eq!(extreme.kept.capacity(), before);
    }

    proptest! {
        #[test]
        fn it_is_the_extreme_of_a_slice(values in prop::collection::vec(-20_i128..20, 1..200), period in 1_u32..30) {
            let (mut highest, mut lowest) = (RollingExtreme::highest(period), RollingExtreme::lowest(period));
            for (place, &value) in values.iter().enumerate() {
                highest.take(value);
                lowest.take(value);
                let window = (place + 1).checked_sub(period as usize).map(|first| &values[first..=place]);
                prop_assert_eq!(highest.value(), window.and_then(|window| window.iter().max().copied()));
                prop_assert_eq!(lowest.value(), window.and_then(|window| window.iter().min().copied()));
            }
        }
    }
}
