//! Parts of exact values without overflow on the way.

use crate::decimal::{Notional, Quantity};
use crate::event::Side;

/// `value * part / whole`, rounded down; `0 <= part <= whole`, and `whole` is above zero and at most
/// 2⁶³.
pub(super) const fn part_rounded_down(value: i128, part: i128, whole: i128) -> i128 {
    value.div_euclid(whole) * part + (value.rem_euclid(whole) * part).div_euclid(whole)
}

/// As [`part_rounded_down`], rounded up.
pub(super) const fn part_rounded_up(value: i128, part: i128, whole: i128) -> i128 {
    -part_rounded_down(-value, part, whole)
}

/// The quantity with the sign of its side.
pub(super) const fn signed(side: Side, quantity: Quantity) -> i64 {
    match side {
        Side::Buy => quantity.units(),
        Side::Sell => -quantity.units(),
    }
}

/// The value of a signed quantity at half of `twice_middle`, rounded away from zero.
pub(super) fn value_at_middle(quantity: i64, twice_middle: i128) -> Notional {
    let twice = i128::from(quantity).saturating_mul(twice_middle);
    Notional::from_units(twice / 2 + twice % 2)
}
