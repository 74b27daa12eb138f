//! Requests that anybody may make.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use triptych_engine::decimal::{Price, Quantity};
use triptych_engine::event::{Level, Side, Timestamp};

use super::answers::{decimal, milliseconds};
use super::endpoints::Call;
use super::parameters::Parameters;
use crate::core::{
    AVERAGE_PRICE_MINUTES, Candle, PublicTrade, Refusal, SelfTradePrevention, SymbolId,
    SymbolMarket, SymbolRules, Venue, refusal,
};
use crate::limits;

pub(super) fn answer(
    venue: &Venue,
    call: Call,
    parameters: &Parameters,
    now: Timestamp,
) -> Result<Value, Refusal> {
    match call {
        Call::Time => Ok(json!({ "serverTime": milliseconds(now) })),
        Call::ExchangeInfo => exchange_info(venue, parameters, now),
        Call::Depth => depth(venue, parameters),
        Call::Trades => trades(venue, parameters),
        Call::AggregateTrades => aggregate_trades(venue, parameters),
        Call::Klines => klines(venue, parameters),
        Call::AveragePrice => average_price(venue, parameters, now),
        Call::TickerPrice => each_symbol(venue, parameters, |market| {
            let last = last_price(market);
            json!({ "symbol": name(market), "price": decimal(last.units()) })
        }),
        Call::BookTicker => each_symbol(venue, parameters, book_ticker),
        Call::DayTicker => each_symbol(venue, parameters, |market| day_ticker(market, now)),
        _ => Ok(json!({})),
    }
}

fn name(market: &SymbolMarket) -> &str {
    market.rules().symbol.as_str()
}

/// The last traded price; before the first trade the best bid.
fn last_price(market: &SymbolMarket) -> Price {
    let best_bid = || market.top().0.map(|level| level.price);
    market
        .statistics()
        .last_price()
        .or_else(best_bid)
        .unwrap_or_default()
}

/// The symbols that a question names, all where it names none; one alone is answered alone.
fn each_symbol(
    venue: &Venue,
    parameters: &Parameters,
    shown: impl Fn(&SymbolMarket) -> Value,
) -> Result<Value, Refusal> {
    if parameters.text("symbol").is_some() {
        return Ok(shown(venue.market(parameters.symbol(venue)?)));
    }
    let chosen = chosen_symbols(venue, parameters)?;
    // Accepted for compatibility: the answer has every field either way.
    parameters.text("type");
    parameters.text("symbolStatus");
    Ok(venue
        .markets()
        .enumerate()
        .filter(|(index, _)| {
            chosen
                .as_ref()
                .is_none_or(|ids| ids.contains(&SymbolId(*index)))
        })
        .map(|(_, market)| shown(market))
        .collect())
}

fn chosen_symbols(
    venue: &Venue,
    parameters: &Parameters,
) -> Result<Option<Vec<SymbolId>>, Refusal> {
    let Some(text) = parameters.text("symbols") else {
        return Ok(None);
    };
    let names: Vec<String> = serde_json::from_str(text).map_err(|_| Refusal::missing("symbols"))?;
    names
        .iter()
        .map(|name| venue.symbol(name).ok_or(refusal::INVALID_SYMBOL))
        .collect::<Result<_, _>>()
        .map(Some)
}

fn exchange_info(venue: &Venue, parameters: &Parameters, now: Timestamp) -> Result<Value, Refusal> {
    for ignored in ["permissions", "showPermissionSets", "symbolStatus"] {
        parameters.text(ignored);
    }
    let listed = |market: &SymbolMarket| listing(venue, market);
    let symbols = match each_symbol(venue, parameters, listed)? {
        Value::Array(symbols) => symbols,
        symbol => vec![symbol],
    };
    Ok(json!({
        "timezone": "UTC", "serverTime": milliseconds(now), "rateLimits": limits::shown_limits(),
        "exchangeFilters": [], "symbols": symbols,
    }))
}

