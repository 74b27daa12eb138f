//! What a symbol allows: its filters, and how an order is judged by them.

use triptych_engine::decimal::{Price, Quantity, Ratio, UNITS_PER_WHOLE};
use triptych_engine::event::Side;
use triptych_market_data::instruments::Symbol;
use triptych_market_data::listing::{Listing, assets};

use super::ledger::{Amount, AssetId, value_of};
use super::order::{Instruction, MarketSize};
use super::refusal::Refusal;

/// Smallest, largest and step of a quantity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LotSize {
    /// The smallest.
    pub smallest: Quantity,
    /// The largest.
    pub largest: Quantity,
    /// The step.
    pub step: Quantity,
}

impl LotSize {
    fn allows(self, quantity: Quantity) -> bool {
        (self.smallest..=self.largest).contains(&quantity) && quantity.is_multiple_of(self.step)
    }
}

/// How far from the average price an order of a side may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PriceBand {
    /// Highest price, as a multiple of the average.
    pub up: Ratio,
    /// Lowest price, as a multiple of the average.
    pub down: Ratio,
}

impl PriceBand {
    fn allows(self, price: Price, average: Price) -> bool {
        let bound = |multiplier: Ratio| {
            i128::from(average.units()) * i128::from(multiplier.units())
                / i128::from(UNITS_PER_WHOLE)
        };
        let price = i128::from(price.units());
        bound(self.down) <= price && price <= bound(self.up)
    }
}

/// One symbol and its filters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SymbolRules {
    /// Its name.
    pub symbol: Symbol,
    /// What is bought and sold.
    pub base: AssetId,
    /// What it is paid with.
    pub quote: AssetId,
    /// `PRICE_FILTER`: lowest price.
    pub lowest_price: Price,
    /// `PRICE_FILTER`: highest price.
    pub highest_price: Price,
    /// `PRICE_FILTER`: step of prices.
    pub tick: Price,
    /// `LOT_SIZE`.
    pub lot: LotSize,
    /// `MARKET_LOT_SIZE`: the largest quantity of a market order.
    pub largest_market_quantity: Quantity,
    /// `NOTIONAL`: smallest value.
    pub smallest_value: Amount,
    /// `NOTIONAL`: largest value; market orders are free of it.
    pub largest_value: Amount,
    /// `PERCENT_PRICE_BY_SIDE`, purchases.
    pub bid_band: PriceBand,
    /// `PERCENT_PRICE_BY_SIDE`, sales.
    pub ask_band: PriceBand,
    /// `MAX_NUM_ORDERS`: open orders of an account.
    pub most_orders: usize,
    /// `MAX_NUM_ALGO_ORDERS`: conditional orders of an account.
    pub most_conditional_orders: usize,
    /// `MAX_NUM_ORDER_AMENDS`: amendments of an order.
    pub most_amendments: u32,
}

/// Minutes of trading whose average price `PERCENT_PRICE_BY_SIDE` and `NOTIONAL` look at.
pub const AVERAGE_PRICE_MINUTES: i64 = 5;

/// What of the market an order is judged against.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Reference {
    /// The average price of the last minutes; `None` where nobody traded.
    pub average_price: Option<Price>,
    /// Open orders of the account on the symbol.
    pub open_orders: usize,
    /// Conditional ones among them.
    pub conditional_orders: usize,
}

const fn whole(count: i64) -> Amount {
    Amount::from_units(count * UNITS_PER_WHOLE)
}

/// The names of a symbol's base and quote asset.
pub fn asset_names(symbol: &Symbol) -> (&str, &str) {
    assets(symbol)
}

impl SymbolRules {
    /// The rules of a symbol with the venue's usual limits, and the steps of its listing.
    pub fn usual(symbol: &Symbol, base: AssetId, quote: AssetId) -> Self {
        let Listing { tick, lot, .. } = Listing::of(symbol);
        Self {
            symbol: symbol.clone(),
            base,
            quote,
            lowest_price: tick,
            highest_price: Price::from_units(whole(1_000_000).units()),
            tick,
            lot: LotSize {
                smallest: lot,
                largest: whole(9_000),
                step: lot,
            },
            largest_market_quantity: whole(100),
            smallest_value: whole(5),
            largest_value: whole(9_000_000),
            bid_band: PriceBand {
                up: Ratio::from_units(5 * UNITS_PER_WHOLE),
                down: Ratio::from_units(UNITS_PER_WHOLE / 5),
            },
            ask_band: PriceBand {
                up: Ratio::from_units(5 * UNITS_PER_WHOLE),
                down: Ratio::from_units(UNITS_PER_WHOLE / 5),
            },
            most_orders: 200,
            most_conditional_orders: 5,
            most_amendments: 10,
        }
    }

    /// Judges an order that is about to be placed.
    pub fn check(
        &self,
        side: Side,
        instruction: Instruction,
        reference: Reference,
    ) -> Result<(), Refusal> {
        for price in [
            instruction.limit_price(),
            instruction.trigger().map(|trigger| trigger.stop_price),
        ]
        .into_iter()
        .flatten()
        {
            self.check_price(price)?;
        }
        if let (Some(price), Some(average)) = (instruction.limit_price(), reference.average_price) {
            let band = match side {
                Side::Buy => self.bid_band,
                Side::Sell => self.ask_band,
            };
            if !band.allows(price, average) {
                return Err(Refusal::filter("PERCENT_PRICE_BY_SIDE"));
            }
        }
        if let Some(quantity) = instruction.quantity() {
            self.check_quantity(quantity)?;
        }
        self.check_market_quantity(instruction)?;
        self.check_value(instruction, reference.average_price)?;
        if reference.open_orders >= self.most_orders {
            return Err(Refusal::filter("MAX_NUM_ORDERS"));
        }
        if instruction.trigger().is_some()
            && reference.conditional_orders >= self.most_conditional_orders
        {
            return Err(Refusal::filter("MAX_NUM_ALGO_ORDERS"));
        }
        Ok(())
    }

