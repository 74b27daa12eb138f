//! What needs a cluster on which no operator runs but those that a test starts: operators that are
//! killed, and objects that they cannot read.

mod operator_crashes;
mod stored_under_an_older_schema;
