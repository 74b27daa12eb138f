//! The ledger's database in a file on the trader's volume.

use std::path::Path;
use std::time::Duration;

use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, ToSql, params_from_iter};

use crate::error::LedgerError;
use crate::session::{Dialect, Row, Session, Statement, Value};

/// How long a write waits for a reader that holds the file.
const BUSY: Duration = Duration::from_secs(5);

/// A file of SQLite.
pub(crate) struct Sqlite(Connection);

impl Sqlite {
    /// Opens the file, and makes it where there is none.
    pub(crate) fn open(path: &Path) -> Result<Self, LedgerError> {
        let refused =
            |error: rusqlite::Error| LedgerError::Refused(format!("{}: {error}", path.display()));
        let connection = Connection::open(path).map_err(refused)?;
        connection.busy_timeout(BUSY).map_err(refused)?;
        // Readers beside the writer; a commit is on the disk before it is answered.
        connection
            .execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;")
            .map_err(refused)?;
        Ok(Self(connection))
    }
}

#[allow(
    clippy::needless_pass_by_value,
    reason = "the form that `map_err` takes"
)]
fn refused(error: rusqlite::Error) -> LedgerError {
    LedgerError::Refused(error.to_string())
}

impl Session for Sqlite {
    fn dialect(&self) -> Dialect {
        Dialect::Sqlite
    }

    fn run(&mut self, sql: &str) -> Result<(), LedgerError> {
        self.0.execute_batch(sql).map_err(refused)
    }

    fn change(&mut self, statements: &[Statement]) -> Result<(), LedgerError> {
        for statement in statements {
            self.0
                .execute(statement.sql, params_from_iter(&statement.values))
                .map_err(refused)?;
        }
        Ok(())
    }

    fn rows(&mut self, sql: &'static str, values: &[Value]) -> Result<Vec<Row>, LedgerError> {
        let mut query = self.0.prepare(sql).map_err(refused)?;
        let columns = query.column_count();
        let rows = query
            .query_map(params_from_iter(values), |row| {
                (0..columns).map(|column| row.get(column)).collect()
            })
            .map_err(refused)?;
        rows.collect::<Result<_, _>>().map_err(refused)
    }
}

impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Whole(number) => ValueRef::Integer(*number),
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
        }))
    }
}
