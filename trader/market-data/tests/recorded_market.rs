//! Recordings, whole: every line reads, the book stays in step and agrees with every ticker.
//!
//! With MARKET_DATA set to a folder of recordings these tests read the ones in it. Without it they
//! say so and read a recording of the same format that the generator writes.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;
use support::{Follower, Tape, generated};
use triptych_engine::event::{Event, EventKind, Level};
use triptych_engine::order_book::{BookChange, OrderBook};
use triptych_market_data::generator::{DEFAULT_START, Generator};
use triptych_market_data::instruments::Instruments;
use triptych_market_data::recording::{
    Passes, RecordingReader, RepeatedRecording, discover_instruments,
};
use triptych_market_data::tape::{TapeOptions, TapeSource};
use triptych_market_data::wire;

/// The recording that is known line by line.
const KNOWN: &str = "binance_spot_btcusdt_20240808.gz";

struct Recordings {
    paths: Vec<PathBuf>,
    _generated: Option<tempfile::TempDir>,
}

fn recordings() -> Recordings {
    let Some(folder) = std::env::var_os("MARKET_DATA") else {
        println!(
            "LEFT OUT: MARKET_DATA is not set, so no real recording is read; set it to a folder of recordings. Reading a generated one instead."
        );
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("generated.gz");
        write_generated(&path, 40_000);
        return Recordings {
            paths: vec![path],
            _generated: Some(folder),
        };
    };
    let paths: Vec<PathBuf> = std::fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("MARKET_DATA {}: {error}", folder.display()))
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "gz"))
        .collect();
    assert!(
        !paths.is_empty(),
        "MARKET_DATA {}: no .gz file",
        folder.display()
    );
    Recordings {
        paths,
        _generated: None,
    }
}

fn write_generated(path: &Path, events: usize) {
    let instruments = Instruments::parse(["BTCUSDT"]).unwrap();
    let file = std::fs::File::create(path).unwrap();
    let mut encoder = GzEncoder::new(file, Compression::fast());
    for event in Generator::new(3, &instruments, DEFAULT_START).take(events) {
        let symbol = instruments.symbol(event.instrument);
        writeln!(encoder, "{}", wire::recorded_line(&event, symbol).unwrap()).unwrap();
    }
    encoder.finish().unwrap();
}

fn read(path: &Path) -> Vec<Event> {
    let instruments = discover_instruments(path).unwrap();
    RecordingReader::open(path, instruments)
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap()
}

#[test]
fn every_line_is_an_event() {
    for path in &recordings().paths {
        let (mut tickers, mut trades, mut diffs, mut snapshots) = (0, 0, 0, 0);
        for event in read(path) {
            match event.kind {
                EventKind::BookTicker(_) => tickers += 1,
                EventKind::Trade(_) => trades += 1,
                EventKind::DepthDiff(_) => diffs += 1,
                EventKind::DepthSnapshot(_) => snapshots += 1,
                other => panic!("{other:?} in a recording"),
            }
        }
        println!(
            "{}: {tickers} tickers, {trades} trades, {diffs} diffs, {snapshots} snapshots",
            path.display()
        );
        assert!(tickers > 0 && trades > 0 && diffs > 0 && snapshots > 0);
        if path.ends_with(KNOWN) {
            assert_eq!(
                (tickers, trades, diffs, snapshots),
                (28_040, 9_757, 3_451, 1)
            );
        }
    }
}

#[test]
fn the_book_stays_in_step_and_agrees_with_every_ticker() {
    for path in &recordings().paths {
        let events = read(path);
        let tickers: BTreeMap<u64, (Level, Level)> = events
            .iter()
            .filter_map(|event| match &event.kind {
                EventKind::BookTicker(ticker) => Some((ticker.update_id, (ticker.bid, ticker.ask))),
                _ => None,
            })
            .collect();
        let mut book = OrderBook::default();
        let mut compared = 0;
        for event in &events {
            let change = match &event.kind {
                EventKind::DepthSnapshot(snapshot) => book.on_snapshot(snapshot, event.ts_recv),
                EventKind::DepthDiff(diff) => book.on_diff(diff, event.ts_event, event.ts_recv),
                _ => continue,
            };
            assert!(
                !matches!(change, BookChange::NeedsSnapshot(_)),
                "{change:?}"
            );
            let Some(last) = book.last_update_id() else {
                continue;
            };
            // The newest ticker up to the book's last update id shows the same top.
            if let Some((_, top)) = tickers.range(..=last).next_back() {
                assert_eq!(book.top(), Some(*top), "at update id {last}");
                compared += 1;
            }
        }
        println!("{}: {compared} tops compared", path.display());
        assert!(compared > 300, "{compared}");
        assert!(book.is_in_sync());
        if path.ends_with(KNOWN) {
            assert_eq!(compared, 3_449);
        }
    }
}

#[test]
fn a_repeated_recording_is_one_sequence_with_a_right_book() {
    for path in &recordings().paths {
        let instruments = discover_instruments(path).unwrap();
        let once = final_book(path, &instruments, 1);
        let thrice = final_book(path, &instruments, 3);
        assert_eq!(
            once.bids().iter().collect::<Vec<_>>(),
            thrice.bids().iter().collect::<Vec<_>>()
        );
        assert_eq!(
            once.asks().iter().collect::<Vec<_>>(),
            thrice.asks().iter().collect::<Vec<_>>()
        );
    }
}

/// Plays the tape and checks on the way that nothing goes back or leaves a hole.
fn final_book(path: &Path, instruments: &Instruments, passes: u32) -> OrderBook {
    let tape = RepeatedRecording::open(path, instruments.clone(), Passes::Count(passes)).unwrap();
    let mut book = OrderBook::default();
    let (mut last_trade, mut last_time, mut last_event_time) = (None, None, None);
    let (mut snapshots, mut events) = (0, 0);
    for event in tape {
        let event = event.unwrap();
        events += 1;
        assert!(Some(event.ts_recv) >= last_time, "receive times go on");
        last_time = Some(event.ts_recv);
        let change = match &event.kind {
            EventKind::DepthSnapshot(snapshot) => {
                snapshots += 1;
                book.on_snapshot(snapshot, event.ts_recv)
            }
            EventKind::DepthDiff(diff) => {
                assert_eq!(diff.first_update_id, book.last_update_id().unwrap() + 1);
                assert!(event.ts_event >= last_event_time, "event times go on");
                last_event_time = event.ts_event.or(last_event_time);
                book.on_diff(diff, event.ts_event, event.ts_recv)
            }
            EventKind::Trade(trade) => {
                assert!(
                    last_trade.is_none_or(|last| trade.trade_id > last),
                    "trade ids go on"
                );
                last_trade = Some(trade.trade_id);
                continue;
            }
            _ => continue,
        };
        assert_eq!(change, BookChange::Updated);
    }
    assert_eq!(snapshots, 1, "one opening snapshot, however many passes");
    assert!(events > 1_000 * passes);
    book
}

#[tokio::test]
async fn the_feed_follows_a_repeated_recording_to_the_servers_book() {
    for path in &recordings().paths {
        let tape = Tape::start(TapeOptions {
            source: TapeSource::Recording {
                path: path.clone(),
                passes: Passes::Count(2),
            },
            most_events: None,
            ..generated(0)
        })
        .await;
        let mut follower = Follower::start(tape.config());
        follower.follow_to_the_end(&tape.handle).await;
        follower.assert_books_equal(&tape.handle);
        assert_eq!(follower.status.instruments()[0].gaps(), 0);
        assert_eq!(follower.status.malformed_frames(), 0);
    }
}
