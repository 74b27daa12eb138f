//! The deterministic trading engine: market events in, candidate trades with risk verdicts out.
//!
//! Pure by construction: no clock, no network, no file, no async. Time comes from events, so the
//! same events and the same revision give the same candidates whatever the speed of playback.
//!
//! [`engine`] is the loop. An [`event`] updates a [`market`] with its [`order_book`]; [`strategies`]
//! answer with signals; a signal becomes a [`proposal`]; [`risk`] rules judge it, some of them by a
//! [`portfolio`]; a [`decision`] sums their verdicts up; a [`stage`] cuts what a tier takes of it; the
//! [`candidate`] is what comes out.
//! [`construction`] makes all of that from a revision.

pub mod candidate;
pub mod construction;
pub mod decimal;
pub mod decision;
mod desk;
pub mod digest;
pub mod engine;
pub mod event;
pub mod market;
pub mod measure;
pub mod order_book;
pub mod portfolio;
pub mod proposal;
pub mod risk;
pub mod stage;
pub mod strategies;
#[cfg(test)]
mod test_support;
mod text;

pub use candidate::Candidate;
pub use construction::ConstructionError;
pub use engine::Engine;
pub use event::Event;
