//! From the journal's records to the rows of the ledger: pure, and the same for both databases.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use triptych_engine::decimal::{Notional, Price, Quantity, Ratio};
use triptych_orders::record::{Entry, Intent, Record};
use triptych_venue::{ClientOrderId, OrderKind, TimeInForce, VenueTrade};

use crate::error::LedgerError;
use crate::order_state::{Order, State};
use crate::session::{Statement, Value};

/// What is bought and not sold again of an instrument, by its fills alone; fees are not in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Position {
    /// Bought less sold, in the base asset.
    pub(crate) quantity: Quantity,
    /// Paid for purchases less brought by sales, in the quote asset.
    pub(crate) value: Notional,
}

/// The part of the ledger that the next records may change.
#[derive(Debug, Default)]
pub(crate) struct Book {
    pub(crate) orders: BTreeMap<ClientOrderId, Order>,
    pub(crate) positions: BTreeMap<Arc<str>, Position>,
    changed_orders: BTreeSet<ClientOrderId>,
    changed_positions: BTreeMap<Arc<str>, i64>,
}

impl Book {
    /// Orders that these records are about, begun by none of them and not in the book.
    pub(crate) fn missing(&self, entries: &[Entry]) -> BTreeSet<ClientOrderId> {
        let mut begun = BTreeSet::new();
        let mut missing = BTreeSet::new();
        for entry in entries {
            match (&entry.record, entry.record.order()) {
                (Record::Intended(_), Some(order)) => {
                    begun.insert(order);
                }
                (_, Some(order)) if !begun.contains(order) && !self.orders.contains_key(order) => {
                    missing.insert(order.clone());
                }
                _ => {}
            }
        }
        missing
    }

    /// The rows that a record adds. What it changes in others is told by [`changes`](Self::changes).
    pub(crate) fn take(&mut self, entry: &Entry) -> Result<Vec<Statement>, LedgerError> {
        let position = place(entry.sequence)?;
        let mut rows = vec![event(entry, position)?];
        if let Record::Intended(intent) = &entry.record {
            rows.push(order(intent, entry, position));
            let new = Order::intended(position, entry.at);
            self.orders.insert(intent.client_order_id.clone(), new);
        } else if let Some(id) = entry.record.order() {
            // Of an order that the journal never began there is its event and its fill.
            if let Some(order) = self.orders.get_mut(id) {
                order.learn(&entry.record, position, entry.at)?;
                self.changed_orders.insert(id.clone());
            }
        }
        if let Record::Filled { order, trade } = &entry.record {
            rows.push(fill(order, trade, position));
            rows.push(self.moved(trade, position)?);
        }
        Ok(rows)
    }

    /// The row of the change that a fill makes to the position.
    fn moved(&mut self, trade: &VenueTrade, position: i64) -> Result<Statement, LedgerError> {
        let out_of_range = |what| LedgerError::OutOfRange { position, what };
        let sign = match trade.side {
            triptych_engine::event::Side::Buy => 1,
            triptych_engine::event::Side::Sell => -1,
        };
        let quantity = Quantity::from_units(trade.quantity.units() * sign);
        let value =
            Notional::from_units(trade.price.notional(trade.quantity).units() * i128::from(sign));
        let held = self.positions.entry(Arc::clone(&trade.symbol)).or_default();
        held.quantity = held
            .quantity
            .checked_add(quantity)
            .ok_or_else(|| out_of_range("the quantity of the position"))?;
        held.value = held
            .value
            .checked_add(value)
            .ok_or_else(|| out_of_range("the value of the position"))?;
        let held = *held;
        self.changed_positions
            .insert(Arc::clone(&trade.symbol), position);
        Ok(Statement {
            sql: "INSERT INTO position_changes (position, symbol, quantity_change, value_change, \
                  quantity_after, value_after) VALUES ($1, $2, $3, $4, $5, $6)",
            values: vec![
                position.into(),
                (&*trade.symbol).into(),
                quantity.to_string().into(),
                value.to_string().into(),
                held.quantity.to_string().into(),
                held.value.to_string().into(),
            ],
        })
    }

    /// The changes to rows that were there before, since this was asked last. Orders that have ended are forgotten:
    /// they are looked up again should something be heard of them.
    pub(crate) fn changes(&mut self) -> Vec<Statement> {
        let mut changes = Vec::new();
        for id in std::mem::take(&mut self.changed_orders) {
            if let Some(order) = self.orders.get(&id) {
                changes.push(order.update(&id));
            }
        }
        self.orders.retain(|_, order| !order.state.has_ended());
        for (symbol, at) in std::mem::take(&mut self.changed_positions) {
            let held = self.positions.get(&symbol).copied().unwrap_or_default();
            changes.push(Statement {
                sql: "INSERT INTO positions (symbol, quantity, value, changed_position) \
                      VALUES ($1, $2, $3, $4) ON CONFLICT (symbol) DO UPDATE SET \
                      quantity = excluded.quantity, value = excluded.value, \
                      changed_position = excluded.changed_position",
                values: vec![
                    (&*symbol).into(),
                    held.quantity.to_string().into(),
                    held.value.to_string().into(),
                    at.into(),
                ],
            });
        }
        changes
    }
}

