//! What is written is what was journalled, to the last digit.

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use triptych_engine::event::Side;
use triptych_ledger::Row;
use triptych_orders::record::{Entry, Record};
use triptych_venue::{OrderKind, VenueTrade};

use crate::any_journal::any_journal;
use crate::journal::a_day;
use crate::open;
use crate::stores::{dump, rows, stores};

#[test]
fn every_record_is_read_back_as_it_was_written() {
    for store in stores() {
        let mut runner = TestRunner::new(Config {
            cases: 24,
            failure_persistence: None,
            ..Config::default()
        });
        runner
            .run(&any_journal(), |entries| {
                let place = store.empty();
                let mut ledger = open(&place);
                // In two transactions, and the second knows of the first what the database says.
                let (first, second) = entries.split_at(entries.len() / 2);
                ledger.write(first).unwrap();
                open(&place).write(second).unwrap();
                prop_assert_eq!(
                    &records(&rows(&place, "order_events")),
                    &entries,
                    "{}",
                    store.name
                );
                let mut orders = rows(&place, "orders");
                for row in &mut orders {
                    row.truncate(15);
                }
                prop_assert_eq!(orders, intended(&entries));
                prop_assert_eq!(rows(&place, "fills"), filled(&entries));
                prop_assert_eq!(positions(&rows(&place, "positions")), held(&entries));
                Ok(())
            })
            .unwrap();
    }
}

#[test]
fn every_database_holds_the_same_rows() {
    let entries = a_day(30);
    let dumps: Vec<_> = stores()
        .iter()
        .map(|store| {
            let place = store.empty();
            open(&place).write(&entries).unwrap();
            (store.name, dump(&place))
        })
        .collect();
    for (name, tables) in &dumps[1..] {
        assert_eq!(tables, &dumps[0].1, "{name}");
    }
}

#[test]
fn an_order_stands_where_its_last_record_left_it() {
    for store in stores() {
        let place = store.empty();
        open(&place).write(&a_day(6)).unwrap();
        let states: Vec<_> = rows(&place, "orders")
            .into_iter()
            .map(|row| {
                let text = |column: usize| row[column].clone().unwrap_or_default();
                [text(16), text(17), text(18), text(20), text(21), text(22)].join("|")
            })
            .collect();
        assert_eq!(
            states,
            [
                "Filled|||0.00123001|76.0609032763|0.00123001",
                "Cancelled||halted|0.5|30918.815|0.5",
                "Refused|-2010: Account has insufficient balance; it's \"over\"\u{fffd}||0|0|",
                "NotSent|no connection||0|0|",
                "NeverArrived|no answer within 5s||0|0|",
                "Working|no answer within 5s||1|61837.63|",
            ],
            "{}",
            store.name
        );
    }
}

fn records(rows: &[Row]) -> Vec<Entry> {
    let texts = rows
        .iter()
        .map(|row| row.iter().map(|text| text.clone().unwrap_or_default()));
    texts
        .map(|mut texts| {
            let mut next = || texts.next().unwrap();
            let (sequence, at) = (next().parse().unwrap(), next().parse().unwrap());
            let (event, order, record) = (next(), next(), next());
            let record: Record = serde_json::from_str(&record).unwrap();
            let value = serde_json::to_value(&record).unwrap();
            assert_eq!(value["record"], event);
            assert_eq!(record.order().map_or("", |order| order.as_str()), order);
            Entry {
                sequence,
                at: triptych_engine::event::Timestamp::from_nanoseconds(at),
                record,
            }
        })
        .collect()
}

/// Text as PostgreSQL can hold it.
fn text(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

/// The columns of orders that do not change, from the intents.
fn intended(entries: &[Entry]) -> Vec<Row> {
    let intents = entries.iter().filter_map(|entry| match &entry.record {
        Record::Intended(intent) => Some(intent),
        _ => None,
    });
    intents
        .map(|intent| {
            let kind = format!("{:?}", intent.kind);
            let kind = kind.split(' ').next().map(str::to_owned);
            let (until, limit, trigger) = match intent.kind {
                OrderKind::Market => (None, None, None),
                OrderKind::Limit {
                    price,
                    time_in_force,
                } => (
                    Some(format!("{time_in_force:?}")),
                    Some(price.to_string()),
                    None,
                ),
                OrderKind::StopLoss { trigger } | OrderKind::TakeProfit { trigger } => {
                    (None, None, Some(trigger.to_string()))
                }
            };
            vec![
                Some(text(intent.client_order_id.as_str())),
                Some(intent.candidate_id.to_string()),
                Some(format!("{:?}", intent.purpose)),
                Some(text(&intent.strategy)),
                Some(text(&intent.symbol)),
                Some(format!("{:?}", intent.side)),
                kind,
                until,
                limit,
                trigger,
                Some(intent.quantity.to_string()),
                Some(intent.touch.to_string()),
                intent.live_ratio.map(|ratio| ratio.to_string()),
                Some(intent.decided.nanoseconds().to_string()),
                Some(intent.takeable_until.nanoseconds().to_string()),
            ]
        })
        .collect()
}

fn trades(entries: &[Entry]) -> impl Iterator<Item = (&Entry, &str, &VenueTrade)> {
    entries.iter().filter_map(|entry| match &entry.record {
        Record::Filled { order, trade } => Some((entry, order.as_str(), trade)),
        _ => None,
    })
}

fn filled(entries: &[Entry]) -> Vec<Row> {
    trades(entries)
        .map(|(entry, order, trade)| {
            vec![
                Some(entry.sequence.to_string()),
                Some(text(&trade.trade_id.0)),
                Some(text(order)),
                Some(text(&trade.venue_order_id.0)),
                Some(text(&trade.symbol)),
                Some(format!("{:?}", trade.side)),
                Some(trade.price.to_string()),
                Some(trade.quantity.to_string()),
                Some(trade.price.notional(trade.quantity).to_string()),
                Some(trade.fee.to_string()),
                Some(text(&trade.fee_asset)),
                Some(format!("{:?}", trade.liquidity)),
                Some(trade.at.nanoseconds().to_string()),
            ]
        })
        .collect()
}

/// Quantity and value of each symbol, as texts.
type Held = BTreeMap<String, (String, String)>;

fn positions(rows: &[Row]) -> Held {
    let column = |row: &Row, column: usize| row[column].clone().unwrap();
    rows.iter()
        .map(|row| (column(row, 0), (column(row, 1), column(row, 2))))
        .collect()
}

fn held(entries: &[Entry]) -> Held {
    use triptych_engine::decimal::{Notional, Quantity};
    let mut held: BTreeMap<String, (i64, i128)> = BTreeMap::new();
    for (_, _, trade) in trades(entries) {
        let (quantity, value) = held.entry(trade.symbol.to_string()).or_default();
        let sign = if trade.side == Side::Buy { 1 } else { -1 };
        *quantity += sign * trade.quantity.units();
        *value +=
            i128::from(sign) * i128::from(trade.price.units()) * i128::from(trade.quantity.units());
    }
    held.into_iter()
        .map(|(symbol, (quantity, value))| {
            let quantity = Quantity::from_units(quantity).to_string();
            (symbol, (quantity, Notional::from_units(value).to_string()))
        })
        .collect()
}
