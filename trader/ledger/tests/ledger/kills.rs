//! A ledger whose writer is killed at any step goes on without a row lost or doubled.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use triptych_ledger::{Dialect, Ledger, LedgerError, Place, Row, Session, Statement, Value};

use crate::journal::a_day;
use crate::stores::{dump, stores};
use crate::{open, owner};

/// When a step is the last.
#[derive(Debug, Clone, Copy)]
enum Kill {
    /// The database did not hear of it.
    Before,
    /// The database carried it out, and nobody heard that it did.
    After,
}

/// A session that is cut at a step.
struct Cut {
    session: Box<dyn Session>,
    left: Arc<AtomicUsize>,
    kill: Kill,
}

impl Cut {
    fn step<T>(
        &mut self,
        carry_out: impl FnOnce(&mut dyn Session) -> Result<T, LedgerError>,
    ) -> Result<T, LedgerError> {
        let killed = || LedgerError::Unreachable("killed by the test".to_owned());
        let last = self
            .left
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
                left.checked_sub(1)
            })
            .is_err();
        if last && matches!(self.kill, Kill::Before) {
            return Err(killed());
        }
        let done = carry_out(&mut *self.session)?;
        if last { Err(killed()) } else { Ok(done) }
    }
}

impl Session for Cut {
    fn dialect(&self) -> Dialect {
        self.session.dialect()
    }

    fn run(&mut self, sql: &str) -> Result<(), LedgerError> {
        self.step(|session| session.run(sql))
    }

    fn change(&mut self, statements: &[Statement]) -> Result<(), LedgerError> {
        for statement in statements {
            self.step(|session| session.change(std::slice::from_ref(statement)))?;
        }
        Ok(())
    }

    fn rows(&mut self, sql: &'static str, values: &[Value]) -> Result<Vec<Row>, LedgerError> {
        self.step(|session| session.rows(sql, values))
    }
}

/// Writes the day in batches until the kill; `true` where it came to the end before.
fn write_until_killed(place: &Place, steps: usize, kill: Kill) -> bool {
    let session = Box::new(Cut {
        session: place.connect().unwrap(),
        left: Arc::new(AtomicUsize::new(steps)),
        kill,
    });
    let Ok(mut ledger) = Ledger::open(session, &owner()) else {
        return false;
    };
    let day = a_day(6);
    day.chunks(9).all(|batch| ledger.write(batch).is_ok())
}

#[test]
fn a_kill_at_any_step_loses_no_row_and_doubles_none() {
    let day = a_day(6);
    for store in stores() {
        let place = store.empty();
        open(&place).write(&day).unwrap();
        let expected = dump(&place);
        for kill in [Kill::Before, Kill::After] {
            let mut steps = 0;
            loop {
                let place = store.empty();
                let finished = write_until_killed(&place, steps, kill);
                // The next life begins from what the database has, and is given the journal from there on.
                let mut ledger = open(&place);
                let from = usize::try_from(ledger.progress()).unwrap();
                ledger.write(&day[from..]).unwrap();
                assert_eq!(dump(&place), expected, "{} {kill:?} {steps}", store.name);
                if finished {
                    break;
                }
                steps += 1;
            }
            println!("{}: killed {kill:?} each of {steps} steps", store.name);
            assert!(steps > day.len(), "{}: {steps} steps", store.name);
        }
    }
}