fn listing(venue: &Venue, market: &SymbolMarket) -> Value {
    let rules = market.rules();
    let modes = SelfTradePrevention::ALLOWED.map(SelfTradePrevention::name);
    json!({
        "symbol": name(market), "status": market.status().name(),
        "baseAsset": venue.ledger().asset_name(rules.base), "baseAssetPrecision": 8,
        "quoteAsset": venue.ledger().asset_name(rules.quote), "quotePrecision": 8,
        "quoteAssetPrecision": 8, "baseCommissionPrecision": 8, "quoteCommissionPrecision": 8,
        "orderTypes": [
            "LIMIT", "LIMIT_MAKER", "MARKET", "STOP_LOSS", "STOP_LOSS_LIMIT", "TAKE_PROFIT",
            "TAKE_PROFIT_LIMIT",
        ],
        "icebergAllowed": false, "ocoAllowed": false, "otoAllowed": false, "opoAllowed": false,
        "quoteOrderQtyMarketAllowed": true, "allowTrailingStop": false,
        "cancelReplaceAllowed": true, "amendAllowed": true, "pegInstructionsAllowed": false,
        "isSpotTradingAllowed": true, "isMarginTradingAllowed": false, "filters": filters(rules),
        "permissions": [], "permissionSets": [["SPOT"]],
        "defaultSelfTradePreventionMode": SelfTradePrevention::DEFAULT.name(),
        "allowedSelfTradePreventionModes": modes,
    })
}

fn filters(rules: &SymbolRules) -> Value {
    json!([
        {
            "filterType": "PRICE_FILTER", "minPrice": decimal(rules.lowest_price.units()),
            "maxPrice": decimal(rules.highest_price.units()),
            "tickSize": decimal(rules.tick.units()),
        },
        {
            "filterType": "LOT_SIZE", "minQty": decimal(rules.lot.smallest.units()),
            "maxQty": decimal(rules.lot.largest.units()),
            "stepSize": decimal(rules.lot.step.units()),
        },
        {
            "filterType": "MARKET_LOT_SIZE", "minQty": decimal(0),
            "maxQty": decimal(rules.largest_market_quantity.units()), "stepSize": decimal(0),
        },
        {
            "filterType": "PERCENT_PRICE_BY_SIDE",
            "bidMultiplierUp": rules.bid_band.up, "bidMultiplierDown": rules.bid_band.down,
            "askMultiplierUp": rules.ask_band.up, "askMultiplierDown": rules.ask_band.down,
            "avgPriceMins": AVERAGE_PRICE_MINUTES,
        },
        {
            "filterType": "NOTIONAL", "minNotional": decimal(rules.smallest_value.units()),
            "applyMinToMarket": true, "maxNotional": decimal(rules.largest_value.units()),
            "applyMaxToMarket": false, "avgPriceMins": AVERAGE_PRICE_MINUTES,
        },
        { "filterType": "MAX_NUM_ORDERS", "maxNumOrders": rules.most_orders },
        {
            "filterType": "MAX_NUM_ALGO_ORDERS",
            "maxNumAlgoOrders": rules.most_conditional_orders,
        },
        { "filterType": "MAX_NUM_ORDER_AMENDS", "maxNumOrderAmends": rules.most_amendments },
    ])
}

/// Levels as pairs of price and quantity.
pub(crate) fn levels(levels: &[Level]) -> Value {
    levels
        .iter()
        .map(|level| {
            json!([
                decimal(level.price.units()),
                decimal(level.quantity.units())
            ])
        })
        .collect()
}

fn depth(venue: &Venue, parameters: &Parameters) -> Result<Value, Refusal> {
    let market = venue.market(parameters.symbol(venue)?);
    let depth = market.depth(parameters.limit(100, 5_000)?);
    Ok(json!({
        "lastUpdateId": market.update_id(), "bids": levels(&depth.bids), "asks": levels(&depth.asks),
    }))
}

