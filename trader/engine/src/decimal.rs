//! Exact decimals: prices, quantities, ratios and notionals.
//!
//! A [`Price`], [`Quantity`] or [`Ratio`] is an `i64` counting units of 10⁻⁸, the finest step that
//! the supported venues quote. It holds ±92,233,720,368.54775807; text beyond that, or with more
//! than eight significant decimals, is an error and never rounded. A [`Notional`], the product of
//! a price and a quantity, counts units of 10⁻¹⁶ in an `i128`, so that no product is rounded either.

mod notional;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use thiserror::Error;

pub use notional::Notional;

/// Decimals behind the point that a [`Price`], [`Quantity`] or [`Ratio`] holds.
pub const DECIMALS: u32 = 8;

/// Units in one whole: 10⁸.
pub const UNITS_PER_WHOLE: i64 = 100_000_000;

/// Decimals behind the point that a [`Notional`] holds.
pub const NOTIONAL_DECIMALS: u32 = 2 * DECIMALS;

/// Why a text is not an exact decimal.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum DecimalError {
    /// Nothing to read.
    #[error("empty text where a decimal such as 61837.63 is expected")]
    Empty,
    /// A character that no plain decimal has; exponents, signs other than a leading minus, spaces
    /// and thousands separators are among them.
    #[error(
        "{text:?} is not a plain decimal: unexpected {character:?}; write digits and at most one point, such as 61837.63"
    )]
    UnexpectedCharacter {
        /// The whole text.
        text: String,
        /// The first character that does not belong.
        character: char,
    },
    /// No digit, or none on one side of the point.
    #[error("{text:?} is not a plain decimal: a digit is missing; write 0.5 rather than .5 or 5.")]
    MissingDigit {
        /// The whole text.
        text: String,
    },
    /// More decimals than the representation holds.
    #[error("{text:?} has more than {DECIMALS} decimals; the finest step is 0.00000001")]
    TooManyDecimals {
        /// The whole text.
        text: String,
    },
    /// Beyond ±92,233,720,368.54775807.
    #[error("{text:?} is out of range; the largest magnitude is 92233720368.54775807")]
    OutOfRange {
        /// The whole text.
        text: String,
    },
}

fn lossy(text: &[u8]) -> String {
    String::from_utf8_lossy(text).into_owned()
}

/// Reads a plain decimal into units of 10⁻⁸.
///
/// Digits beyond the eighth decimal are accepted where they are zero: they change no value.
fn parse_units(text: &[u8]) -> Result<i64, DecimalError> {
    let (negative, digits) = match text {
        [] => return Err(DecimalError::Empty),
        [b'-', rest @ ..] => (true, rest),
        rest => (false, rest),
    };
    let mut units: i64 = 0;
    let mut decimals: Option<u32> = None;
    let mut seen_digit = false;
    for &byte in digits {
        match (byte, decimals) {
            (b'0'..=b'9', _) => {
                seen_digit = true;
                let digit = i64::from(byte - b'0');
                if let Some(count) = decimals {
                    if count == DECIMALS {
                        if digit == 0 {
                            continue;
                        }
                        return Err(DecimalError::TooManyDecimals { text: lossy(text) });
                    }
                    decimals = Some(count + 1);
                }
                // Accumulating below zero reaches i64::MIN, which has no positive counterpart.
                units = units
                    .checked_mul(10)
                    .and_then(|units| units.checked_sub(digit))
                    .ok_or_else(|| DecimalError::OutOfRange { text: lossy(text) })?;
            }
            (b'.', None) if seen_digit => {
                decimals = Some(0);
                seen_digit = false;
            }
            (b'.', None) => return Err(DecimalError::MissingDigit { text: lossy(text) }),
            _ => return Err(unexpected(text, byte)),
        }
    }
    if !seen_digit {
        return Err(DecimalError::MissingDigit { text: lossy(text) });
    }
    let scale = 10_i64.pow(DECIMALS - decimals.unwrap_or(0));
    let scaled = units.checked_mul(scale);
    let value = if negative {
        scaled
    } else {
        scaled.and_then(i64::checked_neg)
    };
    value.ok_or_else(|| DecimalError::OutOfRange { text: lossy(text) })
}

#[cold]
fn unexpected(text: &[u8], byte: u8) -> DecimalError {
    let text = lossy(text);
    let character = text
        .chars()
        .find(|c| *c as u32 == u32::from(byte) || !c.is_ascii())
        .unwrap_or('?');
    DecimalError::UnexpectedCharacter { text, character }
}

/// Writes `magnitude` with `decimals` decimals, without the zeros at its end.
pub(crate) fn write_units(
    f: &mut fmt::Formatter<'_>,
    negative: bool,
    magnitude: u128,
    decimals: u32,
) -> fmt::Result {
    let whole_units = 10_u128.pow(decimals);
    let (whole, mut fraction) = (magnitude / whole_units, magnitude % whole_units);
    let sign = if negative { "-" } else { "" };
    if fraction == 0 {
        return write!(f, "{sign}{whole}");
    }
    let mut width = decimals as usize;
    while fraction.is_multiple_of(10) {
        fraction /= 10;
        width -= 1;
    }
    write!(f, "{sign}{whole}.{fraction:0width$}")
}

