//! The wall clock at the edge, where frames are received.

use std::time::{SystemTime, UNIX_EPOCH};

use triptych_engine::event::Timestamp;

/// Now, in nanoseconds since the Unix epoch.
pub fn now() -> Timestamp {
    let since_epoch = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Timestamp::from_nanoseconds(i64::try_from(since_epoch.as_nanos()).unwrap_or(i64::MAX))
}
