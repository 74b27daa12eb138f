//! The state machine at work: it takes inputs from anywhere, holds the gate that every candidate
//! passes, and keeps the latch.

use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{Notify, watch};
use tokio::time::{sleep, timeout};
use tracing::{error, info, warn};
use triptych_crds::TradingState;
use triptych_crds::text::HaltId;
use triptych_dataset::encode::trading_state_name;
use uuid::Uuid;

use super::latch::{LatchError, LatchFile};
use super::machine::{
    Fresh, HaltInForce, Input, InstanceView, LatchWork, Machine, Standing, Stopper,
};
use super::{Source, bounded, severity};

/// Pause before a latch that could not be read or written is tried again.
const LATCH_RETRY: Duration = Duration::from_secs(1);

/// Longest time that [`HaltControl::stop`] waits for the latch.
const LATCH_PATIENCE: Duration = Duration::from_secs(2);

/// The halt of a running trader.
pub struct HaltControl {
    machine: Mutex<Machine>,
    /// Severity of the state in force: what the decision thread looks at.
    gate: AtomicU8,
    standing: watch::Sender<Standing>,
    latch: LatchFile,
    latch_work: Notify,
    counters: HaltCounters,
}

/// What was counted since the start.
#[derive(Debug, Default)]
pub struct HaltCounters {
    /// Halts that were latched, in the order of [`Source::LATCHED`].
    by_source: [AtomicU64; Source::LATCHED.len()],
    /// Attempts to read or write the latch that failed.
    latch_failures: AtomicU64,
}

impl HaltCounters {
    /// Halts that were latched since the start, by source.
    pub fn by_source(&self) -> impl Iterator<Item = (Source, u64)> {
        let counts = self.by_source.iter();
        Source::LATCHED
            .into_iter()
            .zip(counts.map(|count| count.load(Ordering::Relaxed)))
    }

    /// Attempts to read or write the latch that failed.
    pub fn latch_failures(&self) -> u64 {
        self.latch_failures.load(Ordering::Relaxed)
    }

