//! Moves the market: one recording or generator for both personas, so that both see the same one.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior};
use tracing::{error, info};
use triptych_engine::event::{Event, Timestamp};
use triptych_market_data::clock::now;
use triptych_market_data::generator::Generator;
use triptych_market_data::instruments::Instruments;
use triptych_market_data::recording::{
    Pace, RecordingError, RepeatedRecording, discover_instruments,
};

use crate::core::SymbolId;
use crate::persona::Persona;
use crate::settings::{Crowd, CrowdSettings};

/// Events played flat out before other tasks get their turn.
const BURST: usize = 64;

/// Time between two publications of the book.
const TICK: Duration = Duration::from_millis(100);

type Events = Box<dyn Iterator<Item = Result<Event, RecordingError>> + Send>;

/// The instruments that the crowd trades.
pub(crate) fn instruments(settings: &CrowdSettings) -> Result<Instruments, RecordingError> {
    match &settings.crowd {
        Crowd::Recording { path, .. } => discover_instruments(path),
        Crowd::Generator { instruments, .. } => Ok(instruments.clone()),
    }
}

/// The crowd's events, opened before the venue listens: a missing recording is told at the start.
pub(crate) fn open(
    settings: &CrowdSettings,
    instruments: &Instruments,
) -> Result<Events, RecordingError> {
    let events: Events = match &settings.crowd {
        Crowd::Recording { path, passes } => {
            Box::new(RepeatedRecording::open(path, instruments.clone(), *passes)?)
        }
        Crowd::Generator { seed, .. } => {
            Box::new(Generator::new(*seed, instruments, now()).map(Ok))
        }
    };
    Ok(match settings.most_events {
        None => events,
        Some(most) => Box::new(events.take(most)),
    })
}

/// Plays until the events end.
pub(crate) async fn play(personas: Arc<[Arc<Persona>; 2]>, events: Events, pace: Pace) {
    let begun = Instant::now();
    let mut first: Option<Timestamp> = None;
    for (index, event) in events.enumerate() {
        let event = match event {
            Ok(event) => event,
            Err(problem) => {
                error!(%problem, "the market stands still");
                return;
            }
        };
        let first = *first.get_or_insert(event.ts_recv);
        let due = begun + pace.due_between(first, event.ts_recv);
        if due > Instant::now() {
            tokio::time::sleep_until(due).await;
        }
        for persona in personas.iter() {
            persona.on_market_event(SymbolId(event.instrument.index()), &event);
        }
        if index.is_multiple_of(BURST) {
            tokio::task::yield_now().await;
        }
    }
    info!("the recording has ended; the market stands still");
}

/// Publishes books and figures ten times a second.
pub(crate) async fn publish(personas: Arc<[Arc<Persona>; 2]>) {
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        for persona in personas.iter() {
            persona.tick();
        }
    }
}
