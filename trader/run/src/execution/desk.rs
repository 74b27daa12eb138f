//! The thread of orders: it carries what the order path wants to the venue, and tells everybody what came of it.

use std::collections::BTreeSet;
use std::fs::File;
use std::future::pending;
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::time::Duration;

use tokio::sync::mpsc::{Receiver, UnboundedReceiver};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout_at};
use tracing::{error, info, warn};
use triptych_crds::TradingState;
use triptych_crds::config_revision::RestingOrderPolicy;
use triptych_market_data::clock::now;
use triptych_orders::exchange::{Answered, Request, carry_out};
use triptych_orders::finding::Finding;
use triptych_orders::path::{Draft, Intended, OrderPath, PathError};
use triptych_venue::{Notice, Venue};

use super::books::Books;
use super::news::News;
use super::status::Phase;
use crate::halt::Source;
use crate::halt::control::HaltControl;
use crate::halt::machine::Stopper;

/// Longest time that resting orders may take to be cancelled at the end.
const STOP_WITHIN: Duration = Duration::from_secs(15);

/// What happens to resting orders.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RestingOrders {
    pub(crate) on_halt: RestingOrderPolicy,
    pub(crate) on_stop: RestingOrderPolicy,
}

/// The thread's work.
pub(crate) struct OrderDesk<V> {
    pub(crate) venue: Arc<V>,
    pub(crate) path: OrderPath<File>,
    pub(crate) control: Arc<HaltControl>,
    pub(crate) books: Books,
    pub(crate) news: Sender<News>,
    pub(crate) resting: RestingOrders,
    pub(crate) under_way: JoinSet<Answered>,
    /// Findings that halted.
    pub(crate) found: BTreeSet<String>,
}

