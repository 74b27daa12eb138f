//! The candidate: competes for the lock, keeps it, gives it back.

use std::time::Duration;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use super::{Clock, Leadership, Lock, LockError, Record, Step, Timing, Version};

/// A candidate. [`Elector::run`] competes until it is told to give the lock back.
#[derive(Debug)]
pub struct Elector<C: Clock, L: Lock> {
    identity: String,
    timing: Timing,
    clock: C,
    lock: L,
    valid_until: watch::Sender<Option<Duration>>,
    leadership: Leadership<C>,
    /// The record as it was seen last, and when its state was seen for the first time.
    seen: Option<Seen>,
}

#[derive(Clone, Debug)]
struct Seen {
    record: Record,
    version: Version,
    since: Duration,
}

impl<C: Clock, L: Lock> Elector<C, L> {
    /// A candidate. `identity` must be of this process alone: a restarted process is another.
    pub fn new(identity: String, timing: Timing, clock: C, lock: L) -> Self {
        let (valid_until, leadership) = Leadership::new(clock.clone());
        Self {
            identity,
            timing,
            clock,
            lock,
            valid_until,
            leadership,
            seen: None,
        }
    }

    /// Whether this process may write, for everyone who writes.
    pub fn leadership(&self) -> Leadership<C> {
        self.leadership.clone()
    }

    /// Competes until `stop`, then forbids writes and gives the lock back. Whoever writes must have
    /// ended before `stop`, else its requests are refused from then on.
    pub async fn run(mut self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            self.attempt().await;
            let pause = self.timing.pause(fastrand::f64());
            tokio::select! {
                () = stop.cancelled() => {}
                () = self.clock.sleep(pause) => {}
            }
        }
        self.give_back().await;
    }

    async fn attempt(&mut self) {
        let outcome = match self.seen.clone() {
            Some(seen) if self.leadership.may_write() => self.take(seen).await,
            _ => self.follow().await,
        };
        match outcome {
            Ok(()) => {}
            Err(LockError::Conflict) => self.look_again().await,
            Err(LockError::Unavailable(error)) => {
                warn!(%error, leader = self.leadership.may_write(), "the Lease did not answer");
            }
        }
        if !self.leadership.may_write() {
            self.resign("the renewal came too late");
        }
    }

    /// Reads the lock and takes it where that is allowed.
    async fn follow(&mut self) -> Result<(), LockError> {
        let Some((record, version)) = self.read().await? else {
            return self.create().await;
        };
        let seen = self.remember(record, version);
        if self.is_free(&seen.record) || self.has_expired(&seen) {
            return self.take(seen).await;
        }
        debug!(holder = seen.record.holder, "following");
        Ok(())
    }

    /// Creates the record. That makes nobody the leader: it may have been deleted under a holder that
    /// lives on for a while.
    async fn create(&mut self) -> Result<(), LockError> {
        let record = self.own_record(0);
        let version = self.write(Step::Take, &record, None).await?;
        self.remember(record, version);
        info!("created the Lease: waiting for a holder that may be left");
        Ok(())
    }

    /// Somebody wrote in between. Only the record says who: it may have been an own request whose
    /// answer was lost.
    async fn look_again(&mut self) {
        match self.read().await {
            Ok(Some((record, version))) => {
                let seen = self.remember(record, version);
                if !self.holds(&seen.record) {
                    self.resign("the Lease passed to another");
                } else if !self.leadership.may_write() {
                    debug!("the Lease names this process");
                } else if let Err(error) = self.take(seen).await {
                    warn!(%error, "the Lease was not renewed");
                }
            }
            Ok(None) => {
                self.seen = None;
                self.resign("the Lease was deleted");
            }
            Err(error) => warn!(%error, "the Lease did not answer"),
        }
    }

    /// Takes or renews the lock. The time that it is good for starts before the request leaves.
    async fn take(&mut self, seen: Seen) -> Result<(), LockError> {
        let (step, transitions) = if self.holds(&seen.record) && was_held(&seen.record) {
            (Step::Renew, seen.record.transitions)
        } else {
            (Step::Take, seen.record.transitions.saturating_add(1))
        };
        let record = self.own_record(transitions);
        let started = self.clock.now();
        let version = self.write(step, &record, Some(&seen.version)).await?;
        self.remember(record, version);
        let until = started + self.timing.renew_deadline();
        if self.valid_until.send_replace(Some(until)).is_none() {
            info!(identity = self.identity, "became the leader");
        }
        Ok(())
    }

    fn own_record(&self, transitions: i32) -> Record {
        Record {
            holder: Some(self.identity.clone()),
            lease_duration: self.timing.lease_duration(),
            transitions,
        }
    }

    /// Forbids writes and frees the lock for the next holder.
    async fn give_back(&self) {
        self.valid_until.send_replace(None);
        let held = |seen: &Seen| self.holds(&seen.record) && was_held(&seen.record);
        let Some(seen) = self.seen.clone().filter(held) else {
            return;
        };
        let record = Record {
            holder: None,
            ..seen.record
        };
        let released = self
            .write(Step::GiveBack, &record, Some(&seen.version))
            .await;
        match released {
            Ok(_) => info!("gave the Lease back"),
            Err(error) => warn!(%error, "the Lease was not given back: it expires by itself"),
        }
    }

    fn resign(&self, reason: &str) {
        if self.valid_until.send_replace(None).is_some() {
            warn!(identity = self.identity, reason, "is the leader no more");
        }
    }

    fn holds(&self, record: &Record) -> bool {
        record.holder.as_deref() == Some(self.identity.as_str())
    }

    /// Whether it can be taken without waiting: it was given back, or an own request whose answer was
    /// lost took it.
    fn is_free(&self, record: &Record) -> bool {
        was_held(record) && (record.holder.is_none() || self.holds(record))
    }

    fn has_expired(&self, seen: &Seen) -> bool {
        let patience = self.timing.lease_duration().max(seen.record.lease_duration);
        self.clock.now().saturating_sub(seen.since) >= patience
    }

    /// Keeps the record. The wait for its expiry starts anew with each state of it.
    fn remember(&mut self, record: Record, version: Version) -> Seen {
        let since = match &self.seen {
            Some(seen) if seen.version == version => seen.since,
            _ => self.clock.now(),
        };
        let seen = Seen {
            record,
            version,
            since,
        };
        self.seen = Some(seen.clone());
        seen
    }

    async fn read(&self) -> Result<Option<(Record, Version)>, LockError> {
        self.limited(self.lock.read()).await
    }

    async fn write(
        &self,
        step: Step,
        record: &Record,
        expected: Option<&Version>,
    ) -> Result<Version, LockError> {
        self.limited(self.lock.write(step, record, expected)).await
    }

    async fn limited<T>(
        &self,
        request: impl Future<Output = Result<T, LockError>>,
    ) -> Result<T, LockError> {
        let limit = self.timing.attempt_limit();
        tokio::select! {
            answer = request => answer,
            () = self.clock.sleep(limit) => {
                Err(LockError::Unavailable(format!("no answer within {limit:?}")))
            }
        }
    }
}

/// Whether somebody was the leader by this record. A new one says nothing: whoever led by the one
/// before it may lead on until its deadline.
fn was_held(record: &Record) -> bool {
    record.transitions > 0
}
