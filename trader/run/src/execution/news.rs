//! What the decision thread learns of its orders.

use std::sync::Arc;

use triptych_account::{Account, Fee, Fill, Order, OrderKey};
use triptych_crds::strategies::OrderType;
use triptych_engine::decimal::{Notional, Quantity};
use triptych_engine::event::InstrumentId;
use triptych_orders::own_orders::OwnOrders;
use triptych_orders::record::{Entry, Intent, Record};
use triptych_venue::{OrderKind, VenueTrade};

/// Something that happened to an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum News {
    /// It was filled, whole or in part.
    Filled(OrderKey, Fill),
    /// Nothing of it is at work any more.
    Ended(OrderKey),
}

impl News {
    /// What a record means for the account, once `own` has taken it in.
    pub(crate) fn of(entry: &Entry, own: &OwnOrders) -> Vec<Self> {
        let order = entry.record.order();
        let Some(own) = order.and_then(|order| own.get(order.as_str())) else {
            return Vec::new();
        };
        let key = own.intent.key();
        let mut news = Vec::new();
        if let Record::Filled { trade, .. } = &entry.record {
            news.push(Self::Filled(key, fill(trade)));
        }
        // Fills may be booked after the venue said that the order ended.
        if own.is_settled() {
            news.push(Self::Ended(key));
        }
        news
    }

    /// Takes it into an account.
    pub(crate) fn take_into(self, account: &mut Account) {
        match self {
            Self::Filled(key, fill) => drop(account.fill(key, fill)),
            Self::Ended(key) => drop(account.end(key)),
        }
    }
}

/// Fees are paid in the quote asset of the symbol, in its base asset, or in another one.
fn fill(trade: &VenueTrade) -> Fill {
    let fee = if trade.symbol.ends_with(&*trade.fee_asset) {
        Fee::Quote(trade.fee)
    } else if trade.symbol.starts_with(&*trade.fee_asset) {
        Fee::Base(whole_units(trade.fee))
    } else {
        Fee::Other
    };
    Fill {
        price: trade.price,
        quantity: trade.quantity,
        fee,
        at: trade.at,
    }
}

/// An amount of a base asset, rounded up to the smallest unit of a quantity.
fn whole_units(fee: Notional) -> Quantity {
    const UNITS_OF_NOTIONAL: i128 = 100_000_000;
    let units = -(-fee.units()).div_euclid(UNITS_OF_NOTIONAL);
    Quantity::from_units(i64::try_from(units).unwrap_or(i64::MAX))
}

/// Brings an account to where its journal ends. Orders on symbols that the revision does not have are passed over.
pub(crate) fn restore(
    account: &mut Account,
    entries: &[Entry],
    own: &OwnOrders,
    symbols: &[Arc<str>],
) {
    for entry in entries {
        match &entry.record {
            Record::Intended(intent) => {
                if let Some(order) = order_of(intent, symbols) {
                    account.open(&order);
                }
            }
            Record::Filled { order, trade } => {
                if let Some(own) = own.get(order.as_str()) {
                    account.fill(own.intent.key(), fill(trade));
                }
            }
            _ => {}
        }
    }
    for own in own.all().filter(|own| own.is_settled()) {
        account.end(own.intent.key());
    }
}

fn order_of(intent: &Intent, symbols: &[Arc<str>]) -> Option<Order> {
    let place = symbols.iter().position(|symbol| *symbol == intent.symbol)?;
    Some(Order {
        key: intent.key(),
        strategy: Arc::clone(&intent.strategy),
        instrument: InstrumentId(u16::try_from(place).ok()?),
        side: intent.side,
        order_type: match intent.kind {
            OrderKind::Limit { .. } => OrderType::Limit,
            OrderKind::Market | OrderKind::StopLoss { .. } | OrderKind::TakeProfit { .. } => {
                OrderType::Market
            }
        },
        touch: intent.touch,
        quantity: intent.quantity,
        stop: intent.stop,
        target: intent.target,
        reduces: intent.reduces,
    })
}
