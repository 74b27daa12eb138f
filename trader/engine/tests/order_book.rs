//! The order book keeps what the venue's rules promise: checked case by case, and against a naive
//! model on random streams with losses.

use std::collections::BTreeMap;

use proptest::prelude::*;
use triptych_engine::decimal::{Price, Quantity};
use triptych_engine::event::{
    BookTicker, DepthDiff, DepthSnapshot, Event, EventKind, InstrumentId, Level, Levels, Timestamp,
};
use triptych_engine::market::{Instrument, Market};
use triptych_engine::order_book::{
    BookChange, MAX_KEPT_DIFFS, OrderBook, ResyncReason, microprice,
};

fn level(price: i64, quantity: i64) -> Level {
    Level {
        price: Price::from_units(price),
        quantity: Quantity::from_units(quantity),
    }
}

fn levels(bids: &[(i64, i64)], asks: &[(i64, i64)]) -> Levels {
    let side = |levels: &[(i64, i64)]| levels.iter().map(|&(p, q)| level(p, q)).collect();
    Levels {
        bids: side(bids),
        asks: side(asks),
    }
}

fn diff(first: u64, last: u64, levels: Levels) -> DepthDiff {
    DepthDiff {
        first_update_id: first,
        final_update_id: last,
        levels,
    }
}

fn snapshot(last: u64, levels: Levels) -> DepthSnapshot {
    DepthSnapshot {
        last_update_id: last,
        levels,
    }
}

const fn at(milliseconds: i64) -> Timestamp {
    Timestamp::from_milliseconds(milliseconds)
}

fn book_at_100() -> OrderBook {
    let mut book = OrderBook::default();
    let change = book.on_snapshot(
        &snapshot(100, levels(&[(99, 5), (98, 7)], &[(101, 3)])),
        at(1),
    );
    assert_eq!(change, BookChange::Updated);
    book
}

#[test]
fn a_snapshot_and_its_diffs_give_the_top_of_the_book() {
    let mut book = book_at_100();
    let change = book.on_diff(
        &diff(101, 103, levels(&[(99, 0)], &[(100, 4)])),
        Some(at(2)),
        at(3),
    );
    assert_eq!(change, BookChange::Updated);
    assert_eq!(book.top(), Some((level(98, 7), level(100, 4))));
    assert_eq!(book.last_update_id(), Some(103));
    assert_eq!(
        (book.ts_event(), book.ts_recv()),
        (Some(at(2)), Some(at(3)))
    );
}

#[test]
fn a_hole_in_the_numbering_empties_the_book_until_a_snapshot_joins() {
    let mut book = book_at_100();
    let change = book.on_diff(&diff(105, 106, levels(&[(97, 1)], &[])), None, at(2));
    assert_eq!(
        change,
        BookChange::NeedsSnapshot(ResyncReason::Gap {
            expected: 101,
            received: 105
        })
    );
    assert!(!book.is_in_sync() && book.top().is_none() && book.ts_recv().is_none());

    let too_old = book.on_snapshot(&snapshot(103, levels(&[(99, 1)], &[(101, 1)])), at(3));
    assert_eq!(
        too_old,
        BookChange::NeedsSnapshot(ResyncReason::SnapshotTooOld {
            needed: 104,
            received: 103
        })
    );
    assert_eq!(
        book.on_snapshot(&snapshot(105, levels(&[(99, 1)], &[(101, 1)])), at(4)),
        BookChange::Updated
    );
    assert_eq!(book.last_update_id(), Some(106), "the kept diff joined");
    assert_eq!(book.bids().iter().count(), 2, "and its level is there");
    assert_eq!(book.counters().gaps, 1);
}

#[test]
fn a_crossed_book_is_void() {
    let mut book = book_at_100();
    let change = book.on_diff(&diff(101, 101, levels(&[(101, 1)], &[])), None, at(2));
    assert_eq!(
        change,
        BookChange::NeedsSnapshot(ResyncReason::Crossed {
            bid: Price::from_units(101),
            ask: Price::from_units(101)
        })
    );
    assert!(!book.is_in_sync());
}

