//! The feed handler against the tape server over loopback: the book that comes out is the server's,
//! whatever happens on the way.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use support::{BTC, Follower, PATIENCE, Tape, generated, instruments};
use triptych_market_data::feed::BookState;
use triptych_market_data::recording::Pace;
use triptych_market_data::tape::{Faults, TapeOptions};

/// A tape without end, `pace` times as fast as a market.
fn endless(pace: f64, faults: Faults) -> TapeOptions {
    TapeOptions {
        pace: Pace::Times(pace),
        faults,
        most_events: None,
        ..generated(0)
    }
}

#[tokio::test]
async fn the_handlers_book_is_the_servers_at_the_same_update_id() {
    let tape = Tape::start(generated(20_000)).await;
    let mut follower = Follower::start(tape.config());
    follower.follow_to_the_end(&tape.handle).await;
    follower.assert_books_equal(&tape.handle);
    assert!(follower.seen.tickers > 1_000 && follower.seen.trades > 100);
    assert_eq!(follower.status.malformed_frames(), 0);
    assert_eq!(follower.status.overflows(), 0);
    assert_eq!(follower.status.not_ready_reason(), None);
    for instrument in follower.status.instruments() {
        assert_eq!((instrument.gaps(), instrument.resyncs()), (0, 0));
        assert_eq!(instrument.book(), BookState::Synced);
    }
}

#[tokio::test]
async fn a_hole_in_the_update_ids_is_noticed_and_a_new_snapshot_joined() {
    let faults = Faults {
        drop_every: NonZeroU32::new(60),
        ..Faults::default()
    };
    let tape = Tape::start(endless(10.0, faults)).await;
    let mut follower = Follower::start(tape.config());
    follower
        .follow_until("five holes", |follower| {
            let btc = follower.status.instrument(BTC);
            btc.gaps() >= 5 && btc.resyncs() >= 5
        })
        .await;
    follower.follow_to_equal_books(&tape.handle).await;
    assert_eq!(follower.books[0].counters().crossed, 0);
}

#[tokio::test]
async fn a_cut_connection_is_opened_again_and_the_book_rebuilt() {
    let faults = Faults {
        cut_every: Some(Duration::from_millis(700)),
        ..Faults::default()
    };
    let tape = Tape::start(endless(10.0, faults)).await;
    let mut follower = Follower::start(tape.config());
    follower
        .follow_until("three connections", |follower| {
            follower.status.connections() >= 3
        })
        .await;
    follower.follow_to_equal_books(&tape.handle).await;
    assert!(follower.seen.connected > follower.seen.disconnected);
    assert!(
        follower.seen.disconnected >= 2 * 2,
        "told for each instrument"
    );
}

#[tokio::test]
async fn garbage_frames_are_counted_and_change_nothing_else() {
    let faults = Faults {
        garbage_every: NonZeroU32::new(50),
        ..Faults::default()
    };
    let tape = Tape::start(TapeOptions {
        faults,
        ..generated(10_000)
    })
    .await;
    let mut follower = Follower::start(tape.config());
    follower.follow_to_the_end(&tape.handle).await;
    follower.assert_books_equal(&tape.handle);
    assert!(follower.status.malformed_frames() >= 100);
    assert_eq!(follower.status.connections(), 1);
}

#[tokio::test]
async fn a_throttled_snapshot_is_asked_for_again_after_the_pause_the_venue_names() {
    let faults = Faults {
        throttle_every: NonZeroU32::new(2),
        ..Faults::default()
    };
    let tape = Tape::start(endless(1.0, faults)).await;
    let begun = Instant::now();
    let mut follower = Follower::start(tape.config());
    // Two instruments need two snapshots: the second request is refused with Retry-After: 1.
    follower
        .follow_until("both books", |follower| {
            follower.status.not_ready_reason().is_none()
        })
        .await;
    assert_eq!(follower.status.throttles(), 1);
    assert_eq!(follower.status.snapshot_requests(), 3);
    assert!(
        begun.elapsed() >= Duration::from_secs(1),
        "the pause was kept"
    );
}