macro_rules! decimal {
    ($(#[$documentation:meta])* $name:ident) => {
        $(#[$documentation])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
        pub struct $name(i64);

        impl $name {
            /// Zero.
            pub const ZERO: Self = Self(0);
            /// The largest value: 92,233,720,368.54775807.
            pub const MAX: Self = Self(i64::MAX);

            /// A value of `units` times 10⁻⁸.
            pub const fn from_units(units: i64) -> Self {
                Self(units)
            }

            /// The value in units of 10⁻⁸.
            pub const fn units(self) -> i64 {
                self.0
            }

            /// Reads a plain decimal such as `61837.63000000`, exactly; allocates only on error.
            pub fn parse(text: &[u8]) -> Result<Self, DecimalError> {
                parse_units(text).map(Self)
            }

            /// Whether the value is above zero.
            pub const fn is_positive(self) -> bool {
                self.0 > 0
            }

            /// Whether the value is zero.
            pub const fn is_zero(self) -> bool {
                self.0 == 0
            }

            /// The sum, or `None` beyond the range.
            pub fn checked_add(self, other: Self) -> Option<Self> {
                self.0.checked_add(other.0).map(Self)
            }

            /// The difference, or `None` beyond the range.
            pub fn checked_sub(self, other: Self) -> Option<Self> {
                self.0.checked_sub(other.0).map(Self)
            }

            /// The absolute distance to `other`, or `None` beyond the range.
            pub fn checked_distance(self, other: Self) -> Option<Self> {
                i64::try_from(self.0.abs_diff(other.0)).ok().map(Self)
            }

            /// Whether the value is a whole multiple of `step`; no value is one of a step of zero.
            pub fn is_multiple_of(self, step: Self) -> bool {
                step.0 != 0 && self.0.wrapping_rem(step.0) == 0
            }

            /// The largest multiple of `step` (above zero) that is not above the value (zero or
            /// above); the value itself where `step` is not above zero.
            #[must_use]
            pub const fn round_down_to(self, step: Self) -> Self {
                if step.0 <= 0 { self } else { Self(self.0 - self.0.rem_euclid(step.0)) }
            }

            /// The nearest `f64`, for features and indicators; never for a decision on money.
            #[allow(clippy::cast_precision_loss)]
            pub fn to_f64(self) -> f64 {
                self.0 as f64 / UNITS_PER_WHOLE as f64
            }
        }

        impl FromStr for $name {
            type Err = DecimalError;

            fn from_str(text: &str) -> Result<Self, DecimalError> {
                Self::parse(text.as_bytes())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write_units(f, self.0 < 0, u128::from(self.0.unsigned_abs()), DECIMALS)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                crate::text::deserialize(deserializer)
            }
        }
    };
}

decimal! {
    /// A price in the instrument's quote asset for one of its base asset.
    Price
}

decimal! {
    /// An amount of the instrument's base asset.
    Quantity
}

decimal! {
    /// A number without a unit of its own: a fraction, a threshold, or basis points where said.
    Ratio
}

impl Ratio {
    /// One.
    pub const ONE: Self = Self(UNITS_PER_WHOLE);
}

impl Quantity {
    /// This part of it, rounded down to 10⁻⁸; `ratio` is from 0 to 1.
    #[must_use]
    pub const fn scaled_by(self, ratio: Ratio) -> Self {
        let scaled = (self.0 as i128 * ratio.0 as i128).div_euclid(UNITS_PER_WHOLE as i128);
        // A part is never larger than the whole, which fits.
        #[allow(clippy::cast_possible_truncation)]
        Self(scaled as i64)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn plain_decimals_are_read_exactly() {
        for (text, units) in [
            ("0", 0),
            ("-0", 0),
            ("1", 100_000_000),
            ("61837.63000000", 6_183_763_000_000),
            ("0.00000001", 1),
            ("-0.00000001", -1),
            ("0.5", 50_000_000),
            ("007.10", 710_000_000),
            ("1.0000000000000", 100_000_000),
            ("92233720368.54775807", i64::MAX),
            ("-92233720368.54775808", i64::MIN),
        ] {
            assert_eq!(text.parse::<Price>().map(Price::units), Ok(units), "{text}");
        }
    }

    #[test]
    fn what_is_no_plain_decimal_is_refused_with_the_reason() {
        for (text, reason) in [
            ("", "empty"),
            ("-", "digit is missing"),
            (".", "digit is missing"),
            (".5", "digit is missing"),
            ("5.", "digit is missing"),
            ("+1", "unexpected '+'"),
            ("1e5", "unexpected 'e'"),
            ("1,000", "unexpected ','"),
            (" 1", "unexpected ' '"),
            ("1.2.3", "unexpected '.'"),
            ("--1", "unexpected '-'"),
            ("NaN", "unexpected 'N'"),
            ("1\u{0661}", "unexpected '\u{0661}'"),
            ("0.000000001", "more than 8 decimals"),
            ("92233720368.54775808", "out of range"),
            ("-92233720368.54775809", "out of range"),
            ("99999999999999999999", "out of range"),
        ] {
            let error = text.parse::<Price>().expect_err(text).to_string();
            assert!(error.contains(reason), "{text:?}: {error}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back_the_same(units in any::<i64>()) {
            let price = Price::from_units(units);
            prop_assert_eq!(price.to_string().parse::<Price>(), Ok(price));
        }

        #[test]
        fn no_text_makes_the_reader_panic(text in "\\PC{0,40}") {
            let _ = text.parse::<Price>();
        }

        #[test]
        fn trailing_zeros_change_nothing(units in -1_000_000_000_i64..1_000_000_000, zeros in 0_usize..20) {
            let text = Price::from_units(units).to_string();
            let longer = if text.contains('.') { text } else { format!("{text}.0") } + &"0".repeat(zeros);
            prop_assert_eq!(longer.parse::<Price>().map(Price::units), Ok(units));
        }

        #[test]
        fn rounding_down_gives_a_multiple_not_above(units in 0..i64::MAX, step in 1..i64::MAX) {
            let rounded = Quantity::from_units(units).round_down_to(Quantity::from_units(step));
            prop_assert!(rounded.is_multiple_of(Quantity::from_units(step)));
            prop_assert!(rounded.units() <= units && units - rounded.units() < step);
        }
    }
}