    fn count(&self, source: Source) {
        for (known, count) in Source::LATCHED.iter().zip(&self.by_source) {
            if *known == source {
                count.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
}

/// The halt is in force, but only in memory: a restart would forget it.
#[derive(Debug, thiserror::Error)]
#[error("halted, but not latched: {reason}; a restart would forget it, so ask again")]
pub struct NotLatched {
    /// Why.
    reason: String,
}

impl HaltControl {
    /// A control that has read nothing yet: Halted.
    pub fn new(latch: LatchFile) -> Arc<Self> {
        let machine = Machine::new(Timestamp::now());
        let standing = machine.standing();
        Arc::new(Self {
            gate: AtomicU8::new(severity(standing.state)),
            standing: watch::Sender::new(standing),
            machine: Mutex::new(machine),
            latch,
            latch_work: Notify::new(),
            counters: HaltCounters::default(),
        })
    }

    /// The trading state in force; never waits.
    pub fn state(&self) -> TradingState {
        match self.gate.load(Ordering::Acquire) {
            0 => TradingState::Active,
            1 => TradingState::Reducing,
            _ => TradingState::Halted,
        }
    }

    /// What is in force, and why.
    pub fn standing(&self) -> Standing {
        self.standing.borrow().clone()
    }

    /// Wakes whoever waits for a change of what is in force.
    pub fn subscribe(&self) -> watch::Receiver<Standing> {
        self.standing.subscribe()
    }

    /// What was counted since the start.
    pub fn counters(&self) -> &HaltCounters {
        &self.counters
    }

    /// Takes in what was read of the TradingInstance.
    pub fn instance(&self, view: InstanceView) {
        self.take(Input::Instance(view));
    }

    /// Stops the trader, or lets it only reduce: the gate is closed as far on return, and the halt is
    /// latched soon after. It waits for nothing, so a breaker may call it on the decision thread.
    /// Returns the identifier that the halt will have.
    pub fn trip(&self, by: Stopper, state: TradingState, reason: &str) -> Option<HaltId> {
        let reason = bounded(reason);
        let mut machine = self.lock();
        self.take_locked(&mut machine, Input::Stop { by, state, reason });
        machine.wished_id().cloned()
    }

    /// Halts the trader as [`Self::trip`] does, and answers when the halt is latched.
    pub async fn stop(&self, by: Stopper, reason: &str) -> Result<HaltInForce, NotLatched> {
        let mut changes = self.standing.subscribe();
        let id = self.trip(by, TradingState::Halted, reason);
        let latched = changes.wait_for(|standing| {
            let halt = standing.halt.as_ref();
            id.is_some() && halt.is_some_and(|halt| halt.id == id)
        });
        if let Ok(Ok(standing)) = timeout(LATCH_PATIENCE, latched).await
            && let Some(halt) = standing.halt.clone()
        {
            return Ok(halt);
        }
        let machine = self.lock();
        let reason = machine.latch_failure().unwrap_or("the disk is slow");
        Err(NotLatched {
            reason: reason.to_owned(),
        })
    }

    /// Reads the latch and writes it whenever that is to be done. Never ends.
    pub async fn keep_latch(self: Arc<Self>) {
        loop {
            let work = self.lock().latch_work();
            let Some(work) = work else {
                self.latch_work.notified().await;
                continue;
            };
            let control = Arc::clone(&self);
            let done = tokio::task::spawn_blocking(move || control.work_on_latch(work)).await;
            if !matches!(done, Ok(true)) {
                sleep(LATCH_RETRY).await;
            }
        }
    }

    /// Whether it was done.
    fn work_on_latch(&self, work: LatchWork) -> bool {
        let (input, failure) = match work {
            LatchWork::Read => self.read_latch(),
            LatchWork::Write(halt) => match self.latch.write(halt.as_ref()) {
                Ok(()) => (Input::Latched(halt), None),
                Err(error) => {
                    let reason = format!("the latch cannot be written: {error}");
                    (Input::LatchFailed(reason.clone()), Some(reason))
                }
            },
        };
        if let Some(reason) = &failure {
            self.counters.latch_failures.fetch_add(1, Ordering::Relaxed);
            error!(reason, "the halt cannot be kept; trying again");
        }
        self.count_latched(&input);
        self.take(input);
        failure.is_none()
    }

    fn read_latch(&self) -> (Input, Option<String>) {
        let reason = match self.latch.read() {
            Ok(found) => return (Input::LatchRead(found), None),
            Err(LatchError::NoLatch(reason)) => match self.latch.set_aside() {
                Ok(()) => {
                    error!(reason, "halted: nobody can say which halt held");
                    return (Input::NoLatch(reason), None);
                }
                Err(error) => format!("{reason}; but it cannot be kept: {error}"),
            },
            Err(LatchError::Unreadable(reason)) => reason,
        };
        (Input::LatchUnreadable(reason.clone()), Some(reason))
    }

    fn count_latched(&self, input: &Input) {
        if let Input::Latched(Some(halt)) = input {
            self.counters.count(halt.source);
        }
    }

    fn take(&self, input: Input) {
        let mut machine = self.lock();
        self.take_locked(&mut machine, input);
    }

    fn take_locked(&self, machine: &mut Machine, input: Input) {
        let fresh = Fresh {
            id: HaltId(format!("halt-{}", Uuid::now_v7())),
            at: Timestamp::now(),
        };
        machine.take(input, fresh);
        let standing = machine.standing();
        self.gate.store(severity(standing.state), Ordering::Release);
        self.standing.send_if_modified(|known| {
            let is_new = *known != standing;
            if is_new {
                log_change(known, &standing);
                *known = standing;
            }
            is_new
        });
        if machine.latch_work().is_some() {
            self.latch_work.notify_one();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Machine> {
        self.machine.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn log_change(before: &Standing, after: &Standing) {
    let (from, to) = (
        trading_state_name(before.state),
        trading_state_name(after.state),
    );
    if let Some(halt) = &after.halt
        && halt.source == Source::Start
    {
        info!(from, to, reason = halt.reason, "not trading yet");
    } else if let Some(halt) = &after.halt {
        warn!(
            from,
            to,
            id = halt.id.as_deref(),
            source = halt.source.name(),
            reason = halt.reason,
            "the trading state is not Active"
        );
    } else {
        let cleared = before.halt.as_ref().and_then(|halt| halt.id.as_deref());
        info!(from, to, cleared, "the trading state is Active");
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::super::latch::{FILE, SET_ASIDE};
    use super::super::machine::Asked;
    use super::*;

    fn active() -> InstanceView {
        InstanceView::There {
            asked: None,
            resume: None,
            recorded: None,
        }
    }

    async fn until(control: &HaltControl, wish: impl FnMut(&Standing) -> bool) -> Standing {
        let mut changes = control.standing.subscribe();
        let found = timeout(Duration::from_secs(20), changes.wait_for(wish));
        let standing = found.await.expect("in time").expect("the control lives");
        standing.clone()
    }

    #[tokio::test]
    async fn a_stop_closes_the_gate_at_once_and_answers_when_it_is_latched() {
        let folder = tempfile::tempdir().unwrap();
        let latch = LatchFile::new(folder.path());
        let control = HaltControl::new(latch.clone());
        assert_eq!(control.state(), TradingState::Halted);
        let keeper = tokio::spawn(Arc::clone(&control).keep_latch());
        control.instance(active());
        until(&control, |standing| standing.state == TradingState::Active).await;

        let tripped = control.trip(Stopper::Breaker, TradingState::Halted, "loss\nof 5 %");
        assert_eq!(
            control.state(),
            TradingState::Halted,
            "before it is latched"
        );
        let halt = control
            .stop(Stopper::Breaker, "loss\nof 5 %")
            .await
            .unwrap();
        assert_eq!(halt.id, tripped);
        assert_eq!(
            (halt.source, &*halt.reason),
            (Source::Breaker, "loss of 5 %")
        );
        let latched = latch.read().unwrap().unwrap();
        assert_eq!(Some(&latched.id), halt.id.as_ref());
        let counted: Vec<_> = control.counters().by_source().collect();
        assert!(counted.contains(&(Source::Breaker, 1)), "{counted:?}");

        let again = control.stop(Stopper::Breaker, "loss of 5 %").await.unwrap();
        assert_eq!(again.id, halt.id, "the same stop is the same halt");
        let other = control
            .stop(Stopper::Endpoint, "loss of 5 %")
            .await
            .unwrap();
        assert_ne!(other.id, halt.id, "another stop is another halt");
        keeper.abort();
    }

    #[tokio::test]
    async fn a_stop_that_cannot_be_latched_holds_in_memory_and_says_so() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        fs::create_dir(&data).unwrap();
        let control = HaltControl::new(LatchFile::new(&data));
        let keeper = tokio::spawn(Arc::clone(&control).keep_latch());
        control.instance(active());
        until(&control, |standing| standing.state == TradingState::Active).await;
        fs::remove_dir(&data).unwrap();

        let refused = control.stop(Stopper::Endpoint, "why").await.unwrap_err();
        assert!(refused.to_string().contains("not latched"), "{refused}");
        assert_eq!(control.state(), TradingState::Halted);
        assert_eq!(control.standing().halt.unwrap().id, None);
        assert!(control.counters().latch_failures() > 0);

        fs::create_dir(&data).unwrap();
        let healed = until(&control, |standing| {
            standing.halt.as_ref().is_some_and(|halt| halt.id.is_some())
        });
        assert_eq!(healed.await.halt.unwrap().reason, "why");
        keeper.abort();
    }

    #[tokio::test]
    async fn an_unreadable_latch_halts_until_it_can_be_read() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join(FILE)).unwrap();
        let control = HaltControl::new(LatchFile::new(folder.path()));
        let keeper = tokio::spawn(Arc::clone(&control).keep_latch());
        control.instance(active());
        let standing = until(&control, |standing| {
            let halt = standing.halt.as_ref();
            halt.is_some_and(|halt| halt.reason.contains("cannot be read"))
        })
        .await;
        assert_eq!(standing.state, TradingState::Halted);
        fs::remove_dir(folder.path().join(FILE)).unwrap();
        until(&control, |standing| standing.state == TradingState::Active).await;
        keeper.abort();
    }

    #[tokio::test]
    async fn what_is_no_latch_is_set_aside_for_a_halt_that_a_person_can_clear() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(FILE), "garbage").unwrap();
        let control = HaltControl::new(LatchFile::new(folder.path()));
        let keeper = tokio::spawn(Arc::clone(&control).keep_latch());
        control.instance(active());
        let is_latched =
            |standing: &Standing| standing.halt.as_ref().is_some_and(|halt| halt.id.is_some());
        let halt = until(&control, is_latched).await.halt.expect("a halt");
        assert_eq!(halt.source, Source::Latch);
        assert!(halt.reason.contains(SET_ASIDE), "{}", halt.reason);
        let kept = fs::read_to_string(folder.path().join(SET_ASIDE)).unwrap();
        assert_eq!(kept, "garbage");
        control.instance(InstanceView::There {
            asked: None,
            resume: halt.id,
            recorded: None,
        });
        until(&control, |standing| standing.state == TradingState::Active).await;
        keeper.abort();
    }

    #[tokio::test]
    async fn a_restart_keeps_the_halt_of_the_specification() {
        let folder = tempfile::tempdir().unwrap();
        let asked = Asked {
            state: TradingState::Halted,
            source: Source::Spec,
            reason: "spec.tradingState is Halted".to_owned(),
        };
        let first = HaltControl::new(LatchFile::new(folder.path()));
        let keeper = tokio::spawn(Arc::clone(&first).keep_latch());
        first.instance(InstanceView::There {
            asked: Some(asked),
            resume: None,
            recorded: None,
        });
        let is_latched =
            |standing: &Standing| standing.halt.as_ref().is_some_and(|halt| halt.id.is_some());
        let latched = until(&first, is_latched).await;
        keeper.abort();

        let second = HaltControl::new(LatchFile::new(folder.path()));
        let keeper = tokio::spawn(Arc::clone(&second).keep_latch());
        second.instance(active());
        assert_eq!(until(&second, is_latched).await.halt, latched.halt);
        keeper.abort();
    }
}
