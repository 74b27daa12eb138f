//! From a revision's spec to strategies and rules: every problem found, each with its path.

mod strategies;

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use thiserror::Error;
use triptych_crds::config_revision::ConfigRevisionSpec;
use triptych_crds::risk_rules::RiskRule as RuleSpec;

use crate::decimal::{DecimalError, Price, Quantity, Ratio};
use crate::event::InstrumentId;
use crate::market::Instrument;
use crate::proposal::OrderShape;
use crate::risk::RiskRule;
use crate::risk::duplicate_intent::DuplicateIntent;
use crate::risk::max_spread::MaxSpread;
use crate::risk::notional_limits::NotionalLimits;
use crate::risk::precision::Precision;
use crate::risk::price_collar::PriceCollar;
use crate::risk::quantity_limits::QuantityLimits;
use crate::risk::stale_data::StaleData;
use crate::strategies::Strategy;
use crate::strategies::custom::Algorithms;

/// One reason why no engine can be built from a revision.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Problem {
    /// The revision names what this build does not have.
    #[error("{path}: this build does not implement it; it implements {implemented}")]
    NotImplemented {
        /// Path of the field.
        path: String,
        /// What there is instead.
        implemented: &'static str,
    },
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
}

/// Builds the parts of an engine.
pub(crate) fn parts(
    spec: &ConfigRevisionSpec,
    algorithms: &Algorithms,
) -> Result<Parts, ConstructionError> {
    let mut builder = Builder::default();
    let instruments = builder.instruments(spec);
    let strategies = builder.strategies(spec, algorithms, &instruments);
    let rules = builder.rules(spec);
    if builder.problems.is_empty() {
        Ok(Parts {
            instruments,
            strategies,
            rules,
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

    fn rules(&mut self, spec: &ConfigRevisionSpec) -> Vec<Box<dyn RiskRule>> {
        let mut rules: Vec<Box<dyn RiskRule>> = Vec::with_capacity(spec.risk_rules.len());
        for (index, rule) in spec.risk_rules.iter().enumerate() {
            let path = format!("spec.riskRules[{index}].{}", rule.name());
            if spec.risk_rules[..index]
                .iter()
                .any(|known| known.name() == rule.name())
            {
                self.invalid(&path, rule.name(), "each rule once");
            }
            rules.extend(self.rule(&path, rule, spec));
        }
        rules
    }

    fn rule(
        &mut self,
        path: &str,
        rule: &RuleSpec,
        spec: &ConfigRevisionSpec,
    ) -> Option<Box<dyn RiskRule>> {
        let field = |name: &str| format!("{path}.{name}");
        Some(match rule {
            RuleSpec::Precision(_) => Box::new(Precision),
            RuleSpec::QuantityLimits(limits) => {
                let minimum = self.decimal(&field("minimum"), &limits.minimum);
                let maximum = self.decimal(&field("maximum"), &limits.maximum);
                self.in_order(&field("minimum"), minimum, maximum);
                Box::new(QuantityLimits { minimum, maximum })
            }
            RuleSpec::NotionalLimits(limits) => {
                let minimum = self.decimal(&field("minimum"), &limits.minimum);
                let maximum = self.decimal(&field("maximum"), &limits.maximum);
                self.in_order(&field("minimum"), minimum, maximum);
                Box::new(NotionalLimits { minimum, maximum })
            }
            RuleSpec::PriceCollar(collar) => Box::new(PriceCollar {
                basis_points: self.decimal::<Ratio>(&field("basisPoints"), &collar.basis_points),
            }),
            RuleSpec::MaxSpread(spread) => Box::new(MaxSpread {
                basis_points: self.decimal::<Ratio>(&field("basisPoints"), &spread.basis_points),
            }),
            RuleSpec::StaleData(stale) => Box::new(StaleData {
                max_age_milliseconds: stale.max_age_milliseconds,
            }),
            RuleSpec::DuplicateIntent(duplicate) => Box::new(DuplicateIntent::new(
                duplicate.window_milliseconds,
                spec.strategies.len(),
                spec.instruments.len(),
            )),
            _ => {
                self.problems.push(Problem::NotImplemented {
                    path: path.to_owned(),
                    implemented: "precision, quantityLimits, notionalLimits, priceCollar, maxSpread, staleData and duplicateIntent",
                });
                return None;
            }
        })
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