/// Ids and prices that have nothing to do with those before, as after a restart of the venue.
#[test]
fn a_venue_that_numbers_anew_is_followed_from_its_first_snapshot_on() {
    let mut market = Market::new(Instrument {
        id: InstrumentId(0),
        symbol: "BTCUSDT".into(),
        price_increment: Price::from_units(1),
        quantity_increment: Quantity::from_units(1),
    });
    let mut take = |milliseconds: i64, kind: EventKind| {
        let event = Event {
            instrument: InstrumentId(0),
            ts_event: None,
            ts_recv: at(milliseconds),
            kind,
        };
        market.apply(&event, event.ts_recv);
        market
            .top()
            .map(|top| (top.update_id, top.bid.price.units(), top.ask.price.units()))
    };
    let ticker = |update_id, bid, ask| {
        EventKind::BookTicker(BookTicker {
            update_id,
            bid: level(bid, 1),
            ask: level(ask, 1),
        })
    };
    let book =
        |id, bid, ask| EventKind::DepthSnapshot(snapshot(id, levels(&[(bid, 1)], &[(ask, 1)])));
    assert_eq!(
        take(1, book(9_000_000, 990, 1_010)),
        Some((9_000_000, 990, 1_010))
    );
    assert_eq!(
        take(2, ticker(9_000_001, 991, 1_010)),
        Some((9_000_001, 991, 1_010))
    );
    assert_eq!(
        take(3, EventKind::Disconnected),
        None,
        "nothing of before is left"
    );
    assert_eq!(take(4, EventKind::Connected), None);
    assert_eq!(take(5, ticker(7, 500, 510)), Some((7, 500, 510)));
    assert_eq!(
        take(
            6,
            EventKind::DepthDiff(diff(8, 9, levels(&[(501, 1)], &[])))
        ),
        Some((7, 500, 510))
    );
    assert_eq!(
        take(7, book(8, 500, 510)),
        Some((9, 501, 510)),
        "snapshot and kept diff joined"
    );
    assert_eq!(take(8, ticker(10, 502, 510)), Some((10, 502, 510)));
}

/// Where a venue numbers anew without closing the connection, its diffs look old. The book stays as
/// it was and grows stale, which `staleData` denies: it is never wrong and fresh.
#[test]
fn ids_that_go_back_without_a_reconnect_leave_the_book_stale_and_not_wrong() {
    let mut book = book_at_100();
    let change = book.on_diff(&diff(1, 2, levels(&[(150, 9)], &[])), Some(at(9)), at(9));
    assert_eq!(change, BookChange::Unchanged);
    assert_eq!(book.top(), Some((level(99, 5), level(101, 3))));
    assert_eq!(book.ts_recv(), Some(at(1)), "as old as its last update");
}

#[test]
fn kept_diffs_are_bounded() {
    let mut book = OrderBook::default();
    for id in 1..=MAX_KEPT_DIFFS as u64 {
        assert_eq!(
            book.on_diff(&diff(id, id, Levels::default()), None, at(1)),
            BookChange::Unchanged
        );
    }
    let next = MAX_KEPT_DIFFS as u64 + 1;
    assert_eq!(
        book.on_diff(&diff(next, next, Levels::default()), None, at(1)),
        BookChange::NeedsSnapshot(ResyncReason::TooManyKeptDiffs)
    );
}

#[test]
fn microprice_leans_towards_the_thinner_side() {
    assert!((microprice(level(100, 30), level(200, 10)) * 1e8 - 175.0).abs() < 1e-9);
    assert!((microprice(level(100, 0), level(200, 0)) * 1e8 - 150.0).abs() < 1e-9);
}

/// A book as a venue would keep it: every update has an id, and nothing is lost.
#[derive(Default)]
struct Venue {
    bids: BTreeMap<i64, i64>,
    asks: BTreeMap<i64, i64>,
    last_update_id: u64,
}

