//! Rows of a partition on their way into a file.
//!
//! They are encoded a few at a time as they come, so that little is left to do when the file is
//! published.

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use parquet::arrow::ArrowWriter;
use triptych_engine::event::Timestamp;

use crate::encode::{self, Decided, EncodeError, footer, properties};
use crate::executions::{self, ExecutionRow};
use crate::layout::{Partition, Table};
use crate::run::RunContext;
use crate::schema;

/// Rows that are encoded at once.
const ROWS_AT_ONCE: usize = 64;

/// A row of a table.
pub(crate) trait Row: Sized {
    /// Its table.
    const TABLE: Table;

    /// What a file's footer calls the version of the table's columns, and the version.
    const VERSION: (&'static str, u32);

    /// Its place in time.
    fn at(&self) -> Timestamp;

    /// The folders that it belongs to.
    fn partition(&self) -> Partition;

    /// The columns of its table.
    fn schema() -> SchemaRef;

    /// Rows as columns.
    fn batch(run: &RunContext, rows: &[Self]) -> Result<RecordBatch, ArrowError>;
}

impl Row for Decided {
    const TABLE: Table = Table::Candidates;
    const VERSION: (&'static str, u32) = ("triptych.schema_version", schema::VERSION);

    fn at(&self) -> Timestamp {
        self.ts_decision
    }

    fn partition(&self) -> Partition {
        Partition::of(self)
    }

    fn schema() -> SchemaRef {
        SchemaRef::clone(&schema::CANDIDATES)
    }

    fn batch(run: &RunContext, rows: &[Self]) -> Result<RecordBatch, ArrowError> {
        encode::record_batch(run, rows)
    }
}

impl Row for ExecutionRow {
    const TABLE: Table = Table::Executions;
    const VERSION: (&'static str, u32) =
        ("triptych.executions_schema_version", executions::VERSION);

    fn at(&self) -> Timestamp {
        self.ts_recv
    }

    fn partition(&self) -> Partition {
        Partition::of_execution(self)
    }

    fn schema() -> SchemaRef {
        SchemaRef::clone(&executions::EXECUTIONS)
    }

    fn batch(run: &RunContext, rows: &[Self]) -> Result<RecordBatch, ArrowError> {
        executions::record_batch(run, rows)
    }
}

/// How many rows there are, and between which times they were made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Extent {
    pub(crate) rows: u64,
    pub(crate) first: Timestamp,
    pub(crate) last: Timestamp,
}

impl Extent {
    fn with(extent: Option<Self>, at: Timestamp) -> Self {
        extent.map_or(
            Self {
                rows: 1,
                first: at,
                last: at,
            },
            |extent| Self {
                rows: extent.rows + 1,
                first: extent.first.min(at),
                last: extent.last.max(at),
            },
        )
    }
}

/// A file that can be published.
pub(crate) struct WholeFile {
    pub(crate) bytes: Vec<u8>,
    pub(crate) extent: Extent,
}

/// A file that takes rows.
pub(crate) struct OpenFile<R> {
    waiting: Vec<R>,
    encoded: Option<ArrowWriter<Vec<u8>>>,
    extent: Option<Extent>,
}

impl<R> Default for OpenFile<R> {
    fn default() -> Self {
        Self {
            waiting: Vec::new(),
            encoded: None,
            extent: None,
        }
    }
}

impl<R: Row> OpenFile<R> {
    /// The rows that were taken; `None` without one.
    pub(crate) const fn extent(&self) -> Option<Extent> {
        self.extent
    }

    /// Takes a row. After an error the file is of no use any more.
    pub(crate) fn push(
        &mut self,
        run: &RunContext,
        partition: &Partition,
        row: R,
    ) -> Result<(), EncodeError> {
        self.extent = Some(Extent::with(self.extent, row.at()));
        self.waiting.push(row);
        if self.waiting.len() >= ROWS_AT_ONCE {
            self.encode(run, partition)?;
        }
        Ok(())
    }

    /// The whole file; `None` without a row.
    pub(crate) fn close(
        mut self,
        run: &RunContext,
        partition: &Partition,
    ) -> Result<Option<WholeFile>, EncodeError> {
        self.encode(run, partition)?;
        let (Some(writer), Some(extent)) = (self.encoded, self.extent) else {
            return Ok(None);
        };
        let bytes = writer.into_inner()?;
        Ok(Some(WholeFile { bytes, extent }))
    }

    fn encode(&mut self, run: &RunContext, partition: &Partition) -> Result<(), EncodeError> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        let batch = R::batch(run, &self.waiting)?;
        let writer = match &mut self.encoded {
            Some(writer) => writer,
            none => {
                let properties = properties(footer(run, partition, R::VERSION));
                none.insert(ArrowWriter::try_new(
                    Vec::new(),
                    R::schema(),
                    Some(properties),
                )?)
            }
        };
        writer.write(&batch)?;
        self.waiting.clear();
        Ok(())
    }
}
