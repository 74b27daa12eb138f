//! Events of an account as the venue writes them.

use serde_json::{Value, json};

use crate::api::{decimal, milliseconds, price_of, quote_size_of, side_name};
use crate::core::{AccountId, Execution, OrderReport, OrderStatus, Venue, VenueEvent};

/// Whose event it is, and its payload; `None` for what everybody hears.
pub(crate) fn payload(venue: &Venue, event: &VenueEvent) -> Option<(AccountId, Value)> {
    match event {
        VenueEvent::Trade { .. } => None,
        VenueEvent::Order(report) => Some((report.order.account, execution_report(venue, report))),
        VenueEvent::Balances {
            account,
            assets,
            at,
        } => {
            let ledger = venue.ledger();
            let balances: Vec<Value> = assets
                .iter()
                .map(|asset| {
                    let balance = ledger.account(*account).balance(*asset);
                    json!({
                        "a": ledger.asset_name(*asset), "f": decimal(balance.free.units()),
                        "l": decimal(balance.locked.units()),
                    })
                })
                .collect();
            let at = milliseconds(*at);
            let payload =
                json!({ "e": "outboundAccountPosition", "E": at, "u": at, "B": balances });
            Some((*account, payload))
        }
        VenueEvent::Deposit {
            account,
            asset,
            change,
            at,
        } => {
            let at = milliseconds(*at);
            let payload = json!({
                "e": "balanceUpdate", "E": at, "a": venue.ledger().asset_name(*asset),
                "d": decimal(*change), "T": at,
            });
            Some((*account, payload))
        }
    }
}

fn execution_report(venue: &Venue, report: &OrderReport) -> Value {
    let order = &report.order;
    let at = milliseconds(report.at);
    let (name, original_name) = match &report.execution {
        Execution::Canceled(name) => (name.as_str(), order.client_order_id.as_str()),
        Execution::Replaced(previous) => (order.client_order_id.as_str(), previous.as_str()),
        _ => (order.client_order_id.as_str(), ""),
    };
    let fill = match &report.execution {
        Execution::Trade(fill) => Some(fill),
        _ => None,
    };
    let stop_price = order
        .instruction
        .trigger()
        .map_or(0, |trigger| trigger.stop_price.units());
    let is_on_book = order.status.is_open() && order.working_since.is_some();
    let mut payload = json!({
        "e": "executionReport", "E": at, "s": venue.market(order.symbol).rules().symbol.as_str(),
        "c": name, "S": side_name(order.side), "o": order.instruction.type_name(),
        "f": order.instruction.time_in_force().name(), "q": decimal(order.quantity.units()),
        "p": decimal(price_of(order)), "P": decimal(stop_price), "F": decimal(0), "g": -1,
        "C": original_name, "x": execution_name(&report.execution), "X": order.status.name(),
        "r": "NONE", "i": order.id.0,
        "l": decimal(fill.map_or(0, |fill| fill.quantity.units())),
        "z": decimal(order.executed.units()),
        "L": decimal(fill.map_or(0, |fill| fill.price.units())),
        "n": fill.map_or_else(|| "0".to_owned(), |fill| decimal(fill.commission.units())),
        "N": fill.map(|fill| venue.ledger().asset_name(fill.commission_asset)),
        "T": at, "t": fill.map_or(-1, |fill| fill.trade_id.cast_signed()),
        "I": report.execution_id, "w": is_on_book, "m": fill.is_some_and(|fill| fill.is_maker),
        "M": false, "O": milliseconds(order.created),
        "Z": decimal(order.executed_quote.units()),
        "Y": decimal(fill.map_or(0, |fill| fill.value.units())),
        "Q": decimal(quote_size_of(order).units()), "V": order.self_trade_prevention.name(),
    });
    let mut set = |name: &str, value: Value| payload[name] = value;
    if let Some(since) = order.working_since {
        set("W", json!(milliseconds(since)));
    }
    if let Some(id) = order.strategy_id {
        set("j", json!(id));
    }
    if let Some(kind) = order.strategy_type {
        set("J", json!(kind));
    }
    if let OrderStatus::Expired(reason) = order.status {
        set("eR", json!(reason.name()));
    }
    if let Execution::Prevented(prevention) = &report.execution {
        set("v", json!(prevention.id));
        set("A", json!(decimal(order.prevented.units())));
        set("B", json!(decimal(prevention.quantity.units())));
        set("U", json!(prevention.counter_order.0));
        set("pL", json!(decimal(prevention.price.units())));
    }
    payload
}

const fn execution_name(execution: &Execution) -> &'static str {
    match execution {
        Execution::New => "NEW",
        Execution::Trade(_) => "TRADE",
        Execution::Canceled(_) => "CANCELED",
        Execution::Replaced(_) => "REPLACED",
        Execution::Expired => "EXPIRED",
        Execution::Prevented(_) => "TRADE_PREVENTION",
    }
}
