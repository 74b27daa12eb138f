use std::time::Duration;

use sha2::{Digest as _, Sha256};
use triptych_engine::event::{EventKind, Side};
use triptych_engine::order_book::{BookChange, OrderBook};

use super::*;
use crate::frame::FrameParser;
use crate::wire;

fn instruments() -> Instruments {
    Instruments::parse(["BTCUSDT", "ETHUSDT"]).unwrap()
}

fn generator(seed: u64) -> Generator {
    Generator::new(seed, &instruments(), DEFAULT_START)
}

fn lines(seed: u64, count: usize) -> Vec<String> {
    let instruments = instruments();
    generator(seed)
        .take(count)
        .map(|event| wire::recorded_line(&event, instruments.symbol(event.instrument)).unwrap())
        .collect()
}

fn hash(lines: &[String]) -> String {
    let mut hasher = Sha256::new();
    for line in lines {
        hasher.update(line.as_bytes());
        hasher.update(b"\n");
    }
    let digest = hasher.finalize();
    digest
        .iter()
        .fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

#[test]
fn the_same_seed_gives_the_same_tape_on_every_machine() {
    assert_eq!(
        hash(&lines(42, 20_000)),
        "35376b3d4d5aaf252e4c4406bb1586334b98466a3ff977c92b86d93e9ca6e64b"
    );
}

#[test]
fn every_symbol_has_a_market_however_coarse_its_ticks() {
    for symbol in ["BNBUSDT", "SOLUSDT", "XRPUSDT", "OTHERUSDT"] {
        let alone = Instruments::parse([symbol]).unwrap();
        let mut trades = 0;
        for event in Generator::new(1, &alone, DEFAULT_START).take(5_000) {
            trades += usize::from(matches!(event.kind, EventKind::Trade(_)));
        }
        assert!(trades > 100, "{symbol}: {trades} trades");
    }
}

#[test]
fn another_seed_gives_another_tape() {
    assert_ne!(hash(&lines(1, 1_000)), hash(&lines(2, 1_000)));
}

#[test]
fn every_line_reads_back_as_the_event_it_was_written_from() {
    let parser = FrameParser::new(instruments());
    for (event, line) in generator(5).zip(lines(5, 5_000)) {
        let (_, message) = line.split_once(' ').unwrap();
        assert_eq!(parser.parse_recorded(message, event.ts_recv), Ok(event));
    }
}

#[test]
fn diffs_follow_without_a_hole_and_tickers_show_the_top_of_the_book() {
    let mut books = [OrderBook::default(), OrderBook::default()];
    let mut last_ticker = [None, None];
    let mut last_time = Timestamp::default();
    let (mut compared, mut trades) = (0, [0_u32, 0]);
    for event in generator(7).take(150_000) {
        assert!(event.ts_recv >= last_time, "receive times never go back");
        last_time = event.ts_recv;
        let index = event.instrument.index();
        let book = &mut books[index];
        match event.kind {
            EventKind::DepthSnapshot(snapshot) => {
                assert_eq!(
                    book.on_snapshot(&snapshot, event.ts_recv),
                    BookChange::Updated
                );
            }
            EventKind::DepthDiff(diff) => {
                assert_eq!(diff.first_update_id, book.last_update_id().unwrap() + 1);
                let change = book.on_diff(&diff, event.ts_event, event.ts_recv);
                assert_eq!(change, BookChange::Updated);
                let (bid, ask) = book.top().unwrap();
                assert_eq!(
                    last_ticker[index],
                    Some((bid, ask)),
                    "at {}",
                    diff.final_update_id
                );
                compared += 1;
            }
            EventKind::BookTicker(ticker) => {
                assert!(ticker.bid.price < ticker.ask.price, "crossed: {ticker:?}");
                last_ticker[index] = Some((ticker.bid, ticker.ask));
            }
            EventKind::Trade(trade) => {
                assert!(trade.quantity.is_positive());
                trades[usize::from(trade.aggressor == Side::Buy)] += 1;
            }
            other => panic!("{other:?}"),
        }
    }
    assert!(compared > 1_000, "{compared} diffs compared");
    assert!(trades.iter().all(|count| *count > 1_000), "{trades:?}");
}

#[test]
fn the_market_stays_alive_and_bounded_over_hours() {
    let only_one = Instruments::parse(["BTCUSDT"]).unwrap();
    let start = DEFAULT_START;
    let mut book = crate::level_book::LevelBook::default();
    let mut most_levels = 0;
    let (mut lowest, mut highest) = (f64::MAX, 0.0_f64);
    let hour = i64::try_from(Duration::from_hours(1).as_nanos()).unwrap();
    let mut events = 0_u32;
    let mut kinds = std::collections::BTreeMap::<&str, u32>::new();
    let mut spreads = Vec::new();
    for event in Generator::new(11, &only_one, start) {
        if event.ts_recv.nanoseconds_since(start) > hour {
            break;
        }
        events += 1;
        let name = match event.kind {
            EventKind::Trade(_) => "trades",
            EventKind::BookTicker(_) => "tickers",
            EventKind::DepthDiff(_) => "diffs",
            _ => "others",
        };
        *kinds.entry(name).or_default() += 1;
        match event.kind {
            EventKind::DepthSnapshot(snapshot) => book.apply(&snapshot.levels),
            EventKind::DepthDiff(diff) => book.apply(&diff.levels),
            _ => continue,
        }
        let bid = book.best_bid().unwrap().price.to_f64();
        let ask = book.best_ask().unwrap().price.to_f64();
        assert!(ask - bid < 0.001 * bid, "spread {bid} {ask}");
        spreads.push(ask - bid);
        lowest = lowest.min(bid);
        highest = highest.max(ask);
        most_levels = most_levels.max(book.bid_count() + book.ask_count());
    }
    spreads.sort_by(f64::total_cmp);
    let median_spread = spreads[spreads.len() / 2];
    println!("{kinds:?}, {most_levels} levels, {lowest} to {highest}, spread {median_spread}");
    assert!(
        median_spread < 2e-5 * lowest,
        "median spread {median_spread}"
    );
    assert_eq!(kinds["others"], 1, "one snapshot");
    assert!(events > 100_000, "{events} events in an hour");
    assert!(most_levels < 20_000, "{most_levels} levels");
    assert!(
        lowest > 50_000.0 && highest < 72_000.0,
        "{lowest} to {highest}"
    );
    assert!(
        highest - lowest > 60.0,
        "the price moves: {lowest} to {highest}"
    );
}
