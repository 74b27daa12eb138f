//! Everything that an account ordered and traded, for whoever compares it with their own books.

use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::core::{AccountId, Amount, AssetId, Fill, Order, SymbolMarket, Venue};

/// The venue's records of an account, oldest first. Times are milliseconds since 1970.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Records {
    uid: u64,
    /// What it was opened with, by asset.
    opened_with: Map<String, Value>,
    orders: Vec<Value>,
    fills: Vec<Value>,
}

impl Records {
    pub(crate) fn of(venue: &Venue, account: AccountId, opened: &[(AssetId, Amount)]) -> Self {
        let ledger = venue.ledger();
        let name = |asset: AssetId| {
            let mut assets = ledger.assets();
            let named = assets.find(|(id, _)| *id == asset);
            named.map_or_else(String::new, |(_, name)| name.to_owned())
        };
        let opened_with = opened
            .iter()
            .map(|(asset, amount)| (name(*asset), json!(amount)));
        let orders = venue.markets().flat_map(|market| {
            let own = market.orders().iter();
            own.filter(move |order| order.account == account)
                .map(|order| record_of_order(market, order))
        });
        let fills = venue.markets().flat_map(|market| {
            let own = market.fills().iter();
            own.filter(move |fill| fill.account == account)
                .map(|fill| record_of_fill(market, fill, name))
        });
        Self {
            uid: ledger.account(account).uid,
            opened_with: opened_with.collect(),
            orders: orders.collect(),
            fills: fills.collect(),
        }
    }
}

fn record_of_order(market: &SymbolMarket, order: &Order) -> Value {
    json!({
        "symbol": market.rules().symbol.as_str(), "orderId": order.id.0, "clientOrderId": order.client_order_id,
        "side": order.side.name().to_uppercase(), "quantity": order.quantity.to_string(),
        "executed": order.executed.to_string(), "executedQuote": order.executed_quote,
        "status": order.status.name(), "at": order.created.nanoseconds() / 1_000_000,
    })
}

fn record_of_fill(market: &SymbolMarket, fill: &Fill, name: impl Fn(AssetId) -> String) -> Value {
    let rules = market.rules();
    json!({
        "symbol": rules.symbol.as_str(), "base": name(rules.base), "quote": name(rules.quote),
        "tradeId": fill.trade_id, "orderId": fill.order.0, "side": fill.side.name().to_uppercase(),
        "price": fill.price.to_string(), "quantity": fill.quantity.to_string(), "value": fill.value,
        "commission": fill.commission, "commissionAsset": name(fill.commission_asset),
        "isMaker": fill.is_maker, "at": fill.at.nanoseconds() / 1_000_000,
    })
}
