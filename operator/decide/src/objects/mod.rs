//! What the operator makes, one object a file.

pub mod claim;
pub mod config_map;
pub mod stateful_set;
