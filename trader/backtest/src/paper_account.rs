//! What a backtest's orders come to: the fill model says what is filled of each, and the account holds the rest.

use std::collections::BTreeMap;

use triptych_account::{Account, Fee, Fill, Filled, Order};
use triptych_engine::candidate::Candidate;
use triptych_engine::decimal::{Notional, Quantity};
use triptych_engine::event::{Event, InstrumentId, Liquidity, Timestamp};
use triptych_engine::market::{Instrument, Market, Top};
use triptych_engine::portfolio::{Account as Stated, Portfolio};
use triptych_fill_model::{
    EndReason, Execution, FillModel, NewOrder, OrderId, Report, SimulatedMarket,
};

use crate::orders::{Happened, OrderCounts, OrderEvent};

/// An account whose orders a model fills.
pub struct PaperAccount {
    markets: Vec<SimulatedMarket>,
    account: Account,
    /// Orders at work.
    sent: BTreeMap<OrderId, Order>,
    counts: OrderCounts,
    turnover: Notional,
    /// Memory for the reports of the next event.
    reports: Vec<Report>,
}

impl PaperAccount {
    /// An account without orders.
    pub fn new<'a>(
        stated: &Stated,
        instruments: impl IntoIterator<Item = &'a Instrument>,
        model: FillModel,
    ) -> Self {
        Self {
            markets: vec![SimulatedMarket::new(model); stated.base.len()],
            account: Account::new(Some(stated), instruments),
            sent: BTreeMap::new(),
            counts: OrderCounts::default(),
            turnover: Notional::ZERO,
            reports: Vec::new(),
        }
    }

    /// What it holds.
    pub const fn portfolio(&self) -> &Portfolio {
        self.account.portfolio()
    }

    /// What was counted so far.
    pub const fn counts(&self) -> OrderCounts {
        self.counts
    }

    /// Price times quantity of all fills so far.
    pub const fn turnover(&self) -> Notional {
        self.turnover
    }

    /// Lets orders arrive and rests end that are due before `now`, in the market known until then.
    pub fn arrive(
        &mut self,
        now: Timestamp,
        instrument: InstrumentId,
        market: &Market,
        on_order: impl FnMut(&OrderEvent<'_>),
    ) {
        let reports = &mut self.reports;
        self.markets[instrument.index()].arrive(now, market, |report| reports.push(report));
        self.settle(on_order);
    }

    /// Lets own orders take part in an event that `market` took already; then stops and targets that
    /// are reached send their orders.
    pub fn follow(
        &mut self,
        event: &Event,
        market: &Market,
        mut on_order: impl FnMut(&OrderEvent<'_>),
    ) {
        let instrument = event.instrument;
        let reports = &mut self.reports;
        self.markets[instrument.index()].follow(event, market, |report| reports.push(report));
        self.settle(&mut on_order);
        if let Some(top) = market.top() {
            self.protect(instrument, &top, event.ts_recv, on_order);
        }
    }

    /// A candidate was taken with this quantity, which is above zero.
    pub fn take(
        &mut self,
        candidate: &Candidate,
        quantity: Quantity,
        on_order: impl FnMut(&OrderEvent<'_>),
    ) {
        if let Some(order) = self.account.take(candidate, quantity) {
            self.send(order, candidate.ts_decision, on_order);
        }
    }

    /// Ends every order: the recording is over.
    pub fn end(&mut self, now: Timestamp, mut on_order: impl FnMut(&OrderEvent<'_>)) {
        for place in 0..self.markets.len() {
            let reports = &mut self.reports;
            self.markets[place].end(now, |report| reports.push(report));
            self.settle(&mut on_order);
        }
    }

    /// Sends market orders for what has reached its stop or its target.
    fn protect(
        &mut self,
        instrument: InstrumentId,
        top: &Top,
        now: Timestamp,
        mut on_order: impl FnMut(&OrderEvent<'_>),
    ) {
        let mut wanted = Vec::new();
        self.account
            .follow(instrument, top, |order| wanted.push(order));
        for order in wanted {
            self.send(order, now, &mut on_order);
        }
    }

    fn send(&mut self, order: Order, now: Timestamp, mut on_order: impl FnMut(&OrderEvent<'_>)) {
        self.counts.sent += 1;
        let id = OrderId(self.counts.sent);
        self.markets[order.instrument.index()].submit(NewOrder {
            id,
            side: order.side,
            order_type: order.order_type,
            limit: order.touch,
            quantity: order.quantity,
            sent: now,
        });
        on_order(&OrderEvent {
            id,
            order: &order,
            at: now,
            filled: Quantity::ZERO,
            happened: Happened::Sent,
        });
        self.sent.insert(id, order);
    }

    /// Takes the reports into the account.
    fn settle(&mut self, mut on_order: impl FnMut(&OrderEvent<'_>)) {
        let mut reports = std::mem::take(&mut self.reports);
        for report in reports.drain(..) {
            match report {
                Report::Filled(execution) => self.filled(execution, &mut on_order),
                Report::Ended {
                    order, reason, at, ..
                } => self.ended(order, reason, at, &mut on_order),
            }
        }
        self.reports = reports;
    }

    fn filled(&mut self, execution: Execution, on_order: &mut impl FnMut(&OrderEvent<'_>)) {
        let Some(order) = self.sent.get(&execution.order) else {
            return;
        };
        let fill = Fill {
            price: execution.price,
            quantity: execution.quantity,
            fee: Fee::Quote(execution.fee),
            at: execution.at,
        };
        let Some(Filled { left, closed }) = self.account.fill(order.key, fill) else {
            return;
        };
        self.counts.fills += 1;
        self.counts.maker_fills += u64::from(execution.liquidity == Liquidity::Maker);
        let value = execution.price.notional(execution.quantity);
        self.turnover = Notional::from_units(self.turnover.units().saturating_add(value.units()));
        on_order(&OrderEvent {
            id: execution.order,
            order,
            at: execution.at,
            filled: Quantity::from_units(order.quantity.units() - left.units()),
            happened: Happened::Filled { execution, closed },
        });
        if !left.is_positive() {
            self.counts.filled += 1;
            self.sent.remove(&execution.order);
        }
    }

    fn ended(
        &mut self,
        id: OrderId,
        reason: EndReason,
        at: Timestamp,
        on_order: &mut impl FnMut(&OrderEvent<'_>),
    ) {
        let Some(order) = self.sent.remove(&id) else {
            return;
        };
        let Some(left) = self.account.end(order.key) else {
            return;
        };
        self.counts.count_end(reason);
        on_order(&OrderEvent {
            id,
            order: &order,
            at,
            filled: Quantity::from_units(order.quantity.units() - left.units()),
            happened: Happened::Ended(reason),
        });
    }
}
