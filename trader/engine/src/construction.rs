//! From a revision's spec to strategies and rules: every problem found, each with its path.

mod rules;
mod strategies;

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use thiserror::Error;
use triptych_crds::config_revision::ConfigRevisionSpec;

use crate::decimal::{DecimalError, Price, Quantity};
use crate::event::InstrumentId;
use crate::market::Instrument;
use crate::portfolio::Account;
use crate::proposal::OrderShape;
use crate::risk::RiskRule;
use crate::strategies::Strategy;
use crate::strategies::custom::Algorithms;

/// One reason why no engine can be built from a revision.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Problem {
    /// A decimal that the engine cannot hold.
    #[error("{path}: {source}")]
    Decimal {
        /// Path of the field.
        path: String,
        /// Why.
        source: DecimalError,
    },
    /// A value that makes no sense, or none beside another.
    #[error("{path}: {found} is not valid: expected {expected}")]
    Invalid {
        /// Path of the field.
        path: String,
        /// The value.
        found: String,
        /// What would be right.
        expected: Cow<'static, str>,
    },
    /// A parameter of a custom algorithm that is not there.
    #[error("{path}: is missing: expected {expected}")]
    Missing {
        /// Path of the field.
        path: String,
        /// What is expected.
        expected: String,
    },
}

/// Why no engine can be built from a revision: every problem, in the order of the fields.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub struct ConstructionError {
    /// At least one.
    pub problems: Vec<Problem>,
}

impl fmt::Display for ConstructionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        for problem in &self.problems {
            write!(f, "{separator}{problem}")?;
            separator = "\n";
        }
        Ok(())
    }
}

/// A strategy on one instrument.
pub(crate) struct StrategyOnInstrument {
    pub(crate) name: String,
    pub(crate) instrument: InstrumentId,
    pub(crate) shape: OrderShape,
    pub(crate) strategy: Box<dyn Strategy>,
}

/// Everything that an engine is made of.
pub(crate) struct Parts {
    pub(crate) instruments: Vec<Instrument>,
    pub(crate) strategies: Vec<StrategyOnInstrument>,
    pub(crate) rules: Vec<Box<dyn RiskRule>>,
    /// The same rules once more, for the portfolio that takes every candidate.
    pub(crate) rules_of_all_taken: Vec<Box<dyn RiskRule>>,
    pub(crate) account: Option<Account>,
}

/// Builds the parts of an engine.
pub(crate) fn parts(
    spec: &ConfigRevisionSpec,
    algorithms: &Algorithms,
) -> Result<Parts, ConstructionError> {
    let mut builder = Builder::default();
    let instruments = builder.instruments(spec);
    let strategies = builder.strategies(spec, algorithms, &instruments);
    let account = builder.account(spec);
    let rules = builder.rules(spec);
    let said = builder.problems.len();
    let rules_of_all_taken = builder.rules(spec);
    builder.problems.truncate(said);
    if builder.problems.is_empty() {
        Ok(Parts {
            instruments,
            strategies,
            rules,
            rules_of_all_taken,
            account,
        })
    } else {
        Err(ConstructionError {
            problems: builder.problems,
        })
    }
}

#[derive(Default)]
struct Builder {
    problems: Vec<Problem>,
}

impl Builder {
    fn instruments(&mut self, spec: &ConfigRevisionSpec) -> Vec<Instrument> {
        let mut instruments: Vec<Instrument> = Vec::with_capacity(spec.instruments.len());
        for (index, instrument) in spec.instruments.iter().enumerate() {
            let path = format!("spec.instruments[{index}]");
            if instruments
                .iter()
                .any(|known| *known.symbol == *instrument.symbol)
            {
                self.invalid(
                    &format!("{path}.symbol"),
                    &instrument.symbol,
                    "each symbol once",
                );
            }
            let price: Price = self.above_zero(
                &format!("{path}.priceIncrement"),
                &instrument.price_increment,
            );
            let quantity: Quantity = self.above_zero(
                &format!("{path}.quantityIncrement"),
                &instrument.quantity_increment,
            );
            instruments.push(Instrument {
                id: InstrumentId(u16::try_from(index).unwrap_or(u16::MAX)),
                symbol: (*instrument.symbol).into(),
                price_increment: price,
                quantity_increment: quantity,
            });
        }
        instruments
    }

    fn account(&mut self, spec: &ConfigRevisionSpec) -> Option<Account> {
        let symbols: Vec<&str> = spec
            .instruments
            .iter()
            .map(|known| &*known.symbol)
            .collect();
        let portfolio = spec.portfolio.as_ref()?;
        self.one_quote_asset(portfolio.quote_asset.as_deref(), &symbols);
        match Account::read(portfolio, &symbols) {
            Ok(account) => Some(account),
            Err((path, source)) => {
                self.problems.push(Problem::Decimal { path, source });
                None
            }
        }
    }

    /// A portfolio counts in one asset: sums over instruments with others would mean nothing.
    fn one_quote_asset(&mut self, quote_asset: Option<&str>, symbols: &[&str]) {
        let Some(asset) = quote_asset else {
            if symbols.len() > 1 {
                let expected = "the quote asset that all symbols end with";
                self.invalid("spec.portfolio.quoteAsset", "", expected);
            }
            return;
        };
        for (index, symbol) in symbols.iter().enumerate() {
            if symbol.strip_suffix(asset).is_none_or(str::is_empty) {
                self.invalid(
                    &format!("spec.instruments[{index}].symbol"),
                    symbol,
                    format!("a symbol that ends with portfolio.quoteAsset, {asset}"),
                );
            }
        }
    }

    fn invalid(
        &mut self,
        path: &str,
        found: impl fmt::Display,
        expected: impl Into<Cow<'static, str>>,
    ) {
        self.problems.push(Problem::Invalid {
            path: path.to_owned(),
            found: format!("{:?}", found.to_string()),
            expected: expected.into(),
        });
    }

    /// Reads a decimal; on failure takes note and goes on with the default.
    fn decimal<T: FromStr<Err = DecimalError> + Default>(&mut self, path: &str, text: &str) -> T {
        text.parse().unwrap_or_else(|source| {
            self.problems.push(Problem::Decimal {
                path: path.to_owned(),
                source,
            });
            T::default()
        })
    }

    fn above_zero<T>(&mut self, path: &str, text: &str) -> T
    where
        T: FromStr<Err = DecimalError> + Default + PartialEq,
    {
        match text.parse::<T>() {
            Ok(zero) if zero == T::default() => self.invalid(path, text, "a decimal above zero"),
            Ok(value) => return value,
            Err(source) => self.problems.push(Problem::Decimal {
                path: path.to_owned(),
                source,
            }),
        }
        T::default()
    }

    fn in_order<T: Ord + Copy + fmt::Display>(&mut self, path: &str, minimum: T, maximum: T) {
        if minimum > maximum {
            self.invalid(path, minimum, "at most the maximum");
        }
    }
}
