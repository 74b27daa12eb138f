//! What an arriving order finds on the other side.

use triptych_engine::decimal::{Price, Quantity};
use triptych_engine::event::{Level, Side};
use triptych_engine::market::Market;

/// The levels that an order of this side may take, best first: the best as last published, then what
/// the order book has behind it.
pub fn against(market: &Market, side: Side) -> impl Iterator<Item = Level> + '_ {
    let top = market.top().map(|top| match side {
        Side::Buy => top.ask,
        Side::Sell => top.bid,
    });
    let levels = match side {
        Side::Buy => market.book().asks(),
        Side::Sell => market.book().bids(),
    };
    let behind = levels
        .iter()
        .filter(move |level| top.is_some_and(|top| is_better(side, top.price, level.price)));
    top.into_iter().chain(behind)
}

/// Whether the price `one` is better than `other` for who wants to trade on this side.
pub(crate) fn is_better(side: Side, one: Price, other: Price) -> bool {
    match side {
        Side::Buy => one < other,
        Side::Sell => one > other,
    }
}

/// The quantity that others have at a price on a side of the book.
pub fn resting_at(market: &Market, side: Side, price: Price) -> Quantity {
    let top = market.top().map(|top| match side {
        Side::Buy => top.bid,
        Side::Sell => top.ask,
    });
    match top {
        Some(best) if best.price == price => best.quantity,
        // Nobody waits at a better price than the best.
        Some(best) if is_better(side, best.price, price) => Quantity::ZERO,
        _ => market.book().quantity_at(side, price),
    }
}

/// What own orders took from levels that were not published anew since.
#[derive(Debug, Clone, Default)]
pub struct Taken(Vec<(Side, Price, i64)>);

impl Taken {
    /// What is left of a level for an order of this side, in units of 10⁻⁸.
    pub fn left(&self, side: Side, level: Level) -> i64 {
        let taken = self
            .0
            .iter()
            .find(|(of, price, _)| *of == side && *price == level.price);
        level.quantity.units() - taken.map_or(0, |(_, _, units)| *units)
    }

    /// An own order took so many units of 10⁻⁸ at a price.
    pub fn take(&mut self, side: Side, price: Price, units: i64) {
        match self
            .0
            .iter_mut()
            .find(|(of, at, _)| *of == side && *at == price)
        {
            Some((_, _, taken)) => *taken += units,
            None => self.0.push((side, price, units)),
        }
    }

    /// The levels were published anew.
    pub fn forget(&mut self) {
        self.0.clear();
    }
}
