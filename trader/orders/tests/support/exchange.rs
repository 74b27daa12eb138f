//! A venue on which everything goes wrong that can: requests arrive late or never, answers are lost, what was done is
//! not shown at once, and questions are not answered.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use triptych_engine::decimal::{Notional, Price, Quantity};
use triptych_engine::event::{Liquidity, Side, Timestamp};
use triptych_orders::exchange::{Answer, Answered, Question, Request};
use triptych_venue::{
    ClientOrderId, NewOrder, NotSent, OrderKind, OrderReport, OrderStatus, QueryError, Refusal,
    RequestTime, Sent, Unclear, VenueOrderId, VenueTrade, VenueTradeId,
};

use super::{PATIENCE, later, symbol};

/// What happened at the venue itself, whoever knows of it.
#[derive(Debug)]
pub(crate) struct Exchange {
    random: fastrand::Rng,
    /// Its clock is ahead of ours by so many milliseconds, below the bound.
    ahead: i64,
    pub(crate) orders: BTreeMap<String, VenueOrder>,
    pub(crate) trades: Vec<VenueTrade>,
    /// Requests on their way to it, with their time of arrival. They outlive who sent them.
    under_way: Vec<(Timestamp, Arriving)>,
    /// Whether nothing goes wrong any more.
    pub(crate) calm: bool,
    next_order: u32,
}

#[derive(Debug, Clone)]
enum Arriving {
    Order(NewOrder, RequestTime),
    Cancellation(ClientOrderId),
}

#[derive(Debug, Clone)]
pub(crate) struct VenueOrder {
    pub(crate) order: NewOrder,
    pub(crate) name: VenueOrderId,
    pub(crate) filled: Quantity,
    pub(crate) status: OrderStatus,
    /// When its last change is shown.
    shown: Timestamp,
    /// What is shown until then; `None` while it is not shown at all.
    before: Option<(Quantity, OrderStatus)>,
    /// How often an order of its name arrived.
    pub(crate) arrivals: u32,
}

/// An answer and when it comes.
pub(crate) type Coming = (Timestamp, Answered);

impl Exchange {
    pub(crate) fn new(seed: u64) -> Self {
        let mut random = fastrand::Rng::with_seed(seed);
        let bound = i64::try_from(PATIENCE.clock_bound.as_millis()).unwrap();
        Self {
            ahead: random.i64(-bound + 1..bound),
            random,
            orders: BTreeMap::new(),
            trades: Vec::new(),
            under_way: Vec::new(),
            calm: false,
            next_order: 0,
        }
    }

    /// What happens at the venue up to now.
    pub(crate) fn go_on(&mut self, now: Timestamp) {
        self.under_way.sort_by_key(|(at, _)| *at);
        let arrived = self.under_way.partition_point(|(at, _)| *at <= now);
        for (at, request) in self.under_way.drain(..arrived).collect::<Vec<_>>() {
            match request {
                Arriving::Order(order, time) => drop(self.arrive(&order, time, at)),
                Arriving::Cancellation(order) => drop(self.cancel(&order, at)),
            }
        }
        let names: Vec<String> = self.orders.keys().cloned().collect();
        for name in names {
            if self.random.u8(0..100) < 8 {
                self.fill(&name, now);
            }
        }
    }

    /// What comes of a request that is sent now.
    pub(crate) fn carry(&mut self, request: Request, now: Timestamp) -> Coming {
        let soon = later(now, self.random.u64(1..60));
        let answered = |answer| Answered {
            question: None,
            asked: now,
            answer,
        };
        match request {
            Request::Place { order, time } => {
                let name = order.client_order_id.clone();
                let (at, sent) = self.place(order, time, now);
                (at, answered(Answer::Placed(name, sent)))
            }
            Request::Cancel { order, .. } => {
                let (at, sent) = self.ask_to_cancel(&order, now);
                (at, answered(Answer::Cancelled(order, sent)))
            }
            Request::Ask { question, newest } => {
                let answer = self.answer(&question, newest.as_ref(), now);
                let question = Some(question);
                let asked = now;
                (
                    soon,
                    Answered {
                        question,
                        asked,
                        answer,
                    },
                )
            }
        }
    }

