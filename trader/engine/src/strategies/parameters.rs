//! The parameters of a custom algorithm: text in a revision, typed here.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Display;
use std::ops::RangeInclusive;
use std::str::FromStr;

use triptych_crds::strategies::SampledPrice;

use crate::construction::Problem;
use crate::decimal::DecimalError;

/// The parameters of a custom algorithm in a revision.
///
/// Each is asked for once, with what is allowed. What is missing, wrong, or not asked for by the end
/// keeps the revision from being run, each named with its path.
#[derive(Debug)]
pub struct Parameters<'a> {
    path: String,
    texts: &'a BTreeMap<String, String>,
    asked: Vec<&'static str>,
    problems: Vec<Problem>,
}

impl<'a> Parameters<'a> {
    /// The parameters that stand at `path`, such as `spec.strategies[0].algorithm.custom.parameters`.
    pub fn new(path: String, texts: &'a BTreeMap<String, String>) -> Self {
        Self {
            path,
            texts,
            asked: Vec::new(),
            problems: Vec::new(),
        }
    }

    /// A whole number.
    pub fn whole(&mut self, name: &'static str, allowed: RangeInclusive<u32>) -> u32 {
        let expected = || {
            format!(
                "a whole number from {} to {}",
                allowed.start(),
                allowed.end()
            )
        };
        let Some(text) = self.text(name, &expected()) else {
            return *allowed.start();
        };
        match text.parse() {
            Ok(number) if allowed.contains(&number) => number,
            _ => {
                self.refuse(name, expected());
                *allowed.start()
            }
        }
    }

    /// An exact decimal: a [`Ratio`](crate::decimal::Ratio), a [`Price`](crate::decimal::Price) or a
    /// [`Quantity`](crate::decimal::Quantity).
    pub fn decimal<T>(&mut self, name: &'static str, allowed: RangeInclusive<T>) -> T
    where
        T: FromStr<Err = DecimalError> + Copy + Ord + Display,
    {
        let expected = || format!("a decimal from {} to {}", allowed.start(), allowed.end());
        let Some(text) = self.text(name, &expected()) else {
            return *allowed.start();
        };
        match text.parse() {
            Ok(value) if allowed.contains(&value) => return value,
            Ok(_) => self.refuse(name, expected()),
            Err(source) => self.problems.push(Problem::Decimal {
                path: format!("{}.{name}", self.path),
                source,
            }),
        }
        *allowed.start()
    }

    /// The price that a [`Sampler`](super::sampling::Sampler) samples.
    pub fn sampled_price(&mut self, name: &'static str) -> SampledPrice {
        const EXPECTED: &str = "Mid, LastTrade or Microprice";
        match self.text(name, EXPECTED) {
            Some("LastTrade") => SampledPrice::LastTrade,
            Some("Microprice") => SampledPrice::Microprice,
            Some("Mid") | None => SampledPrice::Mid,
            Some(_) => {
                self.refuse(name, EXPECTED);
                SampledPrice::Mid
            }
        }
    }

    /// Notes that a parameter makes no sense, or none beside another: `expected` says what would.
    pub fn refuse(&mut self, name: &'static str, expected: impl Into<Cow<'static, str>>) {
        let found = self.texts.get(name).map_or("", String::as_str);
        self.problems.push(Problem::Invalid {
            path: format!("{}.{name}", self.path),
            found: format!("{found:?}"),
            expected: expected.into(),
        });
    }

    fn text(&mut self, name: &'static str, expected: &str) -> Option<&'a str> {
        self.asked.push(name);
        let text = self.texts.get(name).map(String::as_str);
        if text.is_none() {
            self.problems.push(Problem::Missing {
                path: format!("{}.{name}", self.path),
                expected: expected.to_owned(),
            });
        }
        text
    }

    /// Everything that is wrong; parameters that were not asked for are among it.
    pub(crate) fn problems(mut self) -> Vec<Problem> {
        for name in self.texts.keys() {
            if !self.asked.contains(&name.as_str()) {
                self.problems.push(Problem::Invalid {
                    path: format!("{}.{name}", self.path),
                    found: format!("{name:?}"),
                    expected: match self.asked.as_slice() {
                        [] => "no parameter".into(),
                        known => {
                            format!("a parameter of this algorithm: {}", known.join(", ")).into()
                        }
                    },
                });
            }
        }
        self.problems
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decimal::Ratio;

    fn problems(texts: &[(&str, &str)]) -> (Vec<String>, (u32, Ratio, SampledPrice)) {
        let texts = texts
            .iter()
            .map(|(name, text)| ((*name).to_owned(), (*text).to_owned()))
            .collect();
        let mut parameters = Parameters::new("parameters".to_owned(), &texts);
        let read = (
            parameters.whole("trades", 2..=500),
            parameters.decimal("share", "0.5".parse().unwrap()..="1".parse().unwrap()),
            parameters.sampled_price("price"),
        );
        let problems = parameters.problems();
        (problems.iter().map(ToString::to_string).collect(), read)
    }

    #[test]
    fn what_is_right_is_read() {
        let (problems, read) =
            problems(&[("trades", "500"), ("share", "0.5"), ("price", "LastTrade")]);
        assert_eq!(problems, Vec::<String>::new());
        assert_eq!(read, (500, "0.5".parse().unwrap(), SampledPrice::LastTrade));
    }

    #[test]
    fn everything_that_is_wrong_is_said_at_once_with_its_path() {
        let (problems, _) = problems(&[
            ("trades", "501"),
            ("share", "0.4"),
            ("price", "Last"),
            ("shares", "1"),
        ]);
        assert_eq!(
            problems,
            [
                "parameters.trades: \"501\" is not valid: expected a whole number from 2 to 500",
                "parameters.share: \"0.4\" is not valid: expected a decimal from 0.5 to 1",
                "parameters.price: \"Last\" is not valid: expected Mid, LastTrade or Microprice",
                "parameters.shares: \"shares\" is not valid: expected a parameter of this algorithm: trades, share, price",
            ]
        );
    }

    #[test]
    fn what_is_missing_is_named_with_what_is_expected() {
        let (problems, read) = problems(&[("trades", "x"), ("share", "1e5")]);
        assert_eq!(
            problems,
            [
                "parameters.trades: \"x\" is not valid: expected a whole number from 2 to 500",
                "parameters.share: \"1e5\" is not a plain decimal: unexpected 'e'; write digits and at most one point, such as 61837.63",
                "parameters.price: is missing: expected Mid, LastTrade or Microprice",
            ]
        );
        assert_eq!(read.0, 2, "the lowest that is allowed");
    }
}
