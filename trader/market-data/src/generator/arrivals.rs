//! When something happens in the generated market.

use super::random::Random;

/// Events a second without any excitation.
const BASE_RATE: f64 = 80.0;

/// What a trade adds to the rate, in events a second.
const TRADE_EXCITATION: f64 = 12.0;

/// What any other event adds to the rate.
const QUOTE_EXCITATION: f64 = 3.0;

/// How fast excitation fades, per second. Each trade causes 1.2 more events on average and each
/// other event 0.3, so that the process does not explode.
const DECAY: f64 = 10.0;

/// Highest rate, in events a second.
const RATE_LIMIT: f64 = 2_000.0;

/// A self-exciting point process with an exponential kernel, drawn by thinning.
///
/// `rate(t) = BASE_RATE + sum of excitation * exp(-DECAY * (t - t_i))` over past events `t_i`.
/// Sources: A. G. Hawkes, "Spectra of some self-exciting and mutually exciting point processes",
/// Biometrika 58 (1971); thinning: Y. Ogata, IEEE Transactions on Information Theory 27 (1981).
#[derive(Debug, Clone, Default)]
pub(super) struct Arrivals {
    excitation: f64,
}

impl Arrivals {
    /// Seconds until the next event.
    pub(super) fn next_gap(&mut self, random: &mut Random) -> f64 {
        let mut gap = 0.0;
        loop {
            // The rate only falls until the next event, so that the rate now is a bound.
            let bound = BASE_RATE + self.excitation;
            let wait = random.exponential(1.0 / bound);
            gap += wait;
            self.excitation *= libm::exp(-DECAY * wait);
            if random.chance((BASE_RATE + self.excitation) / bound) {
                return gap;
            }
        }
    }

    /// An event happened now.
    pub(super) fn excite(&mut self, traded: bool) {
        let added = if traded {
            TRADE_EXCITATION
        } else {
            QUOTE_EXCITATION
        };
        self.excitation = (self.excitation + added).min(RATE_LIMIT);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_come_in_bursts() {
        let mut random = Random::new(3, 0);
        let mut arrivals = Arrivals::default();
        let mut counts = vec![0_u32; 2_000];
        let mut time = 0.0;
        loop {
            time += arrivals.next_gap(&mut random);
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
            let Some(count) = counts.get_mut(time as usize) else {
                break;
            };
            *count += 1;
            let traded = random.chance(0.1);
            arrivals.excite(traded);
        }
        let bins = f64::from(u32::try_from(counts.len()).unwrap());
        let mean = counts.iter().map(|c| f64::from(*c)).sum::<f64>() / bins;
        let variance = counts
            .iter()
            .map(|c| (f64::from(*c) - mean) * (f64::from(*c) - mean))
            .sum::<f64>()
            / bins;
        assert!(mean > 80.0, "{mean} events a second");
        assert!(
            variance > 1.8 * mean,
            "a Poisson process has equal variance {variance} and mean {mean}"
        );
    }
}