    /// Judges the new quantity of an amended order.
    pub fn check_amendment(
        &self,
        instruction: Instruction,
        quantity: Quantity,
        amendments: u32,
    ) -> Result<(), Refusal> {
        if amendments >= self.most_amendments {
            return Err(Refusal::filter("MAX_NUM_ORDER_AMENDS").under(-2038));
        }
        self.check_quantity(quantity)?;
        match instruction.limit_price() {
            Some(price) if value_of(price, quantity) < self.smallest_value => {
                Err(Refusal::filter("NOTIONAL"))
            }
            _ => Ok(()),
        }
    }

    fn check_price(&self, price: Price) -> Result<(), Refusal> {
        let is_allowed = (self.lowest_price..=self.highest_price).contains(&price)
            && price.is_multiple_of(self.tick);
        if is_allowed {
            Ok(())
        } else {
            Err(Refusal::filter("PRICE_FILTER"))
        }
    }

    fn check_quantity(&self, quantity: Quantity) -> Result<(), Refusal> {
        if self.lot.allows(quantity) {
            Ok(())
        } else {
            Err(Refusal::filter("LOT_SIZE"))
        }
    }

    fn check_market_quantity(&self, instruction: Instruction) -> Result<(), Refusal> {
        match instruction {
            Instruction::Market(MarketSize::Base(quantity))
            | Instruction::ConditionalMarket { quantity, .. }
                if quantity > self.largest_market_quantity =>
            {
                Err(Refusal::filter("MARKET_LOT_SIZE"))
            }
            _ => Ok(()),
        }
    }

    fn check_value(&self, instruction: Instruction, average: Option<Price>) -> Result<(), Refusal> {
        let value = match (instruction, instruction.limit_price()) {
            (Instruction::Market(MarketSize::Quote(amount)), _) => Some(amount),
            (_, Some(price)) => instruction
                .quantity()
                .map(|quantity| value_of(price, quantity)),
            (_, None) => average
                .zip(instruction.quantity())
                .map(|(price, quantity)| value_of(price, quantity)),
        };
        let Some(value) = value else { return Ok(()) };
        let is_too_large = instruction.limit_price().is_some() && value > self.largest_value;
        if value < self.smallest_value || is_too_large {
            return Err(Refusal::filter("NOTIONAL"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::order::{Limit, TimeInForce, Trigger, TriggerKind};
    use super::*;

    fn price(text: &str) -> Price {
        text.parse().expect("a price")
    }

    fn quantity(text: &str) -> Quantity {
        text.parse().expect("a quantity")
    }

    fn limit(at: &str, of: &str) -> Instruction {
        Instruction::Limit(Limit {
            price: price(at),
            quantity: quantity(of),
            time_in_force: TimeInForce::GoodTilCanceled,
        })
    }

    fn stop(at: &str, of: &str) -> Instruction {
        Instruction::ConditionalMarket {
            trigger: Trigger {
                kind: TriggerKind::StopLoss,
                stop_price: price(at),
            },
            quantity: quantity(of),
        }
    }

    #[test]
    fn each_filter_refuses_what_it_names() {
        let rules = SymbolRules::usual(
            &"BTCUSDT".parse().expect("a symbol"),
            AssetId(0),
            AssetId(1),
        );
        let average = Some(price("60000"));
        let market = |of: &str| Instruction::Market(MarketSize::Base(quantity(of)));
        let spend = |of: &str| Instruction::Market(MarketSize::Quote(quantity(of)));
        let at = |average_price| Reference {
            average_price,
            ..Reference::default()
        };
        let crowded = Reference {
            open_orders: 200,
            ..at(average)
        };
        let conditional = Reference {
            conditional_orders: 5,
            ..at(average)
        };
        for (instruction, reference, filter) in [
            (limit("60000", "0.001"), at(average), None),
            (
                limit("60000.005", "0.001"),
                at(average),
                Some("PRICE_FILTER"),
            ),
            (limit("0", "0.001"), at(average), Some("PRICE_FILTER")),
            (limit("2000000", "0.001"), at(average), Some("PRICE_FILTER")),
            (
                limit("10000", "0.001"),
                at(average),
                Some("PERCENT_PRICE_BY_SIDE"),
            ),
            (limit("10000", "0.001"), at(None), None),
            (limit("60000", "0.000015"), at(average), Some("LOT_SIZE")),
            (limit("60000", "9001"), at(average), Some("LOT_SIZE")),
            (limit("60000", "0.00001"), at(average), Some("NOTIONAL")),
            (limit("60000", "151"), at(average), Some("NOTIONAL")),
            (limit("60000", "0.001"), crowded, Some("MAX_NUM_ORDERS")),
            (market("0.001"), at(average), None),
            (market("0.00001"), at(average), Some("NOTIONAL")),
            (market("0.00001"), at(None), None),
            (market("101"), at(average), Some("MARKET_LOT_SIZE")),
            (spend("4.99"), at(average), Some("NOTIONAL")),
            (spend("5"), at(average), None),
            (
                stop("60000.001", "0.001"),
                at(average),
                Some("PRICE_FILTER"),
            ),
            (
                stop("50000", "0.001"),
                conditional,
                Some("MAX_NUM_ALGO_ORDERS"),
            ),
            (limit("60000", "0.001"), conditional, None),
        ] {
            let expected = filter.map_or(Ok(()), |name| Err(Refusal::filter(name)));
            assert_eq!(
                rules.check(Side::Buy, instruction, reference),
                expected,
                "{instruction:?}"
            );
        }
    }
}
