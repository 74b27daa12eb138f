//! With which fees and barriers labels are computed.

use serde::{Deserialize, Serialize};
use thiserror::Error;
use triptych_engine::decimal::{Price, Ratio, UNITS_PER_WHOLE};
use triptych_engine::event::Side;
use triptych_engine::measure::BASIS_POINTS_PER_WHOLE;

/// How long after the decision a forward return is taken: its name in columns, and nanoseconds.
pub const HORIZONS: [(&str, i64); 4] = [
    ("1m", 60_000_000_000),
    ("5m", 300_000_000_000),
    ("1h", 3_600_000_000_000),
    ("1d", 86_400_000_000_000),
];

/// With which fees and barriers labels are computed. Labels of different definitions stand side by
/// side; those of one name all have the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Definition {
    /// Its name, a part of paths.
    pub name: DefinitionName,
    /// Fee of each of the two trades, in basis points of its value.
    pub fee_basis_points: BasisPoints,
    /// Distance of a barrier from the entry in basis points, where the candidate has no stop or no
    /// target.
    pub barrier_basis_points: BasisPoints,
    /// Seconds after the decision at which the triple barrier ends; also the window of MFE and MAE.
    pub barrier_seconds: u32,
}

impl Definition {
    /// What `trader dataset label` takes where nothing is said.
    pub fn standard() -> Self {
        let basis_points = |number: i64| BasisPoints(Ratio::from_units(number * UNITS_PER_WHOLE));
        Self {
            name: DefinitionName("standard".to_owned()),
            fee_basis_points: basis_points(10),
            barrier_basis_points: basis_points(20),
            barrier_seconds: 300,
        }
    }
}

/// 1 to 32 lowercase letters, digits and hyphens.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct DefinitionName(String);

/// Not a value of a definition.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum InvalidDefinition {
    /// Not a name.
    #[error("name {0:?}: expected 1 to 32 of a-z, 0-9 and '-', such as standard")]
    Name(String),
    /// Not a number of basis points.
    #[error("{0:?} basis points: expected a plain decimal from 0 to 10000, such as 7.5")]
    BasisPoints(String),
}

impl std::str::FromStr for DefinitionName {
    type Err = InvalidDefinition;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if (1..=32).contains(&text.len()) && text.bytes().all(plain) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidDefinition::Name(text.to_owned()))
        }
    }
}

impl TryFrom<String> for DefinitionName {
    type Error = InvalidDefinition;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<DefinitionName> for String {
    fn from(name: DefinitionName) -> Self {
        name.0
    }
}

impl std::fmt::Display for DefinitionName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// From 0 to 10,000 basis points, exact to eight decimals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct BasisPoints(Ratio);

impl std::str::FromStr for BasisPoints {
    type Err = InvalidDefinition;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let most = BASIS_POINTS_PER_WHOLE * UNITS_PER_WHOLE;
        match text.parse::<Ratio>() {
            Ok(ratio) if (0..=most).contains(&ratio.units()) => Ok(Self(ratio)),
            _ => Err(InvalidDefinition::BasisPoints(text.to_owned())),
        }
    }
}

impl TryFrom<String> for BasisPoints {
    type Error = InvalidDefinition;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<BasisPoints> for String {
    fn from(value: BasisPoints) -> Self {
        value.to_string()
    }
}

impl std::fmt::Display for BasisPoints {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl Definition {
    /// What a trade at `entry` earned that was closed at `exit`, in basis points of the entry's
    /// value, net of both trades' fees: `10⁴ · s · (exit − entry) / entry − fee · (1 + exit / entry)`
    /// with `s` = 1 for a purchase and −1 for a sale.
    pub fn net_basis_points(&self, side: Side, entry: Price, exit: Price) -> f64 {
        let gain = match side {
            Side::Buy => i128::from(exit.units()) - i128::from(entry.units()),
            Side::Sell => i128::from(entry.units()) - i128::from(exit.units()),
        };
        #[allow(clippy::cast_precision_loss)]
        let (gain, entry, exit) = (gain as f64, entry.units() as f64, exit.units() as f64);
        10_000.0 * gain / entry - self.fee_basis_points.0.to_f64() * (1.0 + exit / entry)
    }

    /// Take profit and stop loss of a trade: the candidate's own, else `barrier_basis_points` away
    /// from the entry, the distance rounded up to a unit of 10⁻⁸.
    pub fn barriers(
        &self,
        side: Side,
        entry: Price,
        target: Option<Price>,
        stop: Option<Price>,
    ) -> (Price, Price) {
        let whole = i128::from(BASIS_POINTS_PER_WHOLE) * i128::from(UNITS_PER_WHOLE);
        let scaled = i128::from(entry.units()) * i128::from(self.barrier_basis_points.0.units());
        let distance = i64::try_from((scaled + whole - 1) / whole).unwrap_or(i64::MAX);
        let above = Price::from_units(entry.units().saturating_add(distance));
        let below = Price::from_units(entry.units().saturating_sub(distance));
        match side {
            Side::Buy => (target.unwrap_or(above), stop.unwrap_or(below)),
            Side::Sell => (target.unwrap_or(below), stop.unwrap_or(above)),
        }
    }

    /// The window of the triple barrier in nanoseconds.
    pub fn barrier_nanoseconds(&self) -> i64 {
        i64::from(self.barrier_seconds) * 1_000_000_000
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn definition(fee: &str, barrier: &str) -> Definition {
        Definition {
            name: "standard".parse().unwrap(),
            fee_basis_points: fee.parse().unwrap(),
            barrier_basis_points: barrier.parse().unwrap(),
            barrier_seconds: 300,
        }
    }

    #[test]
    fn returns_are_net_of_the_fees_of_both_trades() {
        let price = |text: &str| text.parse::<Price>().unwrap();
        for (side, entry, exit, fee, net) in [
            (Side::Buy, "100", "101", "0", 100.0),
            (Side::Sell, "100", "101", "0", -100.0),
            (Side::Buy, "100", "101", "10", 100.0 - 10.0 - 10.1),
            (Side::Sell, "100", "99", "10", 100.0 - 10.0 - 9.9),
            (Side::Buy, "100", "100", "7.5", -15.0),
        ] {
            let found = definition(fee, "20").net_basis_points(side, price(entry), price(exit));
            assert!((found - net).abs() < 1e-9, "{side} {entry} {exit}: {found}");
        }
    }

    #[test]
    fn a_barrier_is_the_candidates_own_or_as_far_as_the_definition_says() {
        let price = |text: &str| text.parse::<Price>().unwrap();
        let own = definition("0", "20").barriers(
            Side::Buy,
            price("100"),
            Some(price("103")),
            Some(price("98")),
        );
        assert_eq!(own, (price("103"), price("98")));
        for (side, take_profit, stop_loss) in
            [(Side::Buy, "100.2", "99.8"), (Side::Sell, "99.8", "100.2")]
        {
            let found = definition("0", "20").barriers(side, price("100"), None, None);
            assert_eq!(found, (price(take_profit), price(stop_loss)));
        }
        let rounded = definition("0", "1").barriers(Side::Buy, price("0.00000001"), None, None);
        assert_eq!(rounded.0, price("0.00000002"), "away from the entry");
    }

    #[test]
    fn what_is_no_definition_is_refused() {
        for name in ["", "Standard", "a/b", "..", &"a".repeat(33)] {
            assert!(name.parse::<DefinitionName>().is_err(), "{name}");
        }
        for number in ["", "-1", "10000.1", "1e3"] {
            assert!(number.parse::<BasisPoints>().is_err(), "{number}");
        }
    }
}
