//! Numbers of several runs, and of many events.

use std::time::Duration;

use serde::Serialize;

/// A part of the path, run several times.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Stage {
    pub(super) seconds: Vec<f64>,
    /// Of the seconds.
    pub(super) median: f64,
    pub(super) events_per_second: f64,
}

impl Stage {
    #[allow(clippy::cast_precision_loss)]
    pub(super) fn new(seconds: Vec<f64>, events: u64) -> Self {
        let median = median(&seconds);
        Self {
            seconds,
            median,
            events_per_second: events as f64 / median,
        }
    }
}

/// Nanoseconds, of all events.
#[derive(Debug, Clone, Copy, Serialize, PartialEq, Eq)]
pub(super) struct Latency {
    pub(super) p50: u64,
    pub(super) p99: u64,
    #[serde(rename = "p99.9")]
    pub(super) p999: u64,
    pub(super) worst: u64,
}

impl Latency {
    /// Of at least one event.
    pub(super) fn of(mut nanoseconds: Vec<u64>) -> Self {
        nanoseconds.sort_unstable();
        let last = nanoseconds.len().saturating_sub(1);
        let at = |thousandths: usize| {
            nanoseconds
                .get(last * thousandths / 1_000)
                .copied()
                .unwrap_or_default()
        };
        Self {
            p50: at(500),
            p99: at(990),
            p999: at(999),
            worst: at(1_000),
        }
    }
}

pub(super) fn median(seconds: &[f64]) -> f64 {
    let mut sorted = seconds.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}

pub(super) fn nanoseconds(elapsed: Duration) -> u64 {
    u64::try_from(elapsed.as_nanos()).unwrap_or(u64::MAX)
}

/// The most memory that this process has held, in bytes, as Linux counts it.
pub(super) fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    let kibibytes: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kibibytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_values_that_were_measured() {
        let latency = Latency::of((1..=1_001).rev().collect());
        assert_eq!(
            latency,
            Latency {
                p50: 501,
                p99: 991,
                p999: 1_000,
                worst: 1_001
            }
        );
        assert_eq!(Latency::of(vec![7]).p50, 7);
    }

    #[test]
    fn the_median_is_the_middle_run() {
        assert!((median(&[3.0, 1.0, 2.0]) - 2.0).abs() < f64::EPSILON);
    }
}
