//! The feed handler: the venue's public streams, followed without end.
//!
//! One WebSocket carries every configured instrument. Diffs are handed on as they come; the rule
//! that joins them to a snapshot is the engine's ([`triptych_engine::order_book::sequence`]), and
//! this handler runs it over the ids to know when a snapshot has to be asked for. Lost connections
//! come back with exponential backoff and jitter, silent ones are cut, old ones are renewed before
//! the venue's 24 hours are over.

mod config;
mod connection;
mod handler;
mod request_budget;
mod rest;
mod snapshots;
mod status;
mod tls;

pub use config::{Endpoints, EndpointsError, FeedConfig};
pub use handler::run;
pub use status::{BookState, FeedStatus, InstrumentStatus};
pub use tls::client_config as tls_client_config;