#[tokio::test]
async fn pings_are_answered_so_that_the_connection_stays() {
    let tape = Tape::start(TapeOptions {
        pace: Pace::RECORDED,
        ping_interval: Duration::from_millis(50),
        pong_timeout: Duration::from_millis(400),
        ..generated(100_000)
    })
    .await;
    let begun = Instant::now();
    let mut follower = Follower::start(tape.config());
    follower
        .follow_until("a second of data", |_| {
            begun.elapsed() > Duration::from_secs(1)
        })
        .await;
    assert_eq!(tape.handle.counters().silent_clients, 0);
    assert_eq!(follower.status.connections(), 1);
}

#[tokio::test]
async fn silence_is_stale_and_leads_to_a_new_connection() {
    let tape = Tape::start(generated(500)).await;
    let mut config = tape.config();
    config.stale_after = Duration::from_millis(300);
    let mut follower = Follower::start(config);
    follower.follow_to_the_end(&tape.handle).await;
    assert_eq!(follower.status.instrument(BTC).book(), BookState::Synced);
    follower
        .follow_until("a new connection", |follower| {
            follower.status.connections() >= 2
        })
        .await;
    assert!(follower.seen.disconnected >= 2);
    assert!(!follower.books[0].is_in_sync(), "a stale book is no book");
}

#[tokio::test]
async fn a_connection_is_renewed_before_the_venue_cuts_it() {
    let tape = Tape::start(TapeOptions {
        pace: Pace::RECORDED,
        ..generated(100_000)
    })
    .await;
    let mut config = tape.config();
    config.renew_after = Duration::from_millis(200);
    let mut follower = Follower::start(config);
    follower
        .follow_until("three connections", |follower| {
            follower.status.connections() >= 3
        })
        .await;
    assert_eq!(follower.status.malformed_frames(), 0);
}

#[tokio::test]
async fn a_receiver_that_is_too_slow_loses_events_but_never_gets_a_wrong_book() {
    let tape = Tape::start(endless(10.0, Faults::default())).await;
    let mut follower = Follower::start_with_queue(tape.config(), 32);
    let deadline = Instant::now() + PATIENCE;
    while follower.status.overflows() < 100 {
        assert!(Instant::now() < deadline, "{:?}", follower.status);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    follower.follow_to_equal_books(&tape.handle).await;
    assert!(follower.seen.gaps >= 1, "the receiver was told of its loss");
}

#[tokio::test]
async fn an_engine_whose_book_became_void_gets_a_new_snapshot() {
    let tape = Tape::start(endless(5.0, Faults::default())).await;
    let mut follower = Follower::start(tape.config());
    let ready = |follower: &Follower| follower.status.not_ready_reason().is_none();
    follower.follow_until("both books", ready).await;
    follower.resync.send(BTC).unwrap();
    follower
        .follow_until("the resynchronisation", |follower| {
            follower.status.instrument(BTC).resyncs() == 1 && follower.books[0].is_in_sync()
        })
        .await;
    assert_eq!(follower.seen.gaps, 1);
    assert_eq!(follower.status.instruments()[1].resyncs(), 0);
}

#[tokio::test]
async fn it_waits_for_a_venue_that_is_not_there_yet() {
    let reserved = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = reserved.local_addr().unwrap();
    drop(reserved);
    let absent = Tape::start(generated(1)).await;
    let mut config = absent.config();
    config.endpoints =
        triptych_market_data::feed::Endpoints::from_url(&format!("ws://{address}")).unwrap();
    let mut follower = Follower::start(config);
    follower
        .follow_until("failed attempts", |follower| {
            follower.status.disconnections() >= 3
        })
        .await;
    assert_eq!(
        follower.status.not_ready_reason().as_deref(),
        Some("market data: not connected")
    );
    let tape = Tape::start(TapeOptions {
        listen: address,
        ..generated(2_000)
    })
    .await;
    follower.follow_to_the_end(&tape.handle).await;
    follower.assert_books_equal(&tape.handle);
    assert_eq!(instruments().count(), follower.books.len());
}