/// A place in the journal as the databases count.
pub(crate) fn place(sequence: u64) -> Result<i64, LedgerError> {
    i64::try_from(sequence).map_err(|_| LedgerError::OutOfRange {
        position: i64::MAX,
        what: "the record's place in the journal",
    })
}

/// The record itself, whole: what the other tables leave out can be read here.
fn event(entry: &Entry, position: i64) -> Result<Statement, LedgerError> {
    let json = |error: serde_json::Error| LedgerError::Refused(error.to_string());
    let record = serde_json::to_string(&entry.record).map_err(json)?;
    Ok(Statement {
        sql: "INSERT INTO order_events (position, at_ns, event, client_order_id, record) \
              VALUES ($1, $2, $3, $4, $5)",
        values: vec![
            position.into(),
            entry.at.nanoseconds().into(),
            name(&entry.record).into(),
            entry.record.order().map(ClientOrderId::as_str).into(),
            record.into(),
        ],
    })
}

const fn name(record: &Record) -> &'static str {
    match record {
        Record::Opened { .. } => "Opened",
        Record::Began { .. } => "Began",
        Record::Foreign { .. } => "Foreign",
        Record::Intended(_) => "Intended",
        Record::Accepted { .. } => "Accepted",
        Record::Refused { .. } => "Refused",
        Record::NotSent { .. } => "NotSent",
        Record::Unknown { .. } => "Unknown",
        Record::NeverArrived { .. } => "NeverArrived",
        Record::CancelIntended { .. } => "CancelIntended",
        Record::Filled { .. } => "Filled",
        Record::Ended { .. } => "Ended",
    }
}

fn order(intent: &Intent, entry: &Entry, position: i64) -> Statement {
    let (kind, limit, trigger, time_in_force) = terms(intent.kind);
    Statement {
        sql: "INSERT INTO orders (client_order_id, candidate_id, purpose, strategy, symbol, side, kind, \
              time_in_force, limit_price, trigger_price, quantity, touch_price, live_ratio, decided_ns, \
              takeable_until_ns, intended_position, state, filled_quantity, filled_value, \
              changed_position, changed_ns) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, \
              $13, $14, $15, $16, $17, $18, $19, $20, $21)",
        values: vec![
            intent.client_order_id.as_str().into(),
            intent.candidate_id.to_string().into(),
            intent.purpose.name().into(),
            (&*intent.strategy).into(),
            (&*intent.symbol).into(),
            intent.side.name().into(),
            kind.into(),
            time_in_force.into(),
            limit.map(|price| price.to_string()).into(),
            trigger.map(|price| price.to_string()).into(),
            intent.quantity.to_string().into(),
            intent.touch.to_string().into(),
            intent
                .live_ratio
                .map(|ratio: Ratio| ratio.to_string())
                .into(),
            intent.decided.nanoseconds().into(),
            intent.takeable_until.nanoseconds().into(),
            position.into(),
            State::Intended.name().into(),
            Quantity::ZERO.to_string().into(),
            Notional::ZERO.to_string().into(),
            position.into(),
            entry.at.nanoseconds().into(),
        ],
    }
}

type Terms = (
    &'static str,
    Option<Price>,
    Option<Price>,
    Option<&'static str>,
);

const fn terms(kind: OrderKind) -> Terms {
    match kind {
        OrderKind::Market => ("Market", None, None, None),
        OrderKind::Limit {
            price,
            time_in_force,
        } => {
            let until = match time_in_force {
                TimeInForce::GoodTillCancel => "GoodTillCancel",
                TimeInForce::ImmediateOrCancel => "ImmediateOrCancel",
                TimeInForce::FillOrKill => "FillOrKill",
            };
            ("Limit", Some(price), None, Some(until))
        }
        OrderKind::StopLoss { trigger } => ("StopLoss", None, Some(trigger), None),
        OrderKind::TakeProfit { trigger } => ("TakeProfit", None, Some(trigger), None),
    }
}

fn fill(order: &ClientOrderId, trade: &VenueTrade, position: i64) -> Statement {
    Statement {
        sql: "INSERT INTO fills (position, trade_id, client_order_id, venue_order_id, symbol, side, price, \
              quantity, value, fee, fee_asset, liquidity, venue_ns) \
              VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
        values: vec![
            position.into(),
            (&*trade.trade_id.0).into(),
            order.as_str().into(),
            (&*trade.venue_order_id.0).into(),
            (&*trade.symbol).into(),
            trade.side.name().into(),
            trade.price.to_string().into(),
            trade.quantity.to_string().into(),
            trade.price.notional(trade.quantity).to_string().into(),
            trade.fee.to_string().into(),
            (&*trade.fee_asset).into(),
            trade.liquidity.name().into(),
            Value::Whole(trade.at.nanoseconds()),
        ],
    }
}
