//! What the ledger refuses, and what it says then.

use std::fs;

use triptych_ledger::{Ledger, LedgerError, Owner, Place};

use triptych_orders::record::{Entry, Record};

use crate::journal::{a_day, id};
use crate::stores::{dump, stores};
use crate::{open, owner};

fn refused(place: &Place, owner: &Owner) -> LedgerError {
    match Ledger::open(place.connect().unwrap(), owner) {
        Ok(_) => panic!("it was opened"),
        Err(error) => error,
    }
}

#[test]
fn a_ledger_of_another_instance_or_account_is_refused_and_left_alone() {
    let others = [
        Owner {
            instance_uid: "6e5b1f0c-0000-4000-8000-000000000002".to_owned(),
            ..owner()
        },
        Owner {
            account: "desk-b".to_owned(),
            ..owner()
        },
    ];
    for store in stores() {
        let place = store.empty();
        open(&place).write(&a_day(6)).unwrap();
        let before = dump(&place);
        for other in &others {
            let error = refused(&place, other).to_string();
            assert!(error.contains(&owner().instance_uid), "{error}");
            assert!(error.contains("desk-a"), "{error}");
            assert!(
                error.contains("give this instance an empty database"),
                "{error}"
            );
            assert_eq!(dump(&place), before, "{}", store.name);
        }
    }
}

#[test]
fn a_newer_schema_is_refused_and_left_alone() {
    for store in stores() {
        let place = store.empty();
        open(&place).write(&a_day(6)).unwrap();
        let before = dump(&place);
        let newer = "INSERT INTO ledger_schema (version) VALUES (7)";
        place.connect().unwrap().run(newer).unwrap();
        let error = refused(&place, &owner()).to_string();
        assert!(
            error.contains("has schema 7") && error.contains("up to 1"),
            "{error}"
        );
        assert_eq!(dump(&place), before, "{}", store.name);
    }
}

#[test]
fn records_that_do_not_follow_are_refused_and_those_known_already_are_left_out() {
    let day = a_day(6);
    for store in stores() {
        let place = store.empty();
        let mut ledger = open(&place);
        ledger.write(&day[..10]).unwrap();
        let before = dump(&place);
        let gap = ledger.write(&day[11..]).unwrap_err().to_string();
        assert!(
            gap.contains("continues at 12") && gap.contains("ends at 10"),
            "{gap}"
        );
        ledger.write(&day[..10]).unwrap();
        assert_eq!(dump(&place), before, "{}", store.name);
    }
}

#[test]
fn a_second_writer_is_noticed_and_doubles_no_row() {
    let day = a_day(6);
    for store in stores() {
        let place = store.empty();
        let (mut first, mut second) = (open(&place), open(&place));
        first.write(&day).unwrap();
        let expected = dump(&place);
        let error = second.write(&day[..10]).unwrap_err();
        assert!(
            matches!(error, LedgerError::WrittenByAnother { .. }),
            "{error}"
        );
        drop(second);
        assert_eq!(dump(&place), expected, "{}", store.name);
    }
}

#[test]
fn what_somebody_changed_in_the_ledger_is_named() {
    let damages = [
        ("UPDATE orders SET state = 'Lost'", "orders.state \"Lost\""),
        (
            "UPDATE progress SET position = -1",
            "progress.position \"-1\"",
        ),
    ];
    for store in stores() {
        for (damage, named) in damages {
            let place = store.empty();
            let day = a_day(6);
            open(&place).write(&day).unwrap();
            place.connect().unwrap().run(damage).unwrap();
            let late = Entry {
                sequence: day.len() as u64 + 1,
                at: day[0].at,
                record: Record::NeverArrived { order: id(0) },
            };
            let written = Ledger::open(place.connect().unwrap(), &owner())
                .and_then(|mut ledger| ledger.write(&[late]));
            let error = written.unwrap_err().to_string();
            assert!(error.contains(named), "{}: {error}", store.name);
        }
    }
}

#[test]
fn a_full_disk_stops_the_ledger_with_the_reason_and_what_was_committed_stays() {
    let folder = tempfile::tempdir().unwrap();
    let place = Place::Sqlite(folder.path().join("ledger"));
    open(&place).write(&a_day(6)).unwrap();
    let before = dump(&place);
    let mut session = place.connect().unwrap();
    // SQLite's own way to a disk that is full: the limit of a file's pages, of this connection.
    session.run("PRAGMA max_page_count = 1").unwrap();
    let mut ledger = Ledger::open(session, &owner()).unwrap();
    let error = ledger.write(&a_day(600)).unwrap_err().to_string();
    assert!(error.contains("full"), "{error}");
    drop(ledger);
    assert_eq!(dump(&place), before);
    open(&place).write(&a_day(600)).unwrap();
}

#[test]
fn a_secret_that_cannot_be_used_is_named_and_never_quoted() {
    let folder = tempfile::tempdir().unwrap();
    let place = Place::PostgreSql(folder.path().to_path_buf());
    let message = |place: &Place| match place.connect() {
        Ok(_) => panic!("it connected"),
        Err(error) => error.to_string(),
    };
    let missing = message(&place);
    assert!(missing.contains("/connection: "), "{missing}");
    assert!(
        missing.contains("mount the Secret ledger-<account>"),
        "{missing}"
    );
    for bad in [
        "",
        "password=hidden",
        "host=db password=not quoted=hidden",
        "postgres://desk:hidden@db:hidden/ledger",
        "host=db sslmode=hidden",
    ] {
        fs::write(folder.path().join("connection"), bad).unwrap();
        let error = message(&place);
        assert!(error.contains("not a connection string"), "{bad}: {error}");
        assert!(
            !error.contains("hidden") && !error.contains("quoted"),
            "{error}"
        );
    }
    fs::write(folder.path().join("connection"), "host=localhost").unwrap();
    fs::write(folder.path().join("ca.crt"), "no certificate").unwrap();
    let error = message(&place);
    assert!(error.contains("ca.crt: no certificates"), "{error}");
}
