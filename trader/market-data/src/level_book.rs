//! The venue's side of an order book: every level, without any state of synchronisation.
//!
//! The tape server answers depth requests from it, the generator quotes on it, and a repeated
//! recording is joined by the difference of two of them. The trader's own book is the engine's.

use std::collections::BTreeMap;
use std::ops::Bound;

use triptych_engine::decimal::{Price, Quantity};
use triptych_engine::event::{DepthSnapshot, Level, Levels};

/// All resting quantity by price.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LevelBook {
    bids: BTreeMap<Price, Quantity>,
    asks: BTreeMap<Price, Quantity>,
}

impl LevelBook {
    /// The book that a snapshot shows.
    pub fn from_levels(levels: &Levels) -> Self {
        let mut book = Self::default();
        book.apply(levels);
        book
    }

    /// Sets the absolute quantities of `levels`; zero removes a level.
    pub fn apply(&mut self, levels: &Levels) {
        for level in &levels.bids {
            set(&mut self.bids, *level);
        }
        for level in &levels.asks {
            set(&mut self.asks, *level);
        }
    }

    /// Sets one bid level.
    pub fn set_bid(&mut self, level: Level) {
        set(&mut self.bids, level);
    }

    /// Sets one ask level.
    pub fn set_ask(&mut self, level: Level) {
        set(&mut self.asks, level);
    }

    /// The resting quantity at a bid price, zero where there is none.
    pub fn bid_quantity(&self, price: Price) -> Quantity {
        self.bids.get(&price).copied().unwrap_or_default()
    }

    /// The resting quantity at an ask price, zero where there is none.
    pub fn ask_quantity(&self, price: Price) -> Quantity {
        self.asks.get(&price).copied().unwrap_or_default()
    }

    /// The highest bid.
    pub fn best_bid(&self) -> Option<Level> {
        self.bids().next()
    }

    /// The lowest ask.
    pub fn best_ask(&self) -> Option<Level> {
        self.asks().next()
    }

    /// The lowest bid.
    pub fn worst_bid(&self) -> Option<Level> {
        self.bids.iter().next().map(level)
    }

    /// The highest ask.
    pub fn worst_ask(&self) -> Option<Level> {
        self.asks.iter().next_back().map(level)
    }

    /// Bids, best first.
    pub fn bids(&self) -> impl Iterator<Item = Level> {
        self.bids.iter().rev().map(level)
    }

    /// Asks, best first.
    pub fn asks(&self) -> impl Iterator<Item = Level> {
        self.asks.iter().map(level)
    }

    /// Bids at or above `price`, best first.
    pub fn bids_down_to(&self, price: Price) -> impl Iterator<Item = Level> {
        self.bids.range(price..).rev().map(level)
    }

    /// Asks at or below `price`, best first.
    pub fn asks_up_to(&self, price: Price) -> impl Iterator<Item = Level> {
        self.asks
            .range((Bound::Unbounded, Bound::Included(price)))
            .map(level)
    }

    /// How many bid levels there are.
    pub fn bid_count(&self) -> usize {
        self.bids.len()
    }

    /// How many ask levels there are.
    pub fn ask_count(&self) -> usize {
        self.asks.len()
    }

    /// The best `limit` levels of each side as of `last_update_id`.
    pub fn snapshot(&self, last_update_id: u64, limit: usize) -> DepthSnapshot {
        DepthSnapshot {
            last_update_id,
            levels: Levels {
                bids: self.bids().take(limit).collect(),
                asks: self.asks().take(limit).collect(),
            },
        }
    }

    /// The changes that make `other` out of this book.
    pub fn changes_to(&self, other: &Self) -> Levels {
        Levels {
            bids: side_changes(&self.bids, &other.bids),
            asks: side_changes(&self.asks, &other.asks),
        }
    }
}

fn level((price, quantity): (&Price, &Quantity)) -> Level {
    Level {
        price: *price,
        quantity: *quantity,
    }
}

fn set(side: &mut BTreeMap<Price, Quantity>, level: Level) {
    if level.quantity.is_zero() {
        side.remove(&level.price);
    } else {
        side.insert(level.price, level.quantity);
    }
}

fn side_changes(from: &BTreeMap<Price, Quantity>, to: &BTreeMap<Price, Quantity>) -> Vec<Level> {
    let removed = from
        .keys()
        .filter(|price| !to.contains_key(price))
        .map(|price| Level {
            price: *price,
            quantity: Quantity::ZERO,
        });
    let changed = to
        .iter()
        .filter(|(price, quantity)| from.get(price) != Some(quantity))
        .map(level);
    removed.chain(changed).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn levels() -> impl Strategy<Value = Vec<Level>> {
        prop::collection::vec((1_i64..50, 0_i64..4), 0..40).prop_map(|levels| {
            levels
                .into_iter()
                .map(|(price, quantity)| Level {
                    price: Price::from_units(price),
                    quantity: Quantity::from_units(quantity),
                })
                .collect()
        })
    }

    proptest! {
        #[test]
        fn the_changes_from_one_book_to_another_make_the_other(
            first_bids in levels(), first_asks in levels(), second_bids in levels(), second_asks in levels(),
        ) {
            let mut first = LevelBook::from_levels(&Levels { bids: first_bids, asks: first_asks });
            let second = LevelBook::from_levels(&Levels { bids: second_bids, asks: second_asks });
            let changes = first.changes_to(&second);
            first.apply(&changes);
            prop_assert_eq!(first, second);
        }

        #[test]
        fn a_whole_snapshot_makes_the_same_book(bids in levels(), asks in levels()) {
            let book = LevelBook::from_levels(&Levels { bids, asks });
            let snapshot = book.snapshot(1, usize::MAX);
            prop_assert!(snapshot.levels.bids.is_sorted_by(|a, b| a.price > b.price));
            prop_assert!(snapshot.levels.asks.is_sorted_by(|a, b| a.price < b.price));
            prop_assert_eq!(LevelBook::from_levels(&snapshot.levels), book);
        }
    }
}
