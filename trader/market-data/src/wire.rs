//! Market events written as the venue writes them: the JSON of streams, recordings and REST.

use std::fmt::Write as _;

use triptych_engine::decimal::UNITS_PER_WHOLE;
use triptych_engine::event::{
    BookTicker, DepthDiff, DepthSnapshot, Event, EventKind, Level, Side, Timestamp, Trade,
};

use crate::instruments::Symbol;

/// A kind of public stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StreamKind {
    /// `<symbol>@trade`
    Trade,
    /// `<symbol>@bookTicker`
    BookTicker,
    /// `<symbol>@depth@100ms`
    Depth,
}

impl StreamKind {
    /// Every kind, in the order in which a feed subscribes.
    pub const ALL: [Self; 3] = [Self::Trade, Self::BookTicker, Self::Depth];

    /// What stands behind the symbol in the stream's name.
    pub const fn suffix(self) -> &'static str {
        match self {
            Self::Trade => "@trade",
            Self::BookTicker => "@bookTicker",
            Self::Depth => "@depth@100ms",
        }
    }

    /// The stream that carries events of this kind; `None` for what no stream carries.
    pub const fn of(kind: &EventKind) -> Option<Self> {
        match kind {
            EventKind::Trade(_) => Some(Self::Trade),
            EventKind::BookTicker(_) => Some(Self::BookTicker),
            EventKind::DepthDiff(_) => Some(Self::Depth),
            EventKind::DepthSnapshot(_)
            | EventKind::Connected
            | EventKind::Disconnected
            | EventKind::Gap => None,
        }
    }

    /// The stream's name, such as `btcusdt@trade`.
    pub fn name(self, symbol: &Symbol) -> String {
        format!("{}{}", symbol.to_lowercase(), self.suffix())
    }
}

/// The payload of an event as a raw stream (`/ws/<stream>`) carries it; `None` for an event that no
/// stream carries.
pub fn payload(event: &Event, symbol: &Symbol) -> Option<String> {
    let mut text = String::with_capacity(192);
    match &event.kind {
        EventKind::BookTicker(ticker) => book_ticker(&mut text, symbol, ticker),
        EventKind::Trade(trade) => write_trade(&mut text, symbol, event.ts_event, trade),
        EventKind::DepthDiff(diff) => depth_diff(&mut text, symbol, event.ts_event, diff),
        EventKind::DepthSnapshot(_)
        | EventKind::Connected
        | EventKind::Disconnected
        | EventKind::Gap => return None,
    }
    Some(text)
}

/// The event inside the envelope of a combined stream; `None` for an event that no stream carries.
pub fn combined(event: &Event, symbol: &Symbol) -> Option<String> {
    let stream = StreamKind::of(&event.kind)?.name(symbol);
    Some(in_envelope(&stream, &payload(event, symbol)?))
}

/// A payload inside the envelope of a combined stream.
pub fn in_envelope(stream: &str, payload: &str) -> String {
    format!("{{\"stream\":\"{stream}\",\"data\":{payload}}}")
}

/// The body of REST `/api/v3/depth`.
pub fn snapshot(snapshot: &DepthSnapshot) -> String {
    let mut text = format!("{{\"lastUpdateId\":{}", snapshot.last_update_id);
    snapshot_levels(&mut text, snapshot);
    text
}

/// A line of a recording: receive time in nanoseconds, a space, the message. Connection events are
/// not recorded and give `None`. A snapshot line also has the symbol, which the REST body lacks.
pub fn recorded_line(event: &Event, symbol: &Symbol) -> Option<String> {
    let message = if let EventKind::DepthSnapshot(snapshot) = &event.kind {
        let mut text = format!(
            "{{\"symbol\":\"{symbol}\",\"lastUpdateId\":{}",
            snapshot.last_update_id
        );
        snapshot_levels(&mut text, snapshot);
        text
    } else {
        combined(event, symbol)?
    };
    Some(format!("{} {message}", event.ts_recv.nanoseconds()))
}

fn book_ticker(text: &mut String, symbol: &Symbol, ticker: &BookTicker) {
    write(
        text,
        format_args!("{{\"u\":{},\"s\":\"{symbol}\",\"b\":", ticker.update_id),
    );
    decimal(text, ticker.bid.price.units());
    text.push_str(",\"B\":");
    decimal(text, ticker.bid.quantity.units());
    text.push_str(",\"a\":");
    decimal(text, ticker.ask.price.units());
    text.push_str(",\"A\":");
    decimal(text, ticker.ask.quantity.units());
    text.push('}');
}

