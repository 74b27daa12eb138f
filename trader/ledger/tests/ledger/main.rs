//! The ledger on each of its databases: SQLite, and with the feature `postgres-tests` two versions of PostgreSQL.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod any_journal;
mod journal;
mod kills;
mod outages;
mod page;
#[cfg(feature = "postgres-tests")]
mod postgresql;
mod refusals;
mod round_trip;
#[cfg(feature = "postgres-tests")]
mod server;
mod stores;

use std::time::{Duration, Instant};

use triptych_ledger::{Ledger, Owner, Place};

/// Whose ledger the tests write.
fn owner() -> Owner {
    Owner {
        instance_uid: "6e5b1f0c-0000-4000-8000-000000000001".to_owned(),
        account: "desk-a".to_owned(),
    }
}

fn open(place: &Place) -> Ledger {
    Ledger::open(place.connect().unwrap(), &owner()).unwrap()
}

/// Asks until there is an answer, for a minute at most.
fn until<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + Duration::from_mins(1);
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(Instant::now() < end, "no {what} within a minute");
        std::thread::sleep(Duration::from_millis(10));
    }
}
