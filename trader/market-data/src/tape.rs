//! The tape server: plays a recording or the generator as the venue's public endpoints would.
//!
//! Streams `/stream?streams=a/b` and `/ws/<stream>` with `SUBSCRIBE`, `UNSUBSCRIBE` and
//! `LIST_SUBSCRIPTIONS`; REST `/api/v3/depth`, `/api/v3/exchangeInfo`, `/api/v3/time` and
//! `/api/v3/ping`; `/healthz` and `/readyz` for its own supervision. The server keeps the order book
//! of each instrument, so that a snapshot always joins the diffs. Event times are moved to now with
//! their spacing kept. A client that does not keep up is disconnected and counted.

mod event_clock;
mod faults;
mod hub;
mod market;
mod options;
mod player;
mod request_weight;
mod rest;
mod server;
mod streams;

pub use faults::Faults;
pub use options::{TapeError, TapeOptions, TapeSource};
pub use server::{TapeCounters, TapeHandle, TapeServer, serve, serve_until_signal};
