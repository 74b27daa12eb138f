//! Market data: the venue's public streams, recordings, a generator, and the tape server that plays
//! either as the venue would.
//!
//! Everything here produces [`triptych_engine::event::Event`]s or speaks the venue's protocol; no
//! decision is taken and no order path exists.

pub mod backoff;
pub mod clock;
pub mod feed;
pub mod frame;
pub mod generator;
pub mod instruments;
pub mod level_book;
pub mod listing;
pub mod recording;
pub mod tape;
pub mod wire;
