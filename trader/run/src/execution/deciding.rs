//! What W and R do on the decision thread: orders for what the engine lets through, and for stops and targets.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::Receiver;

use tokio::sync::mpsc::Sender;
use tokio::sync::mpsc::error::TrySendError;
use tracing::warn;
use triptych_account::{Account, Order};
use triptych_crds::strategies::OrderType;
use triptych_crds::trading_instance::LiveRatioMode;
use triptych_crds::{Tier, TradingState};
use triptych_engine::decimal::{Quantity, Ratio};
use triptych_engine::event::{Event, Timestamp};
use triptych_engine::risk::Breach;
use triptych_engine::stage::{LiveRatio, TierControl};
use triptych_engine::{Candidate, Engine};
use triptych_orders::path::Draft;
use triptych_trader_runtime::Deciding;
use triptych_venue::{OrderKind, TimeInForce};

use super::news::News;
use crate::halt::machine::Stopper;
use crate::part::Trading;

/// What W and R add on the decision thread.
pub(crate) struct DecidesOrders {
    pub(crate) trading: Arc<Trading>,
    pub(crate) account: Account,
    /// By number of the instrument.
    pub(crate) symbols: Vec<Arc<str>>,
    /// To the thread of orders, those of an event together.
    pub(crate) orders: Sender<Vec<Draft>>,
    pub(crate) news: Receiver<News>,
    /// What was taken at this event.
    pub(crate) taken: Vec<(Candidate, Quantity)>,
}

impl Deciding for DecidesOrders {
    fn control(&mut self) -> Option<TierControl> {
        let live = match self.trading.tier {
            Tier::W => self.trading.instance.live(),
            Tier::R | Tier::Abh => LiveRatio::WHOLE,
        };
        Some(TierControl {
            state: self.trading.control.state(),
            live,
        })
    }

    fn decided(&mut self, candidate: &Candidate) {
        let Some(stage) = &candidate.stage else {
            return;
        };
        self.trading.intents.count(stage);
        if stage.quantity.is_positive() {
            self.taken.push((candidate.clone(), stage.quantity));
        }
    }

    fn breached(&mut self, breach: &Breach) {
        self.trading.breaches.fetch_add(1, Ordering::Relaxed);
        let reason = format!(
            "{}: observed {}, limit {}",
            breach.rule, breach.observed, breach.limit
        );
        self.trading
            .control
            .trip(Stopper::Breaker, breach.consequence.state(), &reason);
    }

    fn followed(&mut self, event: &Event, engine: &Engine) {
        while let Ok(news) = self.news.try_recv() {
            news.take_into(&mut self.account);
        }
        let mut drafts = Vec::new();
        let top = engine
            .market(event.instrument)
            .and_then(triptych_engine::market::Market::top);
        // A halt leaves positions untouched.
        if let Some(top) = top.filter(|_| self.trading.control.state() != TradingState::Halted) {
            let symbols = &self.symbols;
            self.account.follow(event.instrument, &top, |order| {
                drafts.push(draft(order, symbols, event.ts_recv, None));
            });
        }
        for (candidate, quantity) in self.taken.drain(..) {
            let live_ratio = live_ratio(self.trading.tier, &candidate);
            if let Some(order) = self.account.take(&candidate, quantity) {
                let decided = candidate.ts_decision;
                drafts.push(draft(order, &self.symbols, decided, live_ratio));
            }
        }
        if !drafts.is_empty() {
            self.hand_over(drafts);
        }
    }
}

impl DecidesOrders {
    fn hand_over(&mut self, drafts: Vec<Draft>) {
        let Err(TrySendError::Full(drafts) | TrySendError::Closed(drafts)) =
            self.orders.try_send(drafts)
        else {
            return;
        };
        warn!(
            orders = drafts.len(),
            "orders are not sent: their thread does not take them"
        );
        for draft in drafts {
            self.trading.execution.count_withheld();
            self.account.end(draft.key);
        }
    }
}

/// The ratio by which W scaled the size.
fn live_ratio(tier: Tier, candidate: &Candidate) -> Option<Ratio> {
    let live = candidate.stage.as_ref()?.live;
    (tier == Tier::W && live.mode == LiveRatioMode::Size).then_some(live.ratio)
}

fn draft(
    order: Order,
    symbols: &[Arc<str>],
    decided: Timestamp,
    live_ratio: Option<Ratio>,
) -> Draft {
    Draft {
        key: order.key,
        strategy: order.strategy,
        symbol: Arc::clone(&symbols[order.instrument.index()]),
        side: order.side,
        kind: match order.order_type {
            OrderType::Market => OrderKind::Market,
            OrderType::Limit => OrderKind::Limit {
                price: order.touch,
                time_in_force: TimeInForce::GoodTillCancel,
            },
        },
        quantity: order.quantity,
        touch: order.touch,
        stop: order.stop,
        target: order.target,
        reduces: order.reduces,
        live_ratio,
        decided,
    }
}
