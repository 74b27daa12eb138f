//! Plays the tape: waits until a message is due, brings the books up to date and hands it on.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};
use triptych_engine::event::{Event, Timestamp};

use super::event_clock::EventClock;
use super::faults::MessageFaults;
use super::hub::{FullClient, StreamMessage, lock};
use super::options::TapeSource;
use super::server::Shared;
use crate::clock::now;
use crate::generator::{DEFAULT_START, Generator};
use crate::recording::{Pace, RecordingError, RepeatedRecording};
use crate::wire::{self, StreamKind};

/// Messages played flat out before other tasks get their turn.
const BURST: u64 = 64;

/// Longest time that flat-out playback waits for a client.
const PATIENCE: Duration = Duration::from_secs(10);

type Events = Box<dyn Iterator<Item = Result<Event, RecordingError>> + Send>;

/// Plays to the end of the tape, or until `stop` is cancelled.
pub(super) async fn play(
    shared: Arc<Shared>,
    stop: CancellationToken,
) -> Result<(), RecordingError> {
    let events = open(&shared)?;
    tokio::select! {
        () = shared.hub.has_clients(shared.options.wait_for_clients) => {}
        () = stop.cancelled() => return Ok(()),
    }
    let cutting = tokio::spawn(cut_regularly(Arc::clone(&shared)));
    let mut player = Player::new(&shared);
    let result = tokio::select! {
        result = player.play(events) => result,
        () = stop.cancelled() => Ok(()),
    };
    cutting.abort();
    shared.ended.store(true, Ordering::Relaxed);
    info!(
        events = shared.counters.events.load(Ordering::Relaxed),
        "the tape has ended"
    );
    result
}

fn open(shared: &Shared) -> Result<Events, RecordingError> {
    let instruments = shared.instruments.clone();
    let events: Events = match &shared.options.source {
        TapeSource::Recording { path, passes } => {
            Box::new(RepeatedRecording::open(path, instruments, *passes)?)
        }
        TapeSource::Generator { seed, .. } => {
            Box::new(Generator::new(*seed, &instruments, DEFAULT_START).map(Ok))
        }
    };
    Ok(match shared.options.most_events {
        None => events,
        Some(most) => Box::new(events.take(usize::try_from(most).unwrap_or(usize::MAX))),
    })
}

async fn cut_regularly(shared: Arc<Shared>) {
    let Some(every) = shared.options.faults.cut_every else {
        return;
    };
    let every = every.max(Duration::from_millis(1));
    let mut ticks = tokio::time::interval_at(Instant::now() + every, every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let cut = shared.hub.cut_all();
        info!(connections = cut, "cut every connection, as asked");
    }
}

struct Player<'a> {
    shared: &'a Shared,
    clock: EventClock,
    faults: MessageFaults,
    begun: Instant,
    first: Option<Timestamp>,
}

impl<'a> Player<'a> {
    fn new(shared: &'a Shared) -> Self {
        Self {
            shared,
            clock: EventClock::new(shared.options.pace),
            faults: MessageFaults::default(),
            begun: Instant::now(),
            first: None,
        }
    }

    async fn play(&mut self, events: Events) -> Result<(), RecordingError> {
        let mut played: u64 = 0;
        for event in events {
            let mut event = event?;
            self.wait_until_due(event.ts_recv).await;
            self.clock.restamp(&mut event, now());
            let full = self.hand_on(&event);
            self.treat_full(full).await;
            played += 1;
            if played.is_multiple_of(BURST) {
                tokio::task::yield_now().await;
            }
        }
        Ok(())
    }

    async fn wait_until_due(&mut self, ts_recv: Timestamp) {
        let first = *self.first.get_or_insert(ts_recv);
        let due = self.begun + self.shared.options.pace.due_between(first, ts_recv);
        if due > Instant::now() {
            tokio::time::sleep_until(due).await;
        }
    }

    /// Brings the book up to date and fills the clients' queues in one step: a depth request sees
    /// the book as of a diff that has been handed on.
    fn hand_on(&mut self, event: &Event) -> Vec<(FullClient, Arc<StreamMessage>)> {
        let shared = self.shared;
        let mut market = lock(&shared.market);
        market.on_event(event.instrument, &event.kind);
        shared.counters.events.fetch_add(1, Ordering::Relaxed);
        if self.faults.drops(&shared.options.faults, event) {
            shared
                .counters
                .dropped_on_purpose
                .fetch_add(1, Ordering::Relaxed);
            return Vec::new();
        }
        let mut full = Vec::new();
        for message in self.messages(event) {
            let message = Arc::new(message);
            let clients = shared.hub.publish(&message);
            full.extend(
                clients
                    .into_iter()
                    .map(|client| (client, Arc::clone(&message))),
            );
        }
        full
    }

    fn messages(&mut self, event: &Event) -> Vec<StreamMessage> {
        let symbol = self.shared.instruments.symbol(event.instrument);
        let Some(kind) = StreamKind::of(&event.kind) else {
            return Vec::new();
        };
        let mut messages = Vec::with_capacity(1);
        let stream = kind.name(symbol);
        if self.shared.hub.wants(&stream)
            && let Some(raw) = wire::payload(event, symbol)
        {
            let combined = wire::in_envelope(&stream, &raw);
            messages.push(StreamMessage {
                stream,
                raw: raw.into(),
                combined: combined.into(),
            });
        }
        if self.faults.adds_garbage(&self.shared.options.faults) {
            messages.push(StreamMessage {
                stream: String::new(),
                raw: "{garbage".into(),
                combined: "{\"stream\":\"garbage".into(),
            });
        }
        messages
    }

    /// At a pace, a full queue is a client that is too slow. Flat out, it is what sets the pace.
    async fn treat_full(&self, full: Vec<(FullClient, Arc<StreamMessage>)>) {
        for ((id, queue), message) in full {
            let too_slow = match self.shared.options.pace {
                Pace::Times(_) => true,
                Pace::FlatOut => queue
                    .send_timeout(message, PATIENCE)
                    .await
                    .is_err_and(|error| {
                        matches!(
                            error,
                            tokio::sync::mpsc::error::SendTimeoutError::Timeout(_)
                        )
                    }),
            };
            if too_slow {
                warn!(client = id, "client does not keep up, disconnecting it");
                self.shared
                    .counters
                    .slow_clients
                    .fetch_add(1, Ordering::Relaxed);
                self.shared.hub.cut(id);
            }
        }
    }
}
