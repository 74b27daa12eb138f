//! What the feed handler knows of itself: read by the status page, metrics and readiness.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU8, AtomicU64, Ordering};

use triptych_engine::event::InstrumentId;

use crate::instruments::{Instruments, Symbol};

/// Whether an instrument's book can be built from what was handed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BookState {
    /// Waiting for the snapshot that the diffs join.
    Syncing,
    /// Snapshot and diffs are joined and arriving.
    Synced,
    /// Nothing arrives: the connection is lost.
    Stale,
}

impl BookState {
    /// The name as it stands in the status document.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Syncing => "Syncing",
            Self::Synced => "Synced",
            Self::Stale => "Stale",
        }
    }
}

/// Counters of one instrument since the start.
#[derive(Debug)]
pub struct InstrumentStatus {
    symbol: Symbol,
    book: AtomicU8,
    last_event_time_ns: AtomicI64,
    events: AtomicU64,
    gaps: AtomicU64,
    resyncs: AtomicU64,
}

impl InstrumentStatus {
    fn new(symbol: Symbol) -> Self {
        Self {
            symbol,
            book: AtomicU8::new(2),
            last_event_time_ns: AtomicI64::new(0),
            events: AtomicU64::new(0),
            gaps: AtomicU64::new(0),
            resyncs: AtomicU64::new(0),
        }
    }

    /// The instrument.
    pub fn symbol(&self) -> &Symbol {
        &self.symbol
    }

    /// Whether its book is in step.
    pub fn book(&self) -> BookState {
        match self.book.load(Ordering::Relaxed) {
            0 => BookState::Syncing,
            1 => BookState::Synced,
            _ => BookState::Stale,
        }
    }

    /// Receive time of the newest event, in nanoseconds since the Unix epoch; zero before any.
    pub fn last_event_time_ns(&self) -> i64 {
        self.last_event_time_ns.load(Ordering::Relaxed)
    }

    /// Market events handed on.
    pub fn events(&self) -> u64 {
        self.events.load(Ordering::Relaxed)
    }

    /// Holes found in the update ids, and losses known without them.
    pub fn gaps(&self) -> u64 {
        self.gaps.load(Ordering::Relaxed)
    }

    /// Snapshots adopted after the first one.
    pub fn resyncs(&self) -> u64 {
        self.resyncs.load(Ordering::Relaxed)
    }

    pub(crate) fn set_book(&self, state: BookState) {
        let code = match state {
            BookState::Syncing => 0,
            BookState::Synced => 1,
            BookState::Stale => 2,
        };
        self.book.store(code, Ordering::Relaxed);
    }

    pub(crate) fn handed_on(&self, ts_recv_ns: i64) {
        self.last_event_time_ns.store(ts_recv_ns, Ordering::Relaxed);
        self.events.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn count_gap(&self) {
        self.gaps.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn count_resync(&self) {
        self.resyncs.fetch_add(1, Ordering::Relaxed);
    }
}

macro_rules! counters {
    ($($(#[$documentation:meta])* $name:ident, $count:ident;)*) => {
        /// Counters and state of the feed handler since the start.
        #[derive(Debug)]
        pub struct FeedStatus {
            connected: AtomicBool,
            instruments: Vec<InstrumentStatus>,
            $($name: AtomicU64,)*
        }

        impl FeedStatus {
            /// The status before the first connection.
            pub fn new(instruments: &Instruments) -> Self {
                Self {
                    connected: AtomicBool::new(false),
                    instruments: instruments
                        .iter()
                        .map(|(_, symbol)| InstrumentStatus::new(symbol.clone()))
                        .collect(),
                    $($name: AtomicU64::new(0),)*
                }
            }

            $(
                $(#[$documentation])*
                pub fn $name(&self) -> u64 {
                    self.$name.load(Ordering::Relaxed)
                }

                pub(crate) fn $count(&self) {
                    self.$name.fetch_add(1, Ordering::Relaxed);
                }
            )*
        }
    };
}

counters! {
    /// Connections opened.
    connections, count_connection;
    /// Connections lost or renewed, and attempts to connect that failed.
    disconnections, count_disconnection;
    /// Text frames received.
    frames, count_frame;
    /// Frames that were no market event of a configured instrument.
    malformed_frames, count_malformed_frame;
    /// Events dropped because the receiver of events was too slow.
    overflows, count_overflow;
    /// Snapshots asked for.
    snapshot_requests, count_snapshot_request;
    /// Snapshot requests that gave no usable snapshot.
    snapshot_failures, count_snapshot_failure;
    /// Times that the venue asked for a pause (429, 418).
    throttles, count_throttle;
}

impl FeedStatus {
    /// Whether a connection is open.
    pub fn connected(&self) -> bool {
        self.connected.load(Ordering::Relaxed)
    }

    /// One entry for each instrument, in the order of the configuration.
    pub fn instruments(&self) -> &[InstrumentStatus] {
        &self.instruments
    }

    /// The entry of `id`.
    ///
    /// # Panics
    /// Where `id` is not of the feed's instruments.
    pub fn instrument(&self, id: InstrumentId) -> &InstrumentStatus {
        &self.instruments[id.index()]
    }

    /// Why market data cannot be relied on right now; `None` where every book is in step.
    pub fn not_ready_reason(&self) -> Option<String> {
        if !self.connected() {
            return Some("market data: not connected".to_owned());
        }
        let behind = self
            .instruments
            .iter()
            .find(|instrument| instrument.book() != BookState::Synced)?;
        Some(format!(
            "market data: the book of {} is {}",
            behind.symbol(),
            behind.book().name()
        ))
    }

    pub(crate) fn set_connected(&self, connected: bool) {
        self.connected.store(connected, Ordering::Relaxed);
        let state = if connected {
            BookState::Syncing
        } else {
            BookState::Stale
        };
        for instrument in &self.instruments {
            instrument.set_book(state);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_ready_once_connected_with_every_book_in_step() {
        let status = FeedStatus::new(&Instruments::parse(["BTCUSDT", "ETHUSDT"]).unwrap());
        assert_eq!(
            status.not_ready_reason().as_deref(),
            Some("market data: not connected")
        );
        status.set_connected(true);
        status
            .instrument(InstrumentId(0))
            .set_book(BookState::Synced);
        assert_eq!(
            status.not_ready_reason().as_deref(),
            Some("market data: the book of ETHUSDT is Syncing")
        );
        status
            .instrument(InstrumentId(1))
            .set_book(BookState::Synced);
        assert_eq!(status.not_ready_reason(), None);
        status.set_connected(false);
        assert_eq!(status.instruments()[0].book(), BookState::Stale);
    }
}
