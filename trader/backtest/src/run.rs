//! One run: the engine, and the account that its orders lead to.

use serde::Serialize;
use triptych_crds::TradingState;
use triptych_engine::decimal::{Notional, Quantity};
use triptych_engine::event::Event;
use triptych_engine::portfolio::{Account, ClosedTrade};
use triptych_engine::stage::{LiveRatio, TierControl};
use triptych_engine::{Candidate, Engine};
use triptych_fill_model::FillModel;

use crate::orders::{Happened, OrderCounts, OrderEvent};
use crate::paper_account::PaperAccount;

/// A revision that is being backtested.
pub struct Backtest {
    engine: Engine,
    account: PaperAccount,
    counts: Counts,
    stopped: Option<Stopped>,
    highest_equity: Notional,
    max_drawdown: Notional,
    /// Memory for what is taken at the next event.
    taken: Vec<(Candidate, Quantity)>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Counts {
    events: u64,
    closed_trades: u64,
    losing_trades: u64,
}

/// What a backtest came to. Money is in the quote asset, exact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Outcome {
    /// Events taken.
    pub events: u64,
    /// Candidates that the strategies proposed.
    pub candidates: u64,
    /// What became of the orders.
    pub orders: OrderCounts,
    /// Trades that closed a position, or a part of one.
    pub closed_trades: u64,
    /// Of these, those that lost money, fees counted.
    pub losing_trades: u64,
    /// Price times quantity of all fills.
    pub turnover: Notional,
    /// Fees of all fills.
    pub fees: Notional,
    /// The equity at the start.
    pub equity_at_start: Notional,
    /// The equity at the end, fees counted and open positions valued at the middle of the book.
    pub equity: Notional,
    /// The deepest fall of the equity from its highest before.
    pub max_drawdown: Notional,
    /// The equity of trading on paper: each accepted intent filled whole, at once and at its touch.
    /// What is missing of it in `equity` is what latency, queues and partial fills cost.
    pub equity_on_paper: Notional,
    /// The last breach of a limit of losses that stopped trading, as it would stop W and R.
    pub stopped: Option<Stopped>,
}

/// How a breach stopped trading.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Stopped {
    /// The rule whose limit broke.
    pub rule: &'static str,
    /// The trading state from then on; nobody resumes in a backtest.
    pub state: TradingState,
    /// When, by the receiver's clock; nanoseconds since the Unix epoch.
    pub at_ns: i64,
}

/// What a backtest tells while it runs, in the order in which it happens.
#[derive(Debug)]
pub enum Told<'a> {
    /// A candidate was decided on.
    Candidate(&'a Candidate),
    /// Something happened to an order.
    Order(&'a OrderEvent<'a>),
}

impl Told<'_> {
    /// The trade that it closed a position with.
    fn closed_trade(&self) -> Option<&ClosedTrade> {
        match self {
            Self::Order(OrderEvent {
                happened: Happened::Filled { closed, .. },
                ..
            }) => closed.as_ref(),
            _ => None,
        }
    }
}

impl Outcome {
    /// Equity at the end minus equity at the start.
    pub fn profit(&self) -> Notional {
        difference(self.equity, self.equity_at_start)
    }

    /// What trading on paper would have earned more.
    pub fn cost_of_execution(&self) -> Notional {
        difference(self.equity_on_paper, self.equity)
    }
}

const fn at_whole_ratio(state: TradingState) -> TierControl {
    TierControl {
        state,
        live: LiveRatio::WHOLE,
    }
}

fn difference(one: Notional, other: Notional) -> Notional {
    Notional::from_units(one.units().saturating_sub(other.units()))
}

impl Backtest {
    /// A run of an engine, as W and R decide at a ratio of 1, with what its revision states as
    /// portfolio.
    pub fn new(mut engine: Engine, account: &Account, model: FillModel) -> Self {
        engine.set_control(Some(at_whole_ratio(TradingState::Active)));
        let account = PaperAccount::new(account, engine.instruments(), model);
        let start = account.portfolio().equity();
        Self {
            engine,
            account,
            counts: Counts::default(),
            stopped: None,
            highest_equity: start,
            max_drawdown: Notional::ZERO,
            taken: Vec::new(),
        }
    }

    /// The engine.
    pub const fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Takes the next event, and tells what was decided and what became of orders.
    pub fn on_event(&mut self, event: &Event, mut tell: impl FnMut(&Told<'_>)) {
        let Self {
            engine,
            account,
            counts,
            taken,
            ..
        } = self;
        counts.events += 1;
        let mut note = |told: &Told<'_>| {
            if let Some(closed) = told.closed_trade() {
                counts.closed_trades += 1;
                counts.losing_trades += u64::from(closed.is_loss());
            }
            tell(told);
        };
        if let Some(market) = engine.market(event.instrument) {
            account.arrive(event.ts_recv, event.instrument, market, |order| {
                note(&Told::Order(order));
            });
        }
        engine.on_event(event, |candidate| {
            note(&Told::Candidate(candidate));
            let left = candidate
                .stage
                .map_or(Quantity::ZERO, |stage| stage.quantity);
            if left.is_positive() {
                taken.push((candidate.clone(), left));
            }
        });
        if let Some(market) = engine.market(event.instrument) {
            account.follow(event, market, |order| note(&Told::Order(order)));
        }
        for (candidate, quantity) in taken.drain(..) {
            account.take(&candidate, quantity, |order| note(&Told::Order(order)));
        }
        self.obey_breaches();
        self.follow_equity();
    }

    /// Does what a trader of W and R does when a limit of losses breaks.
    fn obey_breaches(&mut self) {
        for breach in self.engine.breaches() {
            if self
                .stopped
                .is_some_and(|stopped| stopped.state == TradingState::Halted)
            {
                continue;
            }
            self.stopped = Some(Stopped {
                rule: breach.rule,
                state: breach.consequence.state(),
                at_ns: breach.at.nanoseconds(),
            });
        }
        if let Some(stopped) = self.stopped {
            self.engine.set_control(Some(at_whole_ratio(stopped.state)));
        }
    }

    /// Ends the run: what is at work is cancelled, which is told, and what is held stays valued as it is.
    pub fn finish(mut self, mut tell: impl FnMut(&Told<'_>)) -> Outcome {
        let clock = self.engine.clock();
        self.account.end(clock, |order| tell(&Told::Order(order)));
        let portfolio = self.account.portfolio();
        Outcome {
            events: self.counts.events,
            candidates: self.engine.counters().candidates,
            orders: self.account.counts(),
            closed_trades: self.counts.closed_trades,
            losing_trades: self.counts.losing_trades,
            turnover: self.account.turnover(),
            fees: portfolio.fees(),
            equity_at_start: portfolio.equity_at_start(),
            equity: portfolio.equity(),
            max_drawdown: self.max_drawdown,
            stopped: self.stopped,
            equity_on_paper: self.engine.taken_portfolio().equity(),
        }
    }

    fn follow_equity(&mut self) {
        let equity = self.account.portfolio().equity();
        self.highest_equity = self.highest_equity.max(equity);
        let fall = difference(self.highest_equity, equity);
        self.max_drawdown = self.max_drawdown.max(fall);
    }
}
