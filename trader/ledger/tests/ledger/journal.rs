//! Journals for the ledger to follow.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use triptych_engine::decimal::Price;
use triptych_engine::event::{Liquidity, Side, Timestamp};
use triptych_engine::portfolio::CloseReason;
use triptych_ledger::JournalReader;
use triptych_orders::record::{Entry, Intent, Record};
use triptych_venue::{
    ClientOrderId, OrderKind, OrderStatus, TimeInForce, VenueOrderId, VenueTrade, VenueTradeId,
};

/// A journal in memory, that its reader and its writer share.
#[derive(Clone, Default)]
pub(crate) struct Memory(Arc<Mutex<Vec<Entry>>>);

impl Memory {
    pub(crate) fn push(&self, entry: Entry) {
        self.0.lock().unwrap().push(entry);
    }
}

impl JournalReader for Memory {
    type Error = Infallible;

    fn last(&mut self) -> Result<u64, Infallible> {
        Ok(u64::try_from(self.0.lock().unwrap().len()).unwrap())
    }

    fn after(&mut self, sequence: u64, most: usize) -> Result<Vec<Entry>, Infallible> {
        let from = usize::try_from(sequence).unwrap();
        let entries = self.0.lock().unwrap();
        Ok(entries.iter().skip(from).take(most).cloned().collect())
    }
}

/// These records as a journal has them.
pub(crate) fn entries(records: impl IntoIterator<Item = Record>) -> Vec<Entry> {
    (1_u64..)
        .zip(records)
        .map(|(sequence, record)| Entry {
            sequence,
            at: Timestamp::from_milliseconds(1_790_000_000_000 + i64::try_from(sequence).unwrap()),
            record,
        })
        .collect()
}

/// A trading day: orders that were filled, cancelled, refused, not sent, lost and found, so many times.
pub(crate) fn a_day(orders: usize) -> Vec<Entry> {
    let mut records = vec![Record::Opened {
        epoch: 3,
        run: "01890a5d-ac96-774b-bcce-b302099a8057".into(),
    }];
    for number in 0..orders {
        let order = id(number);
        records.push(Record::Intended(intent(number)));
        records.extend(life(number, &order));
    }
    entries(records)
}

fn life(number: usize, order: &ClientOrderId) -> Vec<Record> {
    let order = order.clone();
    let accepted = Record::Accepted {
        order: order.clone(),
        venue_order_id: VenueOrderId(format!("{number}77").into()),
    };
    let ended = |status, filled: &str| Record::Ended {
        order: order.clone(),
        status,
        filled: filled.parse().unwrap(),
    };
    let filled = |part: usize, quantity: &str| Record::Filled {
        order: order.clone(),
        trade: trade(number, part, quantity),
    };
    let unknown = Record::Unknown {
        order: order.clone(),
        reason: "no answer within 5s".into(),
    };
    match number % 6 {
        0 => vec![
            accepted,
            filled(0, "0.00123"),
            filled(1, "0.00000001"),
            ended(OrderStatus::Filled, "0.00123001"),
        ],
        1 => vec![
            accepted,
            filled(0, "0.5"),
            Record::CancelIntended {
                order: order.clone(),
                reason: "halted".into(),
            },
            ended(OrderStatus::Cancelled, "0.5"),
        ],
        2 => vec![Record::Refused {
            order: order.clone(),
            code: -2010,
            message: "Account has insufficient balance; it's \"over\"\0".into(),
        }],
        3 => vec![Record::NotSent {
            order: order.clone(),
            reason: "no connection".into(),
        }],
        4 => vec![
            unknown,
            Record::NeverArrived {
                order: order.clone(),
            },
        ],
        _ => vec![unknown, accepted, filled(0, "1")],
    }
}

pub(crate) fn id(number: usize) -> ClientOrderId {
    ClientOrderId::new(&format!("x-3-{number}")).unwrap()
}

fn intent(number: usize) -> Intent {
    let price: Price = "61837.63".parse().unwrap();
    Intent {
        client_order_id: id(number),
        candidate_id: "00112233445566778899aabbccddeeff".parse().unwrap(),
        purpose: CloseReason::Signal,
        part: 0,
        strategy: "imbalance".into(),
        symbol: "BTCUSDT".into(),
        side: if number.is_multiple_of(4) {
            Side::Sell
        } else {
            Side::Buy
        },
        kind: OrderKind::Limit {
            price,
            time_in_force: TimeInForce::GoodTillCancel,
        },
        quantity: "1".parse().unwrap(),
        touch: price,
        stop: Some(price),
        target: None,
        reduces: false,
        live_ratio: Some("0.25".parse().unwrap()),
        decided: Timestamp::from_milliseconds(1_790_000_000_000),
        takeable_until: Timestamp::from_milliseconds(1_790_000_002_000),
    }
}

fn trade(number: usize, part: usize, quantity: &str) -> VenueTrade {
    VenueTrade {
        trade_id: VenueTradeId(format!("{number}-{part}").into()),
        venue_order_id: VenueOrderId(format!("{number}77").into()),
        symbol: "BTCUSDT".into(),
        side: if number.is_multiple_of(4) {
            Side::Sell
        } else {
            Side::Buy
        },
        price: "61837.63".parse().unwrap(),
        quantity: quantity.parse().unwrap(),
        fee: "0.00000123".parse().unwrap(),
        fee_asset: "BNB".into(),
        liquidity: Liquidity::Maker,
        at: Timestamp::from_milliseconds(1_790_000_001_000),
    }
}
