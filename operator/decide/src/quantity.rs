//! Amounts of resources, compared by value: the API server rewrites `1024Mi` as `1Gi`.

use std::cmp::Ordering;

/// Compares two amounts by value. `None` where one of them is not an amount.
pub fn compare(one: &str, other: &str) -> Option<Ordering> {
    Some(billionths(one)?.cmp(&billionths(other)?))
}

/// Whether two amounts are the same value, or the same text where they are no amounts.
pub fn equal(one: &str, other: &str) -> bool {
    one == other || compare(one, other) == Some(Ordering::Equal)
}

/// The value in billionths, the finest step of a Kubernetes quantity. Finer digits are rounded up,
/// as the API server does.
fn billionths(text: &str) -> Option<i128> {
    let (number, suffix) = text.split_at(
        text.find(|c: char| !matches!(c, '0'..='9' | '.'))
            .unwrap_or(text.len()),
    );
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let digits = format!("{whole}{fraction}").parse::<i128>().ok()?;
    let (scale, exponent) = unit(suffix)?;
    let exponent = exponent + 9 - i32::try_from(fraction.len()).ok()?;
    let scaled = digits.checked_mul(scale)?;
    let power = 10_i128.checked_pow(exponent.unsigned_abs())?;
    if exponent >= 0 {
        scaled.checked_mul(power)
    } else {
        Some(scaled / power + i128::from(scaled % power != 0))
    }
}

/// Factor and power of ten of a suffix.
fn unit(suffix: &str) -> Option<(i128, i32)> {
    Some(match suffix {
        "n" => (1, -9),
        "u" => (1, -6),
        "m" => (1, -3),
        "" => (1, 0),
        "k" => (1, 3),
        "M" => (1, 6),
        "G" => (1, 9),
        "T" => (1, 12),
        "P" => (1, 15),
        "E" => (1, 18),
        "Ki" => (1 << 10, 0),
        "Mi" => (1 << 20, 0),
        "Gi" => (1 << 30, 0),
        "Ti" => (1 << 40, 0),
        "Pi" => (1 << 50, 0),
        "Ei" => (1 << 60, 0),
        _ => (1, suffix.strip_prefix(['e', 'E'])?.parse().ok()?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_compared_by_value() {
        let table = [
            ("1024Mi", "1Gi", Some(Ordering::Equal)),
            ("0.5", "500m", Some(Ordering::Equal)),
            ("1.5Gi", "1536Mi", Some(Ordering::Equal)),
            ("1e3", "1k", Some(Ordering::Equal)),
            ("1E", "1000P", Some(Ordering::Equal)),
            ("10Gi", "10G", Some(Ordering::Greater)),
            ("100m", "0.2", Some(Ordering::Less)),
            ("999999999999.999Ti", "1Ki", Some(Ordering::Greater)),
            ("ten", "10", None),
            ("", "0", None),
            ("1e99", "1", None),
        ];
        for (one, other, expected) in table {
            assert_eq!(compare(one, other), expected, "{one} and {other}");
        }
    }
}
