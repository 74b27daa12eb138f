//! Frames of Binance spot's public streams, read into engine events.
//!
//! The shapes are those of the venue's documentation for `<symbol>@bookTicker`, `<symbol>@trade`
//! and `<symbol>@depth@100ms` inside the combined-stream envelope `{"stream": .., "data": ..}`, and
//! of REST `/api/v3/depth`. Decimals are read exactly, without floating point. Whatever else arrives
//! is a [`FrameError`] that names the stream and the field; nothing panics.

mod payload;
mod venue_layout;

use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::Deserializer;
use thiserror::Error;
use triptych_engine::event::{
    BookTicker, DepthDiff, DepthSnapshot, Event, EventKind, InstrumentId, Level, Levels, Side,
    Timestamp, Trade,
};

use self::payload::{BookTickerPayload, DepthDiffPayload, Envelope, SnapshotPayload, TradePayload};
use crate::instruments::Instruments;

/// Why a frame is not a market event.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum FrameError {
    /// Not JSON, or not the envelope of the combined streams.
    #[error("frame is not a combined-stream message {{\"stream\": .., \"data\": ..}}: {reason}")]
    Envelope {
        /// What the JSON reader said.
        reason: String,
    },
    /// A stream of an instrument, or of a kind, that was not asked for.
    #[error(
        "stream {stream:?}: expected bookTicker, trade or depth@100ms of a configured instrument"
    )]
    UnknownStream {
        /// The name in the frame.
        stream: String,
    },
    /// A field is missing, of another type, or out of its range.
    #[error("stream {stream:?}, field {field:?}: {reason}")]
    Field {
        /// The stream, or `depth snapshot`.
        stream: String,
        /// Path of the field in the payload, such as `b[3][0]`.
        field: String,
        /// What was found and what is expected.
        reason: String,
    },
}

/// What a text frame from the venue means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frame {
    /// A market event.
    Event(Event),
    /// The answer to a subscription request; `error` where the venue refused it.
    Reply {
        /// The venue's message, where it refused.
        error: Option<String>,
    },
    /// The venue is about to close this connection: reconnect at once.
    ServerShutdown,
}

/// Reads frames of the configured instruments.
#[derive(Debug, Clone)]
pub struct FrameParser {
    instruments: Instruments,
}

impl FrameParser {
    /// A parser that knows `instruments` and refuses every other.
    pub fn new(instruments: Instruments) -> Self {
        Self { instruments }
    }

    /// The instruments that this parser knows.
    pub fn instruments(&self) -> &Instruments {
        &self.instruments
    }

    /// Reads one text frame of a combined stream, received at `ts_recv`.
    pub fn parse(&self, text: &str, ts_recv: Timestamp) -> Result<Frame, FrameError> {
        match venue_layout::read(&self.instruments, text, ts_recv) {
            Some(event) => Ok(Frame::Event(event)),
            None => self.parse_any_layout(text, ts_recv),
        }
    }

    fn parse_any_layout(&self, text: &str, ts_recv: Timestamp) -> Result<Frame, FrameError> {
        let envelope: Envelope<'_> =
            serde_json::from_str(text).map_err(|error| FrameError::Envelope {
                reason: error.to_string(),
            })?;
        match envelope {
            Envelope {
                stream: Some(stream),
                data: Some(data),
                ..
            } => self.parse_stream(stream, data.get(), ts_recv),
            Envelope {
                event: Some("serverShutdown"),
                ..
            } => Ok(Frame::ServerShutdown),
            Envelope {
                error: Some(error), ..
            } => Ok(Frame::Reply {
                error: Some(error.get().to_owned()),
            }),
            Envelope { id: Some(_), .. } => Ok(Frame::Reply { error: None }),
            _ => Err(FrameError::Envelope {
                reason: "neither \"stream\" with \"data\" nor \"id\" is present".to_owned(),
            }),
        }
    }

    /// Reads what a recording may hold besides frames: a depth snapshot, which names no symbol
    /// unless it has a field `symbol`, and else belongs to the first instrument.
    pub fn parse_recorded(&self, text: &str, ts_recv: Timestamp) -> Result<Event, FrameError> {
        if let Some(event) = venue_layout::read(&self.instruments, text, ts_recv) {
            return Ok(event);
        }
        let envelope: Envelope<'_> =
            serde_json::from_str(text).map_err(|error| FrameError::Envelope {
                reason: error.to_string(),
            })?;
        if envelope.last_update_id.is_some() {
            let instrument = match envelope.symbol {
                None => InstrumentId(0),
                Some(symbol) => {
                    self.instruments
                        .find(symbol)
                        .ok_or_else(|| FrameError::UnknownStream {
                            stream: symbol.to_owned(),
                        })?
                }
            };
            return parse_snapshot(text, instrument, ts_recv);
        }
        match self.parse_any_layout(text, ts_recv)? {
            Frame::Event(event) => Ok(event),
            Frame::Reply { .. } | Frame::ServerShutdown => Err(FrameError::Envelope {
                reason: "a recording holds market events and depth snapshots only".to_owned(),
            }),
        }
    }

