//! A tape server and a feed handler in one process, over loopback.

#![allow(dead_code, reason = "each test file uses a part of it")]

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};
use triptych_engine::event::{DepthSnapshot, Event, EventKind, InstrumentId, Level};
use triptych_engine::order_book::OrderBook;
use triptych_market_data::backoff::Backoff;
use triptych_market_data::feed::{self, Endpoints, FeedConfig, FeedStatus};
use triptych_market_data::instruments::Instruments;
use triptych_market_data::recording::Pace;
use triptych_market_data::tape::{TapeError, TapeHandle, TapeOptions, TapeServer, TapeSource};

/// Longest wait for anything in these tests.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

pub(crate) const BTC: InstrumentId = InstrumentId(0);

pub(crate) fn instruments() -> Instruments {
    Instruments::parse(["BTCUSDT", "ETHUSDT"]).unwrap()
}

/// A generated tape of `events` events, played flat out once a client is there.
pub(crate) fn generated(events: u64) -> TapeOptions {
    let source = TapeSource::Generator {
        seed: 17,
        instruments: instruments(),
    };
    TapeOptions {
        pace: Pace::FlatOut,
        wait_for_clients: 1,
        most_events: Some(events),
        ..TapeOptions::new(SocketAddr::from(([127, 0, 0, 1], 0)), source)
    }
}

/// A tape server that stops when it is dropped.
pub(crate) struct Tape {
    pub(crate) address: SocketAddr,
    pub(crate) handle: TapeHandle,
    pub(crate) stop: CancellationToken,
    pub(crate) task: JoinHandle<Result<(), TapeError>>,
    _guard: DropGuard,
}

impl Tape {
    pub(crate) async fn start(options: TapeOptions) -> Self {
        let server = TapeServer::bind(options).await.expect("bind to loopback");
        let stop = CancellationToken::new();
        Self {
            address: server.address(),
            handle: server.handle(),
            task: tokio::spawn(server.run(stop.clone())),
            _guard: stop.clone().drop_guard(),
            stop,
        }
    }

    pub(crate) fn config(&self) -> FeedConfig {
        let endpoints = Endpoints::from_url(&format!("ws://{}", self.address)).unwrap();
        FeedConfig {
            snapshot_levels: 5000,
            reconnect: Backoff::new(Duration::from_millis(10), Duration::from_millis(100)),
            snapshot_retry: Backoff::new(Duration::from_millis(10), Duration::from_millis(100)),
            healthy_after: Duration::from_millis(50),
            ..FeedConfig::new(endpoints, self.handle.instruments().clone())
        }
    }
}

/// A feed handler with what an engine does of its events: an order book of each instrument.
pub(crate) struct Follower {
    pub(crate) status: Arc<FeedStatus>,
    pub(crate) books: Vec<OrderBook>,
    pub(crate) seen: Seen,
    pub(crate) resync: mpsc::UnboundedSender<InstrumentId>,
    events: mpsc::Receiver<Event>,
    _guard: DropGuard,
}

/// How many events of which kind were received.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub(crate) tickers: u64,
    pub(crate) trades: u64,
    pub(crate) connected: u64,
    pub(crate) disconnected: u64,
    pub(crate) gaps: u64,
}

impl Follower {
    pub(crate) fn start(config: FeedConfig) -> Self {
        Self::start_with_queue(config, 65_536)
    }

    pub(crate) fn start_with_queue(config: FeedConfig, queue: usize) -> Self {
        let status = Arc::new(FeedStatus::new(&config.instruments));
        let (sender, events) = mpsc::channel(queue);
        let (resync, resync_wishes) = mpsc::unbounded_channel();
        let stop = CancellationToken::new();
        let count = config.instruments.count();
        tokio::spawn(feed::run(
            config,
            Arc::clone(&status),
            sender,
            resync_wishes,
            stop.clone(),
        ));
        Self {
            status,
            books: (0..count).map(|_| OrderBook::default()).collect(),
            seen: Seen::default(),
            resync,
            events,
            _guard: stop.drop_guard(),
        }
    }

    /// Receives events until `done`; fails when that takes too long.
    pub(crate) async fn follow_until(&mut self, what: &str, mut done: impl FnMut(&Self) -> bool) {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        while !done(self) {
            let tick = Duration::from_millis(20);
            match tokio::time::timeout(tick, self.events.recv()).await {
                Ok(Some(event)) => self.apply(event),
                Ok(None) => panic!("the feed ended while waiting for {what}"),
                Err(_) => {}
            }
            assert!(
                tokio::time::Instant::now() < deadline,
                "waited in vain for {what}: {:?} {:?}",
                self.status,
                self.seen
            );
        }
    }

    /// Receives until the tape has ended and every book is at the server's last update id.
    pub(crate) async fn follow_to_the_end(&mut self, tape: &TapeHandle) {
        self.follow_until("the end of the tape", |follower| {
            tape.has_ended()
                && tape.instruments().iter().all(|(id, _)| {
                    follower.books[id.index()].last_update_id() == tape.last_update_id(id)
                })
        })
        .await;
    }

    /// Receives until each book was the server's, level by level, at the same update id.
    pub(crate) async fn follow_to_equal_books(&mut self, tape: &TapeHandle) {
        for (id, _) in tape.instruments().iter() {
            self.follow_until("the server's book", |follower| {
                let book = &follower.books[id.index()];
                book.last_update_id() == tape.last_update_id(id)
                    && tape.book(id).is_some_and(|served| is_equal(book, &served))
            })
            .await;
        }
    }

    fn apply(&mut self, event: Event) {
        let book = &mut self.books[event.instrument.index()];
        match event.kind {
            EventKind::DepthSnapshot(snapshot) => {
                book.on_snapshot(&snapshot, event.ts_recv);
            }
            EventKind::DepthDiff(diff) => {
                book.on_diff(&diff, event.ts_event, event.ts_recv);
            }
            EventKind::BookTicker(_) => self.seen.tickers += 1,
            EventKind::Trade(_) => self.seen.trades += 1,
            EventKind::Connected => {
                self.seen.connected += 1;
                book.reset();
            }
            EventKind::Disconnected => {
                self.seen.disconnected += 1;
                book.reset();
            }
            EventKind::Gap => {
                self.seen.gaps += 1;
                book.reset();
            }
        }
    }

    /// Every level of both sides is the server's.
    pub(crate) fn assert_books_equal(&self, tape: &TapeHandle) {
        for (id, symbol) in tape.instruments().iter() {
            let served = tape.book(id).expect("the server has a book");
            let book = &self.books[id.index()];
            assert!(
                is_equal(book, &served),
                "{symbol}: {:?}",
                book.last_update_id()
            );
        }
    }
}

/// Whether the book is the served one; fails where it has other levels at the same update id.
fn is_equal(book: &OrderBook, served: &DepthSnapshot) -> bool {
    if book.last_update_id() != Some(served.last_update_id) {
        return false;
    }
    let bids: Vec<Level> = book.bids().iter().collect();
    let asks: Vec<Level> = book.asks().iter().collect();
    assert!(!bids.is_empty() && !asks.is_empty(), "an empty book");
    assert_eq!(
        bids, served.levels.bids,
        "bids at {}",
        served.last_update_id
    );
    assert_eq!(
        asks, served.levels.asks,
        "asks at {}",
        served.last_update_id
    );
    true
}
