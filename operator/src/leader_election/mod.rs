//! One operator writes at a time, decided by a Lease.
//!
//! The holder may write until `renew_deadline` after the *start* of its last successful renewal, by
//! its own clock. Another candidate takes the Lease no sooner than `lease_duration` after it saw the
//! Lease change for the last time, by its own clock; that is after the renewal reached the server.
//! With `renew_deadline < lease_duration` the writer has therefore stopped before the Lease can pass,
//! whatever became of its requests, as long as the two clocks' rates differ by less than the ratio of
//! the two durations. No time of one machine is ever compared with that of another.
//!
//! A Lease that is not there, or that is new, proves nothing: somebody may have deleted the one before
//! it under a living holder. Whoever creates it leads only after it has stood unchanged for a whole
//! `lease_duration`.

mod clock;
mod elector;
mod leadership;
mod lease_lock;
mod lock;
#[cfg(test)]
mod simulation;
mod timing;

pub use clock::{Clock, SystemClock};
pub use elector::Elector;
pub use leadership::Leadership;
pub use lease_lock::LeaseLock;
pub use lock::{Lock, LockError, Record, Step, Version};
pub use timing::{Timing, TimingError};
