//! Requests about an account that change nothing.

use serde_json::{Value, json};
use triptych_engine::event::Timestamp;

use super::Desk;
use super::answers::{self, decimal, milliseconds};
use super::endpoints::Call;
use super::parameters::Parameters;
use crate::core::{AccountId, Fill, Order, OrderKey, Refusal, SymbolMarket};

pub(super) fn answer(
    desk: &Desk<'_>,
    call: Call,
    account: AccountId,
    parameters: &Parameters,
) -> Result<Value, Refusal> {
    match call {
        Call::QueryOrder => query_order(desk, account, parameters),
        Call::Amendments => amendments(desk, account, parameters),
        Call::OpenOrders => open_orders(desk, account, parameters),
        Call::AllOrders => all_orders(desk, account, parameters),
        Call::MyTrades => my_trades(desk, account, parameters),
        Call::Commission => commission(desk, account, parameters),
        Call::OrderCounts => Ok(desk.orders.shown(account, desk.now)),
        Call::CapitalConfig => Ok(capital_config(desk, account)),
        Call::KeyPermissions => Ok(key_permissions()),
        _ => Ok(account_information(desk, account, parameters)),
    }
}

fn query_order(
    desk: &Desk<'_>,
    account: AccountId,
    parameters: &Parameters,
) -> Result<Value, Refusal> {
    let symbol = parameters.symbol(desk.venue)?;
    let key = parameters.order_key("orderId", "origClientOrderId")?;
    let order = desk.venue.find(account, symbol, &key)?;
    Ok(answers::queried(desk.venue.market(symbol), order))
}

fn amendments(
    desk: &Desk<'_>,
    account: AccountId,
    parameters: &Parameters,
) -> Result<Value, Refusal> {
    let symbol = parameters.symbol(desk.venue)?;
    let OrderKey::Id(id) = parameters.order_key("orderId", "")? else {
        return Err(Refusal::missing("orderId"));
    };
    desk.venue.find(account, symbol, &OrderKey::Id(id))?;
    let from = parameters.whole("fromExecutionId")?.unwrap_or(0);
    let limit = parameters.limit(500, 1_000)?;
    let market = desk.venue.market(symbol);
    Ok(desk
        .venue
        .amendments(symbol, id)
        .filter(|record| record.execution_id >= from.unsigned_abs())
        .take(limit)
        .map(|record| answers::amendment(market, record))
        .collect())
}

fn open_orders(
    desk: &Desk<'_>,
    account: AccountId,
    parameters: &Parameters,
) -> Result<Value, Refusal> {
    let shown = |market: &SymbolMarket| -> Vec<Value> {
        market
            .open_orders(account)
            .map(|order| answers::queried(market, order))
            .collect()
    };
    if parameters.text("symbol").is_some() {
        let symbol = parameters.symbol(desk.venue)?;
        return Ok(json!(shown(desk.venue.market(symbol))));
    }
    Ok(desk.venue.markets().flat_map(shown).collect())
}

/// A span of time that a question is about, both ends included.
struct Span {
    from: Option<i64>,
    to: Option<i64>,
}

impl Span {
    fn of(parameters: &Parameters) -> Result<Self, Refusal> {
        let span = Self {
            from: parameters.whole("startTime")?,
            to: parameters.whole("endTime")?,
        };
        match (span.from, span.to) {
            (Some(from), Some(to)) if to - from > 24 * 3_600_000 => Err(Refusal::new(
                -1127,
                "More than 24 hours between startTime and endTime.",
            )),
            _ => Ok(span),
        }
    }

    fn holds(&self, time: Timestamp) -> bool {
        let time = milliseconds(time);
        self.from.is_none_or(|from| time >= from) && self.to.is_none_or(|to| time <= to)
    }
}

/// The oldest rows where a beginning was asked for, else the newest; oldest first in either case.
fn page<T>(rows: Vec<T>, limit: usize, from_the_beginning: bool) -> Vec<T> {
    let skipped = if from_the_beginning {
        0
    } else {
        rows.len().saturating_sub(limit)
    };
    rows.into_iter().skip(skipped).take(limit).collect()
}

fn all_orders(
    desk: &Desk<'_>,
    account: AccountId,
    parameters: &Parameters,
) -> Result<Value, Refusal> {
    let market = desk.venue.market(parameters.symbol(desk.venue)?);
    let from_id = parameters.whole("orderId")?.map(i64::unsigned_abs);
    let span = Span::of(parameters)?;
    let limit = parameters.limit(500, 1_000)?;
    let rows: Vec<&Order> = market
        .orders()
        .iter()
        .filter(|order| order.account == account)
        .filter(|order| from_id.is_none_or(|from| order.id.0 >= from))
        .filter(|order| span.holds(order.created))
        .collect();
    let is_from = from_id.is_some() || span.from.is_some();
    Ok(page(rows, limit, is_from)
        .into_iter()
        .map(|order| answers::queried(market, order))
        .collect())
}

