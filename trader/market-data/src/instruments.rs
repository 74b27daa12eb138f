//! The instruments that a feed, a recording or a generator speaks of.

use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;

use thiserror::Error;
use triptych_engine::event::InstrumentId;

/// Longest symbol that is accepted, in characters.
pub const MAX_SYMBOL_LENGTH: usize = 20;

/// Why an instrument, or a list of them, is refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum InstrumentError {
    /// Not a symbol of the venue.
    #[error(
        "symbol {symbol:?}: expected 1 to {MAX_SYMBOL_LENGTH} characters out of A-Z and 0-9, such as BTCUSDT"
    )]
    Symbol {
        /// The text given.
        symbol: String,
    },
    /// Named twice.
    #[error("symbol {symbol} is listed twice; name each instrument once")]
    Duplicate {
        /// The symbol.
        symbol: Symbol,
    },
    /// No instrument, or more than an [`InstrumentId`] can count.
    #[error("{count} instruments: expected 1 to {}", u16::MAX)]
    Count {
        /// How many were given.
        count: usize,
    },
}

/// A venue's symbol in upper case, such as `BTCUSDT`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Symbol(String);

impl Symbol {
    /// The symbol as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The symbol as stream names have it.
    pub fn to_lowercase(&self) -> String {
        self.0.to_ascii_lowercase()
    }
}

impl FromStr for Symbol {
    type Err = InstrumentError;

    fn from_str(text: &str) -> Result<Self, InstrumentError> {
        let plausible = (1..=MAX_SYMBOL_LENGTH).contains(&text.len())
            && text
                .bytes()
                .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
        if plausible {
            Ok(Self(text.to_owned()))
        } else {
            Err(InstrumentError::Symbol {
                symbol: text.chars().take(2 * MAX_SYMBOL_LENGTH).collect(),
            })
        }
    }
}

impl fmt::Display for Symbol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Instruments in the order of the configuration: the order gives each its [`InstrumentId`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instruments {
    symbols: Vec<Symbol>,
    by_lowercase: HashMap<String, InstrumentId>,
}

impl Instruments {
    /// The instruments `symbols`, numbered from zero.
    pub fn new(symbols: Vec<Symbol>) -> Result<Self, InstrumentError> {
        let count = symbols.len();
        if count == 0 {
            return Err(InstrumentError::Count { count });
        }
        let mut by_lowercase = HashMap::with_capacity(count);
        for (index, symbol) in symbols.iter().enumerate() {
            let id =
                InstrumentId(u16::try_from(index).map_err(|_| InstrumentError::Count { count })?);
            if by_lowercase.insert(symbol.to_lowercase(), id).is_some() {
                return Err(InstrumentError::Duplicate {
                    symbol: symbol.clone(),
                });
            }
        }
        Ok(Self {
            symbols,
            by_lowercase,
        })
    }

    /// Reads `texts` as symbols.
    pub fn parse<T: AsRef<str>>(
        texts: impl IntoIterator<Item = T>,
    ) -> Result<Self, InstrumentError> {
        let symbols = texts.into_iter().map(|text| text.as_ref().parse());
        Self::new(symbols.collect::<Result<_, _>>()?)
    }

    /// How many there are; never zero.
    pub fn count(&self) -> usize {
        self.symbols.len()
    }

    /// Every instrument with its id.
    pub fn iter(&self) -> impl Iterator<Item = (InstrumentId, &Symbol)> {
        (0_u16..).map(InstrumentId).zip(&self.symbols)
    }

    /// The symbol of `id`.
    ///
    /// # Panics
    /// Where `id` was not given out by this list.
    pub fn symbol(&self, id: InstrumentId) -> &Symbol {
        &self.symbols[id.index()]
    }

    /// The id of a symbol in upper case.
    pub fn find(&self, symbol: &str) -> Option<InstrumentId> {
        self.iter()
            .find(|(_, known)| known.as_str() == symbol)
            .map(|(id, _)| id)
    }

    /// The id of a symbol as stream names have it, in lower case.
    pub fn find_lowercase(&self, symbol: &str) -> Option<InstrumentId> {
        self.by_lowercase.get(symbol).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn symbols_are_upper_case_letters_and_digits() {
        for good in ["BTCUSDT", "1000SATSUSDT", "A"] {
            assert_eq!(good.parse::<Symbol>().unwrap().as_str(), good);
        }
        for bad in [
            "",
            "btcusdt",
            "BTC/USDT",
            "BTC USDT",
            "AAAAAAAAAAAAAAAAAAAAA",
            "Ä",
        ] {
            assert!(bad.parse::<Symbol>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn ids_follow_the_order_of_the_list() {
        let instruments = Instruments::parse(["BTCUSDT", "ETHUSDT"]).unwrap();
        assert_eq!(instruments.find("ETHUSDT"), Some(InstrumentId(1)));
        assert_eq!(instruments.find_lowercase("btcusdt"), Some(InstrumentId(0)));
        assert_eq!(instruments.find("btcusdt"), None);
        assert_eq!(instruments.symbol(InstrumentId(1)).as_str(), "ETHUSDT");
    }

    #[test]
    fn an_empty_list_and_a_repeated_symbol_are_refused() {
        assert_eq!(
            Instruments::parse(Vec::<&str>::new()),
            Err(InstrumentError::Count { count: 0 })
        );
        let error = Instruments::parse(["BTCUSDT", "BTCUSDT"]).unwrap_err();
        assert!(error.to_string().contains("BTCUSDT is listed twice"));
    }
}
