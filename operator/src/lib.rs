//! The operator: observe, decide, apply, report.
//!
//! - [`watch`] fills the [`cache`]s and asks the [`queue`] for whatever a change concerns;
//! - [`controllers`] take from the queue while [`leader_election`] allows it: [`observe`] puts a world
//!   together (with [`attestation`]: what traders say they run), `triptych_decide` decides,
//!   [`apply`] carries out, [`report`] and [`events`] tell;
//! - [`client`] holds back every write of a process that is not the leader;
//! - [`errors`] and [`backoff`] say what happens when something fails;
//! - [`run`] starts and stops all of it; [`command`], [`http`], [`metrics`] and [`telemetry`] are its
//!   faces.

pub mod apply;
pub mod attestation;
pub mod backoff;
pub mod cache;
pub mod client;
pub mod command;
pub mod context;
pub mod controllers;
pub mod errors;
pub mod events;
pub mod http;
pub mod inspector;
pub mod leader_election;
pub mod metrics;
pub mod observe;
pub mod queue;
pub mod report;
pub mod run;
pub mod scope;
pub mod subject;
pub mod telemetry;
pub mod watch;
