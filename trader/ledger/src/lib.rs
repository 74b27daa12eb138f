//! The ledger of W and R: every order, what happened to it, its fills and the positions that they make, in SQLite or
//! in PostgreSQL.
//!
//! The fsynced journal is the truth. A [`Follower`] reads it on a thread of its own and writes each record once, in one
//! transaction with its own progress: a database that is away delays nobody and loses nothing. docs/ledger.md
//! describes the tables.
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test fails by panicking"))]

mod book;
mod connection_string;
mod error;
mod follower;
mod ledger;
mod order_state;
mod postgresql;
mod reading;
mod schema;
mod session;
mod sqlite;
mod tls;

pub use connection_string::{AUTHORITIES_KEY, CONNECTION_KEY};
pub use error::LedgerError;
pub use follower::{BATCH, Connect, Follower, JournalReader, Pace, Standing};
pub use ledger::{Ledger, Place};
pub use schema::Owner;
pub use session::{Dialect, Row, Session, Statement, Value};
