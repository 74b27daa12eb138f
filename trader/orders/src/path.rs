//! What to send, what to ask, and what follows from the answers. It knows no socket and no clock: whoever drives it
//! carries the requests to the venue, says what time it is, and brings the answers back in whatever order they come.

mod learning;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;
use triptych_account::OrderKey;
use triptych_engine::decimal::{Price, Quantity, Ratio};
use triptych_engine::event::{Side, Timestamp};
use triptych_venue::{ClientOrderId, OrderKind, RequestTime};

use crate::attempts::{Attempts, later};
use crate::client_order_id::{Epoch, MOST_PARTS, Owner, client_order_id};
use crate::exchange::{Question, Request};
use crate::finding::Finding;
use crate::journal::{Journal, JournalError, JournalFile, Recovered, SafePlace};
use crate::own_orders::{Contradiction, OwnOrders, Stage};
use crate::record::{Entry, Intent, Record};

/// How long things may take.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// How long the venue may take an order after the right to trade was last seen.
    pub receive_window: Duration,
    /// Most by which our clock and the venue's differ, with its measured offset taken off.
    pub clock_bound: Duration,
    /// How long the venue's answers may not show yet what it did.
    pub venue_lag: Duration,
    /// Between two questions for an order in doubt, and at least between any two questions of a kind.
    pub ask_every: Duration,
    /// Between two comparisons of open orders and fills with the venue while nothing happens.
    pub compare_every: Duration,
}

/// Who trades.
#[derive(Debug, Clone)]
pub struct Holder {
    /// The instance.
    pub owner: Owner,
    /// Which holder of the right to trade it is.
    pub epoch: Epoch,
    /// The trader's run.
    pub run: Arc<str>,
}

/// An order that was decided on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// Which one.
    pub key: OrderKey,
    /// Name of the candidate's strategy.
    pub strategy: Arc<str>,
    /// Symbol of the instrument.
    pub symbol: Arc<str>,
    /// Buy or sell.
    pub side: Side,
    /// How it trades.
    pub kind: OrderKind,
    /// How much of the base asset.
    pub quantity: Quantity,
    /// Best ask for a purchase, best bid for a sale, at the decision.
    pub touch: Price,
    /// Price of the stop that protects what it opens.
    pub stop: Option<Price>,
    /// Price of the target of what it opens.
    pub target: Option<Price>,
    /// Whether it only makes a position smaller.
    pub reduces: bool,
    /// The ratio by which W scaled it.
    pub live_ratio: Option<Ratio>,
    /// When the right to trade was last seen.
    pub decided: Timestamp,
}

/// Why an order is not sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Error)]
pub enum Withheld {
    /// Journal and venue were not compared since the start.
    #[error("journal and venue are not yet compared since the start")]
    NotReconciled,
    /// What became of an earlier order is not known.
    #[error("what became of an earlier order is not known yet")]
    InDoubt,
    /// There was this order before.
    #[error("there was an order for this purpose of the candidate before")]
    Repeated,
    /// The candidate had as many orders for this purpose as names can tell apart.
    #[error("the candidate had {MOST_PARTS} orders for this purpose")]
    TooMany,
    /// The right to trade was last seen too long ago: the venue would refuse it.
    #[error("the right to trade was last seen too long ago")]
    Late,
    /// Its symbol is not one of this trader's.
    #[error("its symbol is not one of this trader's")]
    UnknownSymbol,
}

/// What becomes of orders that were decided on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Intended {
    /// What sends those that are on the disk now.
    pub requests: Vec<Request>,
    /// Those that are not sent, and why.
    pub withheld: Vec<(Draft, Withheld)>,
}