fn trades(venue: &Venue, parameters: &Parameters) -> Result<Value, Refusal> {
    let market = venue.market(parameters.symbol(venue)?);
    let limit = parameters.limit(500, 1_000)?;
    let trades = market.statistics().trades();
    let skipped = trades.len().saturating_sub(limit);
    Ok(trades
        .skip(skipped)
        .map(|trade| {
            let value = crate::core::value_of(trade.price, trade.quantity);
            json!({
                "id": trade.id, "price": decimal(trade.price.units()),
                "qty": decimal(trade.quantity.units()), "quoteQty": decimal(value.units()),
                "time": milliseconds(trade.at), "isBuyerMaker": trade.aggressor == Side::Sell,
                "isBestMatch": true,
            })
        })
        .collect())
}

/// Trades of one taking order at one price, as one.
fn aggregated<'a>(trades: impl Iterator<Item = &'a PublicTrade>) -> Vec<(PublicTrade, u64)> {
    let mut rows: Vec<(PublicTrade, u64)> = Vec::new();
    for trade in trades {
        match rows.last_mut() {
            Some((first, last)) if first.taker == trade.taker && first.price == trade.price => {
                let units = first.quantity.units() + trade.quantity.units();
                first.quantity = Quantity::from_units(units);
                *last = trade.id;
            }
            _ => rows.push((*trade, trade.id)),
        }
    }
    rows
}

fn aggregate_trades(venue: &Venue, parameters: &Parameters) -> Result<Value, Refusal> {
    let market = venue.market(parameters.symbol(venue)?);
    let limit = parameters.limit(500, 1_000)?;
    let from = parameters.whole("fromId")?.map(i64::unsigned_abs);
    let start = parameters.whole("startTime")?;
    let end = parameters.whole("endTime")?;
    let rows: Vec<_> = aggregated(market.statistics().trades())
        .into_iter()
        .filter(|(first, _)| from.is_none_or(|from| first.id >= from))
        .filter(|(first, _)| start.is_none_or(|start| milliseconds(first.at) >= start))
        .filter(|(first, _)| end.is_none_or(|end| milliseconds(first.at) <= end))
        .collect();
    let is_from = from.is_some() || start.is_some();
    let skipped = if is_from {
        0
    } else {
        rows.len().saturating_sub(limit)
    };
    Ok(rows
        .into_iter()
        .skip(skipped)
        .take(limit)
        .map(|(first, last)| {
            json!({
                "a": first.id, "p": decimal(first.price.units()),
                "q": decimal(first.quantity.units()), "f": first.id, "l": last,
                "T": milliseconds(first.at), "m": first.aggressor == Side::Sell, "M": true,
            })
        })
        .collect())
}

/// Minutes of an interval that candles are made of here.
fn minutes_of(interval: &str) -> Option<i64> {
    let known = [
        ("1m", 1),
        ("3m", 3),
        ("5m", 5),
        ("15m", 15),
        ("30m", 30),
        ("1h", 60),
        ("2h", 120),
        ("4h", 240),
        ("6h", 360),
        ("8h", 480),
        ("12h", 720),
        ("1d", 1_440),
    ];
    known
        .into_iter()
        .find(|(name, _)| *name == interval)
        .map(|(_, minutes)| minutes)
}