impl<V: Venue + 'static> OrderDesk<V> {
    /// Works until no order can come any more, once the venue is reached.
    pub(crate) async fn run(
        mut self,
        reached: impl Future<Output = Result<(), String>>,
        mut orders: Receiver<Vec<Draft>>,
        mut notices: UnboundedReceiver<Notice>,
    ) {
        let ended = match self.reach(reached, &mut orders).await {
            Ok(true) => self.work(&mut orders, &mut notices).await,
            Ok(false) => Ok(()),
            Err(reason) => Err(reason),
        };
        if let Err(reason) = ended {
            error!(reason, "no order is sent any more");
            self.books.status.come_to(Phase::Failed, &reason);
            self.control
                .trip(Stopper::Breaker, TradingState::Halted, &reason);
            while let Some(drafts) = orders.recv().await {
                self.withhold(drafts, &reason);
            }
        }
        self.books.close();
    }

    /// Waits until the venue is reached; `false` where the trader stops before.
    async fn reach(
        &self,
        reached: impl Future<Output = Result<(), String>>,
        orders: &mut Receiver<Vec<Draft>>,
    ) -> Result<bool, String> {
        tokio::pin!(reached);
        loop {
            tokio::select! {
                reached = &mut reached => return reached.map(|()| true),
                drafts = orders.recv() => match drafts {
                    Some(drafts) => self.withhold(drafts, "the venue is not reached yet"),
                    None => return Ok(false),
                },
            }
        }
    }

    async fn work(
        &mut self,
        orders: &mut Receiver<Vec<Draft>>,
        notices: &mut UnboundedReceiver<Notice>,
    ) -> Result<(), String> {
        let mut standing = self.control.subscribe();
        self.books.status.come_to(Phase::Reconciling, "");
        loop {
            self.go_on().map_err(|error| error.to_string())?;
            let wait = self.until_next();
            tokio::select! {
                biased;
                drafts = orders.recv() => match drafts {
                    Some(drafts) => self.place(drafts).map_err(|error| error.to_string())?,
                    None => break,
                },
                Some(answered) = self.under_way.join_next() => {
                    self.learn(answered).map_err(|error| error.to_string())?;
                }
                Some(notice) = notices.recv() => self.noticed(notice),
                Ok(()) = standing.changed() => self.obey().map_err(|error| error.to_string())?,
                () = sleep(wait) => {}
            }
        }
        self.stop().await.map_err(|error| error.to_string())
    }

    /// Sends what is due, and tells what was written.
    fn go_on(&mut self) -> Result<(), PathError> {
        let requests = self.path.due(now());
        self.send(requests);
        self.path.sync()?;
        for entry in self.path.take_written() {
            for news in News::of(&entry, self.path.own()) {
                // Without the decision thread nobody has to know.
                let _ = self.news.send(news);
            }
            self.books.take(&entry, self.path.own());
        }
        self.books.stand(self.path.own());
        if self.path.is_reconciled() {
            self.books.status.come_to(Phase::Connected, "");
        }
        Ok(())
    }

    fn until_next(&self) -> Duration {
        const LONGEST: Duration = Duration::from_secs(1);
        let Some(next) = self.path.next_due() else {
            return LONGEST;
        };
        let nanoseconds = next.nanoseconds_since(now()).max(1_000_000);
        Duration::from_nanos(nanoseconds.unsigned_abs()).min(LONGEST)
    }

    fn send(&mut self, requests: Vec<Request>) {
        for request in requests {
            let (venue, asked) = (Arc::clone(&self.venue), now());
            self.under_way
                .spawn(async move { carry_out(&*venue, request, asked).await });
        }
    }

    /// The trading state is asked once more: it may have changed since the decision.
    fn place(&mut self, drafts: Vec<Draft>) -> Result<(), PathError> {
        let state = self.control.state();
        let (allowed, stopped): (Vec<_>, Vec<_>) =
            drafts.into_iter().partition(|draft| match state {
                TradingState::Active => true,
                TradingState::Reducing => draft.reduces,
                TradingState::Halted => false,
            });
        if !stopped.is_empty() {
            self.withhold(stopped, &format!("the trading state is {state:?}"));
        }
        let Intended { requests, withheld } = self.path.intend(allowed, now())?;
        for request in &requests {
            if let Request::Place { order, .. } = request {
                self.books.sent(&order.client_order_id, self.path.own());
            }
        }
        self.send(requests);
        for (draft, reason) in withheld {
            self.withhold(vec![draft], &reason.to_string());
        }
        Ok(())
    }

    fn withhold(&self, drafts: Vec<Draft>, reason: &str) {
        for draft in drafts {
            let _ = self.news.send(News::Ended(draft.key));
            self.books.withheld(&draft, reason);
        }
    }

    fn learn(
        &mut self,
        answered: Result<Answered, tokio::task::JoinError>,
    ) -> Result<(), PathError> {
        let answered = match answered {
            Ok(answered) => answered,
            // A request that panicked: its order stays in doubt, and is asked for after a restart.
            Err(error) => {
                let reason = format!("a request to the venue failed: {error}");
                self.control
                    .trip(Stopper::Breaker, TradingState::Halted, &reason);
                return Ok(());
            }
        };
        for finding in self.path.learn(answered, now())? {
            self.halt_for(&finding);
        }
        Ok(())
    }

    /// The same finding halts once, until somebody resumes.
    pub(crate) fn halt_for(&mut self, finding: &Finding) {
        let reason = finding.to_string();
        if self.control.state() != TradingState::Halted {
            self.found.clear();
        }
        if self.found.insert(reason.clone()) {
            warn!(reason, "halting");
            self.books.status.count_finding();
            self.control
                .trip(Stopper::Breaker, TradingState::Halted, &reason);
        }
    }

    /// The account's own stream only says that there is something to ask.
    fn noticed(&mut self, notice: Notice) {
        match notice {
            Notice::Subscribed => self.path.hurry_all(),
            Notice::Orders { symbol } => self.path.hurry(&symbol),
            Notice::Balances => {}
            Notice::Lost { reason } => {
                info!(%reason, "the account's own stream is lost; questions go on meanwhile");
            }
        }
    }

    /// Does with resting orders what the revision says of a halt.
    fn obey(&mut self) -> Result<(), PathError> {
        let standing = self.control.standing();
        let has_begun = (standing.halt.as_ref()).is_none_or(|halt| halt.source != Source::Start);
        let is_halted = standing.state == TradingState::Halted;
        if is_halted && has_begun && self.resting.on_halt == RestingOrderPolicy::Cancel {
            self.cancel_all("trading is halted")?;
        }
        Ok(())
    }

    fn cancel_all(&mut self, reason: &str) -> Result<(), PathError> {
        let orders: Vec<_> = (self.path.own().unsettled())
            .map(|own| own.intent.client_order_id.clone())
            .collect();
        for order in orders {
            self.path.intend_cancel(&order, reason, now())?;
        }
        Ok(())
    }

    /// Awaits every answer, with resting orders cancelled where the revision says so.
    async fn stop(&mut self) -> Result<(), PathError> {
        let deadline = Instant::now() + STOP_WITHIN;
        let cancels = self.resting.on_stop == RestingOrderPolicy::Cancel;
        if cancels {
            self.cancel_all("the trader stops")?;
        }
        loop {
            self.go_on()?;
            let is_done = if cancels {
                self.path.own().unsettled().next().is_none()
            } else {
                !self.path.own().is_any_in_doubt()
            };
            if is_done {
                return Ok(());
            }
            let until = deadline.min(Instant::now() + self.until_next());
            let next = async {
                match self.under_way.join_next().await {
                    Some(answered) => answered,
                    None => pending().await,
                }
            };
            match timeout_at(until, next).await {
                Ok(answered) => self.learn(answered)?,
                Err(_) if Instant::now() >= deadline => {
                    let left = self.path.own().unsettled().count();
                    warn!(
                        left,
                        "orders are left at the venue; the next start takes them up"
                    );
                    return Ok(());
                }
                Err(_) => {}
            }
        }
    }
}
