//! The clock that leadership is measured with.

use std::{future::Future, time::Duration};

use rustix::time::{ClockId, clock_gettime};

/// A clock that never goes back. Only differences of its readings mean anything.
pub trait Clock: Clone + Send + Sync + 'static {
    /// Time since a fixed moment in the past.
    fn now(&self) -> Duration;

    /// Waits for a duration.
    fn sleep(&self, duration: Duration) -> impl Future<Output = ()> + Send;
}

/// The machine's clock since boot. Unlike the monotonic clock it counts the time that the machine
/// was suspended, so that a leader that slept through its deadline knows it at its first reading.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Duration {
        let time = clock_gettime(ClockId::Boottime);
        Duration::new(
            u64::try_from(time.tv_sec).unwrap_or_default(),
            u32::try_from(time.tv_nsec).unwrap_or_default(),
        )
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}
