//! The client against the simulated venue, with its faults.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::time::Duration;

use serde_json::json;
use support::simulated::{SYMBOL, Simulated};
use support::{client_of, just_now, order};
use triptych_engine::event::Side;
use triptych_venue::binance::BinanceSettings;
use triptych_venue::{
    AccountSide, ClientOrderId, Credentials, NewOrder, NotSent, OrderKind, OrderStatus, QueryError,
    Sent, Venue,
};

const PLACE: &str = "POST /api/v3/order";

fn name(text: &str) -> ClientOrderId {
    ClientOrderId::new(text).unwrap()
}

fn market(text: &str, side: Side) -> NewOrder {
    NewOrder {
        side,
        kind: OrderKind::Market,
        ..order(text)
    }
}

#[tokio::test]
async fn an_account_trades_and_is_asked_on_both_sides() {
    let venue = Simulated::start().await;
    for side in [AccountSide::Live, AccountSide::Demo] {
        let client = venue.client(side);
        client.measure_clock().await.unwrap();
        assert_eq!(client.newest_trade(SYMBOL).await.unwrap(), None);
        let resting = client.place(&order("rests"), just_now()).await;
        let Sent::Accepted(resting) = resting else {
            panic!("{resting:?}");
        };
        assert_eq!(resting.status, OrderStatus::Working);
        let open = client.open_orders(SYMBOL).await.unwrap();
        assert_eq!(open.len(), 1);
        assert_eq!(open[0].venue_order_id, resting.venue_order_id);
        let cancelled = client.cancel(SYMBOL, &name("rests"), just_now()).await;
        let Sent::Accepted(cancelled) = cancelled else {
            panic!("{cancelled:?}");
        };
        assert_eq!(cancelled.status, OrderStatus::Cancelled);
        assert_eq!(*cancelled.client_order_id, *"rests");
        assert_eq!(client.open_orders(SYMBOL).await.unwrap(), []);
        let again = client.cancel(SYMBOL, &name("rests"), just_now()).await;
        assert!(
            matches!(&again, Sent::Refused(refusal) if refusal.code == -2011),
            "{again:?}"
        );

        for (text, side) in [("buys", Side::Buy), ("sells", Side::Sell)] {
            let sent = client.place(&market(text, side), just_now()).await;
            let Sent::Accepted(report) = sent else {
                panic!("{sent:?}");
            };
            assert_eq!(report.status, OrderStatus::Filled);
            assert_eq!(report.filled, report.quantity);
            let asked = client.order(SYMBOL, &name(text)).await.unwrap().unwrap();
            assert_eq!(asked.venue_order_id, report.venue_order_id);
            assert_eq!(asked.filled_value, report.filled_value);
        }
        let trades = client.trades(SYMBOL, None).await.unwrap();
        assert!(trades.len() >= 2, "{trades:?}");
        let newest = client.newest_trade(SYMBOL).await.unwrap();
        assert_eq!(newest.as_ref(), trades.last());
        let rest = client
            .trades(SYMBOL, Some(&trades[0].trade_id))
            .await
            .unwrap();
        assert_eq!(rest, trades[1..]);
        assert_eq!(client.order(SYMBOL, &name("never")).await.unwrap(), None);
        let balances = client.balances().await.unwrap();
        assert!(balances.iter().any(|balance| *balance.asset == *"USDT"));
        let permissions = client.key_permissions().await.unwrap();
        assert!(!permissions.withdraw && permissions.trade && permissions.restricted_to_addresses);
    }
}

#[tokio::test]
async fn a_key_of_one_side_is_refused_by_the_other() {
    let venue = Simulated::start().await;
    let account = &venue.personas.live.accounts[0];
    let credentials =
        Credentials::new(account.api_key.as_bytes(), account.secret.as_bytes()).unwrap();
    let address = venue.running.addresses().demo;
    let client = client_of(
        address,
        AccountSide::Demo,
        credentials,
        BinanceSettings::default(),
    );
    client.measure_clock().await.unwrap();
    let sent = client.place(&order("foreign"), just_now()).await;
    assert!(
        matches!(&sent, Sent::Refused(refusal) if refusal.code == -2015),
        "{sent:?}"
    );
}

#[tokio::test]
async fn an_order_whose_answer_is_lost_is_unknown_and_a_question_tells() {
    let venue = Simulated::start().await;
    let client = venue.demo().await;
    for (index, (fault, was_carried_out)) in [
        (json!({ "cut": { "carriedOut": true } }), true),
        (json!({ "cut": { "carriedOut": false } }), false),
        (json!("truncate"), true),
        (json!({ "timeout": { "carriedOut": true } }), true),
        (json!({ "timeout": { "carriedOut": false } }), false),
    ]
    .into_iter()
    .enumerate()
    {
        let text = format!("lost-{index}");
        venue.arm(PLACE, &fault).await;
        let sent = client.place(&order(&text), just_now()).await;
        assert!(matches!(sent, Sent::Unknown(_)), "{fault}: {sent:?}");
        let found = client.order(SYMBOL, &name(&text)).await.unwrap();
        assert_eq!(found.is_some(), was_carried_out, "{fault}");
        let open = client.open_orders(SYMBOL).await.unwrap();
        let of_that_name = open
            .iter()
            .filter(|order| *order.client_order_id == *text)
            .count();
        assert_eq!(of_that_name, usize::from(was_carried_out), "{fault}");
    }
}

