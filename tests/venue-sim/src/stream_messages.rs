//! Messages of public streams as the venue writes them.

use serde_json::{Value, json};
use triptych_engine::event::{Level, Levels, Side, Timestamp};

use crate::api::{day_ticker, decimal, levels, milliseconds};
use crate::core::{PublicTrade, SymbolMarket};

fn name(market: &SymbolMarket) -> &str {
    market.rules().symbol.as_str()
}

pub(crate) fn trade(market: &SymbolMarket, trade: &PublicTrade) -> Value {
    let at = milliseconds(trade.at);
    json!({
        "e": "trade", "E": at, "s": name(market), "t": trade.id,
        "p": decimal(trade.price.units()), "q": decimal(trade.quantity.units()), "T": at,
        "m": trade.aggressor == Side::Sell, "M": true,
    })
}

/// Trades of one taking order at one price, as one; `Null` of none.
pub(crate) fn aggregate_trade(market: &SymbolMarket, trades: &[&PublicTrade]) -> Value {
    let (Some(first), Some(last)) = (trades.first(), trades.last()) else {
        return Value::Null;
    };
    let units: i64 = trades.iter().map(|trade| trade.quantity.units()).sum();
    let at = milliseconds(first.at);
    json!({
        "e": "aggTrade", "E": at, "s": name(market), "a": first.id,
        "p": decimal(first.price.units()), "q": decimal(units), "f": first.id, "l": last.id,
        "T": at, "m": first.aggressor == Side::Sell, "M": true,
    })
}

pub(crate) fn book_ticker(market: &SymbolMarket, bid: Level, ask: Level) -> Value {
    json!({
        "u": market.update_id(), "s": name(market), "b": decimal(bid.price.units()),
        "B": decimal(bid.quantity.units()), "a": decimal(ask.price.units()),
        "A": decimal(ask.quantity.units()),
    })
}

/// What changed of the book after the update `last`.
pub(crate) fn diff(market: &SymbolMarket, last: u64, changes: &Levels, now: Timestamp) -> Value {
    json!({
        "e": "depthUpdate", "E": milliseconds(now), "s": name(market), "U": last + 1,
        "u": market.update_id(), "b": levels(&changes.bids), "a": levels(&changes.asks),
    })
}

pub(crate) fn partial_book(market: &SymbolMarket, count: usize) -> Value {
    let depth = market.depth(count);
    json!({
        "lastUpdateId": market.update_id(), "bids": levels(&depth.bids), "asks": levels(&depth.asks),
    })
}

/// The last 24 hours.
pub(crate) fn day(market: &SymbolMarket, now: Timestamp) -> Value {
    let day = day_ticker(market, now);
    json!({
        "e": "24hrTicker", "E": milliseconds(now), "s": name(market), "p": day["priceChange"],
        "P": day["priceChangePercent"], "w": day["weightedAvgPrice"], "x": day["prevClosePrice"],
        "c": day["lastPrice"], "Q": day["lastQty"], "b": day["bidPrice"], "B": day["bidQty"],
        "a": day["askPrice"], "A": day["askQty"], "o": day["openPrice"], "h": day["highPrice"],
        "l": day["lowPrice"], "v": day["volume"], "q": day["quoteVolume"], "O": day["openTime"],
        "C": day["closeTime"], "F": day["firstId"], "L": day["lastId"], "n": day["count"],
    })
}

/// The last 24 hours in few words.
pub(crate) fn short_day(market: &SymbolMarket, now: Timestamp) -> Value {
    let day = day_ticker(market, now);
    json!({
        "e": "24hrMiniTicker", "E": milliseconds(now), "s": name(market), "c": day["lastPrice"],
        "o": day["openPrice"], "h": day["highPrice"], "l": day["lowPrice"], "v": day["volume"],
        "q": day["quoteVolume"],
    })
}