fn write_trade(text: &mut String, symbol: &Symbol, time: Option<Timestamp>, trade: &Trade) {
    let time = milliseconds(time);
    write(
        text,
        format_args!(
            "{{\"e\":\"trade\",\"E\":{time},\"s\":\"{symbol}\",\"t\":{},\"p\":",
            trade.trade_id
        ),
    );
    decimal(text, trade.price.units());
    text.push_str(",\"q\":");
    decimal(text, trade.quantity.units());
    let buyer_is_maker = trade.aggressor == Side::Sell;
    write(
        text,
        format_args!(",\"T\":{time},\"m\":{buyer_is_maker},\"M\":true}}"),
    );
}

fn depth_diff(text: &mut String, symbol: &Symbol, time: Option<Timestamp>, diff: &DepthDiff) {
    write(
        text,
        format_args!(
            "{{\"e\":\"depthUpdate\",\"E\":{},\"s\":\"{symbol}\",\"U\":{},\"u\":{},\"b\":",
            milliseconds(time),
            diff.first_update_id,
            diff.final_update_id
        ),
    );
    levels(text, &diff.levels.bids);
    text.push_str(",\"a\":");
    levels(text, &diff.levels.asks);
    text.push('}');
}

fn snapshot_levels(text: &mut String, snapshot: &DepthSnapshot) {
    text.push_str(",\"bids\":");
    levels(text, &snapshot.levels.bids);
    text.push_str(",\"asks\":");
    levels(text, &snapshot.levels.asks);
    text.push('}');
}

fn levels(text: &mut String, levels: &[Level]) {
    text.push('[');
    for (index, level) in levels.iter().enumerate() {
        text.push_str(if index == 0 { "[" } else { ",[" });
        decimal(text, level.price.units());
        text.push(',');
        decimal(text, level.quantity.units());
        text.push(']');
    }
    text.push(']');
}

/// A decimal with all of its eight decimals, as the venue writes it.
fn decimal(text: &mut String, units: i64) {
    let sign = if units < 0 { "-" } else { "" };
    let (magnitude, whole) = (units.unsigned_abs(), UNITS_PER_WHOLE.unsigned_abs());
    write(
        text,
        format_args!("\"{sign}{}.{:08}\"", magnitude / whole, magnitude % whole),
    );
}

fn milliseconds(time: Option<Timestamp>) -> i64 {
    time.unwrap_or_default().nanoseconds().div_euclid(1_000_000)
}

fn write(text: &mut String, arguments: std::fmt::Arguments<'_>) {
    // Writing to a String has no failure.
    let _ = text.write_fmt(arguments);
}

#[cfg(test)]
mod tests {
    use super::*;
    use triptych_engine::event::{InstrumentId, Levels};

    #[test]
    fn decimals_have_eight_places() {
        for (units, expected) in [
            (0, "\"0.00000000\""),
            (1, "\"0.00000001\""),
            (6_183_763_000_000, "\"61837.63000000\""),
            (-150_000_000, "\"-1.50000000\""),
        ] {
            let mut text = String::new();
            decimal(&mut text, units);
            assert_eq!(text, expected);
        }
    }

    #[test]
    fn a_snapshot_names_its_symbol_in_a_recording_but_not_over_rest() {
        let body = DepthSnapshot {
            last_update_id: 5,
            levels: Levels::default(),
        };
        assert_eq!(snapshot(&body), r#"{"lastUpdateId":5,"bids":[],"asks":[]}"#);
        let event = Event {
            instrument: InstrumentId(0),
            ts_event: None,
            ts_recv: Timestamp::from_nanoseconds(12),
            kind: EventKind::DepthSnapshot(body),
        };
        assert_eq!(
            recorded_line(&event, &"BTCUSDT".parse().unwrap()).unwrap(),
            r#"12 {"symbol":"BTCUSDT","lastUpdateId":5,"bids":[],"asks":[]}"#
        );
    }

    #[test]
    fn connection_events_are_not_on_the_wire() {
        let event = Event {
            instrument: InstrumentId(0),
            ts_event: None,
            ts_recv: Timestamp::default(),
            kind: EventKind::Connected,
        };
        let symbol: Symbol = "BTCUSDT".parse().unwrap();
        assert_eq!(combined(&event, &symbol), None);
        assert_eq!(recorded_line(&event, &symbol), None);
    }
}
