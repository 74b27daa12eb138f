//! Journals of every kind of record, with every text and the widest numbers that one can hold.

use std::sync::Arc;

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use triptych_engine::decimal::{Notional, Price, Quantity, Ratio};
use triptych_engine::event::{Liquidity, Side, Timestamp};
use triptych_engine::portfolio::CloseReason;
use triptych_orders::record::{Entry, Intent, Record};
use triptych_venue::{
    ClientOrderId, OrderKind, OrderStatus, TimeInForce, VenueOrderId, VenueTrade, VenueTradeId,
};

use crate::journal::{entries, id};

/// Intents of some orders, and then anything about these and others.
pub(crate) fn any_journal() -> impl Strategy<Value = Vec<Entry>> {
    (vec(any_intent(), 0..6), vec(any_event(), 1..40)).prop_map(|(intents, events)| {
        let begun = intents.into_iter().enumerate().map(|(number, intent)| {
            Record::Intended(Intent {
                client_order_id: id(number),
                ..intent
            })
        });
        entries(begun.chain(events))
    })
}

fn any_event() -> impl Strategy<Value = Record> {
    prop_oneof![
        (any::<u64>(), text()).prop_map(|(epoch, run)| Record::Opened { epoch, run }),
        (text(), option::of(text())).prop_map(|(symbol, newest)| Record::Began {
            symbol,
            newest_trade: newest.map(VenueTradeId),
        }),
        any_trade().prop_map(|trade| Record::Foreign { trade }),
        (order(), text()).prop_map(|(order, name)| Record::Accepted {
            order,
            venue_order_id: VenueOrderId(name),
        }),
        (order(), any::<i64>(), text()).prop_map(|(order, code, message)| Record::Refused {
            order,
            code,
            message,
        }),
        (order(), text()).prop_map(|(order, reason)| Record::NotSent { order, reason }),
        (order(), text()).prop_map(|(order, reason)| Record::Unknown { order, reason }),
        order().prop_map(|order| Record::NeverArrived { order }),
        (order(), text()).prop_map(|(order, reason)| Record::CancelIntended { order, reason }),
        (order(), any_trade()).prop_map(|(order, trade)| Record::Filled { order, trade }),
        (order(), any_status(), quantity()).prop_map(|(order, status, filled)| Record::Ended {
            order,
            status,
            filled,
        }),
    ]
}

fn order() -> impl Strategy<Value = ClientOrderId> {
    (0..8_usize).prop_map(id)
}

fn text() -> impl Strategy<Value = Arc<str>> {
    any::<String>().prop_map(Into::into)
}

fn price() -> impl Strategy<Value = Price> {
    any::<i64>().prop_map(Price::from_units)
}

/// As large as forty of them can be added.
fn quantity() -> impl Strategy<Value = Quantity> {
    (-(i64::MAX / 64)..i64::MAX / 64).prop_map(Quantity::from_units)
}

fn side() -> impl Strategy<Value = Side> {
    prop_oneof![Just(Side::Buy), Just(Side::Sell)]
}

fn at() -> impl Strategy<Value = Timestamp> {
    any::<i64>().prop_map(Timestamp::from_nanoseconds)
}

fn any_status() -> impl Strategy<Value = OrderStatus> {
    prop_oneof![
        Just(OrderStatus::Working),
        Just(OrderStatus::Filled),
        Just(OrderStatus::Cancelled),
        Just(OrderStatus::Rejected),
        Just(OrderStatus::Expired),
    ]
}

fn any_kind() -> impl Strategy<Value = OrderKind> {
    let time_in_force = prop_oneof![
        Just(TimeInForce::GoodTillCancel),
        Just(TimeInForce::ImmediateOrCancel),
        Just(TimeInForce::FillOrKill),
    ];
    prop_oneof![
        Just(OrderKind::Market),
        (price(), time_in_force).prop_map(|(price, time_in_force)| OrderKind::Limit {
            price,
            time_in_force,
        }),
        price().prop_map(|trigger| OrderKind::StopLoss { trigger }),
        price().prop_map(|trigger| OrderKind::TakeProfit { trigger }),
    ]
}

fn any_intent() -> impl Strategy<Value = Intent> {
    let purpose = prop_oneof![
        Just(CloseReason::Signal),
        Just(CloseReason::Stop),
        Just(CloseReason::Target),
    ];
    let origin = ("[0-9a-f]{32}", purpose, text(), text(), side());
    let terms = (any_kind(), quantity(), price(), option::of(any::<i64>()));
    let closing = (
        any::<u8>(),
        option::of(price()),
        option::of(price()),
        any::<bool>(),
    );
    (origin, terms, closing, at(), at()).prop_map(
        |(origin, terms, closing, decided, takeable_until)| {
            let (part, stop, target, reduces) = closing;
            let (candidate, purpose, strategy, symbol, side) = origin;
            let (kind, quantity, touch, live_ratio) = terms;
            Intent {
                client_order_id: id(0),
                candidate_id: candidate.parse().unwrap(),
                purpose,
                part,
                strategy,
                symbol,
                side,
                kind,
                quantity,
                touch,
                stop,
                target,
                reduces,
                live_ratio: live_ratio.map(Ratio::from_units),
                decided,
                takeable_until,
            }
        },
    )
}

fn any_trade() -> impl Strategy<Value = VenueTrade> {
    let names = (text(), text(), "[A-C]", text());
    let liquidity = prop_oneof![Just(Liquidity::Maker), Just(Liquidity::Taker)];
    let numbers = (price(), quantity(), any::<i64>());
    (names, side(), numbers, liquidity, at()).prop_map(|(names, side, numbers, liquidity, at)| {
        let (trade_id, venue_order_id, symbol, fee_asset) = names;
        let (price, quantity, fee) = numbers;
        VenueTrade {
            trade_id: VenueTradeId(trade_id),
            venue_order_id: VenueOrderId(venue_order_id),
            symbol: symbol.into(),
            side,
            price,
            quantity,
            // What a venue can say: eight decimals.
            fee: Notional::from_units(i128::from(fee) * 100_000_000),
            fee_asset,
            liquidity,
            at,
        }
    })
}
