//! What an account has at the venue, and what it did there.

use serde::Serialize;
use serde_json::{Map, Value, json};
use triptych_engine::event::Timestamp;

use crate::core::{AccountId, Fill, Order, OrderStatus, SymbolMarket, Venue};

/// How many of the latest fills are told.
const LATEST: usize = 5;

/// An account's side of the venue's books. Times are milliseconds since 1970.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Statement {
    pub(crate) uid: u64,
    pub(crate) balances: Map<String, Value>,
    pub(crate) orders: usize,
    pub(crate) open_orders: usize,
    pub(crate) fills: usize,
    /// When the latest order was taken.
    pub(crate) last_order_at: Option<i64>,
    /// When the latest order was cancelled.
    pub(crate) last_cancellation_at: Option<i64>,
    /// Newest first.
    pub(crate) latest_fills: Vec<StatedFill>,
}

/// A fill of an account.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct StatedFill {
    pub(crate) symbol: String,
    trade_id: u64,
    pub(crate) side: String,
    pub(crate) price: String,
    pub(crate) quantity: String,
    commission: String,
    is_maker: bool,
    pub(crate) at: i64,
}

impl Statement {
    pub(crate) fn of(venue: &Venue, account: AccountId) -> Self {
        let ledger = venue.ledger();
        let balances = ledger.assets().map(|(asset, name)| {
            let balance = ledger.account(account).balance(asset);
            let shown = json!({ "free": balance.free, "locked": balance.locked });
            (name.to_owned(), shown)
        });
        let markets = || venue.markets();
        let orders = || {
            let all = markets().flat_map(SymbolMarket::orders);
            all.filter(|order| order.account == account)
        };
        let canceled = |order: &&Order| order.status == OrderStatus::Canceled;
        let mut fills: Vec<(&str, &Fill)> = markets()
            .flat_map(|market| {
                market
                    .fills()
                    .iter()
                    .map(|fill| (market.rules().symbol.as_str(), fill))
            })
            .filter(|(_, fill)| fill.account == account)
            .collect();
        fills.sort_by_key(|(_, fill)| std::cmp::Reverse(fill.at));
        Self {
            uid: ledger.account(account).uid,
            balances: balances.collect(),
            orders: orders().count(),
            open_orders: markets()
                .map(|market| market.open_orders(account).count())
                .sum(),
            fills: fills.len(),
            last_order_at: orders().map(|order| milliseconds(order.created)).max(),
            last_cancellation_at: orders()
                .filter(canceled)
                .map(|order| milliseconds(order.updated))
                .max(),
            latest_fills: fills.iter().take(LATEST).map(StatedFill::of).collect(),
        }
    }
}

impl StatedFill {
    #[cfg(test)]
    pub(crate) fn sample(quantity: &str) -> Self {
        Self {
            symbol: "BTCUSDT".to_owned(),
            trade_id: 1,
            side: "BUY".to_owned(),
            price: "100".to_owned(),
            quantity: quantity.to_owned(),
            commission: "0".to_owned(),
            is_maker: false,
            at: 1_000,
        }
    }

    fn of((symbol, fill): &(&str, &Fill)) -> Self {
        Self {
            symbol: (*symbol).to_owned(),
            trade_id: fill.trade_id,
            side: fill.side.name().to_uppercase(),
            price: fill.price.to_string(),
            quantity: fill.quantity.to_string(),
            commission: fill.commission.to_string(),
            is_maker: fill.is_maker,
            at: milliseconds(fill.at),
        }
    }
}

fn milliseconds(at: Timestamp) -> i64 {
    at.nanoseconds() / 1_000_000
}
