//! What the crowd does: the recording or the generator moves it, and orders of accounts follow.

use triptych_engine::decimal::{Price, Quantity};
use triptych_engine::event::{Event, EventKind, Side, Trade};
use triptych_fill_model::{QueueModel, resting_at};

use super::matching::Matching;
use super::order::OrderId;
use super::sweep::{is_worse, opposite};
use super::symbol_market::SymbolStatus;

impl Matching<'_> {
    /// The recording or the generator moved the market.
    pub(crate) fn crowd_event(&mut self, event: &Event) {
        let event = Event {
            ts_recv: self.at,
            ..event.clone()
        };
        self.market.crowd.apply(&event, self.at);
        if self.market.status != SymbolStatus::Trading {
            return;
        }
        match &event.kind {
            EventKind::Trade(trade) => self.crowd_trade(trade),
            EventKind::BookTicker(_) | EventKind::DepthDiff(_) | EventKind::DepthSnapshot(_) => {
                self.follow_book();
            }
            EventKind::Connected | EventKind::Disconnected | EventKind::Gap => {}
        }
    }

    /// The crowd traded: orders at better prices were passed and fill whole, orders at the price fill in
    /// their turn.
    fn crowd_trade(&mut self, trade: &Trade) {
        self.market.taker_number += 1;
        let side = opposite(trade.aggressor);
        self.fill_passed(side, |best| is_worse(trade.aggressor, trade.price, best));
        let mut left = trade.quantity.units();
        let mut crowd = 0;
        let mut fills = Vec::new();
        for resting in self.market.resting.queue(side, trade.price) {
            let before = (resting.place.ahead() - crowd).clamp(0, left);
            left -= before;
            crowd += before;
            let order = self.market.order(resting.order);
            let units = self.market.whole_lots(left).min(order.left().units());
            if units > 0 {
                left -= units;
                fills.push((order.id, Quantity::from_units(units)));
            }
        }
        for resting in self.market.resting.queue_mut(side, trade.price) {
            resting.place.trade(crowd);
        }
        for (id, quantity) in fills {
            let trade_id = self.publish_trade(trade.aggressor, trade.price, quantity);
            self.fill_against_crowd(id, trade.price, quantity, true, trade_id);
        }
        if left + crowd > 0 {
            let quantity = Quantity::from_units(left + crowd);
            self.publish_trade(trade.aggressor, trade.price, quantity);
        }
    }

    /// The crowd's book was published anew: places in the queues move, and who is crossed was filled.
    pub(crate) fn follow_book(&mut self) {
        self.market.taken.forget();
        self.market.update_id += 1;
        if self.market.resting.is_empty() {
            return;
        }
        let Some(top) = self.market.crowd.top() else {
            return;
        };
        self.market.taker_number += 1;
        self.fill_passed(Side::Buy, |best| best >= top.ask.price);
        self.fill_passed(Side::Sell, |best| best <= top.bid.price);
        let market = &mut *self.market;
        for side in [Side::Buy, Side::Sell] {
            for (price, queue) in market.resting.queues_mut(side) {
                let level = resting_at(&market.crowd, side, price).units();
                for resting in queue {
                    resting.place.see(level, QueueModel::RiskAverse);
                }
            }
        }
    }

    /// Fills every waiting order of a side whose price the crowd went past.
    fn fill_passed(&mut self, side: Side, is_passed: impl Fn(Price) -> bool) {
        while let Some(price) = self
            .market
            .resting
            .best(side)
            .filter(|best| is_passed(*best))
        {
            let passed: Vec<OrderId> = self
                .market
                .resting
                .queue(side, price)
                .map(|resting| resting.order)
                .collect();
            for id in passed {
                let quantity = self.market.order(id).left();
                let trade_id = self.publish_trade(opposite(side), price, quantity);
                self.fill_against_crowd(id, price, quantity, true, trade_id);
            }
        }
    }
}
