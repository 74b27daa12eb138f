use std::sync::Arc;

use triptych_crds::strategies::OrderType;
use triptych_engine::decimal::{Notional, Price, Quantity};
use triptych_engine::event::{InstrumentId, Level, Side, Timestamp};
use triptych_engine::market::{Instrument, Top};
use triptych_engine::portfolio::CloseReason;

use crate::{Account, Fee, Fill, Order, OrderKey};

const BITCOIN: InstrumentId = InstrumentId(0);

fn price(text: &str) -> Price {
    text.parse().unwrap()
}

fn quantity(text: &str) -> Quantity {
    text.parse().unwrap()
}

fn account() -> Account {
    let instrument = Instrument {
        id: BITCOIN,
        symbol: "BTCUSDT".into(),
        price_increment: price("0.01"),
        quantity_increment: quantity("0.001"),
    };
    Account::new(None, [&instrument])
}

fn top(bid: &str, ask: &str) -> Top {
    let level = |text| Level {
        price: price(text),
        quantity: quantity("1"),
    };
    Top {
        bid: level(bid),
        ask: level(ask),
        update_id: 1,
        ts_recv: Timestamp::from_milliseconds(1),
    }
}

/// A purchase of 1 at 100, with a stop at 90 and a target at 120.
fn entry(candidate: u8) -> Order {
    Order {
        key: OrderKey {
            candidate: format!("{candidate:032x}").parse().unwrap(),
            purpose: CloseReason::Signal,
            part: 0,
        },
        strategy: Arc::from("trend"),
        instrument: BITCOIN,
        side: Side::Buy,
        order_type: OrderType::Limit,
        touch: price("100"),
        quantity: quantity("1"),
        stop: Some(price("90")),
        target: Some(price("120")),
        reduces: false,
    }
}

fn fill(of: &str, fee: Fee) -> Fill {
    Fill {
        price: price("100"),
        quantity: quantity(of),
        fee,
        at: Timestamp::from_milliseconds(1),
    }
}

const FREE: Fee = Fee::Quote(Notional::ZERO);

fn wanted(account: &mut Account, top: &Top) -> Vec<Order> {
    let mut wanted = Vec::new();
    account.follow(BITCOIN, top, |order| wanted.push(order));
    wanted
}

#[test]
fn fills_of_one_entry_leave_together_and_once() {
    for (reached, purpose) in [("89", CloseReason::Stop), ("121", CloseReason::Target)] {
        let mut account = account();
        let entry = entry(1);
        assert!(account.open(&entry));
        for part in ["0.2", "0.3", "0.5"] {
            account.fill(entry.key, fill(part, FREE)).unwrap();
        }
        assert_eq!(wanted(&mut account, &top("100", "101")), []);
        let closing = wanted(&mut account, &top(reached, "122"));
        let [closing] = &closing[..] else {
            panic!("{closing:?}");
        };
        assert_eq!(closing.key.purpose, purpose);
        assert_eq!(closing.quantity, quantity("1"));
        assert_eq!((closing.side, closing.reduces), (Side::Sell, true));
        assert_eq!(wanted(&mut account, &top(reached, "122")), []);
    }
}

#[test]
fn what_is_filled_after_the_stop_was_reached_leaves_by_an_order_of_its_own() {
    let mut account = account();
    let entry = entry(1);
    account.open(&entry);
    account.fill(entry.key, fill("0.4", FREE)).unwrap();
    let first = wanted(&mut account, &top("89", "90")).remove(0);
    account.fill(entry.key, fill("0.6", FREE)).unwrap();
    let second = wanted(&mut account, &top("89", "90")).remove(0);
    assert_eq!((first.key.part, second.key.part), (0, 1));
    assert_eq!(second.quantity, quantity("0.6"));
}

#[test]
fn a_fee_in_the_base_asset_brings_less_and_only_whole_steps_are_sold() {
    let mut account = account();
    let entry = entry(1);
    account.open(&entry);
    let fee = Fee::Base(quantity("0.00075"));
    account.fill(entry.key, fill("1", fee)).unwrap();
    let held = account.portfolio().position(BITCOIN).quantity();
    assert_eq!(held, quantity("0.99925"));
    assert_eq!(
        account.portfolio().fees(),
        price("100").notional(quantity("0.00075"))
    );
    let closing = wanted(&mut account, &top("89", "90")).remove(0);
    assert_eq!(closing.quantity, quantity("0.999"));
}

#[test]
fn what_ended_counts_no_more_and_what_is_unknown_changes_nothing() {
    let mut account = account();
    let entry = entry(1);
    account.open(&entry);
    assert!(!account.open(&entry), "a second order of a key");
    account.fill(entry.key, fill("0.25", FREE)).unwrap();
    assert_eq!(account.end(entry.key), Some(quantity("0.75")));
    assert_eq!(account.end(entry.key), None);
    assert_eq!(account.fill(entry.key, fill("0.25", FREE)), None);
    let portfolio = account.portfolio();
    assert_eq!(portfolio.position(BITCOIN).quantity(), quantity("0.25"));
    let exposure = portfolio.exposure();
    assert_eq!(exposure.net_high, exposure.net_low, "nothing is at work");
    assert_eq!(account.working().count(), 0);
}
