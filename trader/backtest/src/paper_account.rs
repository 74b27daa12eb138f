//! What a backtest's orders come to: each accepted intent becomes an order, the fill model says what
//! is filled of it, and a portfolio holds the rest.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;
use triptych_crds::strategies::OrderType;
use triptych_engine::candidate::{Candidate, CandidateId};
use triptych_engine::decimal::Quantity;
use triptych_engine::event::{Event, InstrumentId, Timestamp};
use triptych_engine::market::{Market, Top};
use triptych_engine::portfolio::{
    Account, CloseReason, ClosedTrade, Holding, Order, Portfolio, PortfolioName, Protection,
};
use triptych_fill_model::{
    EndReason, Execution, FillModel, Liquidity, NewOrder, OrderId, Report, SimulatedMarket,
};

/// Why an order was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// A candidate was taken.
    Candidate(CandidateId),
    /// The stop or the target of a candidate was reached.
    Protection(CloseReason),
}

/// A fill, with what it was for.
#[derive(Debug, Clone)]
pub struct Fill {
    /// The instrument.
    pub instrument: InstrumentId,
    /// Why the order was sent.
    pub purpose: Purpose,
    /// The strategy whose candidate it was; `None` for an order that protects.
    pub strategy: Option<Arc<str>>,
    /// The fill.
    pub execution: Execution,
    /// What it closed of the position.
    pub closed: Option<ClosedTrade>,
}

/// What was counted of orders.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OrderCounts {
    /// Orders sent.
    pub sent: u64,
    /// Orders that were filled whole.
    pub filled: u64,
    /// Fills, whole or in part.
    pub fills: u64,
    /// Of these, those that waited in the book.
    pub maker_fills: u64,
    /// Orders whose rest was cancelled because its time was over.
    pub expired: u64,
    /// Market orders that found no more in the visible book.
    pub book_exhausted: u64,
    /// Orders that were at work when the recording ended.
    pub at_the_end: u64,
}

/// An order at work.
#[derive(Debug, Clone)]
struct Working {
    /// With what is left of its quantity, and the price that it is reserved at.
    order: Order,
    purpose: Purpose,
    strategy: Option<Arc<str>>,
    protection: Protection,
}

/// Orders, fills and the portfolio that they lead to.
pub struct PaperAccount {
    markets: Vec<SimulatedMarket>,
    holding: Holding,
    working: BTreeMap<OrderId, Working>,
    counts: OrderCounts,
    /// Memory for the reports of the next event.
    reports: Vec<Report>,
}

impl PaperAccount {
    /// An account without orders.
    pub fn new(account: &Account, model: FillModel) -> Self {
        Self {
            markets: vec![SimulatedMarket::new(model); account.base.len()],
            holding: Holding::new(PortfolioName::Taken, Some(account)),
            working: BTreeMap::new(),
            counts: OrderCounts::default(),
            reports: Vec::new(),
        }
    }

    /// What it holds.
    pub const fn portfolio(&self) -> &Portfolio {
        self.holding.portfolio()
    }

    /// What was counted so far.
    pub const fn counts(&self) -> OrderCounts {
        self.counts
    }

    /// Lets orders arrive and rests end that are due before `now`, in the market known until then.
    pub fn arrive(
        &mut self,
        now: Timestamp,
        instrument: InstrumentId,
        market: &Market,
        on_fill: impl FnMut(&Fill),
    ) {
        let reports = &mut self.reports;
        self.markets[instrument.index()].arrive(now, market, |report| reports.push(report));
        self.settle(instrument, on_fill);
    }

    /// Lets own orders take part in an event that `market` took already; then stops and targets that
    /// are reached send their orders.
    pub fn follow(&mut self, event: &Event, market: &Market, on_fill: impl FnMut(&Fill)) {
        let instrument = event.instrument;
        let reports = &mut self.reports;
        self.markets[instrument.index()].follow(event, market, |report| reports.push(report));
        self.settle(instrument, on_fill);
        if let Some(top) = market.top() {
            self.protect(instrument, &top, event.ts_recv);
        }
    }

