//! The dataset of every potential trade: `candidates` and `executions` as Parquet, with a manifest of
//! what is whole.
//!
//! [`writer`] buffers rows and publishes them as small complete files; [`manifest`] says which
//! files there are, and what was lost; [`recovery`] puts a directory in order that a killed writer
//! left; [`compact`] puts small files together; [`verify`] compares files and manifest; [`read`] and [`summary`] look into it; [`parity`]
//! compares two of them; [`performance`] says what a trader earned and held; [`labels`] say what became of each candidate, [`rule_outcomes`] what that means
//! for each rule. docs/dataset.md describes every column and a row's life.

pub mod background;
pub mod bootstrap;
mod buffers;
pub mod compact;
pub mod encode;
pub mod executions;
pub mod files;
pub mod filesystem;
pub mod labels;
pub mod layout;
pub mod lock;
pub mod manifest;
mod open_file;
pub mod parity;
pub mod performance;
mod publisher;
pub mod read;
pub mod recovery;
pub mod rule_outcomes;
pub mod run;
pub mod schema;
pub mod summary;
pub mod verify;
pub mod writer;

pub use run::RunContext;
pub use verify::{VerifyReport, verify};
pub use writer::{DatasetWriter, Options};
