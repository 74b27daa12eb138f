//! The price that the generated market's participants believe in.

use super::random::Random;

/// Share of the last squared return in the next variance.
const ALPHA: f64 = 0.08;

/// Share of the last variance in the next variance; `ALPHA + BETA` near one makes volatility
/// cluster.
const BETA: f64 = 0.90;

/// Pull back to the initial price in each step, so that an endless tape stays in its range.
const REVERSION: f64 = 2e-6;

/// Largest variance, as a multiple of the long-run one.
const VARIANCE_LIMIT: f64 = 64.0;

/// A logarithmic random walk whose variance follows a GARCH(1,1) process.
///
/// `variance' = omega + ALPHA * return² + BETA * variance`, with `omega` such that the long-run
/// variance is `step_deviation²`. Source: T. Bollerslev, "Generalized autoregressive conditional
/// heteroskedasticity", Journal of Econometrics 31 (1986), equation (1) with p = q = 1.
#[derive(Debug, Clone)]
pub(super) struct FairPrice {
    initial: f64,
    log_ratio: f64,
    variance: f64,
    long_run_variance: f64,
}

impl FairPrice {
    /// Starts at `initial`; `step_deviation` is the long-run deviation of a step's log return.
    pub(super) fn new(initial: f64, step_deviation: f64) -> Self {
        let variance = step_deviation * step_deviation;
        Self {
            initial,
            log_ratio: 0.0,
            variance,
            long_run_variance: variance,
        }
    }

    /// The price now.
    pub(super) fn price(&self) -> f64 {
        self.initial * libm::exp(self.log_ratio)
    }

    /// Goes one step on.
    pub(super) fn step(&mut self, random: &mut Random) {
        let log_return = self.variance.sqrt() * random.normal();
        self.log_ratio += log_return - REVERSION * self.log_ratio;
        let omega = (1.0 - ALPHA - BETA) * self.long_run_variance;
        self.variance = (omega + ALPHA * log_return * log_return + BETA * self.variance)
            .min(VARIANCE_LIMIT * self.long_run_variance);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn returns(count: usize) -> Vec<f64> {
        let mut random = Random::new(1, 0);
        let mut price = FairPrice::new(100.0, 1e-4);
        (0..count)
            .map(|_| {
                let before = price.log_ratio;
                price.step(&mut random);
                price.log_ratio - before
            })
            .collect()
    }

    fn autocorrelation(values: &[f64], lag: usize) -> f64 {
        #[allow(clippy::cast_precision_loss)]
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        let covariance: f64 = values
            .iter()
            .zip(&values[lag..])
            .map(|(a, b)| (a - mean) * (b - mean))
            .sum();
        let variance: f64 = values.iter().map(|a| (a - mean) * (a - mean)).sum();
        covariance / variance
    }

    #[test]
    fn volatility_clusters_while_returns_are_uncorrelated() {
        let returns = returns(100_000);
        let squares: Vec<f64> = returns.iter().map(|r| r * r).collect();
        assert!(autocorrelation(&returns, 1).abs() < 0.02);
        assert!(autocorrelation(&squares, 1) > 0.08);
        assert!(autocorrelation(&squares, 20) > 0.03);
    }

    #[test]
    fn the_long_run_deviation_is_the_one_asked_for() {
        let returns = returns(100_000);
        #[allow(clippy::cast_precision_loss)]
        let variance = returns.iter().map(|r| r * r).sum::<f64>() / returns.len() as f64;
        assert!((0.85e-4..1.15e-4).contains(&variance.sqrt()), "{variance}");
    }
}