    /// A candidate was taken with this quantity, which is above zero.
    pub fn take(&mut self, candidate: &Candidate, quantity: Quantity) {
        let proposal = &candidate.proposal;
        let order = Order {
            instrument: proposal.instrument,
            side: proposal.side,
            quantity,
            price: proposal.touch,
        };
        let working = Working {
            order,
            purpose: Purpose::Candidate(candidate.id),
            strategy: Some(Arc::clone(&candidate.strategy)),
            protection: Protection {
                stop: proposal.stop,
                target: proposal.target,
            },
        };
        self.send(working, proposal.order_type, candidate.ts_decision);
    }

    /// Ends every order: the recording is over.
    pub fn end(&mut self, now: Timestamp) {
        for place in 0..self.markets.len() {
            let reports = &mut self.reports;
            self.markets[place].end(now, |report| reports.push(report));
            let place = u16::try_from(place).unwrap_or(u16::MAX);
            self.settle(InstrumentId(place), |_| {});
        }
    }

    /// Sends market orders for what has reached its stop or its target, as far as it is held and no
    /// such order is at work for it already.
    fn protect(&mut self, instrument: InstrumentId, top: &Top, now: Timestamp) {
        self.holding.mark(instrument, top);
        while let Some((order, reason)) = self.holding.take_reached(instrument, top) {
            let working = Working {
                order,
                purpose: Purpose::Protection(reason),
                strategy: None,
                protection: Protection::default(),
            };
            self.send(working, OrderType::Market, now);
        }
    }

    fn send(&mut self, working: Working, order_type: OrderType, sent: Timestamp) {
        self.counts.sent += 1;
        let id = OrderId(self.counts.sent);
        let Order {
            instrument,
            side,
            quantity,
            price,
        } = working.order;
        self.markets[instrument.index()].submit(NewOrder {
            id,
            side,
            order_type,
            limit: price,
            quantity,
            sent,
        });
        self.holding.open(&working.order);
        self.working.insert(id, working);
    }

    /// Takes the reports into the portfolio.
    fn settle(&mut self, instrument: InstrumentId, mut on_fill: impl FnMut(&Fill)) {
        let mut reports = std::mem::take(&mut self.reports);
        for report in reports.drain(..) {
            match report {
                Report::Filled(execution) => {
                    if let Some(fill) = self.filled(instrument, execution) {
                        on_fill(&fill);
                    }
                }
                Report::Ended { order, reason, .. } => self.ended(order, reason),
            }
        }
        self.reports = reports;
    }

    fn filled(&mut self, instrument: InstrumentId, execution: Execution) -> Option<Fill> {
        let working = self.working.get_mut(&execution.order)?;
        self.counts.fills += 1;
        self.counts.maker_fills += u64::from(execution.liquidity == Liquidity::Maker);
        let part = Order {
            quantity: execution.quantity,
            ..working.order
        };
        self.holding.release(&part);
        working.order.quantity = execution.left;
        let reason = match working.purpose {
            Purpose::Candidate(_) => CloseReason::Signal,
            Purpose::Protection(reason) => reason,
        };
        let fill = Order {
            price: execution.price,
            ..part
        };
        let closed = self.holding.fill(
            &fill,
            execution.fee,
            working.protection,
            reason,
            execution.at,
        );
        let told = Fill {
            instrument,
            purpose: working.purpose,
            strategy: working.strategy.clone(),
            execution,
            closed,
        };
        if execution.left == Quantity::ZERO {
            self.counts.filled += 1;
            self.working.remove(&execution.order);
        }
        Some(told)
    }

    fn ended(&mut self, order: OrderId, reason: EndReason) {
        let Some(working) = self.working.remove(&order) else {
            return;
        };
        self.holding.release(&working.order);
        match reason {
            EndReason::Expired => self.counts.expired += 1,
            EndReason::BookExhausted => self.counts.book_exhausted += 1,
            EndReason::EndOfRecording => self.counts.at_the_end += 1,
        }
    }
}