    fn parse_stream(
        &self,
        stream: &str,
        data: &str,
        ts_recv: Timestamp,
    ) -> Result<Frame, FrameError> {
        let unknown = || FrameError::UnknownStream {
            stream: shortened(stream),
        };
        let (symbol, kind) = stream.split_once('@').ok_or_else(unknown)?;
        let instrument = self
            .instruments
            .find_lowercase(symbol)
            .ok_or_else(unknown)?;
        let symbol = self.instruments.symbol(instrument).as_str();
        let (ts_event, kind) = match kind {
            "bookTicker" => (None, book_ticker(stream, symbol, data)?),
            "trade" => trade(stream, symbol, data)?,
            "depth@100ms" | "depth" => depth_diff(stream, symbol, data)?,
            _ => return Err(unknown()),
        };
        Ok(Frame::Event(Event {
            instrument,
            ts_event,
            ts_recv,
            kind,
        }))
    }
}

/// Reads the body of REST `/api/v3/depth` for `instrument`, received at `ts_recv`.
pub fn parse_snapshot(
    text: &str,
    instrument: InstrumentId,
    ts_recv: Timestamp,
) -> Result<Event, FrameError> {
    let payload: SnapshotPayload = read_payload("depth snapshot", text)?;
    Ok(Event {
        instrument,
        ts_event: None,
        ts_recv,
        kind: EventKind::DepthSnapshot(DepthSnapshot {
            last_update_id: payload.last_update_id,
            levels: Levels {
                bids: payload.bids.0,
                asks: payload.asks.0,
            },
        }),
    })
}

fn book_ticker(stream: &str, symbol: &str, data: &str) -> Result<EventKind, FrameError> {
    let payload: BookTickerPayload<'_> = read_payload(stream, data)?;
    expect_symbol(stream, symbol, payload.symbol)?;
    Ok(EventKind::BookTicker(BookTicker {
        update_id: payload.update_id,
        bid: Level {
            price: payload.bid_price.0,
            quantity: payload.bid_quantity.0,
        },
        ask: Level {
            price: payload.ask_price.0,
            quantity: payload.ask_quantity.0,
        },
    }))
}

fn trade(
    stream: &str,
    symbol: &str,
    data: &str,
) -> Result<(Option<Timestamp>, EventKind), FrameError> {
    let payload: TradePayload<'_> = read_payload(stream, data)?;
    expect_symbol(stream, symbol, payload.symbol)?;
    let trade = Trade {
        trade_id: payload.trade_id,
        price: payload.price.0,
        quantity: payload.quantity.0,
        aggressor: if payload.buyer_is_maker {
            Side::Sell
        } else {
            Side::Buy
        },
    };
    let time = Timestamp::from_milliseconds(payload.trade_time);
    Ok((Some(time), EventKind::Trade(trade)))
}

fn depth_diff(
    stream: &str,
    symbol: &str,
    data: &str,
) -> Result<(Option<Timestamp>, EventKind), FrameError> {
    let payload: DepthDiffPayload<'_> = read_payload(stream, data)?;
    expect_symbol(stream, symbol, payload.symbol)?;
    if payload.first_update_id > payload.final_update_id {
        return Err(FrameError::Field {
            stream: stream.to_owned(),
            field: "U".to_owned(),
            reason: format!(
                "first update id {} is above the final one, u = {}",
                payload.first_update_id, payload.final_update_id
            ),
        });
    }
    let diff = DepthDiff {
        first_update_id: payload.first_update_id,
        final_update_id: payload.final_update_id,
        levels: Levels {
            bids: payload.bids.0,
            asks: payload.asks.0,
        },
    };
    let time = Timestamp::from_milliseconds(payload.event_time);
    Ok((Some(time), EventKind::DepthDiff(diff)))
}

fn expect_symbol(stream: &str, expected: &str, found: &str) -> Result<(), FrameError> {
    if expected == found {
        return Ok(());
    }
    Err(FrameError::Field {
        stream: stream.to_owned(),
        field: "s".to_owned(),
        reason: format!("{:?} where the stream is of {expected:?}", shortened(found)),
    })
}

/// Reads a payload; only where that fails, reads it again to learn the path of the field.
fn read_payload<'a, T: Deserialize<'a>>(stream: &str, data: &'a str) -> Result<T, FrameError> {
    serde_json::from_str(data).map_err(|plain| {
        let mut deserializer = serde_json::Deserializer::from_str(data);
        let (field, reason) =
            match serde_path_to_error::deserialize::<_, IgnoreValue<T>>(&mut deserializer) {
                Err(error) => (error.path().to_string(), error.inner().to_string()),
                Ok(_) => (".".to_owned(), plain.to_string()),
            };
        FrameError::Field {
            stream: shortened(stream),
            field: if field == "." {
                named_in(&reason).unwrap_or(field)
            } else {
                field
            },
            reason,
        }
    })
}

/// The field between backquotes in "missing field `p`".
fn named_in(reason: &str) -> Option<String> {
    let mut parts = reason.split('`');
    parts.next()?;
    parts.next().map(str::to_owned)
}

fn shortened(text: &str) -> String {
    text.chars().take(64).collect()
}

/// Deserialises as `T` and throws the value away.
struct IgnoreValue<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for IgnoreValue<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        T::deserialize(deserializer).map(|_| Self(PhantomData))
    }
}

#[cfg(test)]
mod tests;
