//! One side of an order book: levels sorted by price, best first to reach.

use crate::decimal::{Price, Quantity};
use crate::event::{Level, Side};

/// Levels that a side keeps at most. A venue's snapshot has 5,000; what drifts beyond this many is
/// the far end of the book, which no strategy and no rule looks at, and is dropped there.
pub const MAX_LEVELS: usize = 20_000;

/// One side of an order book.
///
/// The best level stands at the end of the vector: most changes happen near the best price, and
/// there they move the fewest others.
#[derive(Debug, Clone)]
pub struct BookSide {
    side: Side,
    worst_to_best: Vec<Level>,
}

impl BookSide {
    /// An empty side: `Buy` for bids (highest is best), `Sell` for asks (lowest is best).
    pub const fn new(side: Side) -> Self {
        Self {
            side,
            worst_to_best: Vec::new(),
        }
    }

    /// Orders prices from worst to best.
    const fn rank(&self, price: Price) -> i64 {
        match self.side {
            Side::Buy => price.units(),
            Side::Sell => -price.units(),
        }
    }

    /// Sets the quantity at a price; zero or less removes the level. A price that is not above
    /// zero is no level and is left out.
    pub fn set(&mut self, level: Level) {
        if !level.price.is_positive() {
            return;
        }
        let rank = self.rank(level.price);
        let place = self
            .worst_to_best
            .partition_point(|other| self.rank(other.price) < rank);
        let exists = self
            .worst_to_best
            .get(place)
            .is_some_and(|other| other.price == level.price);
        match (exists, level.quantity.is_positive()) {
            (true, true) => self.worst_to_best[place].quantity = level.quantity,
            (true, false) => {
                self.worst_to_best.remove(place);
            }
            (false, true) => self.insert(place, level),
            (false, false) => {}
        }
    }

    fn insert(&mut self, place: usize, level: Level) {
        if self.worst_to_best.len() < MAX_LEVELS {
            self.worst_to_best.insert(place, level);
        } else if place > 0 {
            self.worst_to_best[..place].rotate_left(1);
            self.worst_to_best[place - 1] = level;
        }
    }

    /// Replaces every level, in whatever order they come.
    pub fn replace(&mut self, levels: &[Level]) {
        self.worst_to_best.clear();
        // Venues send the best level first, so that the reverse is nearly always in order already.
        for &level in levels.iter().rev() {
            self.set(level);
        }
    }

    /// Empties the side and keeps its memory.
    pub fn clear(&mut self) {
        self.worst_to_best.clear();
    }

    /// The best level.
    pub fn best(&self) -> Option<Level> {
        self.worst_to_best.last().copied()
    }

    /// Levels from the best on.
    pub fn iter(&self) -> impl Iterator<Item = Level> + '_ {
        self.worst_to_best.iter().rev().copied()
    }

    /// Number of levels.
    pub fn len(&self) -> usize {
        self.worst_to_best.len()
    }

    /// Whether there is no level.
    pub fn is_empty(&self) -> bool {
        self.worst_to_best.is_empty()
    }

    /// Sum of the quantities of the best `levels` levels, in units of 10⁻⁸.
    pub fn depth_units(&self, levels: usize) -> i128 {
        self.iter()
            .take(levels)
            .map(|level| i128::from(level.quantity.units()))
            .sum()
    }

    /// The quantity at a price; zero where there is no level.
    pub fn quantity_at(&self, price: Price) -> Quantity {
        let rank = self.rank(price);
        let place = self
            .worst_to_best
            .partition_point(|other| self.rank(other.price) < rank);
        match self.worst_to_best.get(place) {
            Some(level) if level.price == price => level.quantity,
            _ => Quantity::ZERO,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn level(price: i64, quantity: i64) -> Level {
        Level {
            price: Price::from_units(price),
            quantity: Quantity::from_units(quantity),
        }
    }

    #[test]
    fn the_highest_bid_and_the_lowest_ask_are_best() {
        for (side, best) in [(Side::Buy, 30), (Side::Sell, 10)] {
            let mut book = BookSide::new(side);
            book.replace(&[level(20, 1), level(30, 1), level(10, 1)]);
            assert_eq!(book.best(), Some(level(best, 1)), "{side}");
        }
    }

    #[test]
    fn a_full_side_drops_its_worst_level_for_a_better_one() {
        let mut book = BookSide::new(Side::Buy);
        for price in 1..=MAX_LEVELS {
            book.set(level(i64::try_from(price).unwrap() * 10, 1));
        }
        book.set(level(5, 7));
        assert_eq!(
            book.quantity_at(Price::from_units(5)),
            Quantity::ZERO,
            "worse than all"
        );
        book.set(level(15, 7));
        assert_eq!(book.len(), MAX_LEVELS);
        assert_eq!(
            book.quantity_at(Price::from_units(10)),
            Quantity::ZERO,
            "dropped"
        );
        assert_eq!(
            book.quantity_at(Price::from_units(15)),
            Quantity::from_units(7)
        );
        assert_eq!(book.iter().last(), Some(level(15, 7)), "still sorted");
    }

    #[test]
    fn what_is_no_level_is_left_out() {
        let mut book = BookSide::new(Side::Sell);
        for nothing in [level(0, 5), level(-3, 5), level(7, 0), level(7, -2)] {
            book.set(nothing);
        }
        assert!(book.is_empty());
    }
}
