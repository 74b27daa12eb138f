//! The decision path: a thread of its own that takes events and hands candidates to the recorder.
//!
//! It never waits for the network or the disk: what does not fit into the recorder's queue is
//! counted as lost and noted in the dataset.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{SyncSender, TrySendError};
use std::thread::{self, JoinHandle};

use tokio::sync::mpsc;
use tracing::warn;
use triptych_engine::event::{Event, InstrumentId, Timestamp};
use triptych_engine::order_book::ResyncReason;
use triptych_engine::{Candidate, Engine};

use crate::exit::Failure;
use crate::recorder::Record;

/// What the decision path has counted.
#[derive(Debug, Default)]
pub(crate) struct DecisionCounters {
    /// Events taken.
    pub(crate) events: AtomicU64,
    /// Candidates made.
    pub(crate) candidates: AtomicU64,
    /// Signals without a best bid and ask to propose a trade at.
    pub(crate) signals_without_top: AtomicU64,
    /// Candidates that found the recorder's queue full.
    pub(crate) overflows: AtomicU64,
}

/// Starts the thread; it ends when no event can come any more.
pub(crate) fn start(
    engine: Engine,
    events: mpsc::Receiver<Event>,
    recorder: SyncSender<Record>,
    resync: mpsc::UnboundedSender<InstrumentId>,
    counters: Arc<DecisionCounters>,
) -> Result<JoinHandle<()>, Failure> {
    let mut decisions = Decisions {
        engine,
        outbox: Outbox {
            recorder,
            counters: Arc::clone(&counters),
            untold_loss: None,
        },
        resync,
        counters,
    };
    thread::Builder::new()
        .name("decisions".to_owned())
        .spawn(move || decisions.run(events))
        .map_err(|error| Failure::Internal(format!("decision thread: {error}")))
}

struct Decisions {
    engine: Engine,
    outbox: Outbox,
    resync: mpsc::UnboundedSender<InstrumentId>,
    counters: Arc<DecisionCounters>,
}

impl Decisions {
    fn run(&mut self, mut events: mpsc::Receiver<Event>) {
        while let Some(event) = events.blocking_recv() {
            let outbox = &mut self.outbox;
            let needed = self
                .engine
                .on_event(&event, |candidate| outbox.send(candidate));
            if let Some(reason) = needed {
                self.ask_for_snapshot(event.instrument, reason);
            }
            self.publish_counters();
        }
        self.outbox.tell_loss_at_the_end();
    }

    /// The feed handler sees holes in the ids itself; it cannot see what the book's content shows.
    fn ask_for_snapshot(&self, instrument: InstrumentId, reason: ResyncReason) {
        match reason {
            ResyncReason::Crossed { .. } | ResyncReason::TooManyKeptDiffs => {
                warn!(?reason, instrument = instrument.0, "the order book is void");
                // Without a feed handler no snapshot can come, and no event either.
                let _ = self.resync.send(instrument);
            }
            ResyncReason::Gap { .. } | ResyncReason::SnapshotTooOld { .. } => {}
        }
    }

    fn publish_counters(&self) {
        let counted = self.engine.counters();
        let store = |counter: &AtomicU64, value| counter.store(value, Ordering::Relaxed);
        store(&self.counters.events, counted.events);
        store(&self.counters.candidates, counted.candidates);
        store(
            &self.counters.signals_without_top,
            counted.signals_without_top,
        );
    }
}

/// Rows that the recorder has not been told it lost.
#[derive(Debug, Clone, Copy)]
struct Loss {
    rows: u64,
    first: Timestamp,
    last: Timestamp,
}

struct Outbox {
    recorder: SyncSender<Record>,
    counters: Arc<DecisionCounters>,
    untold_loss: Option<Loss>,
}

impl Outbox {
    fn send(&mut self, candidate: &Candidate) {
        if let Some(loss) = self.untold_loss {
            match self.recorder.try_send(record_of(loss)) {
                Ok(()) => self.untold_loss = None,
                Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {
                    self.lose(candidate.ts_decision);
                    return;
                }
            }
        }
        let record = Record::Candidate(Box::new(candidate.clone()));
        if self.recorder.try_send(record).is_err() {
            self.lose(candidate.ts_decision);
        }
    }

    fn lose(&mut self, at: Timestamp) {
        self.counters.overflows.fetch_add(1, Ordering::Relaxed);
        let loss = self.untold_loss.get_or_insert(Loss {
            rows: 0,
            first: at,
            last: at,
        });
        loss.rows += 1;
        loss.last = at;
    }

    /// At the end there is time to wait for room.
    fn tell_loss_at_the_end(&mut self) {
        if let Some(loss) = self.untold_loss.take() {
            let _ = self.recorder.send(record_of(loss));
        }
    }
}

const fn record_of(loss: Loss) -> Record {
    Record::Loss {
        rows: loss.rows,
        first: loss.first,
        last: loss.last,
    }
}
