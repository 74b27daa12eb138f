//! The parameters of the model.

use triptych_engine::decimal::{Notional, Ratio, UNITS_PER_WHOLE};
use triptych_engine::event::Liquidity;
use triptych_engine::measure::BASIS_POINTS_PER_WHOLE;

/// How orders are filled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FillModel {
    /// Nanoseconds from a decision until the order meets the market that this receiver sees then: the
    /// order's way to the venue and the feed's way back.
    pub latency_ns: i64,
    /// Nanoseconds after its arrival at which the rest of a limit order is cancelled.
    pub rest_ns: i64,
    /// How an order moves forward in its queue.
    pub queue: QueueModel,
    /// Fee of a fill that waited in the book, in basis points of its value.
    pub maker_fee_basis_points: Ratio,
    /// Fee of a fill that took from the book, in basis points of its value.
    pub taker_fee_basis_points: Ratio,
}

/// How an order that waits at a price moves forward.
///
/// An order joins at the end of what is visible at its price. Trades at that price take from the
/// front in either model. They differ in whose quantity it was that was cancelled. The names of the
/// two ideas are those of hftbacktest's documentation on order fills.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum QueueModel {
    /// Those behind cancelled: only trades, and a level that is smaller than what was ahead, move the
    /// order forward. The harshest of what the data allow.
    #[default]
    RiskAverse,
    /// Cancellations were spread evenly over the level.
    Proportional,
}

impl FillModel {
    /// The fee of a fill of this value, rounded up to 10⁻¹⁶ of the quote asset.
    pub fn fee(&self, value: Notional, liquidity: Liquidity) -> Notional {
        let basis_points = match liquidity {
            Liquidity::Maker => self.maker_fee_basis_points,
            Liquidity::Taker => self.taker_fee_basis_points,
        };
        let whole = i128::from(BASIS_POINTS_PER_WHOLE) * i128::from(UNITS_PER_WHOLE);
        let part = i128::from(basis_points.units());
        // Split, so that no product leaves the range.
        let (wholes, rest) = (value.units() / whole, value.units() % whole);
        let fee = wholes * part + (rest * part + whole - 1).div_euclid(whole);
        Notional::from_units(fee)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fee_is_a_part_of_the_value_rounded_up() {
        let model = FillModel {
            latency_ns: 0,
            rest_ns: 0,
            queue: QueueModel::RiskAverse,
            maker_fee_basis_points: "0".parse().unwrap(),
            taker_fee_basis_points: "7.5".parse().unwrap(),
        };
        let value = |text: &str| -> Notional { text.parse().unwrap() };
        for (of, liquidity, fee) in [
            ("1000", Liquidity::Taker, "0.75"),
            ("1000", Liquidity::Maker, "0"),
            ("61837.64", Liquidity::Taker, "46.37823"),
        ] {
            assert_eq!(model.fee(value(of), liquidity), value(fee), "{of}");
        }
        let smallest = Notional::from_units(1);
        assert_eq!(model.fee(smallest, Liquidity::Taker), smallest);
    }
}