    fn place(
        &mut self,
        order: NewOrder,
        time: RequestTime,
        now: Timestamp,
    ) -> (Timestamp, Sent<OrderReport>) {
        let soon = later(now, self.random.u64(1..60));
        let late = later(now, self.random.u64(1..3000));
        let lost = Sent::Unknown(Unclear::TimedOut(Duration::from_secs(1)));
        match if self.calm { 0 } else { self.random.u8(0..10) } {
            0..=3 => match self.arrive(&order, time, now) {
                Ok(report) => (soon, Sent::Accepted(report)),
                Err(refusal) => (soon, Sent::Refused(refusal)),
            },
            4 | 5 => {
                drop(self.arrive(&order, time, now));
                (late, lost)
            }
            6 | 7 => {
                let arrival = later(now, self.random.u64(0..2500));
                self.under_way.push((arrival, Arriving::Order(order, time)));
                (late, lost)
            }
            8 => (late, lost),
            _ => (
                soon,
                Sent::NotSent(NotSent::NoConnection("refused".to_owned())),
            ),
        }
    }

    /// An order reaches the venue.
    fn arrive(
        &mut self,
        order: &NewOrder,
        time: RequestTime,
        now: Timestamp,
    ) -> Result<OrderReport, Refusal> {
        let name = order.client_order_id.as_str();
        let clock = now.nanoseconds() + self.ahead * 1_000_000;
        let window = i64::try_from(time.receive_window.as_nanos()).unwrap();
        if clock - time.at.nanoseconds() > window {
            return Err(refusal(-1021, "outside of the recvWindow"));
        }
        if let Some(known) = self.orders.get_mut(name) {
            known.arrivals += 1;
            return Err(refusal(-2010, "Duplicate order sent"));
        }
        if !self.calm && self.random.u8(0..8) == 0 {
            return Err(refusal(-2010, "Account has insufficient balance"));
        }
        self.next_order += 1;
        let accepted = VenueOrder {
            order: order.clone(),
            name: VenueOrderId(self.next_order.to_string().into()),
            filled: Quantity::ZERO,
            status: OrderStatus::Working,
            shown: later(now, self.random.u64(0..400)),
            before: None,
            arrivals: 1,
        };
        self.orders.insert(name.to_owned(), accepted);
        if order.kind == OrderKind::Market {
            while self.orders[name].status == OrderStatus::Working {
                self.fill(name, now);
            }
        }
        Ok(report(&self.orders[name]))
    }

    fn ask_to_cancel(
        &mut self,
        order: &ClientOrderId,
        now: Timestamp,
    ) -> (Timestamp, Sent<OrderReport>) {
        let soon = later(now, self.random.u64(1..60));
        let lost = Sent::Unknown(Unclear::CutOff("cut".to_owned()));
        match if self.calm { 0 } else { self.random.u8(0..5) } {
            0 | 1 => match self.cancel(order, now) {
                Ok(report) => (soon, Sent::Accepted(report)),
                Err(refusal) => (soon, Sent::Refused(refusal)),
            },
            2 => {
                drop(self.cancel(order, now));
                (soon, lost)
            }
            3 => {
                let arrival = later(now, self.random.u64(0..2500));
                self.under_way
                    .push((arrival, Arriving::Cancellation(order.clone())));
                (soon, lost)
            }
            _ => (
                soon,
                Sent::NotSent(NotSent::NoConnection("refused".to_owned())),
            ),
        }
    }

    fn cancel(&mut self, order: &ClientOrderId, now: Timestamp) -> Result<OrderReport, Refusal> {
        let shown = later(now, self.random.u64(0..400));
        let found = self.orders.get_mut(order.as_str());
        match found.filter(|found| found.status == OrderStatus::Working) {
            None => Err(refusal(-2011, "Unknown order sent.")),
            Some(found) => {
                found.change(now, shown, |found| found.status = OrderStatus::Cancelled);
                Ok(report(found))
            }
        }
    }

