//! Requests that change orders.

use serde_json::{Value, json};
use triptych_engine::decimal::{Price, Quantity};
use triptych_engine::event::Side;

use super::answers::{self, Detail};
use super::endpoints::Call;
use super::parameters::Parameters;
use super::{ApiError, Desk};
use crate::core::{
    AccountId, Amendment, Cancel, CancelRestriction, Instruction, Limit, MarketSize, OrderRequest,
    Refusal, SelfTradePrevention, SymbolId, TimeInForce, Trigger, TriggerKind,
};

pub(super) fn answer(
    desk: &mut Desk<'_>,
    call: Call,
    account: AccountId,
    parameters: &Parameters,
) -> Result<Value, ApiError> {
    match call {
        Call::PlaceOrder => place(desk, account, parameters),
        Call::TestOrder => test(desk, account, parameters),
        Call::CancelOrder => cancel(desk, account, parameters),
        Call::CancelOpenOrders => cancel_open_orders(desk, account, parameters),
        Call::CancelReplace => cancel_replace(desk, account, parameters),
        _ => amend(desk, account, parameters),
    }
}

fn place(
    desk: &mut Desk<'_>,
    account: AccountId,
    parameters: &Parameters,
) -> Result<Value, ApiError> {
    let request = order_request(desk, parameters)?;
    let detail = detail(parameters, request.instruction)?;
    parameters.all_read()?;
    desk.orders.admit(account, desk.now)?;
    let placed = desk.venue.place(account, &request, desk.now)?;
    let market = desk.venue.market(request.symbol);
    Ok(answers::placed(
        market,
        desk.venue.ledger(),
        &placed,
        detail,
    ))
}

fn test(
    desk: &mut Desk<'_>,
    account: AccountId,
    parameters: &Parameters,
) -> Result<Value, ApiError> {
    let request = order_request(desk, parameters)?;
    detail(parameters, request.instruction)?;
    let with_rates = parameters.text("computeCommissionRates") == Some("true");
    parameters.all_read()?;
    desk.venue.test(account, &request, desk.now)?;
    if !with_rates {
        return Ok(json!({}));
    }
    let rates = desk.venue.ledger().account(account).rates;
    let none = json!({ "maker": "0.00000000", "taker": "0.00000000" });
    Ok(json!({
        "standardCommissionForOrder": {
            "maker": answers::decimal(rates.maker.units()),
            "taker": answers::decimal(rates.taker.units()),
        },
        "specialCommissionForOrder": none, "taxCommissionForOrder": none,
        "discount": {
            "enabledForAccount": false, "enabledForSymbol": false, "discountAsset": "BNB",
            "discount": "0.00000000",
        },
    }))
}

fn cancel(
    desk: &mut Desk<'_>,
    account: AccountId,
    parameters: &Parameters,
) -> Result<Value, ApiError> {
    let cancel = Cancel {
        symbol: parameters.symbol(desk.venue)?,
        key: parameters.order_key("orderId", "origClientOrderId")?,
        name: parameters.name("newClientOrderId")?,
        restriction: restriction(parameters)?,
    };
    parameters.all_read()?;
    let canceled = desk.venue.cancel(account, &cancel, desk.now)?;
    Ok(answers::canceled(
        desk.venue.market(cancel.symbol),
        &canceled,
    ))
}

fn cancel_open_orders(
    desk: &mut Desk<'_>,
    account: AccountId,
    parameters: &Parameters,
) -> Result<Value, ApiError> {
    let symbol = parameters.symbol(desk.venue)?;
    parameters.all_read()?;
    let canceled = desk.venue.cancel_all(account, symbol, desk.now)?;
    let market = desk.venue.market(symbol);
    Ok(canceled
        .iter()
        .map(|canceled| answers::canceled(market, canceled))
        .collect())
}

fn amend(
    desk: &mut Desk<'_>,
    account: AccountId,
    parameters: &Parameters,
) -> Result<Value, ApiError> {
    let amendment = Amendment {
        symbol: parameters.symbol(desk.venue)?,
        key: parameters.order_key("orderId", "origClientOrderId")?,
        quantity: parameters
            .quantity("newQty")?
            .ok_or_else(|| Refusal::missing("newQty"))?,
        name: parameters.name("newClientOrderId")?,
    };
    parameters.all_read()?;
    let amended = desk.venue.amend(account, &amendment, desk.now)?;
    Ok(answers::amended(
        desk.venue.market(amendment.symbol),
        &amended,
    ))
}

/// What is to happen where the account has placed too many orders.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum WhenExceeded {
    DoNothing,
    CancelOnly,
}

