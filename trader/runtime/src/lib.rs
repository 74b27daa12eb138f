//! What traders of every tier share: the environment, the configuration and its hash, the way from
//! market data over the engine to the dataset, status, metrics and exit codes.
//!
//! [`run::Prepared`] is the whole; what one tier adds to it is a [`tier::TierPart`]. No Kubernetes
//! client, no key and no order path is in here: docs/trader-contract.md describes what is.

pub mod configuration;
mod decisions;
pub mod environment;
pub mod exit;
mod http;
mod identity;
pub mod logging;
pub mod metrics;
mod recorder;
pub mod run;
mod status;
pub mod tier;
pub mod variables;

pub use environment::Environment;
pub use exit::Failure;
pub use run::Prepared;
pub use tier::{Deciding, ObservesOnly, TierPart};
