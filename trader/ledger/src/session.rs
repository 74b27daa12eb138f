//! What the ledger asks of a database, the same of both.

use crate::error::LedgerError;

/// The kinds of database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// SQLite 3.
    Sqlite,
    /// PostgreSQL.
    PostgreSql,
}

impl Dialect {
    /// This text of a migration with the dialect's names of types.
    ///
    /// A decimal is TEXT in SQLite, whose numbers are floats beyond 64 bits, and NUMERIC without a scale in
    /// PostgreSQL; both show it as it was written.
    pub(crate) fn migration(self, text: &str) -> String {
        let (exact, whole, options) = match self {
            Self::Sqlite => ("TEXT", "INTEGER", " STRICT"),
            Self::PostgreSql => ("NUMERIC", "BIGINT", ""),
        };
        text.replace("{exact}", exact)
            .replace("{whole}", whole)
            .replace("{table options}", options)
    }
}

/// A value of a statement. Decimals are [`Value::Text`]: both databases take them as they are written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// Nothing.
    Null,
    /// A whole number.
    Whole(i64),
    /// Text, or an exact decimal.
    Text(String),
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Whole(number)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        text.to_owned().into()
    }
}

impl From<String> for Value {
    /// PostgreSQL has no text with a zero character, which a venue's message may hold.
    fn from(text: String) -> Self {
        if text.contains('\0') {
            return Self::Text(text.replace('\0', "\u{fffd}"));
        }
        Self::Text(text)
    }
}

impl<T: Into<Self>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// A statement that changes something, the same text for both databases: its parameters are `$1`, `$2`, in
/// the order in which they first appear.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// The text.
    pub sql: &'static str,
    /// Its parameters.
    pub values: Vec<Value>,
}

/// A row of texts: queries cast each column to TEXT, so that both databases answer the same.
pub type Row = Vec<Option<String>>;

/// A connection to a database, used by one thread. After an error it is given up, and what was not
/// committed with it.
pub trait Session: Send {
    /// The kind of database.
    fn dialect(&self) -> Dialect;

    /// Carries out statements without parameters, separated by `;`.
    fn run(&mut self, sql: &str) -> Result<(), LedgerError>;

    /// Carries out statements in their order.
    fn change(&mut self, statements: &[Statement]) -> Result<(), LedgerError>;

    /// Asks for rows. `sql` has `$1`, `$2` as a [`Statement`] has them.
    fn rows(&mut self, sql: &'static str, values: &[Value]) -> Result<Vec<Row>, LedgerError>;
}
