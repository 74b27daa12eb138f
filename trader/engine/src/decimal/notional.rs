//! The exact product of a price and a quantity.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{
    DecimalError, NOTIONAL_DECIMALS, Price, Quantity, Ratio, UNITS_PER_WHOLE, lossy, parse_units,
    write_units,
};

impl Price {
    /// The value of `quantity` at this price, exact.
    pub const fn notional(self, quantity: Quantity) -> Notional {
        // Two factors below 2^63 never leave an i128.
        Notional(self.0 as i128 * quantity.0 as i128)
    }
}

/// A value in the quote asset, the product of a price and a quantity, in units of 10⁻¹⁶.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Notional(i128);

impl Notional {
    /// Zero.
    pub const ZERO: Self = Self(0);

    /// A value of `units` times 10⁻¹⁶.
    pub const fn from_units(units: i128) -> Self {
        Self(units)
    }

    /// The value in units of 10⁻¹⁶.
    pub const fn units(self) -> i128 {
        self.0
    }

    /// The sum, or `None` beyond the range.
    pub fn checked_add(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).map(Self)
    }

    /// This part of it, rounded down to 10⁻¹⁶; `ratio` is from 0 to 1.
    #[must_use]
    pub const fn scaled_by(self, ratio: Ratio) -> Self {
        let (whole, part) = (UNITS_PER_WHOLE as i128, ratio.units() as i128);
        Self(self.0.div_euclid(whole) * part + (self.0.rem_euclid(whole) * part).div_euclid(whole))
    }

    /// The largest quantity whose value at `price` is not above this one, rounded down to 10⁻⁸;
    /// `None` where the price is not above zero or the quantity leaves its range.
    pub fn quantity_at(self, price: Price) -> Option<Quantity> {
        if !price.is_positive() {
            return None;
        }
        i64::try_from(self.0.div_euclid(i128::from(price.0)))
            .ok()
            .map(Quantity)
    }

    /// Reads a plain decimal of at most eight decimals and below 10²² in size, exactly.
    pub fn parse(text: &[u8]) -> Result<Self, DecimalError> {
        match parse_units(text) {
            Ok(units) => Ok(Self(i128::from(units) * i128::from(UNITS_PER_WHOLE))),
            // Amounts of money may be larger than any price: the whole part alone decides.
            Err(DecimalError::OutOfRange { .. }) => parse_large(text).map(Self),
            Err(error) => Err(error),
        }
    }
}

/// Units of 10⁻¹⁶ of a plain decimal that [`parse_units`] found too large.
fn parse_large(text: &[u8]) -> Result<i128, DecimalError> {
    let out_of_range = || DecimalError::OutOfRange { text: lossy(text) };
    let point = text
        .iter()
        .position(|&byte| byte == b'.')
        .unwrap_or(text.len());
    let fraction = match &text[point..] {
        [] => 0,
        fraction => parse_units(&[b"0", fraction].concat())?,
    };
    let whole: i128 = lossy(&text[..point]).parse().map_err(|_| out_of_range())?;
    if whole.unsigned_abs() >= 10_u128.pow(22) {
        return Err(out_of_range());
    }
    let scale = 10_i128.pow(NOTIONAL_DECIMALS);
    let fraction = i128::from(fraction) * i128::from(UNITS_PER_WHOLE);
    Ok(whole * scale + if whole < 0 { -fraction } else { fraction })
}

impl FromStr for Notional {
    type Err = DecimalError;

    fn from_str(text: &str) -> Result<Self, DecimalError> {
        Self::parse(text.as_bytes())
    }
}

impl fmt::Display for Notional {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_units(f, self.0 < 0, self.0.unsigned_abs(), NOTIONAL_DECIMALS)
    }
}

impl fmt::Debug for Notional {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Notional({self})")
    }
}

impl Serialize for Notional {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Notional {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        crate::text::deserialize(deserializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notional_is_the_exact_product() {
        let price: Price = "61837.63".parse().unwrap();
        let quantity: Quantity = "0.00123".parse().unwrap();
        assert_eq!(price.notional(quantity).to_string(), "76.0602849");
        assert_eq!(
            Price::MAX.notional(Quantity::MAX).units(),
            i128::from(i64::MAX).pow(2)
        );
    }

    #[test]
    fn notionals_larger_than_any_price_are_read_exactly() {
        for (text, written) in [
            ("999999999999999.12345678", "999999999999999.12345678"),
            ("-999999999999999.5", "-999999999999999.5"),
            ("100000000000", "100000000000"),
        ] {
            assert_eq!(text.parse::<Notional>().unwrap().to_string(), written);
        }
        assert!("10000000000000000000000".parse::<Notional>().is_err());
        assert!("999999999999999.123456789".parse::<Notional>().is_err());
    }

    #[test]
    fn quantity_at_a_price_never_exceeds_the_notional() {
        let limit: Notional = "10".parse().unwrap();
        let price: Price = "3".parse().unwrap();
        assert_eq!(limit.quantity_at(price).unwrap().to_string(), "3.33333333");
        assert_eq!(limit.quantity_at(Price::ZERO), None);
        assert_eq!(
            Notional::from_units(i128::MAX).quantity_at(Price::from_units(1)),
            None
        );
    }
}
