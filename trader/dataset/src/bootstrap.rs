//! A confidence interval for the mean of numbers that depend on their neighbours.
//!
//! Returns over windows that overlap move together: drawn one by one they would promise more than the
//! data hold. The circular block bootstrap (Politis and Romano, "A circular block-resampling procedure
//! for stationary data", 1992) draws whole blocks of neighbours instead.

/// Resamples that are drawn.
pub const RESAMPLES: usize = 2_000;
/// The seed: the same numbers give the same interval.
pub const SEED: u64 = 20_240_808;
/// With fewer blocks than this an interval would be a guess.
pub const FEWEST_BLOCKS: usize = 5;

/// A mean, and the interval that holds it with 95 % confidence.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    /// The 2.5th percentile of the resampled means.
    pub low: f64,
    /// The 97.5th.
    pub high: f64,
}

/// The mean; `None` of nothing.
#[allow(clippy::cast_precision_loss)]
pub fn mean(numbers: &[f64]) -> Option<f64> {
    let sum: f64 = numbers.iter().sum();
    (!numbers.is_empty()).then(|| sum / numbers.len() as f64)
}

/// The 95 % interval of the mean of numbers in the order of their times, drawn in blocks of `block`
/// neighbours (at least ∛n); `None` with fewer than five blocks.
#[allow(clippy::cast_precision_loss)]
pub fn interval(numbers: &[f64], block: usize) -> Option<Interval> {
    let count = numbers.len();
    let block = block_length(count, block);
    let blocks = count / block;
    if blocks < FEWEST_BLOCKS {
        return None;
    }
    // Sums of the first so many of the numbers twice over: a block's sum is one subtraction.
    let mut sums = vec![0.0];
    for number in numbers.iter().chain(numbers) {
        sums.push(sums[sums.len() - 1] + number);
    }
    let mut random = SplitMix(SEED);
    let mut means: Vec<f64> = (0..RESAMPLES)
        .map(|_| {
            let drawn = |_| {
                let start = random.below(count);
                sums[start + block] - sums[start]
            };
            (0..blocks).map(drawn).sum::<f64>() / (blocks * block) as f64
        })
        .collect();
    means.sort_by(f64::total_cmp);
    Some(Interval {
        low: means[RESAMPLES / 40],
        high: means[RESAMPLES - 1 - RESAMPLES / 40],
    })
}

/// At least the cube root of the count, the rate at which blocks have to grow with it, and at most
/// all.
pub fn block_length(count: usize, wanted: usize) -> usize {
    let mut root: usize = 1;
    while root.pow(3) < count {
        root += 1;
    }
    wanted.max(root).min(count.max(1))
}

/// The largest number of times within any window of `window` nanoseconds that begins at one of them;
/// the times are sorted.
pub fn most_within(times: &[i64], window: i64) -> usize {
    let mut end = 0;
    let mut most = 0;
    for (start, &time) in times.iter().enumerate() {
        while end < times.len() && times[end].saturating_sub(time) < window {
            end += 1;
        }
        most = most.max(end - start);
    }
    most
}

/// SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014).
struct SplitMix(u64);

impl SplitMix {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }

    /// From 0 to below `count`, by the high half of a product.
    fn below(&mut self, count: usize) -> usize {
        let product = u128::from(self.next()) * count as u128;
        usize::try_from(product >> 64).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_generator_is_the_published_one() {
        // The first outputs for the seed 1234567 in the reference implementation.
        let mut random = SplitMix(1_234_567);
        let drawn: Vec<u64> = (0..3).map(|_| random.next()).collect();
        assert_eq!(
            drawn,
            [
                6_457_827_717_110_365_317,
                3_203_168_211_198_807_973,
                9_817_491_932_198_370_423
            ]
        );
    }

    #[test]
    fn the_interval_covers_the_mean_about_as_often_as_it_says() {
        let mut random = SplitMix(7);
        #[allow(clippy::cast_precision_loss)]
        let mut uniform = || (random.next() >> 11) as f64 / (1_u64 << 53) as f64 - 0.5;
        let covered = (0..200)
            .filter(|_| {
                // Each number shares half of what moves it with the one before.
                let mut shock = uniform();
                let numbers: Vec<f64> = (0..400)
                    .map(|_| {
                        let next = uniform();
                        let number = shock + next;
                        shock = next;
                        number
                    })
                    .collect();
                let found = interval(&numbers, 2).expect("enough");
                found.low <= 0.0 && 0.0 <= found.high
            })
            .count();
        assert!((180..=198).contains(&covered), "{covered} of 200");
    }

    #[test]
    fn blocks_make_the_interval_of_dependent_numbers_wider() {
        // Fifty draws, each of them twenty times in a row.
        let mut random = SplitMix(11);
        let draws = std::iter::repeat_with(|| if random.below(2) == 0 { 0.0 } else { 1.0 });
        let numbers: Vec<f64> = draws
            .take(50)
            .flat_map(|draw| std::iter::repeat_n(draw, 20))
            .collect();
        let width = |block| {
            let found = interval(&numbers, block).expect("enough");
            found.high - found.low
        };
        assert!(width(40) > 1.2 * width(1));
    }

    #[test]
    fn too_few_blocks_give_no_interval() {
        assert_eq!(interval(&[], 1), None);
        assert_eq!(interval(&[1.0; 3], 1), None);
        assert_eq!(interval(&[1.0; 100], 25), None);
        assert!(interval(&[1.0; 100], 20).is_some());
    }

    #[test]
    fn the_densest_window_sets_the_block() {
        let times = [0, 1, 2, 10, 11, 12, 13, 30];
        assert_eq!(most_within(&times, 4), 4);
        assert_eq!(most_within(&times, 1), 1);
        assert_eq!(most_within(&times, 100), 8);
        assert_eq!(most_within(&[], 4), 0);
    }
}