fn my_trades(
    desk: &Desk<'_>,
    account: AccountId,
    parameters: &Parameters,
) -> Result<Value, Refusal> {
    let market = desk.venue.market(parameters.symbol(desk.venue)?);
    let order = parameters.whole("orderId")?.map(i64::unsigned_abs);
    let from_id = parameters.whole("fromId")?.map(i64::unsigned_abs);
    let span = Span::of(parameters)?;
    let limit = parameters.limit(500, 1_000)?;
    let rows: Vec<&Fill> = market
        .fills()
        .iter()
        .filter(|fill| fill.account == account)
        .filter(|fill| order.is_none_or(|order| fill.order.0 == order))
        .filter(|fill| from_id.is_none_or(|from| fill.trade_id >= from))
        .filter(|fill| span.holds(fill.at))
        .collect();
    let is_from = from_id.is_some() || span.from.is_some();
    Ok(page(rows, limit, is_from)
        .into_iter()
        .map(|fill| answers::own_trade(market, desk.venue.ledger(), fill))
        .collect())
}

fn account_information(desk: &Desk<'_>, id: AccountId, parameters: &Parameters) -> Value {
    let ledger = desk.venue.ledger();
    let account = ledger.account(id);
    let omits_zeros = parameters.text("omitZeroBalances") == Some("true");
    let balances: Vec<Value> = ledger
        .assets()
        .map(|(asset, name)| (name, account.balance(asset)))
        .filter(|(_, balance)| !(omits_zeros && balance.free.is_zero() && balance.locked.is_zero()))
        .map(|(name, balance)| {
            json!({
                "asset": name, "free": decimal(balance.free.units()),
                "locked": decimal(balance.locked.units()),
            })
        })
        .collect();
    let basis_points = |units: i64| units / 10_000;
    let rates = account.rates;
    json!({
        "makerCommission": basis_points(rates.maker.units()),
        "takerCommission": basis_points(rates.taker.units()),
        "buyerCommission": 0, "sellerCommission": 0,
        "commissionRates": {
            "maker": decimal(rates.maker.units()), "taker": decimal(rates.taker.units()),
            "buyer": decimal(0), "seller": decimal(0),
        },
        "canTrade": true, "canWithdraw": false, "canDeposit": false, "brokered": false,
        "requireSelfTradePrevention": false, "preventSor": false,
        "updateTime": milliseconds(desk.now), "accountType": "SPOT", "balances": balances,
        "permissions": ["SPOT"], "uid": account.uid,
    })
}

fn commission(
    desk: &Desk<'_>,
    account: AccountId,
    parameters: &Parameters,
) -> Result<Value, Refusal> {
    let symbol = parameters.symbol(desk.venue)?;
    let rates = desk.venue.ledger().account(account).rates;
    let none = json!({
        "maker": decimal(0), "taker": decimal(0), "buyer": decimal(0), "seller": decimal(0),
    });
    Ok(json!({
        "symbol": desk.venue.market(symbol).rules().symbol.as_str(),
        "standardCommission": {
            "maker": decimal(rates.maker.units()), "taker": decimal(rates.taker.units()),
            "buyer": decimal(0), "seller": decimal(0),
        },
        "specialCommission": none, "taxCommission": none,
        "discount": {
            "enabledForAccount": false, "enabledForSymbol": false, "discountAsset": "BNB",
            "discount": decimal(0),
        },
    }))
}

/// Coins without networks: nothing can be deposited here or withdrawn.
fn capital_config(desk: &Desk<'_>, account: AccountId) -> Value {
    let ledger = desk.venue.ledger();
    ledger
        .assets()
        .map(|(asset, name)| {
            let balance = ledger.account(account).balance(asset);
            json!({
                "coin": name, "name": name, "depositAllEnable": false, "withdrawAllEnable": false,
                "free": decimal(balance.free.units()), "locked": decimal(balance.locked.units()),
                "freeze": "0", "withdrawing": "0", "ipoing": "0", "ipoable": "0", "storage": "0",
                "isLegalMoney": false, "trading": true, "networkList": [],
            })
        })
        .collect()
}

fn key_permissions() -> Value {
    json!({
        "ipRestrict": true, "createTime": 1_698_645_219_000_i64, "enableReading": true,
        "enableWithdrawals": false, "enableInternalTransfer": false, "enableMargin": false,
        "enableFutures": false, "permitsUniversalTransfer": false, "enableVanillaOptions": false,
        "enableFixApiTrade": false, "enableFixReadOnly": false,
        "enableSpotAndMarginTrading": true, "enablePortfolioMarginTrading": false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_the_newest_rows_unless_a_beginning_was_asked_for() {
        for (from_the_beginning, expected) in [(false, [3, 4]), (true, [1, 2])] {
            assert_eq!(page(vec![1, 2, 3, 4], 2, from_the_beginning), expected);
        }
        assert_eq!(page(vec![1], 2, false), [1]);
    }
}
