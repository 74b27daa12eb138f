//! An instrument's fills and prices, one after the other.

use std::collections::BTreeMap;

use triptych_engine::decimal::{Notional, Price};
use triptych_engine::measure::Measure;

use super::InstrumentPerformance;
use crate::executions::read::ExecutedFill;

/// Units of 10⁻⁸ in one.
const PRICE_UNITS: i128 = 100_000_000;

/// Something that the dataset tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Seen {
    /// The market, and the limit of exposure at that moment.
    Quote {
        middle: Price,
        limit: Option<Measure>,
    },
    Fill {
        buys: bool,
        fill: ExecutedFill,
    },
}

/// A moment. Money is in the quote asset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Point {
    /// When: nanoseconds since 1970.
    pub at_ns: i64,
    /// Middle of bid and ask, or the price of a fill.
    pub price: Price,
    /// Profit so far.
    pub profit: Notional,
    /// Absolute value of what is held.
    pub exposure: Notional,
    /// Limit of the rule `grossExposure`, which counts all instruments of the portfolio together; `None` where the
    /// configuration has no such rule.
    pub limit: Option<Measure>,
}

/// A fill.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FillMark {
    /// When: nanoseconds since 1970.
    pub at_ns: i64,
    /// Whether it bought.
    pub buys: bool,
    /// Its price.
    pub price: Price,
}

/// What is known up to a moment. Amounts are in units of 10⁻¹⁶.
#[derive(Debug)]
pub(super) struct Course<'a> {
    symbol: &'a str,
    position: i128,
    cash: i128,
    traded: i128,
    fees: BTreeMap<String, Notional>,
    price: Option<Price>,
    limit: Option<Measure>,
    points: Vec<Point>,
    marks: Vec<FillMark>,
}

impl<'a> Course<'a> {
    pub(super) const fn new(symbol: &'a str) -> Self {
        Self {
            symbol,
            position: 0,
            cash: 0,
            traded: 0,
            fees: BTreeMap::new(),
            price: None,
            limit: None,
            points: Vec::new(),
            marks: Vec::new(),
        }
    }

    pub(super) fn see(&mut self, at_ns: i64, what: Seen) {
        let price = match what {
            Seen::Quote { middle, limit } => {
                self.limit = limit;
                middle
            }
            Seen::Fill { buys, fill } => {
                let price = fill.price;
                self.book(buys, &fill);
                self.marks.push(FillMark { at_ns, buys, price });
                price
            }
        };
        self.price = Some(price);
        let value = self.value(price);
        self.points.push(Point {
            at_ns,
            price,
            profit: Notional::from_units(self.cash.saturating_add(value)),
            exposure: Notional::from_units(value.saturating_abs()),
            limit: self.limit,
        });
    }

    fn book(&mut self, buys: bool, fill: &ExecutedFill) {
        let value = fill.price.notional(fill.quantity).units();
        let quantity = Measure::from(fill.quantity).units();
        let sign = if buys { 1 } else { -1 };
        self.position += sign * quantity;
        self.cash -= sign * value;
        self.traded += value;
        let fee = fill.fee.units();
        match fill.fee_asset.as_deref() {
            None => self.cash -= fee,
            Some(asset) if self.symbol.ends_with(asset) => self.cash -= fee,
            Some(asset) if self.symbol.starts_with(asset) => self.position -= fee,
            // A third asset, whose price is not known here.
            Some(_) => {}
        }
        let asset = fill.fee_asset.clone().unwrap_or_else(|| "quote".to_owned());
        let paid = self.fees.entry(asset).or_insert(Notional::ZERO);
        *paid = Notional::from_units(paid.units().saturating_add(fee));
    }

    /// What is held, at a price.
    fn value(&self, price: Price) -> i128 {
        self.position.saturating_mul(i128::from(price.units())) / PRICE_UNITS
    }

    pub(super) fn finish(self, instrument: &mut InstrumentPerformance) {
        let value = self.price.map_or(0, |price| self.value(price));
        let exposures = self.points.iter().map(|point| point.exposure);
        *instrument = InstrumentPerformance {
            orders: instrument.orders,
            fills: self.marks.len() as u64,
            traded: Notional::from_units(self.traded),
            position: Measure::from_units(self.position),
            profit: Notional::from_units(self.cash.saturating_add(value)),
            largest_exposure: exposures.max().unwrap_or(Notional::ZERO),
            fees: self.fees,
            points: self.points,
            marks: self.marks,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fill(price: &str, quantity: &str, fee: i128, fee_asset: Option<&str>) -> ExecutedFill {
        ExecutedFill {
            price: price.parse().unwrap(),
            quantity: quantity.parse().unwrap(),
            fee: Notional::from_units(fee),
            fee_asset: fee_asset.map(str::to_owned),
        }
    }

    fn quote(middle: &str) -> Seen {
        Seen::Quote {
            middle: middle.parse().unwrap(),
            limit: None,
        }
    }

    const WHOLE: i128 = 10_000_000_000_000_000;

    #[test]
    fn profit_is_cash_and_what_is_held_at_the_last_price() {
        let mut course = Course::new("BTCUSDT");
        let bought = fill("100", "2", WHOLE, Some("USDT"));
        let sold = fill("110", "1", WHOLE, Some("USDT"));
        for (at, what) in [
            (
                1,
                Seen::Fill {
                    buys: true,
                    fill: bought,
                },
            ),
            (2, quote("105")),
            (
                3,
                Seen::Fill {
                    buys: false,
                    fill: sold,
                },
            ),
            (4, quote("90")),
        ] {
            course.see(at, what);
        }
        let mut found = InstrumentPerformance::default();
        course.finish(&mut found);
        let profits: Vec<String> = found
            .points
            .iter()
            .map(|point| point.profit.to_string())
            .collect();
        // Bought 2 at 100 with a fee of 1; sold 1 at 110 with a fee of 1; one is left.
        assert_eq!(profits, ["-1", "9", "18", "-2"]);
        assert_eq!(found.profit.to_string(), "-2");
        assert_eq!(found.position.to_string(), "1");
        assert_eq!(found.traded.to_string(), "310");
        assert_eq!(found.largest_exposure.to_string(), "210");
    }

    #[test]
    fn a_fee_in_the_base_asset_makes_less_of_what_is_held_and_one_in_a_third_asset_is_told_apart() {
        let mut course = Course::new("BTCUSDT");
        let (base, third) = (
            fill("100", "1", WHOLE / 10, Some("BTC")),
            fill("100", "1", WHOLE, Some("BNB")),
        );
        course.see(
            1,
            Seen::Fill {
                buys: true,
                fill: base,
            },
        );
        course.see(
            2,
            Seen::Fill {
                buys: true,
                fill: third,
            },
        );
        let mut found = InstrumentPerformance::default();
        course.finish(&mut found);
        assert_eq!(found.position.to_string(), "1.9");
        assert_eq!(found.profit.to_string(), "-10");
        assert_eq!(found.fees["BNB"].to_string(), "1");
    }
}
