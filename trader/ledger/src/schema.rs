//! The tables, and who they belong to.

use crate::error::LedgerError;
use crate::session::{Session, Statement};

/// The migrations, each applied once, in this order; what was released is never changed.
const MIGRATIONS: [&str; 1] = [include_str!("migrations/1_orders.sql")];

/// Whose ledger it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    /// UID of the TradingInstance.
    pub instance_uid: String,
    /// Name of its account.
    pub account: String,
}

/// Brings the tables to the newest schema, and finds out that they are the owner's.
pub(crate) fn prepare(session: &mut dyn Session, owner: &Owner) -> Result<(), LedgerError> {
    session.run("BEGIN")?;
    migrate(session)?;
    claim(session, owner)?;
    session.run("COMMIT")
}

fn migrate(session: &mut dyn Session) -> Result<(), LedgerError> {
    let dialect = session.dialect();
    session.run(&dialect.migration(
        "CREATE TABLE IF NOT EXISTS ledger_schema (version {whole} NOT NULL PRIMARY KEY){table options}",
    ))?;
    let found = session.rows(
        "SELECT CAST(COALESCE(MAX(version), 0) AS TEXT) FROM ledger_schema",
        &[],
    )?;
    let found = whole(
        found.first().and_then(|row| row[0].as_deref()),
        "ledger_schema.version",
    )?;
    let known = i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX);
    if found > known {
        return Err(LedgerError::NewerSchema { found, known });
    }
    for (version, migration) in (1_i64..)
        .zip(MIGRATIONS)
        .filter(|(version, _)| *version > found)
    {
        session.run(&dialect.migration(migration))?;
        session.change(&[Statement {
            sql: "INSERT INTO ledger_schema (version) VALUES ($1)",
            values: vec![version.into()],
        }])?;
    }
    Ok(())
}

/// Makes a ledger without an owner this one's, and refuses that of another.
fn claim(session: &mut dyn Session, owner: &Owner) -> Result<(), LedgerError> {
    let found = session.rows("SELECT instance_uid, account FROM ledger_owner", &[])?;
    let Some(row) = found.into_iter().next() else {
        return session.change(&[Statement {
            sql: "INSERT INTO ledger_owner (instance_uid, account) VALUES ($1, $2)",
            values: vec![
                owner.instance_uid.as_str().into(),
                owner.account.as_str().into(),
            ],
        }]);
    };
    let mut columns = row.into_iter().map(Option::unwrap_or_default);
    let (instance, account) = (
        columns.next().unwrap_or_default(),
        columns.next().unwrap_or_default(),
    );
    if instance == owner.instance_uid && account == owner.account {
        return Ok(());
    }
    Err(LedgerError::OfAnotherInstance {
        found_instance: instance,
        found_account: account,
        instance: owner.instance_uid.clone(),
        account: owner.account.clone(),
    })
}

/// A whole number of a column.
pub(crate) fn whole(text: Option<&str>, column: &'static str) -> Result<i64, LedgerError> {
    let text = text.unwrap_or_default();
    text.parse().map_err(|_| LedgerError::Damaged {
        column,
        value: text.to_owned(),
    })
}
