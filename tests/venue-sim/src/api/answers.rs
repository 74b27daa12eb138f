//! Orders and fills as the venue writes them.

use serde_json::{Map, Value, json};
use triptych_engine::decimal::UNITS_PER_WHOLE;
use triptych_engine::event::{Side, Timestamp};

use crate::core::{
    Amended, AmendmentRecord, Amount, Canceled, Fill, Ledger, Order, OrderStatus, Placed,
    SymbolMarket,
};

/// Units of 10⁻⁸ with all eight decimals.
pub(crate) fn decimal(units: i64) -> String {
    let sign = if units < 0 { "-" } else { "" };
    let (magnitude, whole) = (units.unsigned_abs(), UNITS_PER_WHOLE.unsigned_abs());
    format!("{sign}{}.{:08}", magnitude / whole, magnitude % whole)
}

/// Milliseconds since the Unix epoch.
pub(crate) const fn milliseconds(time: Timestamp) -> i64 {
    time.nanoseconds().div_euclid(1_000_000)
}

/// The name of a side on the wire.
pub(crate) const fn side_name(side: Side) -> &'static str {
    match side {
        Side::Buy => "BUY",
        Side::Sell => "SELL",
    }
}

/// How much of an order its answer tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Detail {
    Acknowledgement,
    Result,
    Full,
}

/// The limit price, zero where an order has none.
pub(crate) fn price_of(order: &Order) -> i64 {
    order
        .instruction
        .limit_price()
        .map_or(0, triptych_engine::decimal::Price::units)
}

/// The amount of the quote asset that a market order was given, zero for others.
pub(crate) fn quote_size_of(order: &Order) -> Amount {
    match order.instruction {
        crate::core::Instruction::Market(crate::core::MarketSize::Quote(amount)) => amount,
        _ => Amount::ZERO,
    }
}

/// What every answer about an order has.
fn common(market: &SymbolMarket, order: &Order) -> Map<String, Value> {
    let mut fields = Map::new();
    let mut set = |name: &str, value: Value| {
        fields.insert(name.to_owned(), value);
    };
    set("symbol", json!(market.rules().symbol.as_str()));
    set("orderId", json!(order.id.0));
    set("orderListId", json!(-1));
    set("clientOrderId", json!(order.client_order_id));
    set("price", json!(decimal(price_of(order))));
    set("origQty", json!(decimal(order.quantity.units())));
    set("executedQty", json!(decimal(order.executed.units())));
    set(
        "origQuoteOrderQty",
        json!(decimal(quote_size_of(order).units())),
    );
    set(
        "cummulativeQuoteQty",
        json!(decimal(order.executed_quote.units())),
    );
    set("status", json!(order.status.name()));
    set(
        "timeInForce",
        json!(order.instruction.time_in_force().name()),
    );
    set("type", json!(order.instruction.type_name()));
    set("side", json!(side_name(order.side)));
    set(
        "selfTradePreventionMode",
        json!(order.self_trade_prevention.name()),
    );
    if let Some(trigger) = order.instruction.trigger() {
        set("stopPrice", json!(decimal(trigger.stop_price.units())));
    }
    if let Some(id) = order.strategy_id {
        set("strategyId", json!(id));
    }
    if let Some(kind) = order.strategy_type {
        set("strategyType", json!(kind));
    }
    if let Some(id) = order.prevented_match {
        set("preventedMatchId", json!(id));
        set("preventedQuantity", json!(decimal(order.prevented.units())));
    }
    if let OrderStatus::Expired(reason) = order.status {
        set("expiryReason", json!(reason.name()));
    }
    fields
}

/// The answer to a new order.
pub(crate) fn placed(
    market: &SymbolMarket,
    ledger: &Ledger,
    placed: &Placed,
    detail: Detail,
) -> Value {
    let order = &placed.order;
    if detail == Detail::Acknowledgement {
        return json!({
            "symbol": market.rules().symbol.as_str(), "orderId": order.id.0, "orderListId": -1,
            "clientOrderId": order.client_order_id, "transactTime": milliseconds(order.created),
        });
    }
    let mut fields = common(market, order);
    fields.insert("transactTime".into(), json!(milliseconds(order.created)));
    if let Some(since) = order.working_since {
        fields.insert("workingTime".into(), json!(milliseconds(since)));
    }
    if detail == Detail::Full {
        let fills: Vec<Value> = placed
            .fills
            .iter()
            .map(|fill| {
                json!({
                    "price": decimal(fill.price.units()), "qty": decimal(fill.quantity.units()),
                    "commission": decimal(fill.commission.units()),
                    "commissionAsset": ledger.asset_name(fill.commission_asset),
                    "tradeId": fill.trade_id,
                })
            })
            .collect();
        fields.insert("fills".into(), json!(fills));
    }
    Value::Object(fields)
}

