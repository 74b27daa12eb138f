//! The JSON of the venue's messages, field by field.

use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::{Deserializer, Error as _, IgnoredAny, SeqAccess, Visitor};
use serde_json::value::RawValue;
use triptych_engine::decimal::{DecimalError, Price, Quantity};
use triptych_engine::event::Level;

/// Whatever a text frame may be; which fields are there says what it is.
#[derive(Deserialize)]
pub(super) struct Envelope<'a> {
    #[serde(borrow, default)]
    pub(super) stream: Option<&'a str>,
    #[serde(borrow, default)]
    pub(super) data: Option<&'a RawValue>,
    #[serde(borrow, default, rename = "e")]
    pub(super) event: Option<&'a str>,
    #[serde(borrow, default)]
    pub(super) error: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(super) id: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(super) symbol: Option<&'a str>,
    #[serde(default, rename = "lastUpdateId")]
    pub(super) last_update_id: Option<IgnoredAny>,
}

/// `<symbol>@bookTicker`.
#[derive(Deserialize)]
pub(super) struct BookTickerPayload<'a> {
    #[serde(rename = "u")]
    pub(super) update_id: u64,
    #[serde(rename = "s")]
    pub(super) symbol: &'a str,
    #[serde(rename = "b")]
    pub(super) bid_price: Exact<Price>,
    #[serde(rename = "B")]
    pub(super) bid_quantity: Exact<Quantity>,
    #[serde(rename = "a")]
    pub(super) ask_price: Exact<Price>,
    #[serde(rename = "A")]
    pub(super) ask_quantity: Exact<Quantity>,
}

/// `<symbol>@trade`.
#[derive(Deserialize)]
pub(super) struct TradePayload<'a> {
    #[serde(rename = "s")]
    pub(super) symbol: &'a str,
    #[serde(rename = "t")]
    pub(super) trade_id: u64,
    #[serde(rename = "p")]
    pub(super) price: Exact<Price>,
    #[serde(rename = "q")]
    pub(super) quantity: Exact<Quantity>,
    #[serde(rename = "T")]
    pub(super) trade_time: i64,
    #[serde(rename = "m")]
    pub(super) buyer_is_maker: bool,
}

/// `<symbol>@depth@100ms`.
#[derive(Deserialize)]
pub(super) struct DepthDiffPayload<'a> {
    #[serde(rename = "E")]
    pub(super) event_time: i64,
    #[serde(rename = "s")]
    pub(super) symbol: &'a str,
    #[serde(rename = "U")]
    pub(super) first_update_id: u64,
    #[serde(rename = "u")]
    pub(super) final_update_id: u64,
    #[serde(rename = "b")]
    pub(super) bids: WireLevels,
    #[serde(rename = "a")]
    pub(super) asks: WireLevels,
}

/// REST `/api/v3/depth`.
#[derive(Deserialize)]
pub(super) struct SnapshotPayload {
    #[serde(rename = "lastUpdateId")]
    pub(super) last_update_id: u64,
    pub(super) bids: WireLevels,
    pub(super) asks: WireLevels,
}

/// A decimal that the venue writes as a JSON string and that is never below zero.
pub(super) struct Exact<T>(pub(super) T);

/// Decimal types that a frame holds.
trait WireDecimal: Copy {
    fn read(text: &str) -> Result<Self, DecimalError>;
    fn is_negative(self) -> bool;
}

impl WireDecimal for Price {
    fn read(text: &str) -> Result<Self, DecimalError> {
        Self::parse(text.as_bytes())
    }

    fn is_negative(self) -> bool {
        self < Self::ZERO
    }
}

impl WireDecimal for Quantity {
    fn read(text: &str) -> Result<Self, DecimalError> {
        Self::parse(text.as_bytes())
    }

    fn is_negative(self) -> bool {
        self < Self::ZERO
    }
}

impl<'de, T: WireDecimal> Deserialize<'de> for Exact<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text<T>(PhantomData<T>);
        impl<T: WireDecimal> Visitor<'_> for Text<T> {
            type Value = Exact<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a decimal in a string, such as \"61837.63000000\"")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Exact<T>, E> {
                let value = T::read(text).map_err(E::custom)?;
                if value.is_negative() {
                    return Err(E::custom(format_args!("{text:?} is below zero")));
                }
                Ok(Exact(value))
            }
        }
        deserializer.deserialize_str(Text(PhantomData))
    }
}

/// Levels as the venue writes them: `[["61837.63000000", "3.78826000"], ..]`.
pub(super) struct WireLevels(pub(super) Vec<Level>);

impl<'de> Deserialize<'de> for WireLevels {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Pairs;
        impl<'de> Visitor<'de> for Pairs {
            type Value = WireLevels;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of levels [\"price\", \"quantity\"]")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut pairs: A) -> Result<WireLevels, A::Error> {
                let mut levels = Vec::with_capacity(pairs.size_hint().unwrap_or(16).min(5000));
                while let Some((price, quantity)) =
                    pairs.next_element::<(Exact<Price>, Exact<Quantity>)>()?
                {
                    if !price.0.is_positive() {
                        return Err(A::Error::custom("a level's price must be above zero"));
                    }
                    levels.push(Level {
                        price: price.0,
                        quantity: quantity.0,
                    });
                }
                Ok(WireLevels(levels))
            }
        }
        deserializer.deserialize_seq(Pairs)
    }
}
