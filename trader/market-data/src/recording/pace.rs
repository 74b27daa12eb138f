//! How fast a tape is played.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use thiserror::Error;
use triptych_engine::event::Timestamp;

/// Speed of playback.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Pace {
    /// So many times as fast as it was recorded; 1 is its own pace.
    Times(f64),
    /// As fast as the receiver takes it.
    FlatOut,
}

/// Not a speed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("speed {0:?}: expected a number from 0.001 to 100000, such as 1 or 10, or the word max")]
pub struct PaceError(String);

impl Pace {
    /// Its own pace.
    pub const RECORDED: Self = Self::Times(1.0);

    /// The time from the beginning of playback to a message received `since_first` nanoseconds
    /// after the first one; zero for a message from before it.
    pub fn due_after(self, since_first: i64) -> Duration {
        match self {
            Self::FlatOut => Duration::ZERO,
            Self::Times(times) => {
                let recorded = Duration::from_nanos(u64::try_from(since_first).unwrap_or(0));
                recorded.div_f64(times)
            }
        }
    }

    /// The same for two times.
    pub fn due_between(self, first: Timestamp, message: Timestamp) -> Duration {
        self.due_after(message.nanoseconds_since(first))
    }
}

impl FromStr for Pace {
    type Err = PaceError;

    fn from_str(text: &str) -> Result<Self, PaceError> {
        if text == "max" {
            return Ok(Self::FlatOut);
        }
        match text.parse::<f64>() {
            Ok(times) if (0.001..=100_000.0).contains(&times) => Ok(Self::Times(times)),
            _ => Err(PaceError(text.to_owned())),
        }
    }
}

impl fmt::Display for Pace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Times(times) => write!(f, "{times}"),
            Self::FlatOut => f.write_str("max"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_speed_is_a_number_or_max() {
        assert_eq!("1".parse(), Ok(Pace::RECORDED));
        assert_eq!("2.5".parse(), Ok(Pace::Times(2.5)));
        assert_eq!("max".parse(), Ok(Pace::FlatOut));
        for bad in ["0", "-1", "NaN", "inf", "", "fast", "1e9"] {
            assert!(bad.parse::<Pace>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn messages_are_due_at_their_distance_divided_by_the_speed() {
        let second = 1_000_000_000;
        for (pace, since_first, expected) in [
            (Pace::RECORDED, second, Duration::from_secs(1)),
            (Pace::Times(10.0), second, Duration::from_millis(100)),
            (Pace::Times(0.5), second, Duration::from_secs(2)),
            (Pace::FlatOut, second, Duration::ZERO),
            (Pace::RECORDED, -second, Duration::ZERO),
        ] {
            assert_eq!(
                pace.due_after(since_first),
                expected,
                "{pace} {since_first}"
            );
        }
    }
}