/// The answer to a cancellation.
pub(crate) fn canceled(market: &SymbolMarket, canceled: &Canceled) -> Value {
    let mut fields = common(market, &canceled.order);
    let name = &canceled.order.client_order_id;
    fields.insert("origClientOrderId".into(), json!(name));
    fields.insert("clientOrderId".into(), json!(canceled.name));
    let at = milliseconds(canceled.order.updated);
    fields.insert("transactTime".into(), json!(at));
    Value::Object(fields)
}

/// The answer to a question about an order.
pub(crate) fn queried(market: &SymbolMarket, order: &Order) -> Value {
    let mut fields = common(market, order);
    let mut set = |name: &str, value: Value| {
        fields.insert(name.to_owned(), value);
    };
    let stop_price = order
        .instruction
        .trigger()
        .map_or(0, |trigger| trigger.stop_price.units());
    set("stopPrice", json!(decimal(stop_price)));
    set("icebergQty", json!(decimal(0)));
    set("time", json!(milliseconds(order.created)));
    set("updateTime", json!(milliseconds(order.updated)));
    set("isWorking", json!(order.working_since.is_some()));
    if let Some(since) = order.working_since {
        set("workingTime", json!(milliseconds(since)));
    }
    Value::Object(fields)
}

/// The answer to an amendment.
pub(crate) fn amended(market: &SymbolMarket, amended: &Amended) -> Value {
    let order = &amended.order;
    let mut fields = json!({
        "symbol": market.rules().symbol.as_str(), "orderId": order.id.0, "orderListId": -1,
        "origClientOrderId": amended.previous_name, "clientOrderId": order.client_order_id,
        "price": decimal(price_of(order)), "qty": decimal(order.quantity.units()),
        "executedQty": decimal(order.executed.units()),
        "preventedQty": decimal(order.prevented.units()),
        "quoteOrderQty": decimal(quote_size_of(order).units()),
        "cumulativeQuoteQty": decimal(order.executed_quote.units()),
        "status": order.status.name(), "timeInForce": order.instruction.time_in_force().name(),
        "type": order.instruction.type_name(), "side": side_name(order.side),
        "selfTradePreventionMode": order.self_trade_prevention.name(),
    });
    if let Some(since) = order.working_since {
        fields["workingTime"] = json!(milliseconds(since));
    }
    json!({
        "transactTime": milliseconds(order.updated), "executionId": amended.execution_id,
        "amendedOrder": fields,
    })
}

/// One amendment of an order's past.
pub(crate) fn amendment(market: &SymbolMarket, record: &AmendmentRecord) -> Value {
    json!({
        "symbol": market.rules().symbol.as_str(), "orderId": record.order.0,
        "executionId": record.execution_id, "origClientOrderId": record.previous_name,
        "newClientOrderId": record.name, "origQty": decimal(record.previous_quantity.units()),
        "newQty": decimal(record.quantity.units()), "time": milliseconds(record.at),
    })
}

/// One of an account's own trades.
pub(crate) fn own_trade(market: &SymbolMarket, ledger: &Ledger, fill: &Fill) -> Value {
    json!({
        "symbol": market.rules().symbol.as_str(), "id": fill.trade_id, "orderId": fill.order.0,
        "orderListId": -1, "price": decimal(fill.price.units()),
        "qty": decimal(fill.quantity.units()), "quoteQty": decimal(fill.value.units()),
        "commission": decimal(fill.commission.units()),
        "commissionAsset": ledger.asset_name(fill.commission_asset),
        "time": milliseconds(fill.at), "isBuyer": fill.side == Side::Buy,
        "isMaker": fill.is_maker, "isBestMatch": true,
    })
}
