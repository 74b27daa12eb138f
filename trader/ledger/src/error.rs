//! Why the ledger could not be written.

use std::path::PathBuf;

use thiserror::Error;

/// Why the ledger could not be opened or written. None of them carries the connection string or a part of it.
#[derive(Debug, Error)]
pub enum LedgerError {
    /// The file of the connection string, or the certificate beside it, cannot be read.
    #[error(
        "{path}: {reason}; mount the Secret ledger-<account> there, with the key {key}",
        path = path.display()
    )]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The key of the Secret that becomes this file.
        key: &'static str,
        /// What the system says.
        reason: std::io::Error,
    },
    /// The file holds no connection string. It is not quoted: it would carry a password.
    #[error(
        "{path}: not a connection string of PostgreSQL; expected host, user and dbname, such as \
         postgres://USER:PASSWORD@HOST:5432/DATABASE, with sslmode=require or sslmode=disable at most",
        path = .0.display()
    )]
    NoConnectionString(PathBuf),
    /// The file holds no certificates.
    #[error("{path}: no certificates: {reason}; expected them as PEM, those that signed the server's", path = path.display())]
    NoCertificates {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The server cannot be reached, or ended the connection.
    #[error("the ledger's PostgreSQL server cannot be reached: {0}")]
    Unreachable(String),
    /// The server did not answer in time.
    #[error("the ledger's PostgreSQL server did not answer within {0:?}")]
    NoAnswer(std::time::Duration),
    /// The database refuses something.
    #[error("the ledger's database refuses it: {0}")]
    Refused(String),
    /// The ledger was made by a newer version.
    #[error(
        "the ledger has schema {found} and this version knows schemas up to {known}; \
         run the version that wrote it or a newer one, or give this instance an empty database"
    )]
    NewerSchema {
        /// The schema of the ledger.
        found: i64,
        /// The newest schema that this version knows.
        known: i64,
    },
    /// The ledger belongs to another instance.
    #[error(
        "the ledger belongs to instance {found_instance} of account {found_account}, and this is instance \
         {instance} of account {account}; give this instance an empty database of its own"
    )]
    OfAnotherInstance {
        /// UID of the TradingInstance that wrote it.
        found_instance: String,
        /// Its account.
        found_account: String,
        /// UID of this TradingInstance.
        instance: String,
        /// This account.
        account: String,
    },
    /// What stands in the ledger cannot have been written by a ledger.
    #[error(
        "the ledger holds {column} {value:?}, which no ledger writes; somebody changed it: restore it, or give this instance an empty database"
    )]
    Damaged {
        /// Table and column.
        column: &'static str,
        /// The value.
        value: String,
    },
    /// The journal's records do not follow the ledger's progress.
    #[error(
        "the journal continues at {found} and the ledger ends at {progress}: records are missing in between; \
         restore the journal, or give this instance an empty database"
    )]
    Gap {
        /// Position of the last record in the ledger.
        progress: u64,
        /// Position of the record that was given next.
        found: u64,
    },
    /// The ledger has records that the journal does not have.
    #[error(
        "the ledger ends at record {progress} and its journal at {last}: the journal is older or another one; \
         restore the newer journal, or give this instance an empty database"
    )]
    Ahead {
        /// Position of the last record in the ledger.
        progress: u64,
        /// Position of the last record in the journal.
        last: u64,
    },
    /// Somebody else wrote to the ledger meanwhile, as the trader before this one may while it ends.
    #[error(
        "the ledger is at record {found} and was at {progress}: another process writes to it; it is read anew"
    )]
    WrittenByAnother {
        /// Where this process saw it last.
        progress: u64,
        /// Where it is.
        found: i64,
    },
    /// Numbers left their range.
    #[error("record {position}: {what} leaves its range")]
    OutOfRange {
        /// Position of the record.
        position: i64,
        /// What does.
        what: &'static str,
    },
}
