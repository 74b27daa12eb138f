//! What a risk rule observed and what it allows: one exact number type for every unit.

use std::fmt;

use serde::{Serialize, Serializer};

use crate::decimal::{
    NOTIONAL_DECIMALS, Notional, Price, Quantity, Ratio, UNITS_PER_WHOLE, write_units,
};

/// Basis points in one: a basis point is 1/100 of a percent.
pub const BASIS_POINTS_PER_WHOLE: i64 = 10_000;

/// An exact number in the unit that its rule documents, in units of 10⁻¹⁶: the scale at which the
/// product of a price and a quantity needs no rounding. It fits `DECIMAL(38, 16)`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Measure(i128);

impl Measure {
    /// The largest magnitude: 38 decimal digits.
    const LIMIT: i128 = 10_i128.pow(38) - 1;

    /// A number of `units` times 10⁻¹⁶, cut to 38 digits.
    pub const fn from_units(units: i128) -> Self {
        if units > Self::LIMIT {
            Self(Self::LIMIT)
        } else if units < -Self::LIMIT {
            Self(-Self::LIMIT)
        } else {
            Self(units)
        }
    }

    /// The number in units of 10⁻¹⁶.
    pub const fn units(self) -> i128 {
        self.0
    }

    /// Milliseconds, from nanoseconds.
    pub const fn milliseconds(nanoseconds: i64) -> Self {
        Self(nanoseconds as i128 * 10_i128.pow(10))
    }

    /// A count.
    pub const fn count(number: u64) -> Self {
        Self::from_units(number as i128 * 10_i128.pow(NOTIONAL_DECIMALS))
    }

    /// `part / whole`, rounded away from zero at the eighth decimal; `whole` is above zero. For
    /// display: a rule compares with [`at_most_part`].
    pub fn part(part: i128, whole: i128) -> Self {
        Self::quotient(part, whole, 1)
    }

    /// `part / whole` in basis points, rounded away from zero at the eighth decimal; `whole` is
    /// above zero. For display: a rule compares with [`at_most_basis_points`].
    pub fn basis_points(part: i128, whole: i128) -> Self {
        Self::quotient(part, whole, BASIS_POINTS_PER_WHOLE)
    }

    fn quotient(part: i128, whole: i128, times: i64) -> Self {
        let scaled = part
            .saturating_mul(i128::from(times))
            .saturating_mul(i128::from(UNITS_PER_WHOLE));
        let (quotient, remainder) = (scaled / whole, scaled % whole);
        let rounded = quotient + remainder.signum();
        Self::from_units(rounded.saturating_mul(i128::from(UNITS_PER_WHOLE)))
    }
}

/// Whether `part / whole` is at most `limit` basis points, exactly; `whole` is above zero and below
/// 2⁶⁴.
pub fn at_most_basis_points(part: i128, whole: i128, limit: Ratio) -> bool {
    let scaled = part
        .saturating_mul(i128::from(BASIS_POINTS_PER_WHOLE))
        .saturating_mul(i128::from(UNITS_PER_WHOLE));
    scaled <= i128::from(limit.units()).saturating_mul(whole)
}

/// Whether `part / whole` is at most `limit`, exactly; `whole` is above zero.
pub fn at_most_part(part: i128, whole: i128, limit: Ratio) -> bool {
    let scaled = part.saturating_mul(i128::from(UNITS_PER_WHOLE));
    scaled <= i128::from(limit.units()).saturating_mul(whole)
}

macro_rules! from_units_of_eight_decimals {
    ($($name:ident),+) => {
        $(impl From<$name> for Measure {
            fn from(value: $name) -> Self {
                Self(i128::from(value.units()) * i128::from(UNITS_PER_WHOLE))
            }
        })+
    };
}

from_units_of_eight_decimals!(Price, Quantity, Ratio);

impl From<Notional> for Measure {
    fn from(value: Notional) -> Self {
        Self::from_units(value.units())
    }
}

impl fmt::Display for Measure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_units(f, self.0 < 0, self.0.unsigned_abs(), NOTIONAL_DECIMALS)
    }
}

impl fmt::Debug for Measure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Measure({self})")
    }
}

impl Serialize for Measure {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_their_value_in_every_unit() {
        assert_eq!(
            Measure::from("61837.63".parse::<Price>().unwrap()).to_string(),
            "61837.63"
        );
        assert_eq!(Measure::milliseconds(1_500_000).to_string(), "1.5");
        assert_eq!(Measure::milliseconds(-1).to_string(), "-0.000001");
        let notional = Price::MAX.notional(Quantity::MAX);
        assert_eq!(
            Measure::from(notional).units(),
            notional.units(),
            "the largest product fits"
        );
    }

    #[test]
    fn basis_points_are_shown_rounded_up_and_compared_exactly() {
        assert_eq!(Measure::basis_points(1, 100).to_string(), "100");
        assert_eq!(Measure::basis_points(1, 3).to_string(), "3333.33333334");
        assert_eq!(Measure::basis_points(-1, 3).to_string(), "-3333.33333334");
        let limit: Ratio = "3333.33333333".parse().unwrap();
        assert!(!at_most_basis_points(1, 3, limit));
        assert!(at_most_basis_points(1, 3, "3333.33333334".parse().unwrap()));
        assert_eq!(Measure::part(1, 3).to_string(), "0.33333334");
        assert!(!at_most_part(1, 3, "0.33333333".parse().unwrap()));
        assert!(at_most_part(1, 3, "0.33333334".parse().unwrap()));
        assert_eq!(Measure::count(7).to_string(), "7");
    }

    #[test]
    fn nothing_overflows() {
        assert_eq!(Measure::from_units(i128::MAX).units(), Measure::LIMIT);
        assert_eq!(Measure::from_units(i128::MIN).units(), -Measure::LIMIT);
        let huge = i128::from(i64::MAX) * 4;
        assert!(Measure::basis_points(huge, 1).units() > 0);
        assert!(!at_most_basis_points(huge, 1, Ratio::MAX));
    }
}
