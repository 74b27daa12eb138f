//! The journal's records as rows of the dataset.

use std::borrow::Cow;
use std::error::Error;
use std::path::Path;
use std::sync::Arc;

use triptych_dataset::executions::{ExecutionEvent, ExecutionRow, Fill, OrderFacts, unpublished};
use triptych_engine::decimal::Quantity;
use triptych_engine::event::Timestamp;
use triptych_orders::own_orders::{OwnOrder, OwnOrders};
use triptych_orders::path::Draft;
use triptych_orders::record::{Entry, Intent, Record};
use triptych_venue::{OrderKind, OrderStatus, VenueTrade};

/// The row of a record about an order, as it stands after it; none where the record says nothing new of it.
pub(crate) fn row(entry: &Entry, own: &OwnOrder) -> Option<ExecutionRow> {
    let (event, ts_event) = happened(&entry.record)?;
    let filled_quantity = match &entry.record {
        Record::Ended { filled, .. } => *filled,
        _ => own.booked,
    };
    let name = own.venue_order_id.as_ref();
    Some(ExecutionRow {
        order: facts(&own.intent),
        venue_order_id: name.and_then(|name| name.0.parse().ok()),
        event,
        filled_quantity,
        ts_event,
        ts_recv: entry.at,
    })
}

/// The rows of a journal that a dataset lacks: a kill takes what was not published.
pub(crate) fn missing(
    entries: &[Entry],
    dataset: &Path,
) -> Result<Vec<ExecutionRow>, Box<dyn Error>> {
    let mut own = OwnOrders::default();
    let mut rows = Vec::new();
    for entry in entries {
        own.take(entry)?;
        let order = entry.record.order();
        let of_order = order.and_then(|order| own.get(order.as_str()));
        rows.extend(of_order.and_then(|own| row(entry, own)));
    }
    Ok(unpublished(dataset, rows)?)
}

/// The row of an order's way to the venue.
pub(crate) fn sent(own: &OwnOrder, at: Timestamp) -> ExecutionRow {
    ExecutionRow {
        order: facts(&own.intent),
        venue_order_id: None,
        event: ExecutionEvent::Sent,
        filled_quantity: Quantity::ZERO,
        ts_event: None,
        ts_recv: at,
    }
}

/// The row of an order that is not sent.
pub(crate) fn withheld(draft: &Draft, reason: String, at: Timestamp) -> ExecutionRow {
    ExecutionRow {
        order: OrderFacts {
            candidate_id: draft.key.candidate,
            purpose: draft.key.purpose,
            strategy: Arc::clone(&draft.strategy),
            instrument: Arc::clone(&draft.symbol),
            live_ratio: draft.live_ratio,
            client_order_id: "".into(),
            side: draft.side,
            limit: limit(draft.kind),
            touch: draft.touch,
            quantity: draft.quantity,
        },
        venue_order_id: None,
        event: ExecutionEvent::Rejected(Cow::Owned(reason)),
        filled_quantity: Quantity::ZERO,
        ts_event: None,
        ts_recv: at,
    }
}

fn facts(intent: &Intent) -> OrderFacts {
    OrderFacts {
        candidate_id: intent.candidate_id,
        purpose: intent.purpose,
        strategy: Arc::clone(&intent.strategy),
        instrument: Arc::clone(&intent.symbol),
        live_ratio: intent.live_ratio,
        client_order_id: intent.client_order_id.as_str().into(),
        side: intent.side,
        limit: limit(intent.kind),
        touch: intent.touch,
        quantity: intent.quantity,
    }
}

const fn limit(kind: OrderKind) -> Option<triptych_engine::decimal::Price> {
    match kind {
        OrderKind::Limit { price, .. } => Some(price),
        OrderKind::Market | OrderKind::StopLoss { .. } | OrderKind::TakeProfit { .. } => None,
    }
}

fn happened(record: &Record) -> Option<(ExecutionEvent, Option<Timestamp>)> {
    let rejected = |reason: String| ExecutionEvent::Rejected(Cow::Owned(reason));
    let event = match record {
        Record::Intended(_) => ExecutionEvent::Intended,
        Record::Accepted { .. } => ExecutionEvent::Accepted,
        Record::Refused { code, message, .. } => rejected(format!("{code}: {message}")),
        Record::NotSent { reason, .. } => rejected(format!("not sent: {reason}")),
        Record::NeverArrived { .. } => rejected("it never arrived".to_owned()),
        Record::Unknown { .. } => ExecutionEvent::Unknown,
        Record::Filled { trade, .. } => {
            return Some((ExecutionEvent::Filled(fill(trade)), Some(trade.at)));
        }
        Record::Ended { status, .. } => match status {
            OrderStatus::Cancelled => ExecutionEvent::Cancelled("Cancelled".into()),
            OrderStatus::Rejected => ExecutionEvent::Rejected("Rejected".into()),
            OrderStatus::Expired => ExecutionEvent::Expired("Expired".into()),
            // Its fills say so.
            OrderStatus::Filled | OrderStatus::Working => return None,
        },
        Record::Opened { .. }
        | Record::Began { .. }
        | Record::Foreign { .. }
        | Record::CancelIntended { .. } => return None,
    };
    Some((event, None))
}

fn fill(trade: &VenueTrade) -> Fill {
    Fill {
        venue_trade_id: trade.trade_id.0.parse().ok(),
        price: trade.price,
        quantity: trade.quantity,
        liquidity: trade.liquidity,
        fee: trade.fee,
        fee_asset: Some(Arc::clone(&trade.fee_asset)),
    }
}