fn cancel_replace(
    desk: &mut Desk<'_>,
    account: AccountId,
    parameters: &Parameters,
) -> Result<Value, ApiError> {
    let request = order_request(desk, parameters)?;
    let detail = detail(parameters, request.instruction)?;
    let stops_on_failure = match parameters.needed("cancelReplaceMode")? {
        "STOP_ON_FAILURE" => true,
        "ALLOW_FAILURE" => false,
        _ => return Err(invalid("cancelReplaceMode").into()),
    };
    let when_exceeded = match parameters.text("orderRateLimitExceededMode") {
        None | Some("DO_NOTHING") => WhenExceeded::DoNothing,
        Some("CANCEL_ONLY") => WhenExceeded::CancelOnly,
        Some(_) => return Err(invalid("orderRateLimitExceededMode").into()),
    };
    let cancel = Cancel {
        symbol: request.symbol,
        key: parameters.order_key("cancelOrderId", "cancelOrigClientOrderId")?,
        name: parameters.name("cancelNewClientOrderId")?,
        restriction: restriction(parameters)?,
    };
    parameters.all_read()?;
    // Filters and the number of orders are looked at before anything is cancelled.
    let admitted = desk.orders.admit(account, desk.now);
    if when_exceeded == WhenExceeded::DoNothing {
        admitted.clone()?;
    }
    desk.venue.test(account, &request, desk.now)?;
    let cancelled = desk.venue.cancel(account, &cancel, desk.now);
    let is_attempted = cancelled.is_ok() || !stops_on_failure && admitted.is_ok();
    let placed = is_attempted.then(|| match &admitted {
        Ok(()) => desk.venue.place(account, &request, desk.now),
        Err(refused) => Err(refused.clone()),
    });
    let market = desk.venue.market(request.symbol);
    let outcome = |value: &Result<Value, Refusal>| match value {
        Ok(_) => "SUCCESS",
        Err(_) => "FAILURE",
    };
    let shown = |value: &Result<Value, Refusal>| match value {
        Ok(value) => value.clone(),
        Err(refused) => json!({ "code": refused.code, "msg": refused.message }),
    };
    let cancelled = cancelled.map(|canceled| answers::canceled(market, &canceled));
    let placed = placed.map(|placed| {
        placed.map(|placed| answers::placed(market, desk.venue.ledger(), &placed, detail))
    });
    let data = json!({
        "cancelResult": outcome(&cancelled),
        "newOrderResult": placed.as_ref().map_or("NOT_ATTEMPTED", outcome),
        "cancelResponse": shown(&cancelled),
        "newOrderResponse": placed.as_ref().map(shown),
    });
    let is_placed = matches!(placed, Some(Ok(_)));
    let refusal = match (cancelled.is_ok(), is_placed) {
        (true, true) => return Ok(data),
        (false, false) => Refusal::new(-2022, "Order cancel-replace failed."),
        _ => Refusal::new(-2021, "Order cancel-replace partially failed."),
    };
    let status = match (&admitted, refusal.code) {
        (Err(_), _) => 429,
        (Ok(()), -2021) => 409,
        (Ok(()), _) => 400,
    };
    Err(ApiError {
        status,
        refusal,
        data: Some(data),
    })
}

fn restriction(parameters: &Parameters) -> Result<Option<CancelRestriction>, Refusal> {
    match parameters.text("cancelRestrictions") {
        None => Ok(None),
        Some("ONLY_NEW") => Ok(Some(CancelRestriction::OnlyNew)),
        Some("ONLY_PARTIALLY_FILLED") => Ok(Some(CancelRestriction::OnlyPartiallyFilled)),
        Some(_) => Err(Refusal::new(-1145, "Invalid cancelRestrictions")),
    }
}

fn detail(parameters: &Parameters, instruction: Instruction) -> Result<Detail, Refusal> {
    match parameters.text("newOrderRespType") {
        Some("ACK") => Ok(Detail::Acknowledgement),
        Some("RESULT") => Ok(Detail::Result),
        Some("FULL") => Ok(Detail::Full),
        Some(_) => Err(invalid("newOrderRespType")),
        None => Ok(match instruction {
            Instruction::Limit(_) | Instruction::Market(_) => Detail::Full,
            _ => Detail::Acknowledgement,
        }),
    }
}

fn invalid(parameter: &str) -> Refusal {
    Refusal::with(
        -1130,
        format!("Data sent for parameter '{parameter}' is not valid."),
    )
}

fn not_required(parameter: &str) -> Refusal {
    Refusal::with(
        -1106,
        format!("Parameter '{parameter}' sent when not required."),
    )
}

