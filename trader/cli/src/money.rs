//! Money for people.

use triptych_engine::decimal::Notional;

/// Money to four decimals, halves away from zero.
pub(crate) fn rounded(money: Notional) -> String {
    const STEP: i128 = 1_000_000_000_000;
    let units = money.units();
    let half = if units < 0 { -STEP / 2 } else { STEP / 2 };
    let steps = (units.saturating_add(half)) / STEP;
    let sign = if steps < 0 { "-" } else { "" };
    let steps = steps.unsigned_abs();
    format!("{sign}{}.{:04}", steps / 10_000, steps % 10_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_is_rounded_to_four_decimals() {
        for (units, text) in [
            (0, "0.0000"),
            (12_345_600_000_000_000, "1.2346"),
            (-12_345_499_999_999_999, "-1.2345"),
            (-49_999_999_999_999, "-0.0050"),
            (499_999_999_999, "0.0000"),
        ] {
            assert_eq!(rounded(Notional::from_units(units)), text);
        }
    }
}