#[tokio::test]
async fn an_order_sent_twice_by_its_caller_is_no_refusal_of_the_first() {
    let venue = Simulated::start().await;
    let client = venue.demo().await;
    let first = client.place(&order("twice"), just_now()).await;
    assert!(matches!(first, Sent::Accepted(_)), "{first:?}");
    let second = client.place(&order("twice"), just_now()).await;
    assert!(matches!(second, Sent::Unknown(_)), "{second:?}");
    assert_eq!(client.open_orders(SYMBOL).await.unwrap().len(), 1);
}

#[tokio::test]
async fn pauses_that_the_venue_asks_for_are_kept() {
    for (fault, seconds) in [
        (json!({ "tooManyRequests": { "retryAfter": 5 } }), 5),
        (json!({ "banned": { "retryAfter": 120 } }), 120),
    ] {
        let venue = Simulated::start().await;
        let client = venue.demo().await;
        venue.arm(PLACE, &fault).await;
        let sent = client.place(&order("paused"), just_now()).await;
        let Sent::NotSent(NotSent::Throttled { retry_after }) = sent else {
            panic!("{sent:?}");
        };
        let expected = Duration::from_secs(seconds);
        assert!(retry_after <= expected && retry_after + Duration::from_secs(3) > expected);
        let question = client.order(SYMBOL, &name("paused")).await;
        assert!(
            matches!(question, Err(QueryError::Throttled { .. })),
            "{question:?}"
        );
    }
}

#[tokio::test]
async fn a_skewed_clock_is_corrected_within_the_bound_and_refused_beyond_it() {
    let venue = Simulated::start().await;
    let client = venue.client(AccountSide::Demo);
    let sent = client.place(&order("early"), just_now()).await;
    assert!(matches!(sent, Sent::NotSent(NotSent::Clock(_))), "{sent:?}");
    for (skew, is_sent) in [(-600, true), (600, true), (-5_000, false), (5_000, false)] {
        venue
            .admin("clock", &json!({ "skewMilliseconds": skew }))
            .await;
        client.measure_clock().await.unwrap();
        let text = format!("skew{skew}");
        let sent = client.place(&order(&text), just_now()).await;
        match (is_sent, &sent) {
            (true, Sent::Accepted(_)) | (false, Sent::NotSent(NotSent::Clock(_))) => {}
            _ => panic!("{skew}: {sent:?}"),
        }
    }
}

#[tokio::test]
async fn an_order_whose_right_ran_out_is_refused_by_the_venue() {
    let venue = Simulated::start().await;
    let client = venue.demo().await;
    let mut time = just_now();
    time.at =
        triptych_engine::event::Timestamp::from_nanoseconds(time.at.nanoseconds() - 6_000_000_000);
    let sent = client.place(&order("late"), time).await;
    assert!(
        matches!(&sent, Sent::Refused(refusal) if refusal.code == -1021),
        "{sent:?}"
    );
    assert_eq!(client.order(SYMBOL, &name("late")).await.unwrap(), None);
}

#[tokio::test]
async fn maintenance_decides_nothing() {
    let venue = Simulated::start().await;
    let client = venue.demo().await;
    venue.admin("maintenance", &json!({ "on": true })).await;
    let sent = client.place(&order("closed"), just_now()).await;
    assert!(matches!(sent, Sent::Unknown(_)), "{sent:?}");
    let balances = client.balances().await;
    assert!(
        matches!(balances, Err(QueryError::Unavailable(_))),
        "{balances:?}"
    );
    venue.admin("maintenance", &json!({ "on": false })).await;
    assert_eq!(client.order(SYMBOL, &name("closed")).await.unwrap(), None);
}

#[tokio::test]
async fn a_stop_loss_sleeps_at_the_venue() {
    let venue = Simulated::start().await;
    let client = venue.demo().await;
    let stop = NewOrder {
        side: Side::Sell,
        kind: OrderKind::StopLoss {
            trigger: "10000".parse().unwrap(),
        },
        ..order("stop")
    };
    let sent = client.place(&stop, just_now()).await;
    assert!(
        matches!(&sent, Sent::Accepted(report) if report.status == OrderStatus::Working),
        "{sent:?}"
    );
    assert_eq!(client.open_orders(SYMBOL).await.unwrap().len(), 1);
}