    /// A part of an order is filled, or all that is left.
    fn fill(&mut self, name: &str, now: Timestamp) {
        let part = self.random.i64(1..=100);
        let shown = later(now, self.random.u64(0..400));
        let order = self.orders.get_mut(name).unwrap();
        if order.status != OrderStatus::Working {
            return;
        }
        let left = order.order.quantity.units() - order.filled.units();
        let quantity = Quantity::from_units((left * part / 100).max(1));
        order.change(now, shown, |order| {
            order.filled = order.filled.checked_add(quantity).unwrap();
            if order.filled == order.order.quantity {
                order.status = OrderStatus::Filled;
            }
        });
        let trade = VenueTrade {
            trade_id: VenueTradeId((self.trades.len() + 1).to_string().into()),
            venue_order_id: order.name.clone(),
            symbol: symbol(),
            side: order.order.side,
            price: Price::from_units(10_000_000_000),
            quantity,
            fee: Notional::ZERO,
            fee_asset: "USDT".into(),
            liquidity: Liquidity::Taker,
            at: now,
        };
        self.trades.push(trade);
    }

    fn answer(
        &mut self,
        question: &Question,
        newest: Option<&VenueTradeId>,
        now: Timestamp,
    ) -> Answer {
        let failure = match if self.calm { 9 } else { self.random.u8(0..10) } {
            0 => Some(QueryError::Throttled {
                retry_after: Duration::from_millis(300),
            }),
            1 | 2 => Some(QueryError::Unavailable("cut".to_owned())),
            _ => None,
        };
        let visible = |order: &VenueOrder| order.visible(now);
        match question {
            Question::Order { order, .. } => Answer::Order(failure.map_or_else(
                || Ok(self.orders.get(order.as_str()).and_then(visible)),
                Err,
            )),
            Question::OpenOrders { .. } => Answer::OpenOrders(failure.map_or_else(
                || {
                    let reports = self.orders.values().filter_map(visible);
                    Ok(reports
                        .filter(|report| !report.status.has_ended())
                        .collect())
                },
                Err,
            )),
            Question::NewestTrade { .. } => {
                Answer::NewestTrade(failure.map_or_else(|| Ok(self.trades.last().cloned()), Err))
            }
            Question::Trades { .. } => {
                let after: usize = newest.map_or(0, |trade| trade.0.parse().unwrap());
                let most = self.random.usize(1..4);
                let shown = self.trades[after..].iter().take(most);
                Answer::Trades(failure.map_or_else(|| Ok(shown.cloned().collect()), Err))
            }
        }
    }

    /// Requests that may still arrive.
    pub(crate) fn is_anything_under_way(&self) -> bool {
        !self.under_way.is_empty()
    }
}

impl VenueOrder {
    /// Changes it; until `shown`, questions are answered as before.
    fn change(&mut self, now: Timestamp, shown: Timestamp, change: impl FnOnce(&mut Self)) {
        if now >= self.shown {
            self.before = Some((self.filled, self.status));
            self.shown = shown;
        }
        change(self);
    }

    fn visible(&self, now: Timestamp) -> Option<OrderReport> {
        if now >= self.shown {
            return Some(report(self));
        }
        let (filled, status) = self.before?;
        Some(OrderReport {
            filled,
            status,
            ..report(self)
        })
    }
}

fn report(order: &VenueOrder) -> OrderReport {
    OrderReport {
        client_order_id: order.order.client_order_id.as_str().into(),
        venue_order_id: order.name.clone(),
        symbol: Arc::clone(&order.order.symbol),
        side: order.order.side,
        quantity: order.order.quantity,
        filled: order.filled,
        filled_value: Notional::ZERO,
        status: order.status,
        updated: None,
    }
}

fn refusal(code: i64, message: &str) -> Refusal {
    let message = message.to_owned();
    Refusal { code, message }
}

/// Bought less sold, of these fills.
pub(crate) fn net(trades: &[VenueTrade]) -> i64 {
    let signed = |trade: &VenueTrade| match trade.side {
        Side::Buy => trade.quantity.units(),
        Side::Sell => -trade.quantity.units(),
    };
    trades.iter().map(signed).sum()
}
