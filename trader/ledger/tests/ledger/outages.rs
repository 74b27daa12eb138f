//! The database is away, and comes back: the journal did not wait, and the ledger has every row once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use triptych_ledger::{
    Connect, Dialect, Follower, LedgerError, Pace, Place, Row, Session, Statement, Value,
};

use crate::journal::{Memory, a_day};
use crate::stores::{dump, stores};
use crate::{open, owner, until};

const FAST: Pace = Pace {
    look: Duration::from_millis(20),
    first_retry: Duration::from_millis(1),
    longest_retry: Duration::from_millis(20),
};

/// A line to the database that can be cut, with every session on it.
#[derive(Clone)]
struct Line {
    place: Place,
    cut: Arc<AtomicBool>,
}

impl Line {
    fn whole(&self) -> Result<(), LedgerError> {
        if self.cut.load(Ordering::SeqCst) {
            return Err(LedgerError::Unreachable("cut by the test".to_owned()));
        }
        Ok(())
    }
}

impl Connect for Line {
    fn connect(&mut self) -> Result<Box<dyn Session>, LedgerError> {
        self.whole()?;
        let session = self.place.connect()?;
        Ok(Box::new(OnLine {
            line: self.clone(),
            session,
        }))
    }
}

struct OnLine {
    line: Line,
    session: Box<dyn Session>,
}

impl Session for OnLine {
    fn dialect(&self) -> Dialect {
        self.session.dialect()
    }

    fn run(&mut self, sql: &str) -> Result<(), LedgerError> {
        self.line.whole()?;
        self.session.run(sql)
    }

    fn change(&mut self, statements: &[Statement]) -> Result<(), LedgerError> {
        self.line.whole()?;
        self.session.change(statements)
    }

    fn rows(&mut self, sql: &'static str, values: &[Value]) -> Result<Vec<Row>, LedgerError> {
        self.line.whole()?;
        self.session.rows(sql, values)
    }
}

fn follow(connect: impl Connect, journal: &Memory) -> Follower {
    Follower::start(connect, owner(), journal.clone(), FAST).unwrap()
}

fn caught_up(follower: &Follower, last: usize) {
    let last = u64::try_from(last).unwrap();
    until("caught-up ledger", || {
        (follower.standing().written == last).then_some(())
    });
}

#[test]
fn a_database_that_goes_away_again_and_again_loses_no_row_and_keeps_no_writer_waiting() {
    let day = a_day(2_000);
    for store in stores() {
        let reference = store.empty();
        open(&reference).write(&day).unwrap();
        let line = Line {
            place: store.empty(),
            cut: Arc::default(),
        };
        let journal = Memory::default();
        let follower = follow(line.clone(), &journal);
        for (number, part) in day.chunks(day.len() / 8 + 1).enumerate() {
            let failures = follower.standing().failures;
            line.cut.store(number % 2 == 1, Ordering::SeqCst);
            // The writer comes to the end of its part, whether there is a database or not.
            for entry in part {
                journal.push(entry.clone());
                follower.ring();
            }
            if number % 2 == 1 {
                until("failure", || {
                    (follower.standing().failures > failures).then_some(())
                });
            }
        }
        line.cut.store(false, Ordering::SeqCst);
        caught_up(&follower, day.len());
        until("end of the failure", || {
            follower.standing().failure.is_none().then_some(())
        });
        assert!(follower.standing().failures >= 4, "{}", store.name);
        assert!(follower.stop(Duration::from_secs(30)), "{}", store.name);
        assert_eq!(dump(&line.place), dump(&reference), "{}", store.name);
    }
}

#[test]
fn what_was_journalled_before_the_stop_is_in_the_ledger_after_it() {
    let day = a_day(50);
    for store in stores() {
        let place = store.empty();
        let journal = Memory::default();
        let follower = follow(place.clone(), &journal);
        day.iter().cloned().for_each(|entry| journal.push(entry));
        assert!(follower.stop(Duration::from_secs(30)), "{}", store.name);
        assert_eq!(open(&place).progress(), u64::try_from(day.len()).unwrap());
    }
}

#[test]
fn a_ledger_that_is_ahead_of_its_journal_is_left_alone_and_says_so() {
    let day = a_day(6);
    for store in stores() {
        let place = store.empty();
        open(&place).write(&day).unwrap();
        let before = dump(&place);
        let journal = Memory::default();
        day[..5]
            .iter()
            .cloned()
            .for_each(|entry| journal.push(entry));
        let follower = follow(place.clone(), &journal);
        let failure = until("failure", || follower.standing().failure);
        assert!(failure.contains("and its journal at 5"), "{failure}");
        assert!(follower.stop(Duration::from_secs(30)), "{}", store.name);
        assert_eq!(dump(&place), before, "{}", store.name);
    }
}

#[cfg(feature = "postgres-tests")]
#[test]
fn a_server_that_crashes_in_mid_stream_loses_no_row() {
    use crate::server::{Server, VERSIONS};
    let day = a_day(2_000);
    let (before, after) = day.split_at(day.len() / 2);
    for (name, version) in VERSIONS {
        let mut server = Server::start(version);
        let folder = tempfile::tempdir().unwrap();
        let [reference, place] = ["reference", "ledger"].map(|schema| {
            let secret = folder.path().join(schema);
            server.schema(schema, &secret);
            Place::PostgreSql(secret)
        });
        open(&reference).write(&day).unwrap();
        let expected = dump(&reference);

        let journal = Memory::default();
        let follower = follow(place.clone(), &journal);
        for (number, entry) in before.iter().enumerate() {
            journal.push(entry.clone());
            follower.ring();
            if number == before.len() / 2 {
                // In the middle of what it is writing.
                until("first row", || {
                    (follower.standing().written > 0).then_some(())
                });
                server.end();
            }
        }
        until("failure", || follower.standing().failure);
        let stuck = follower.standing().written;
        for entry in after {
            journal.push(entry.clone());
            follower.ring();
        }
        assert!(stuck < u64::try_from(day.len()).unwrap(), "{name}");
        assert_eq!(follower.standing().written, stuck, "{name}");
        server.run();
        caught_up(&follower, day.len());
        assert_eq!(dump(&place), expected, "{name}");
    }
}
