//! The market of one instrument, with own orders in it.

use std::collections::VecDeque;

use triptych_crds::strategies::OrderType;
use triptych_engine::decimal::{Price, Quantity};
use triptych_engine::event::{Event, EventKind, Liquidity, Side, Timestamp, Trade};
use triptych_engine::market::Market;

use crate::liquidity::{Taken, against, is_better, resting_at};
use crate::model::FillModel;
use crate::order::{EndReason, Execution, NewOrder, OrderId, Report};
use crate::queue::QueuePlace;

/// The market of one instrument, with own orders in it.
///
/// For each event: [`SimulatedMarket::arrive`] before anybody takes it, because an order meets the
/// market as it was until then, and [`SimulatedMarket::follow`] after the [`Market`] took it.
#[derive(Debug, Clone)]
pub struct SimulatedMarket {
    model: FillModel,
    on_the_way: VecDeque<NewOrder>,
    resting: Vec<Resting>,
    taken: Taken,
}

/// A limit order in the book.
#[derive(Debug, Clone, Copy)]
struct Resting {
    order: OrderId,
    side: Side,
    limit: Price,
    left: i64,
    place: QueuePlace,
    until: Timestamp,
}

impl SimulatedMarket {
    /// A market without own orders.
    pub fn new(model: FillModel) -> Self {
        Self {
            model,
            on_the_way: VecDeque::new(),
            resting: Vec::new(),
            taken: Taken::default(),
        }
    }

    /// Sends an order. Orders are sent in the order of their decisions.
    pub fn submit(&mut self, order: NewOrder) {
        self.on_the_way.push_back(order);
    }

    /// Whether an own order is on its way or in the book.
    pub fn is_idle(&self) -> bool {
        self.on_the_way.is_empty() && self.resting.is_empty()
    }

    /// Lets what is due before `now` happen: orders arrive and rests end, in the order of their times.
    /// `market` is what was known until then.
    pub fn arrive(&mut self, now: Timestamp, market: &Market, mut report: impl FnMut(Report)) {
        while let Some(order) = self.on_the_way.front().copied() {
            let at = after(order.sent, self.model.latency_ns);
            if at > now {
                break;
            }
            self.on_the_way.pop_front();
            self.expire(at, &mut report);
            self.take(&order, at, market, &mut report);
        }
        self.expire(now, &mut report);
    }

    /// Lets the own orders take part in an event that `market` took already.
    pub fn follow(&mut self, event: &Event, market: &Market, mut report: impl FnMut(Report)) {
        match &event.kind {
            EventKind::Trade(trade) => self.trade(trade, event.ts_recv, &mut report),
            EventKind::BookTicker(_) | EventKind::DepthDiff(_) | EventKind::DepthSnapshot(_) => {
                self.taken.forget();
                self.see(market, event.ts_recv, &mut report);
            }
            EventKind::Connected | EventKind::Disconnected | EventKind::Gap => {}
        }
    }

    /// Ends every order: the recording is over.
    pub fn end(&mut self, now: Timestamp, mut report: impl FnMut(Report)) {
        let on_the_way = self.on_the_way.drain(..);
        let resting = self.resting.drain(..);
        let left = on_the_way
            .map(|order| (order.id, order.side, order.quantity.units()))
            .chain(resting.map(|order| (order.order, order.side, order.left)));
        for (order, side, left) in left {
            report(Report::Ended {
                order,
                side,
                left: Quantity::from_units(left),
                reason: EndReason::EndOfRecording,
                at: now,
            });
        }
    }

