//! The account's own stream of the simulated venue, with its faults.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use serde_json::json;
use support::simulated::{SYMBOL, Simulated};
use support::stream::{Follower, hasty, orders};
use support::{client_of, just_now, order};
use triptych_venue::binance::BinanceSettings;
use triptych_venue::{AccountSide, ClientOrderId, Credentials, Notice, Sent, Venue as _};

#[tokio::test]
async fn orders_cancellations_and_balances_of_both_sides_are_told() {
    let venue = Simulated::start().await;
    for side in [AccountSide::Live, AccountSide::Demo] {
        let client = venue.client(side);
        client.measure_clock().await.unwrap();
        let mut follower = Follower::start(client);
        assert_eq!(follower.next().await, Notice::Subscribed);
        let sent = follower.client.place(&order("rests"), just_now()).await;
        assert!(matches!(sent, Sent::Accepted(_)), "{sent:?}");
        follower.until(&orders(SYMBOL)).await;
        follower.until(&Notice::Balances).await;
        let name = ClientOrderId::new("rests").unwrap();
        let sent = follower.client.cancel(SYMBOL, &name, just_now()).await;
        assert!(matches!(sent, Sent::Accepted(_)), "{sent:?}");
        follower.until(&orders(SYMBOL)).await;
    }
}

#[tokio::test]
async fn whatever_ends_a_connection_another_tells_on() {
    let venue = Simulated::start().await;
    let mut follower = Follower::start(venue.demo().await);
    assert_eq!(follower.next().await, Notice::Subscribed);
    for (index, fault) in ["cut", "disconnect"].into_iter().enumerate() {
        venue.admin(fault, &json!({})).await;
        follower.lost().await;
        assert_eq!(follower.next().await, Notice::Subscribed);
        let order = order(&format!("after-{index}"));
        let sent = follower.client.place(&order, just_now()).await;
        assert!(matches!(sent, Sent::Accepted(_)), "{fault}: {sent:?}");
        follower.until(&orders(SYMBOL)).await;
        follower.until(&Notice::Balances).await;
    }
}

#[tokio::test]
async fn a_subscription_that_goes_wrong_is_made_again() {
    let venue = Simulated::start().await;
    for fault in [
        json!({ "cut": { "carriedOut": true } }),
        json!({ "cut": { "carriedOut": false } }),
        json!("truncate"),
        json!({ "timeout": { "carriedOut": true } }),
    ] {
        venue
            .arm("userDataStream.subscribe.signature", &fault)
            .await;
        let mut follower = Follower::start(venue.demo().await);
        follower.lost().await;
        assert_eq!(follower.next().await, Notice::Subscribed, "{fault}");
    }
}

#[tokio::test]
async fn a_subscription_is_stamped_by_the_venues_clock() {
    let venue = Simulated::start().await;
    venue
        .admin("clock", &json!({ "skewMilliseconds": -60_000 }))
        .await;
    let client = venue.client(AccountSide::Demo);
    let mut follower = Follower::start(client);
    let reason = follower.lost().await;
    assert!(reason.contains("-1021"), "{reason}");
    follower.client.measure_clock().await.unwrap();
    follower.until(&Notice::Subscribed).await;
}

#[tokio::test]
async fn a_key_of_the_other_side_follows_nothing() {
    let venue = Simulated::start().await;
    let account = &venue.personas.live.accounts[0];
    let credentials =
        Credentials::new(account.api_key.as_bytes(), account.secret.as_bytes()).unwrap();
    let settings = BinanceSettings {
        stream: hasty(),
        ..BinanceSettings::default()
    };
    let address = venue.running.addresses().demo;
    let mut follower =
        Follower::start(client_of(address, AccountSide::Demo, credentials, settings));
    for _ in 0..2 {
        let reason = follower.lost().await;
        assert!(reason.contains("-2015"), "{reason}");
        assert!(!reason.contains(&*account.api_key), "{reason}");
    }
}
