//! The traders' own feed handler follows the venue as it follows the real one: own orders are in its
//! book, and a lost message is noticed.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use support::{TestVenue, venue};
use tokio::sync::mpsc;
use tokio_util::sync::{CancellationToken, DropGuard};
use triptych_engine::event::{Event, EventKind, InstrumentId, Side};
use triptych_engine::order_book::OrderBook;
use triptych_market_data::feed::{self, Endpoints, FeedConfig, FeedStatus};
use triptych_market_data::instruments::Instruments;

/// Longest wait for what has to come.
const PATIENCE: Duration = Duration::from_secs(30);

struct Follower {
    status: Arc<FeedStatus>,
    events: mpsc::Receiver<Event>,
    book: OrderBook,
    _resync: mpsc::UnboundedSender<InstrumentId>,
    _guard: DropGuard,
}

impl Follower {
    fn of(venue: &TestVenue) -> Self {
        let instruments = Instruments::parse(["BTCUSDT"]).unwrap();
        let endpoints = Endpoints::from_url(&venue.live_url()).unwrap();
        let config = FeedConfig::new(endpoints, instruments);
        let status = Arc::new(FeedStatus::new(&config.instruments));
        let (sender, events) = mpsc::channel(65_536);
        let (resync, wishes) = mpsc::unbounded_channel();
        let stop = CancellationToken::new();
        tokio::spawn(feed::run(
            config,
            Arc::clone(&status),
            sender,
            wishes,
            stop.clone(),
        ));
        Self {
            status,
            events,
            book: OrderBook::default(),
            _resync: resync,
            _guard: stop.drop_guard(),
        }
    }

    /// Follows until `done`.
    async fn until(&mut self, what: &str, done: impl Fn(&Self) -> bool) {
        let follow = async {
            while !done(self) {
                let event = self.events.recv().await.unwrap();
                match &event.kind {
                    EventKind::DepthDiff(diff) => {
                        self.book.on_diff(diff, event.ts_event, event.ts_recv);
                    }
                    EventKind::DepthSnapshot(snapshot) => {
                        self.book.on_snapshot(snapshot, event.ts_recv);
                    }
                    EventKind::Connected | EventKind::Disconnected | EventKind::Gap => {
                        self.book.reset();
                    }
                    EventKind::BookTicker(_) | EventKind::Trade(_) => {}
                }
            }
        };
        let outcome = tokio::time::timeout(PATIENCE, follow).await;
        assert!(outcome.is_ok(), "waited in vain for {what}");
    }

    fn own_quantity(&self) -> String {
        let price = "30000".parse().unwrap();
        self.book.quantity_at(Side::Buy, price).to_string()
    }
}

#[tokio::test]
async fn the_traders_feed_handler_sees_orders_come_and_go_without_a_gap() {
    let venue = venue().await;
    let mut follower = Follower::of(&venue);
    follower
        .until("a book", |follower| follower.book.is_in_sync())
        .await;
    let client = venue.live();
    let order = "symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&quantity=0.01&price=30000";
    let placed = client.signed("POST", "/api/v3/order", order).await.unwrap();
    follower
        .until("the order", |follower| follower.own_quantity() == "0.01")
        .await;
    let cancel = format!("symbol=BTCUSDT&orderId={}", placed.json()["orderId"]);
    client
        .signed("DELETE", "/api/v3/order", &cancel)
        .await
        .unwrap();
    follower
        .until("its end", |follower| follower.own_quantity() == "0")
        .await;
    let instrument = follower.status.instrument(InstrumentId(0));
    assert_eq!((instrument.gaps(), instrument.resyncs()), (0, 0));
    assert_eq!(follower.status.malformed_frames(), 0);
    assert_eq!(follower.book.counters().crossed, 0);
}

#[tokio::test]
async fn the_traders_feed_handler_notices_a_lost_diff_and_joins_a_new_snapshot() {
    let venue = venue().await;
    let mut follower = Follower::of(&venue);
    follower
        .until("a book", |follower| follower.book.is_in_sync())
        .await;
    let lost = json!({ "endpoint": "btcusdt@depth@100ms", "count": 1, "fault": "drop" });
    venue.admin("POST", "/personas/live/faults", &lost).await;
    follower
        .until("the gap", |follower| {
            follower.status.instrument(InstrumentId(0)).gaps() == 1
        })
        .await;
    follower
        .until("a new book", |follower| follower.book.is_in_sync())
        .await;
}
