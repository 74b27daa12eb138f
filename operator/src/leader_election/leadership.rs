//! Whether this process may write, as the rest of the operator sees it.

use std::time::Duration;

use tokio::sync::watch;

use super::{Clock, SystemClock};

/// A view of the elector's state. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Leadership<C: Clock = SystemClock> {
    clock: C,
    valid_until: watch::Receiver<Option<Duration>>,
}

impl<C: Clock> Leadership<C> {
    pub(super) fn new(clock: C) -> (watch::Sender<Option<Duration>>, Self) {
        let (sender, valid_until) = watch::channel(None);
        (sender, Self { clock, valid_until })
    }

    /// Whether a write may start now. It is decided by the clock alone: it turns false at the
    /// deadline even where the elector hangs.
    pub fn may_write(&self) -> bool {
        self.remaining().is_some()
    }

    /// Completes as soon as writes are forbidden.
    pub async fn lost(&self) {
        let mut elector = self.valid_until.clone();
        elector.mark_unchanged();
        while let Some(remaining) = self.remaining() {
            tokio::select! {
                () = self.clock.sleep(remaining) => {}
                changed = elector.changed() => {
                    if changed.is_err() {
                        self.clock.sleep(remaining).await;
                    }
                }
            }
        }
    }

    /// Completes as soon as writes are allowed; never after the elector has ended.
    pub async fn gained(&self) {
        let mut changes = self.valid_until.clone();
        loop {
            changes.mark_unchanged();
            if self.may_write() {
                return;
            }
            if changes.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }

    fn remaining(&self) -> Option<Duration> {
        let until = (*self.valid_until.borrow())?;
        until
            .checked_sub(self.clock.now())
            .filter(|remaining| !remaining.is_zero())
    }
}

#[cfg(test)]
impl Leadership<SystemClock> {
    /// Leadership that a test gives and takes away.
    pub(crate) fn granted_for(duration: Duration) -> (watch::Sender<Option<Duration>>, Self) {
        let clock = SystemClock;
        let until = clock.now() + duration;
        let (sender, leadership) = Self::new(clock);
        sender.send_replace(Some(until));
        (sender, leadership)
    }
}
