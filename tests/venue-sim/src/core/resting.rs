//! Orders of accounts that wait in the book: by price, then by time.

use std::collections::{BTreeMap, VecDeque};

use triptych_engine::decimal::Price;
use triptych_engine::event::Side;
use triptych_fill_model::QueuePlace;

use super::order::OrderId;

/// One order in its queue.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Resting {
    pub(crate) order: OrderId,
    /// Its place among the quantity of the crowd.
    pub(crate) place: QueuePlace,
}

/// The queues of both sides.
#[derive(Debug, Clone, Default)]
pub(crate) struct RestingOrders {
    bids: BTreeMap<Price, VecDeque<Resting>>,
    asks: BTreeMap<Price, VecDeque<Resting>>,
}

impl RestingOrders {
    pub(crate) fn join(&mut self, side: Side, price: Price, resting: Resting) {
        self.side_mut(side)
            .entry(price)
            .or_default()
            .push_back(resting);
    }

    pub(crate) fn remove(&mut self, side: Side, price: Price, order: OrderId) {
        let levels = self.side_mut(side);
        if let Some(queue) = levels.get_mut(&price) {
            queue.retain(|resting| resting.order != order);
            if queue.is_empty() {
                levels.remove(&price);
            }
        }
    }

    /// The prices of a side, best first.
    pub(crate) fn prices(&self, side: Side) -> Box<dyn Iterator<Item = Price> + '_> {
        match side {
            Side::Buy => Box::new(self.bids.keys().rev().copied()),
            Side::Sell => Box::new(self.asks.keys().copied()),
        }
    }

    /// The best price of a side.
    pub(crate) fn best(&self, side: Side) -> Option<Price> {
        match side {
            Side::Buy => self.bids.keys().next_back().copied(),
            Side::Sell => self.asks.keys().next().copied(),
        }
    }

    /// The queue at a price, first come first.
    pub(crate) fn queue(&self, side: Side, price: Price) -> impl Iterator<Item = &Resting> {
        self.side(side).get(&price).into_iter().flatten()
    }

    /// The same, to move places.
    pub(crate) fn queue_mut(
        &mut self,
        side: Side,
        price: Price,
    ) -> impl Iterator<Item = &mut Resting> {
        self.side_mut(side).get_mut(&price).into_iter().flatten()
    }

    /// Every queue of a side, to move places.
    pub(crate) fn queues_mut(
        &mut self,
        side: Side,
    ) -> impl Iterator<Item = (Price, &mut VecDeque<Resting>)> {
        self.side_mut(side)
            .iter_mut()
            .map(|(price, queue)| (*price, queue))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.bids.is_empty() && self.asks.is_empty()
    }

    fn side(&self, side: Side) -> &BTreeMap<Price, VecDeque<Resting>> {
        match side {
            Side::Buy => &self.bids,
            Side::Sell => &self.asks,
        }
    }

    fn side_mut(&mut self, side: Side) -> &mut BTreeMap<Price, VecDeque<Resting>> {
        match side {
            Side::Buy => &mut self.bids,
            Side::Sell => &mut self.asks,
        }
    }
}
