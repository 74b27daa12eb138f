//! A disk that loses what was not synced, a venue on which everything goes wrong that can, and a trader between
//! them that is killed at any moment. Time is a number; every run is its seed.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

pub(crate) mod desk;
pub(crate) mod disk;
pub(crate) mod exchange;

use std::sync::Arc;
use std::time::Duration;

use triptych_engine::event::Timestamp;
use triptych_orders::path::Patience;

pub(crate) const PATIENCE: Patience = Patience {
    receive_window: Duration::from_secs(1),
    clock_bound: Duration::from_millis(200),
    venue_lag: Duration::from_millis(500),
    ask_every: Duration::from_millis(100),
    compare_every: Duration::from_millis(100),
};

pub(crate) fn symbol() -> Arc<str> {
    "BTCUSDT".into()
}

pub(crate) fn later(time: Timestamp, milliseconds: u64) -> Timestamp {
    let by = i64::try_from(milliseconds).unwrap() * 1_000_000;
    Timestamp::from_nanoseconds(time.nanoseconds() + by)
}
