//! The deterministic trading engine: market events in, candidate trades with risk verdicts out.
//!
//! Pure by construction: no clock, no network, no file, no async. Time comes from events, so the
//! same events and the same revision give the same candidates whatever the speed of playback.

pub mod decimal;
pub mod event;
pub mod market;
pub mod measure;
pub mod order_book;
pub mod proposal;
pub mod risk;
pub mod strategies;
#[cfg(test)]
mod test_support;
