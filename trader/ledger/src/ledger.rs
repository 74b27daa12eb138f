//! A ledger that is open for writing.

use std::path::PathBuf;

use triptych_orders::record::Entry;

use crate::book::{Book, place};
use crate::connection_string::ConnectionString;
use crate::error::LedgerError;
use crate::postgresql::PostgreSql;
use crate::reading;
use crate::schema::{self, Owner};
use crate::session::{Session, Statement};
use crate::sqlite::Sqlite;

/// Where a ledger is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// A file of SQLite; it is made where there is none.
    Sqlite(PathBuf),
    /// A PostgreSQL server, by the folder in which the Secret `ledger-<account>` is mounted.
    PostgreSql(PathBuf),
}

impl Place {
    /// Connects to the database, whatever is in it.
    pub fn connect(&self) -> Result<Box<dyn Session>, LedgerError> {
        Ok(match self {
            Self::Sqlite(path) => Box::new(Sqlite::open(path)?),
            Self::PostgreSql(folder) => {
                Box::new(PostgreSql::connect(&ConnectionString::read(folder)?)?)
            }
        })
    }
}

/// A ledger that is open for writing. After an error it is given up and opened again: what was not committed is not
/// in it, and [`progress`](Self::progress) says where it goes on.
pub struct Ledger {
    session: Box<dyn Session>,
    book: Book,
    progress: u64,
}

impl Ledger {
    /// Brings the tables to the newest schema and reads how far they are.
    pub fn open(mut session: Box<dyn Session>, owner: &Owner) -> Result<Self, LedgerError> {
        schema::prepare(&mut *session, owner)?;
        let progress = reading::progress(&mut *session)?;
        let book = reading::book(&mut *session)?;
        Ok(Self {
            session,
            book,
            progress: u64::try_from(progress).map_err(|_| LedgerError::Damaged {
                column: "progress.position",
                value: progress.to_string(),
            })?,
        })
    }

    /// Place in the journal of the last record that is in the ledger; zero in an empty one.
    pub const fn progress(&self) -> u64 {
        self.progress
    }

    /// Writes records that follow each other, and the progress with them, in one transaction. Records that the ledger
    /// has already are left out.
    pub fn write(&mut self, entries: &[Entry]) -> Result<(), LedgerError> {
        let known = entries.partition_point(|entry| entry.sequence <= self.progress);
        let new = &entries[known..];
        let Some(last) = new.last() else {
            return Ok(());
        };
        for (expected, entry) in (self.progress + 1..).zip(new) {
            if entry.sequence != expected {
                return Err(LedgerError::Gap {
                    progress: expected - 1,
                    found: entry.sequence,
                });
            }
        }
        self.session.run("BEGIN")?;
        self.hold()?;
        for id in self.book.missing(new) {
            reading::look_up(&mut *self.session, &mut self.book, &id)?;
        }
        let mut statements = Vec::with_capacity(3 * new.len());
        for entry in new {
            statements.extend(self.book.take(entry)?);
        }
        statements.extend(self.book.changes());
        statements.push(Statement {
            sql: "UPDATE progress SET position = $1",
            values: vec![place(last.sequence)?.into()],
        });
        self.session.change(&statements)?;
        self.session.run("COMMIT")?;
        self.progress = last.sequence;
        Ok(())
    }

    /// Locks the ledger until the transaction ends, and finds out that nobody else wrote to it meanwhile.
    fn hold(&mut self) -> Result<(), LedgerError> {
        self.session.change(&[Statement {
            sql: "UPDATE progress SET position = position",
            values: Vec::new(),
        }])?;
        let found = reading::progress(&mut *self.session)?;
        if place(self.progress)? == found {
            Ok(())
        } else {
            Err(LedgerError::WrittenByAnother {
                progress: self.progress,
                found,
            })
        }
    }
}