    /// An order arrives: it takes what it may, and what is left of a limit order waits.
    fn take(
        &mut self,
        order: &NewOrder,
        at: Timestamp,
        market: &Market,
        report: &mut impl FnMut(Report),
    ) {
        let mut left = order.quantity.units();
        let is_limit = order.order_type == OrderType::Limit;
        for level in against(market, order.side) {
            if left == 0 || is_limit && is_better(order.side, order.limit, level.price) {
                break;
            }
            let units = self.taken.left(order.side, level).min(left);
            if units <= 0 {
                continue;
            }
            left -= units;
            self.taken.take(order.side, level.price, units);
            let part = Part {
                order: order.id,
                side: order.side,
                price: level.price,
                units,
                left,
            };
            report(Report::Filled(part.execution(
                &self.model,
                Liquidity::Taker,
                at,
            )));
        }
        if left == 0 {
            return;
        }
        if is_limit {
            let level = resting_at(market, order.side, order.limit);
            self.resting.push(Resting {
                order: order.id,
                side: order.side,
                limit: order.limit,
                left,
                place: QueuePlace::at_the_end_of(level.units()),
                until: after(at, self.model.rest_ns),
            });
        } else {
            report(Report::Ended {
                order: order.id,
                side: order.side,
                left: Quantity::from_units(left),
                reason: EndReason::BookExhausted,
                at,
            });
        }
    }

    /// Somebody traded: who waits at that price is filled in its turn, who waits at a better one was
    /// passed and is filled whole.
    fn trade(&mut self, trade: &Trade, at: Timestamp, report: &mut impl FnMut(Report)) {
        let model = self.model;
        self.resting.retain_mut(|order| {
            if order.side == trade.aggressor {
                return true;
            }
            let units = if order.limit == trade.price {
                order.place.trade(trade.quantity.units())
            } else if is_passed(order.side, order.limit, trade.price) {
                order.left
            } else {
                0
            };
            order.fill(units, at, &model, report)
        });
    }

    /// The book was published anew: places in the queues move, and who is crossed was filled.
    fn see(&mut self, market: &Market, at: Timestamp, report: &mut impl FnMut(Report)) {
        let model = self.model;
        let Some(top) = market.top() else {
            return;
        };
        self.resting.retain_mut(|order| {
            let opposite = match order.side {
                Side::Buy => top.ask.price,
                Side::Sell => top.bid.price,
            };
            let is_crossed =
                opposite == order.limit || is_passed(order.side, order.limit, opposite);
            if is_crossed {
                return order.fill(order.left, at, &model, report);
            }
            let level = resting_at(market, order.side, order.limit);
            order.place.see(level.units(), model.queue);
            true
        });
    }

    /// Rests that end by now.
    fn expire(&mut self, now: Timestamp, report: &mut impl FnMut(Report)) {
        self.resting.retain(|order| {
            let stays = order.until > now;
            if !stays {
                report(Report::Ended {
                    order: order.order,
                    side: order.side,
                    left: Quantity::from_units(order.left),
                    reason: EndReason::Expired,
                    at: order.until,
                });
            }
            stays
        });
    }
}

impl Resting {
    /// Fills as much as is left at most; whether the order stays in the book.
    fn fill(
        &mut self,
        units: i64,
        at: Timestamp,
        model: &FillModel,
        report: &mut impl FnMut(Report),
    ) -> bool {
        let units = units.min(self.left);
        if units > 0 {
            self.left -= units;
            let part = Part {
                order: self.order,
                side: self.side,
                price: self.limit,
                units,
                left: self.left,
            };
            report(Report::Filled(part.execution(model, Liquidity::Maker, at)));
        }
        self.left > 0
    }
}

/// The part of an order that is filled at once, at one price.
struct Part {
    order: OrderId,
    side: Side,
    price: Price,
    units: i64,
    left: i64,
}

impl Part {
    fn execution(&self, model: &FillModel, liquidity: Liquidity, at: Timestamp) -> Execution {
        let quantity = Quantity::from_units(self.units);
        Execution {
            order: self.order,
            side: self.side,
            price: self.price,
            quantity,
            left: Quantity::from_units(self.left),
            liquidity,
            fee: model.fee(self.price.notional(quantity), liquidity),
            at,
        }
    }
}

/// Whether a price went through a limit of this side: below a purchase, above a sale.
fn is_passed(side: Side, limit: Price, price: Price) -> bool {
    match side {
        Side::Buy => price < limit,
        Side::Sell => price > limit,
    }
}

fn after(moment: Timestamp, nanoseconds: i64) -> Timestamp {
    Timestamp::from_nanoseconds(moment.nanoseconds().saturating_add(nanoseconds))
}
