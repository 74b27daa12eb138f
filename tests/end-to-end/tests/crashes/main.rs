//! What needs a cluster on which no operator leads but those that a test starts: operators that are
//! killed, and objects that they cannot read.

mod chain;
mod desk;
mod ends;
mod observers;
mod stored_under_an_older_schema;
mod story;
mod systems;