fn order_request(desk: &Desk<'_>, parameters: &Parameters) -> Result<OrderRequest, Refusal> {
    let symbol: SymbolId = parameters.symbol(desk.venue)?;
    let side = match parameters.needed("side")? {
        "BUY" => Side::Buy,
        "SELL" => Side::Sell,
        _ => return Err(Refusal::new(-1117, "Invalid side.")),
    };
    for (parameter, text) in [
        (
            "icebergQty",
            "Iceberg orders are not supported for this symbol.",
        ),
        (
            "trailingDelta",
            "Trailing stop orders are not supported for this symbol.",
        ),
        (
            "pegPriceType",
            "Pegged orders are not supported for this symbol.",
        ),
    ] {
        if parameters.text(parameter).is_some() {
            return Err(Refusal::new(-1013, text));
        }
    }
    let instruction = instruction(parameters)?;
    let strategy_type = parameters.whole("strategyType")?;
    if strategy_type.is_some_and(|kind| kind < 1_000_000) {
        return Err(Refusal::new(-1134, "`strategyType` was less than 1000000."));
    }
    let self_trade_prevention = match parameters.text("selfTradePreventionMode") {
        None => SelfTradePrevention::DEFAULT,
        Some(name) => SelfTradePrevention::parse(name).ok_or(Refusal::new(
            -1013,
            "This symbol does not allow the specified self-trade prevention mode.",
        ))?,
    };
    Ok(OrderRequest {
        symbol,
        side,
        instruction,
        client_order_id: parameters.name("newClientOrderId")?,
        self_trade_prevention,
        strategy_id: parameters.whole("strategyId")?,
        strategy_type,
    })
}

fn instruction(parameters: &Parameters) -> Result<Instruction, Refusal> {
    let kind = parameters.needed("type")?;
    let instruction = match kind {
        "LIMIT" => Instruction::Limit(limit(parameters)?),
        "LIMIT_MAKER" => Instruction::LimitMaker {
            price: price(parameters, "price")?,
            quantity: quantity(parameters)?,
        },
        "MARKET" => Instruction::Market(market_size(parameters)?),
        "STOP_LOSS" | "TAKE_PROFIT" => Instruction::ConditionalMarket {
            trigger: trigger(parameters, kind)?,
            quantity: quantity(parameters)?,
        },
        "STOP_LOSS_LIMIT" | "TAKE_PROFIT_LIMIT" => Instruction::ConditionalLimit {
            trigger: trigger(parameters, kind)?,
            limit: limit(parameters)?,
        },
        _ => return Err(Refusal::new(-1116, "Invalid orderType.")),
    };
    refuse_what_does_not_belong(parameters, instruction)?;
    Ok(instruction)
}

fn limit(parameters: &Parameters) -> Result<Limit, Refusal> {
    let time_in_force = parameters.needed("timeInForce")?;
    Ok(Limit {
        time_in_force: TimeInForce::parse(time_in_force)
            .ok_or(Refusal::new(-1115, "Invalid timeInForce."))?,
        quantity: quantity(parameters)?,
        price: price(parameters, "price")?,
    })
}

fn quantity(parameters: &Parameters) -> Result<Quantity, Refusal> {
    parameters
        .quantity("quantity")?
        .ok_or_else(|| Refusal::missing("quantity"))
}

fn price(parameters: &Parameters, name: &str) -> Result<Price, Refusal> {
    parameters
        .price(name)?
        .ok_or_else(|| Refusal::missing(name))
}

fn trigger(parameters: &Parameters, kind: &str) -> Result<Trigger, Refusal> {
    Ok(Trigger {
        kind: if kind.starts_with("STOP") {
            TriggerKind::StopLoss
        } else {
            TriggerKind::TakeProfit
        },
        stop_price: price(parameters, "stopPrice")?,
    })
}

fn market_size(parameters: &Parameters) -> Result<MarketSize, Refusal> {
    match (
        parameters.quantity("quantity")?,
        parameters.quantity("quoteOrderQty")?,
    ) {
        (Some(quantity), None) => Ok(MarketSize::Base(quantity)),
        (None, Some(amount)) => Ok(MarketSize::Quote(amount)),
        (Some(_), Some(_)) => Err(Refusal::new(
            -1128,
            "Combination of optional parameters invalid.",
        )),
        (None, None) => Err(Refusal::new(
            -1102,
            "Param 'quantity' or 'quoteOrderQty' must be sent, but both were empty/null!",
        )),
    }
}

fn refuse_what_does_not_belong(
    parameters: &Parameters,
    instruction: Instruction,
) -> Result<(), Refusal> {
    let has_limit = instruction.limit_price().is_some();
    let has_time_in_force = matches!(
        instruction,
        Instruction::Limit(_) | Instruction::ConditionalLimit { .. }
    );
    for (parameter, belongs) in [
        ("price", has_limit),
        ("timeInForce", has_time_in_force),
        ("stopPrice", instruction.trigger().is_some()),
        (
            "quoteOrderQty",
            matches!(instruction, Instruction::Market(_)),
        ),
    ] {
        if !belongs && parameters.text(parameter).is_some() {
            return Err(not_required(parameter));
        }
    }
    Ok(())
}
