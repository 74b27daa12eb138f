//! How an instrument is listed where no venue says it: for the generator and for `exchangeInfo` of
//! the tape server.

use triptych_engine::decimal::{Price, Quantity};

use crate::instruments::Symbol;

/// Quote assets that a symbol may end with, longest first.
const QUOTE_ASSETS: [&str; 8] = ["FDUSD", "USDT", "USDC", "TUSD", "BTC", "ETH", "BNB", "EUR"];

/// Steps and typical price of an instrument.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Listing {
    /// A price in the range in which it traded in 2024, in the quote asset.
    pub typical_price: Price,
    /// Smallest step of a price.
    pub tick: Price,
    /// Smallest step of a quantity.
    pub lot: Quantity,
}

impl Listing {
    /// The listing of a well-known symbol; any other trades around 100 in steps of 0.01.
    pub fn of(symbol: &Symbol) -> Self {
        let (typical_price, tick, lot) = match symbol.as_str() {
            "BTCUSDT" | "BTCUSDC" => (6_000_000_000_000, 1_000_000, 1_000),
            "ETHUSDT" | "ETHUSDC" => (300_000_000_000, 1_000_000, 10_000),
            "BNBUSDT" => (60_000_000_000, 1_000_000, 100_000),
            "SOLUSDT" => (15_000_000_000, 1_000_000, 100_000),
            "XRPUSDT" => (60_000_000, 10_000, 100_000_000),
            _ => (10_000_000_000, 1_000_000, 1_000_000),
        };
        Self {
            typical_price: Price::from_units(typical_price),
            tick: Price::from_units(tick),
            lot: Quantity::from_units(lot),
        }
    }
}

/// Base and quote asset of a symbol; an unknown quote asset leaves the whole symbol as the base.
pub fn assets(symbol: &Symbol) -> (&str, &str) {
    let text = symbol.as_str();
    QUOTE_ASSETS
        .iter()
        .find_map(|quote| {
            let base = text.strip_suffix(quote)?;
            (!base.is_empty()).then_some((base, *quote))
        })
        .unwrap_or((text, ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_symbol_splits_into_its_assets() {
        for (symbol, expected) in [
            ("BTCUSDT", ("BTC", "USDT")),
            ("ETHBTC", ("ETH", "BTC")),
            ("BTCFDUSD", ("BTC", "FDUSD")),
            ("USDT", ("USDT", "")),
            ("ABC", ("ABC", "")),
        ] {
            assert_eq!(assets(&symbol.parse().unwrap()), expected);
        }
    }

    #[test]
    fn typical_prices_are_multiples_of_the_tick() {
        for symbol in [
            "BTCUSDT", "ETHUSDT", "BNBUSDT", "SOLUSDT", "XRPUSDT", "OTHER",
        ] {
            let listing = Listing::of(&symbol.parse().unwrap());
            assert!(
                listing.typical_price.is_multiple_of(listing.tick),
                "{symbol}"
            );
        }
    }
}