/// Why the path cannot go on.
#[derive(Debug, Error)]
pub enum PathError {
    /// The journal cannot be written.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The journal contradicts itself.
    #[error("the journal of orders contradicts itself: {0}")]
    Contradiction(#[from] Contradiction),
}

/// What was compared with the venue since the start.
#[derive(Debug)]
struct Compared {
    symbol: Arc<str>,
    open_orders: bool,
    trades: bool,
}

/// The order path of an account.
#[derive(Debug)]
pub struct OrderPath<F> {
    journal: Journal<F>,
    own: OwnOrders,
    holder: Holder,
    patience: Patience,
    compared: Vec<Compared>,
    questions: Attempts<Question>,
    cancellations: Attempts<ClientOrderId>,
    /// Orders that are on their way.
    placing: BTreeSet<ClientOrderId>,
    /// Orders that the venue says it has, and that were missing where they should have been.
    missed: BTreeSet<ClientOrderId>,
    written: Vec<Entry>,
}

impl<F: JournalFile> OrderPath<F> {
    /// Begins with what a journal held. Nothing is sent before [`OrderPath::is_reconciled`]; what it finds at once
    /// halts.
    pub fn begin(
        journal: Journal<F>,
        recovered: &Recovered,
        holder: Holder,
        patience: Patience,
        symbols: &[Arc<str>],
        now: Timestamp,
    ) -> Result<(Self, Option<Finding>), PathError> {
        let compared = symbols.iter().map(|symbol| Compared {
            symbol: Arc::clone(symbol),
            open_orders: false,
            trades: false,
        });
        let opened = Record::Opened {
            epoch: holder.epoch.number(),
            run: Arc::clone(&holder.run),
        };
        let mut path = Self {
            journal,
            own: OwnOrders::replay(&recovered.entries)?,
            holder,
            patience,
            compared: compared.collect(),
            questions: Attempts::default(),
            cancellations: Attempts::default(),
            placing: BTreeSet::new(),
            missed: BTreeSet::new(),
            written: Vec::new(),
        };
        path.write(now, opened)?;
        path.journal.sync()?;
        let before = path.holder.epoch.number().saturating_sub(1);
        let is_gone = recovered.entries.is_empty() && before > 0;
        Ok((path, is_gone.then_some(Finding::JournalGone { before })))
    }

    /// Our orders.
    pub const fn own(&self) -> &OwnOrders {
        &self.own
    }

    /// Whether journal and venue were compared since the start, for every symbol.
    pub fn is_reconciled(&self) -> bool {
        self.compared
            .iter()
            .all(|compared| compared.open_orders && compared.trades)
    }

    /// Up to which record the journal is on the disk, for readers of its file.
    pub fn safe_place(&self) -> SafePlace {
        self.journal.safe_place()
    }

    /// What was written since this was last asked, for whoever keeps books.
    pub fn take_written(&mut self) -> Vec<Entry> {
        std::mem::take(&mut self.written)
    }

    /// Has what was learnt on the disk too. Orders are there before they are sent in any case.
    pub fn sync(&mut self) -> Result<(), JournalError> {
        self.journal.sync()
    }

    /// Puts orders on the disk and then gives out the requests that send them; says which are withheld, and why.
    ///
    /// What only closes a position is not withheld for the doubt about another order.
    pub fn intend(&mut self, drafts: Vec<Draft>, now: Timestamp) -> Result<Intended, PathError> {
        let (mut requests, mut withheld) = (Vec::new(), Vec::new());
        // One answer for all of a decision: none of them makes another one wait.
        let in_doubt = self.own.is_any_in_doubt();
        for draft in drafts {
            match self.reason_to_withhold(&draft, in_doubt, now) {
                Some(reason) => withheld.push((draft, reason)),
                None => requests.push(self.intended(draft, now)?),
            }
        }
        self.journal.sync()?;
        Ok(Intended { requests, withheld })
    }

    fn reason_to_withhold(
        &self,
        draft: &Draft,
        in_doubt: bool,
        now: Timestamp,
    ) -> Option<Withheld> {
        let known = |compared: &Compared| compared.symbol == draft.symbol;
        if !self.compared.iter().any(known) {
            Some(Withheld::UnknownSymbol)
        } else if !self.is_reconciled() {
            Some(Withheld::NotReconciled)
        } else if self.own.has_served(draft.key) {
            Some(Withheld::Repeated)
        } else if draft.key.part >= MOST_PARTS {
            Some(Withheld::TooMany)
        } else if now >= later(draft.decided, self.patience.receive_window) {
            Some(Withheld::Late)
        } else if in_doubt && !draft.reduces {
            Some(Withheld::InDoubt)
        } else {
            None
        }
    }

    fn intended(&mut self, draft: Draft, now: Timestamp) -> Result<Request, PathError> {
        let Holder { owner, epoch, .. } = &self.holder;
        let name = client_order_id(owner, *epoch, draft.key);
        let takeable = self.patience.receive_window + self.patience.clock_bound;
        let intent = Intent {
            client_order_id: name.clone(),
            candidate_id: draft.key.candidate,
            purpose: draft.key.purpose,
            part: draft.key.part,
            strategy: draft.strategy,
            symbol: draft.symbol,
            side: draft.side,
            kind: draft.kind,
            quantity: draft.quantity,
            touch: draft.touch,
            stop: draft.stop,
            target: draft.target,
            reduces: draft.reduces,
            live_ratio: draft.live_ratio,
            decided: draft.decided,
            takeable_until: later(draft.decided, takeable),
        };
        let order = intent.new_order();
        self.write(now, Record::Intended(intent))?;
        self.placing.insert(name);
        Ok(Request::Place {
            order,
            time: self.time_of(draft.decided),
        })
    }