fn klines(venue: &Venue, parameters: &Parameters) -> Result<Value, Refusal> {
    let market = venue.market(parameters.symbol(venue)?);
    let minutes = minutes_of(parameters.needed("interval")?)
        .ok_or(Refusal::new(-1120, "Invalid interval."))?;
    let limit = parameters.limit(500, 1_000)?;
    let start = parameters.whole("startTime")?;
    let end = parameters.whole("endTime")?;
    let candles: BTreeMap<i64, Candle> = market
        .statistics()
        .candles(minutes)
        .into_iter()
        .map(|(minute, candle)| (minute * 60_000, candle))
        .filter(|(opened, _)| start.is_none_or(|start| *opened >= start))
        .filter(|(opened, _)| end.is_none_or(|end| *opened <= end))
        .collect();
    let skipped = if start.is_some() {
        0
    } else {
        candles.len().saturating_sub(limit)
    };
    Ok(candles
        .into_iter()
        .skip(skipped)
        .take(limit)
        .map(|(opened, candle)| {
            json!([
                opened,
                decimal(candle.open.units()),
                decimal(candle.high.units()),
                decimal(candle.low.units()),
                decimal(candle.close.units()),
                decimal(candle.volume.units()),
                opened + minutes * 60_000 - 1,
                decimal(candle.value.units()),
                candle.trades,
                decimal(candle.bought.units()),
                decimal(candle.bought_value.units()),
                "0",
            ])
        })
        .collect())
}

fn average_price(venue: &Venue, parameters: &Parameters, now: Timestamp) -> Result<Value, Refusal> {
    let market = venue.market(parameters.symbol(venue)?);
    let price = market
        .statistics()
        .average_price(now)
        .unwrap_or_else(|| last_price(market));
    Ok(json!({
        "mins": AVERAGE_PRICE_MINUTES, "price": decimal(price.units()),
        "closeTime": milliseconds(now),
    }))
}

fn book_ticker(market: &SymbolMarket) -> Value {
    let (bid, ask) = market.top();
    let (bid, ask) = (bid.unwrap_or_default(), ask.unwrap_or_default());
    json!({
        "symbol": name(market), "bidPrice": decimal(bid.price.units()),
        "bidQty": decimal(bid.quantity.units()), "askPrice": decimal(ask.price.units()),
        "askQty": decimal(ask.quantity.units()),
    })
}

/// The last 24 hours.
pub(crate) fn day_ticker(market: &SymbolMarket, now: Timestamp) -> Value {
    let (bid, ask) = market.top();
    let (bid, ask) = (bid.unwrap_or_default(), ask.unwrap_or_default());
    let last_quantity = market
        .statistics()
        .trades()
        .next_back()
        .map_or(0, |trade| trade.quantity.units());
    let day = market.statistics().day(now);
    let price = |of: fn(&Candle) -> Price| day.as_ref().map_or(0, |day| of(day).units());
    let (open, close) = (price(|day| day.open), price(|day| day.close));
    let change = close - open;
    // Three decimals of a percentage, for display.
    let percent_thousandths = if open == 0 {
        0
    } else {
        i128::from(change) * 100_000 / i128::from(open)
    };
    let sign = if percent_thousandths < 0 { "-" } else { "" };
    let magnitude = percent_thousandths.unsigned_abs();
    json!({
        "symbol": name(market), "priceChange": decimal(change),
        "priceChangePercent": format!("{sign}{}.{:03}", magnitude / 1_000, magnitude % 1_000),
        "weightedAvgPrice": decimal(price(Candle::average_price)),
        "prevClosePrice": decimal(open), "lastPrice": decimal(close),
        "lastQty": decimal(last_quantity), "bidPrice": decimal(bid.price.units()),
        "bidQty": decimal(bid.quantity.units()), "askPrice": decimal(ask.price.units()),
        "askQty": decimal(ask.quantity.units()), "openPrice": decimal(open),
        "highPrice": decimal(price(|day| day.high)), "lowPrice": decimal(price(|day| day.low)),
        "volume": decimal(day.map_or(0, |day| day.volume.units())),
        "quoteVolume": decimal(day.map_or(0, |day| day.value.units())),
        "openTime": milliseconds(now) - 86_400_000, "closeTime": milliseconds(now),
        "firstId": day.map_or(-1, |day| day.first_trade.cast_signed()),
        "lastId": day.map_or(-1, |day| day.last_trade.cast_signed()),
        "count": day.map_or(0, |day| day.trades),
    })
}
