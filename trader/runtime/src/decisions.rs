//! The decision path: a thread of its own that takes events and hands candidates to the recorder.
//!
//! It never waits for the network or the disk: what does not fit into the recorder's queue is
//! counted as lost and noted in the dataset.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::TrySendError;
use std::thread::{self, JoinHandle};

use tokio::sync::mpsc;
use tracing::warn;
use triptych_dataset::background::{Record, ToWriter};
use triptych_engine::event::{Event, InstrumentId, Timestamp};
use triptych_engine::order_book::ResyncReason;
use triptych_engine::{Candidate, Engine};

use crate::exit::Failure;
use crate::tier::Deciding;

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
    recorder: ToWriter,
    resync: mpsc::UnboundedSender<InstrumentId>,
    part: Box<dyn Deciding>,
    counters: Arc<DecisionCounters>,
) -> Result<JoinHandle<()>, Failure> {
    let mut decisions = Decisions {
        engine,
        part,
        outbox: Outbox {
            recorder,
            counters: Arc::clone(&counters),
            untold_loss: None,
            recorder_is_gone: false,
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
    part: Box<dyn Deciding>,
    outbox: Outbox,
    resync: mpsc::UnboundedSender<InstrumentId>,
    counters: Arc<DecisionCounters>,
}

impl Decisions {
    fn run(&mut self, mut events: mpsc::Receiver<Event>) {
        while let Some(event) = events.blocking_recv() {
            let (outbox, part) = (&mut self.outbox, &mut self.part);
            self.engine.set_control(part.control());
            let needed = self.engine.on_event(&event, |candidate| {
                part.decided(candidate);
                outbox.send(candidate);
            });
            for breach in self.engine.breaches() {
                part.breached(breach);
            }
            part.followed(&event, &self.engine);
            if let Some(reason) = needed {
                self.ask_for_snapshot(event.instrument, reason);
            }
            self.publish_counters();
            if self.outbox.recorder_is_gone {
                // Nothing is decided that cannot be recorded: the process ends.
                return;
            }
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
    recorder: ToWriter,
    counters: Arc<DecisionCounters>,
    untold_loss: Option<Loss>,
    recorder_is_gone: bool,
}

impl Outbox {
    fn send(&mut self, candidate: &Candidate) {
        if let Some(loss) = self.untold_loss {
            if !self.try_send(record_of(loss)) {
                self.lose(candidate.ts_decision);
                return;
            }
            self.untold_loss = None;
        }
        let copy = self.recorder.copy(candidate);
        if !self.try_send(Record::Candidate(copy)) {
            self.lose(candidate.ts_decision);
        }
    }

    fn try_send(&mut self, record: Record) -> bool {
        match self.recorder.records.try_send(record) {
            Ok(()) => true,
            Err(TrySendError::Full(_)) => false,
            Err(TrySendError::Disconnected(_)) => {
                self.recorder_is_gone = true;
                false
            }
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
            let _ = self.recorder.records.send(record_of(loss));
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

#[cfg(test)]
mod tests {
    use triptych_crds::hash::canonical_config;
    use triptych_engine::event::InstrumentId;
    use triptych_market_data::generator::{DEFAULT_START, Generator};
    use triptych_market_data::instruments::Instruments;

    use triptych_dataset::background::queues;

    use super::*;
    use crate::tier::ObservesOnly;

    /// An engine whose strategy proposes often.
    fn engine() -> Engine {
        let spec = serde_json::json!({
            "image": format!("registry.example/trader@sha256:{}", "0".repeat(64)),
            "venue": "BinanceSpot",
            "instruments": [
                { "symbol": "BTCUSDT", "priceIncrement": "0.01", "quantityIncrement": "0.00001" }
            ],
            "strategies": [{
                "name": "lean", "instruments": ["BTCUSDT"], "orderQuantity": "0.001",
                "orderType": "Market",
                "algorithm": { "orderBookImbalance": {
                    "levels": 5, "threshold": "0.55", "cooldownMilliseconds": 10 } }
            }],
            "riskRules": []
        });
        let hash = canonical_config(&spec).unwrap().hash;
        Engine::new(&serde_json::from_value(spec).unwrap(), hash).unwrap()
    }

    fn events() -> Vec<Event> {
        let instruments = Instruments::parse(["BTCUSDT"]).unwrap();
        Generator::new(9, &instruments, DEFAULT_START)
            .take(20_000)
            .collect()
    }

    /// Decides on `events` with room for `queue` records and nobody who takes any until the end.
    fn decide(events: Vec<Event>, queue: usize) -> (Arc<DecisionCounters>, Vec<Record>) {
        let (event_sender, event_queue) = mpsc::channel(events.len().max(1));
        for event in events {
            event_sender.try_send(event).unwrap();
        }
        drop(event_sender);
        let (recorder, of_recorder) = queues(queue);
        let (resync, _wishes) = mpsc::unbounded_channel();
        let counters = Arc::new(DecisionCounters::default());
        let thread = start(
            engine(),
            event_queue,
            recorder,
            resync,
            Box::new(ObservesOnly),
            Arc::clone(&counters),
        )
        .unwrap();
        // The last word about losses waits for room: take records only once all is decided.
        while counters.events.load(Ordering::Relaxed) < 20_000 && !thread.is_finished() {
            thread::yield_now();
        }
        let taken = of_recorder.records.iter().collect();
        thread.join().unwrap();
        (counters, taken)
    }

    #[test]
    fn what_does_not_fit_is_counted_and_told_with_its_times() {
        let (counters, records) = decide(events(), 10);
        let candidates = counters.candidates.load(Ordering::Relaxed);
        let overflows = counters.overflows.load(Ordering::Relaxed);
        let mut rows = 0;
        let mut lost = 0;
        for record in records {
            match record {
                Record::Candidate(_) | Record::Execution(_) => rows += 1,
                Record::Loss { rows, first, last } => {
                    assert!(first <= last);
                    lost += rows;
                }
            }
        }
        assert!(candidates > 20, "{candidates} candidates say little");
        assert_eq!((rows, lost), (10, overflows));
        assert_eq!(
            rows + lost,
            candidates,
            "every candidate is a row or a known loss"
        );
    }

    #[test]
    fn a_crossed_book_is_reported_to_the_feed_handler_and_a_hole_is_not() {
        let (resync, mut wishes) = mpsc::unbounded_channel();
        let (recorder, _of_recorder) = queues(1);
        let decisions = Decisions {
            engine: engine(),
            part: Box::new(ObservesOnly),
            outbox: Outbox {
                recorder,
                counters: Arc::default(),
                untold_loss: None,
                recorder_is_gone: false,
            },
            resync,
            counters: Arc::default(),
        };
        let here = InstrumentId(0);
        decisions.ask_for_snapshot(
            here,
            ResyncReason::Gap {
                expected: 1,
                received: 3,
            },
        );
        assert!(wishes.try_recv().is_err());
        decisions.ask_for_snapshot(here, ResyncReason::TooManyKeptDiffs);
        assert_eq!(wishes.try_recv(), Ok(here));
    }

    #[test]
    fn without_a_recorder_deciding_ends() {
        let (event_sender, event_queue) = mpsc::channel(20_000);
        let (recorder, of_recorder) = queues(1);
        drop(of_recorder);
        let (resync, _wishes) = mpsc::unbounded_channel();
        let part = Box::new(ObservesOnly);
        let thread = start(
            engine(),
            event_queue,
            recorder,
            resync,
            part,
            Arc::default(),
        )
        .unwrap();
        for event in events() {
            if event_sender.blocking_send(event).is_err() {
                break;
            }
        }
        // It ends although more events could come.
        thread.join().unwrap();
        assert!(event_sender.is_closed());
    }
}
