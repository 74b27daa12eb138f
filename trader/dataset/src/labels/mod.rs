//! `labels`: what became of each candidate, computed later from the market that followed.
//!
//! A [`definition::Definition`] says with which fees and barriers; [`quotes::QuotePath`] is the market;
//! [`outcome::label`] computes one row, [`store::label_dataset`] those of a dataset. docs/dataset.md has
//! every formula.

pub mod definition;
pub mod outcome;
pub mod quotes;
pub mod store;
pub mod table;

pub use definition::{Definition, HORIZONS};
pub use outcome::{Barrier, Label, Missing};
pub use quotes::{QuotePath, Source};
