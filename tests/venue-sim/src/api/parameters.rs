//! Parameters of a request: read once each, and none may be left unread.

use std::cell::Cell;

use triptych_engine::decimal::{DecimalError, Price, Quantity};

use crate::core::{OrderId, OrderKey, Refusal, SymbolId, Venue, refusal};

/// Parameters that belong to the signature and not to the request.
const OF_THE_SIGNATURE: [&str; 4] = ["timestamp", "recvWindow", "signature", "apiKey"];

/// Names and values, decoded.
#[derive(Debug, Clone, Default)]
pub(crate) struct Parameters {
    pairs: Vec<(String, String, Cell<bool>)>,
}

impl Parameters {
    pub(crate) fn new(pairs: impl IntoIterator<Item = (String, String)>) -> Result<Self, Refusal> {
        let mut known = Self::default();
        for (name, value) in pairs {
            if known.pairs.iter().any(|(other, ..)| *other == name) {
                return Err(Refusal::new(
                    -1101,
                    "Duplicate values for a parameter detected.",
                ));
            }
            let is_read = Cell::new(OF_THE_SIGNATURE.contains(&name.as_str()));
            known.pairs.push((name, value, is_read));
        }
        Ok(known)
    }

    /// The value, where there is one that is not empty.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        let (_, value, is_read) = self.pairs.iter().find(|(known, ..)| known == name)?;
        is_read.set(true);
        (!value.is_empty()).then_some(value)
    }

    pub(crate) fn needed(&self, name: &str) -> Result<&str, Refusal> {
        self.text(name).ok_or_else(|| Refusal::missing(name))
    }

    pub(crate) fn price(&self, name: &str) -> Result<Option<Price>, Refusal> {
        self.decimal(name, Price::parse)
    }

    pub(crate) fn quantity(&self, name: &str) -> Result<Option<Quantity>, Refusal> {
        self.decimal(name, Quantity::parse)
    }

    /// A whole number, zero or above.
    pub(crate) fn whole(&self, name: &str) -> Result<Option<i64>, Refusal> {
        let Some(text) = self.text(name) else {
            return Ok(None);
        };
        match text.parse() {
            Ok(number) if number >= 0 => Ok(Some(number)),
            _ => Err(Refusal::with(
                -1100,
                format!(
                    "Illegal characters found in parameter '{name}'; legal range is '^[0-9]{{1,20}}$'."
                ),
            )),
        }
    }

    /// How many rows are asked for; at most as many as there may be.
    pub(crate) fn limit(&self, default: usize, most: usize) -> Result<usize, Refusal> {
        let asked = self.whole("limit")?;
        Ok(asked.map_or(default, |asked| {
            usize::try_from(asked).unwrap_or(most).min(most)
        }))
    }

    /// A client's name for an order.
    pub(crate) fn name(&self, parameter: &str) -> Result<Option<String>, Refusal> {
        let Some(name) = self.text(parameter) else {
            return Ok(None);
        };
        let is_legal = name.len() <= 36
            && name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-_.:/".contains(&byte));
        if is_legal {
            Ok(Some(name.to_owned()))
        } else {
            Err(Refusal::with(
                -1100,
                format!(
                    "Illegal characters found in parameter '{parameter}'; legal range is '^[\\.A-Z\\:/a-z0-9_-]{{1,36}}$'."
                ),
            ))
        }
    }

    pub(crate) fn symbol(&self, venue: &Venue) -> Result<SymbolId, Refusal> {
        venue
            .symbol(self.needed("symbol")?)
            .ok_or(refusal::INVALID_SYMBOL)
    }

    /// The order that number, name or both mean.
    pub(crate) fn order_key(&self, id: &str, name: &str) -> Result<OrderKey, Refusal> {
        let number = self.whole(id)?.map(|number| OrderId(number.unsigned_abs()));
        match (number, self.text(name)) {
            (Some(number), Some(name)) => Ok(OrderKey::Both(number, name.to_owned())),
            (Some(number), None) => Ok(OrderKey::Id(number)),
            (None, Some(name)) => Ok(OrderKey::Name(name.to_owned())),
            (None, None) => Err(Refusal::with(
                -1102,
                format!("Param '{name}' or '{id}' must be sent, but both were empty/null!"),
            )),
        }
    }

    /// Refuses a request that was sent more than it knows.
    pub(crate) fn all_read(&self) -> Result<(), Refusal> {
        let sent = self.pairs.len();
        let read = self.pairs.iter().filter(|(.., read)| read.get()).count();
        if read == sent {
            return Ok(());
        }
        Err(Refusal::with(
            -1104,
            format!(
                "Not all sent parameters were read; read '{read}' parameter(s) but was sent '{sent}'."
            ),
        ))
    }

    fn decimal<T>(
        &self,
        name: &str,
        parse: impl Fn(&[u8]) -> Result<T, DecimalError>,
    ) -> Result<Option<T>, Refusal> {
        let Some(text) = self.text(name) else {
            return Ok(None);
        };
        match parse(text.as_bytes()) {
            Ok(_) if text.starts_with('-') => Err(Self::illegal_decimal(name)),
            Ok(value) => Ok(Some(value)),
            Err(DecimalError::TooManyDecimals { .. }) => Err(Refusal::with(
                -1111,
                format!("Parameter '{name}' has too much precision."),
            )),
            Err(_) => Err(Self::illegal_decimal(name)),
        }
    }

    fn illegal_decimal(name: &str) -> Refusal {
        Refusal::with(
            -1100,
            format!(
                "Illegal characters found in parameter '{name}'; legal range is '^([0-9]{{1,20}})(\\.[0-9]{{1,20}})?$'."
            ),
        )
    }
}
