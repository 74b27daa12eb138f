//! A span of the venue's time.

use std::fmt;

use serde::Serialize;
use triptych_engine::event::Timestamp;

use crate::layout::Date;

/// From one moment to another, both included; nanoseconds since the Unix epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Window {
    /// The first moment.
    pub first_ns: i64,
    /// The last moment.
    pub last_ns: i64,
}

impl Window {
    /// A single moment.
    pub const fn at(moment_ns: i64) -> Self {
        Self {
            first_ns: moment_ns,
            last_ns: moment_ns,
        }
    }

    /// Whether a moment lies within.
    pub const fn contains(self, moment_ns: i64) -> bool {
        self.first_ns <= moment_ns && moment_ns <= self.last_ns
    }

    /// The smallest window that holds both.
    #[must_use]
    pub fn hull(self, other: Self) -> Self {
        Self {
            first_ns: self.first_ns.min(other.first_ns),
            last_ns: self.last_ns.max(other.last_ns),
        }
    }

    /// What lies in both.
    pub fn intersection(self, other: Self) -> Option<Self> {
        let first_ns = self.first_ns.max(other.first_ns);
        let last_ns = self.last_ns.min(other.last_ns);
        (first_ns <= last_ns).then_some(Self { first_ns, last_ns })
    }
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "from {} to {}",
            moment(self.first_ns),
            moment(self.last_ns)
        )
    }
}

/// A moment as RFC 3339 in UTC, to the microsecond.
pub fn moment(moment_ns: i64) -> String {
    let date = Date::of(Timestamp::from_nanoseconds(moment_ns));
    let of_day = moment_ns.rem_euclid(86_400_000_000_000) / 1_000;
    let (seconds, microseconds) = (of_day / 1_000_000, of_day % 1_000_000);
    format!(
        "{date}T{:02}:{:02}:{:02}.{microseconds:06}Z",
        seconds / 3_600,
        seconds / 60 % 60,
        seconds % 60
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(first_ns: i64, last_ns: i64) -> Window {
        Window { first_ns, last_ns }
    }

    #[test]
    fn two_windows_share_what_lies_in_both() {
        for (one, other, shared) in [
            ((1, 5), (3, 9), Some((3, 5))),
            ((1, 5), (5, 9), Some((5, 5))),
            ((1, 5), (6, 9), None),
            ((1, 9), (3, 5), Some((3, 5))),
        ] {
            let (one, other) = (window(one.0, one.1), window(other.0, other.1));
            let shared = shared.map(|(first, last)| window(first, last));
            assert_eq!(one.intersection(other), shared);
            assert_eq!(other.intersection(one), shared);
        }
        assert_eq!(window(1, 2).hull(window(7, 8)), window(1, 8));
    }

    #[test]
    fn moments_are_written_in_utc() {
        assert_eq!(
            moment(1_723_161_253_123_456_789),
            "2024-08-08T23:54:13.123456Z"
        );
    }
}