impl Venue {
    fn step(&mut self, changes: &[(bool, i64, i64)]) -> DepthDiff {
        let first = self.last_update_id + 1;
        let mut levels = Levels::default();
        for &(bid, offset, quantity) in changes {
            self.last_update_id += 1;
            // Bids stay below 1,000 and asks above: this venue's book never crosses.
            let (side, out, price) = if bid {
                (&mut self.bids, &mut levels.bids, 999 - offset)
            } else {
                (&mut self.asks, &mut levels.asks, 1_001 + offset)
            };
            if quantity == 0 {
                side.remove(&price);
            } else {
                side.insert(price, quantity);
            }
            out.push(level(price, quantity));
        }
        diff(first, self.last_update_id, levels)
    }

    fn snapshot(&self) -> DepthSnapshot {
        let bids: Vec<_> = self.bids.iter().rev().map(|(&p, &q)| (p, q)).collect();
        let asks: Vec<_> = self.asks.iter().map(|(&p, &q)| (p, q)).collect();
        snapshot(self.last_update_id, levels(&bids, &asks))
    }
}

#[derive(Debug, Clone)]
enum Step {
    Deliver(Vec<(bool, i64, i64)>),
    Lose(Vec<(bool, i64, i64)>),
    TakeSnapshot,
    DeliverSnapshot,
    DeliverAgain,
    Reconnect,
}

fn any_step() -> impl Strategy<Value = Step> {
    let changes = || prop::collection::vec((any::<bool>(), 0_i64..30, 0_i64..4), 1..6);
    prop_oneof![
        8 => changes().prop_map(Step::Deliver),
        1 => changes().prop_map(Step::Lose),
        2 => Just(Step::TakeSnapshot),
        3 => Just(Step::DeliverSnapshot),
        1 => Just(Step::DeliverAgain),
        1 => Just(Step::Reconnect),
    ]
}

proptest! {
    /// Whatever is lost, repeated or late: a book that says it is in sync is a state that the
    /// venue's book went through, the newest one that the received ids allow.
    #[test]
    fn a_book_in_sync_equals_the_venues_book(steps in prop::collection::vec(any_step(), 1..120)) {
        let mut venue = Venue::default();
        let mut history = BTreeMap::from([(0, venue.snapshot())]);
        let mut book = OrderBook::default();
        let (mut last_diff, mut in_flight) = (None, None);
        for step in steps {
            match step {
                Step::Deliver(changes) => {
                    let diff = venue.step(&changes);
                    book.on_diff(&diff, None, at(1));
                    last_diff = Some(diff);
                }
                Step::Lose(changes) => {
                    venue.step(&changes);
                }
                Step::TakeSnapshot => in_flight = Some(venue.snapshot()),
                Step::DeliverSnapshot => {
                    if let Some(snapshot) = in_flight.take() {
                        book.on_snapshot(&snapshot, at(1));
                    }
                }
                Step::DeliverAgain => {
                    if let Some(diff) = &last_diff {
                        book.on_diff(diff, None, at(1));
                    }
                }
                Step::Reconnect => book.reset(),
            }
            history.insert(venue.last_update_id, venue.snapshot());
            match book.last_update_id() {
                None => prop_assert!(book.top().is_none() && book.bids().is_empty()),
                Some(id) => {
                    let expected = &history[&id];
                    prop_assert_eq!(book.bids().iter().collect::<Vec<_>>(), expected.levels.bids.clone());
                    prop_assert_eq!(book.asks().iter().collect::<Vec<_>>(), expected.levels.asks.clone());
                }
            }
        }
    }

    /// A stream without losses never asks for another snapshot.
    #[test]
    fn a_whole_stream_needs_one_snapshot(
        before in prop::collection::vec(prop::collection::vec((any::<bool>(), 0_i64..30, 0_i64..4), 1..6), 1..10),
        after in prop::collection::vec(prop::collection::vec((any::<bool>(), 0_i64..30, 0_i64..4), 1..6), 0..40),
    ) {
        let mut venue = Venue::default();
        let mut book = OrderBook::default();
        for changes in &before {
            book.on_diff(&venue.step(changes), None, at(1));
        }
        prop_assert_eq!(book.on_snapshot(&venue.snapshot(), at(1)), BookChange::Updated);
        for changes in &after {
            prop_assert_eq!(book.on_diff(&venue.step(changes), None, at(1)), BookChange::Updated);
        }
        prop_assert_eq!(book.counters().snapshots, 1);
    }
}
