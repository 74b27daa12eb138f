//! The ledger's database on a PostgreSQL server.

use std::collections::HashMap;
use std::error::Error;
use std::future::Future;
use std::time::Duration;

use bytes::BytesMut;
use futures::future::poll_immediate;
use tokio::runtime::{Builder, Runtime};
use tokio_postgres::types::{Format, IsNull, ToSql, Type, to_sql_checked};
use tokio_postgres::{Client, Statement as Prepared};

use crate::connection_string::ConnectionString;
use crate::error::LedgerError;
use crate::session::{Dialect, Row, Session, Statement, Value};

/// How long the server has for one answer: one that keeps its connections open and says nothing is away too.
const PATIENCE: Duration = Duration::from_secs(15);

/// How many changes are sent before the first of their answers is read.
const AHEAD: usize = 256;

/// A connection to a server.
pub(crate) struct PostgreSql {
    client: Client,
    prepared: HashMap<&'static str, Prepared>,
    // Behind the client, whose end it carries to the server.
    runtime: Runtime,
}

impl PostgreSql {
    /// Connects as the string says.
    pub(crate) fn connect(string: &ConnectionString) -> Result<Self, LedgerError> {
        let runtime = Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| LedgerError::Unreachable(error.to_string()))?;
        let client = runtime.block_on(in_time(async {
            let (client, connection) = string.settings.connect(string.tls.clone()).await?;
            tokio::spawn(connection);
            Ok(client)
        }))?;
        Ok(Self {
            client,
            prepared: HashMap::new(),
            runtime,
        })
    }

    /// The statement as the server knows it, which is told once.
    fn prepare(&mut self, sql: &'static str) -> Result<Prepared, LedgerError> {
        if let Some(known) = self.prepared.get(sql) {
            return Ok(known.clone());
        }
        let prepared = self.runtime.block_on(in_time(self.client.prepare(sql)))?;
        self.prepared.insert(sql, prepared.clone());
        Ok(prepared)
    }
}

impl Session for PostgreSql {
    fn dialect(&self) -> Dialect {
        Dialect::PostgreSql
    }

    fn run(&mut self, sql: &str) -> Result<(), LedgerError> {
        self.runtime
            .block_on(in_time(self.client.batch_execute(sql)))
    }

    fn change(&mut self, statements: &[Statement]) -> Result<(), LedgerError> {
        for part in statements.chunks(AHEAD) {
            let prepared = part
                .iter()
                .map(|statement| self.prepare(statement.sql))
                .collect::<Result<Vec<_>, _>>()?;
            let client = &self.client;
            self.runtime.block_on(in_time(async {
                // A statement is sent when it is polled first: in this order, and none waits for another's answer.
                let mut sent = Vec::with_capacity(part.len());
                for (statement, prepared) in part.iter().zip(&prepared) {
                    let mut answer = Box::pin(client.execute_raw(prepared, &statement.values));
                    match poll_immediate(&mut answer).await {
                        Some(answered) => drop(answered?),
                        None => sent.push(answer),
                    }
                }
                for answer in sent {
                    answer.await?;
                }
                Ok(())
            }))?;
        }
        Ok(())
    }

    fn rows(&mut self, sql: &'static str, values: &[Value]) -> Result<Vec<Row>, LedgerError> {
        let prepared = self.prepare(sql)?;
        let parameters: Vec<&(dyn ToSql + Sync)> = values.iter().map(|value| value as _).collect();
        let client = &self.client;
        self.runtime.block_on(in_time(async {
            let rows = client.query(&prepared, &parameters).await?;
            rows.iter()
                .map(|row| (0..row.len()).map(|column| row.try_get(column)).collect())
                .collect()
        }))
    }
}

async fn in_time<T>(
    work: impl Future<Output = Result<T, tokio_postgres::Error>>,
) -> Result<T, LedgerError> {
    match tokio::time::timeout(PATIENCE, work).await {
        Ok(done) => done.map_err(|error| failure(&error)),
        Err(_) => Err(LedgerError::NoAnswer(PATIENCE)),
    }
}

/// What the server or the system says, in one line; none of it comes from the connection string but the names of
/// user and database.
fn failure(error: &tokio_postgres::Error) -> LedgerError {
    if let Some(answer) = error.as_db_error() {
        let text = format!("{} (SQLSTATE {})", answer.message(), answer.code().code());
        return LedgerError::Refused(text);
    }
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    LedgerError::Unreachable(text)
}

/// Every value is sent as text, which the server reads as the type of its column: NUMERIC without any rounding.
impl ToSql for Value {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        match self {
            Self::Null => return Ok(IsNull::Yes),
            Self::Whole(number) => out.extend_from_slice(number.to_string().as_bytes()),
            Self::Text(text) => out.extend_from_slice(text.as_bytes()),
        }
        Ok(IsNull::No)
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    fn encode_format(&self, _: &Type) -> Format {
        Format::Text
    }

    to_sql_checked!();
}