    /// Intends to cancel what is left of an order; the requests come with [`OrderPath::due`], until it has ended.
    pub fn intend_cancel(
        &mut self,
        order: &ClientOrderId,
        reason: &str,
        now: Timestamp,
    ) -> Result<(), PathError> {
        let wanted = |own: &crate::own_orders::OwnOrder| {
            !own.cancel_intended && matches!(own.stage, Stage::InDoubt | Stage::Working)
        };
        if self.own.get(order.as_str()).is_some_and(wanted) {
            let (order, reason) = (order.clone(), reason.into());
            self.write(now, Record::CancelIntended { order, reason })?;
        }
        Ok(())
    }

    /// Everything that is to be asked or cancelled now.
    pub fn due(&mut self, now: Timestamp) -> Vec<Request> {
        let mut requests = self.due_cancellations(now);
        let mut questions = Vec::new();
        for Compared { symbol, .. } in &self.compared {
            let symbol = Arc::clone(symbol);
            if self.own.has_begun(&symbol) {
                questions.push(Question::Trades {
                    symbol: Arc::clone(&symbol),
                });
            } else {
                questions.push(Question::NewestTrade {
                    symbol: Arc::clone(&symbol),
                });
            }
            questions.push(Question::OpenOrders { symbol });
        }
        for own in self.own.unsettled() {
            let name = &own.intent.client_order_id;
            let is_asked_for = match own.stage {
                Stage::InDoubt => !self.placing.contains(name),
                Stage::Working => self.missed.contains(name),
                Stage::NotPlaced | Stage::Ended { .. } => false,
            };
            if is_asked_for {
                questions.push(Question::Order {
                    symbol: Arc::clone(&own.intent.symbol),
                    order: name.clone(),
                });
            }
        }
        questions.retain(|question| self.questions.make(question, now));
        requests.extend(questions.into_iter().map(|question| self.request(question)));
        requests
    }

    /// When there is something to ask or to cancel at the latest, if nothing happens until then; `None` where everything waits for
    /// an answer.
    pub fn next_due(&self) -> Option<Timestamp> {
        let next = [self.questions.next(), self.cancellations.next()];
        next.into_iter().flatten().min()
    }

    /// The venue says that something happened to orders of a symbol: they are asked for.
    pub fn hurry(&mut self, symbol: &Arc<str>) {
        for question in [
            Question::Trades {
                symbol: Arc::clone(symbol),
            },
            Question::OpenOrders {
                symbol: Arc::clone(symbol),
            },
        ] {
            self.questions.hurry(&question);
        }
    }

    /// Whatever happened may have been missed: everything is asked for.
    pub fn hurry_all(&mut self) {
        let symbols = self.compared.iter().map(|compared| &compared.symbol);
        for symbol in symbols.map(Arc::clone).collect::<Vec<_>>() {
            self.hurry(&symbol);
        }
    }

    fn request(&self, question: Question) -> Request {
        let newest = match &question {
            Question::Trades { symbol } => self.own.newest_trade(symbol).cloned(),
            _ => None,
        };
        Request::Ask { question, newest }
    }

    fn due_cancellations(&mut self, now: Timestamp) -> Vec<Request> {
        let time = self.time_of(now);
        let cancellations = &mut self.cancellations;
        let due = self.own.unsettled().filter(|own| {
            own.cancel_intended
                && own.stage == Stage::Working
                && cancellations.make(&own.intent.client_order_id, now)
        });
        due.map(|own| Request::Cancel {
            symbol: Arc::clone(&own.intent.symbol),
            order: own.intent.client_order_id.clone(),
            time,
        })
        .collect()
    }

    fn time_of(&self, at: Timestamp) -> RequestTime {
        RequestTime {
            at,
            receive_window: self.patience.receive_window,
        }
    }

    /// Takes a record in and adds it to the journal. What contradicts the journal is not written.
    fn write(&mut self, at: Timestamp, record: Record) -> Result<(), PathError> {
        let entry = self.journal.next(at, record);
        self.own.take(&entry)?;
        self.journal.append(&entry)?;
        self.written.push(entry);
        Ok(())
    }
}

/// A contradiction is a finding; a journal that cannot be written is an error.
fn finding(result: Result<(), PathError>) -> Result<Option<Finding>, JournalError> {
    match result {
        Ok(()) => Ok(None),
        Err(PathError::Contradiction(contradiction)) => Ok(Some(contradiction.into())),
        Err(PathError::Journal(error)) => Err(error),
    }
}
