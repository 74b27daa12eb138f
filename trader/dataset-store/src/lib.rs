//! Datasets on an S3-compatible object store.
//!
//! A trader writes to its own disk; [`push`] copies what it published. [`mirror`] brings a dataset back into a
//! folder, where every command reads it that reads a folder, and [`change`] writes back what a command changed.
//! This crate signs requests with a key, so no observing trader links it.

pub mod change;
mod compacted;
pub mod copy;
pub mod credentials;
pub mod failure;
pub mod location;
pub mod mirror;
pub mod push;
pub mod store;
mod transport;
