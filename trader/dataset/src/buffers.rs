//! Rows of a table in memory, until there are enough of a partition for a file.

use std::collections::BTreeMap;
use std::time::Instant;

use crate::layout::Partition;
use crate::open_file::{Extent, OpenFile, Row, WholeFile};
use crate::publisher::Publisher;
use crate::writer::DatasetError;

/// Why rows are lost of which no file could be made.
const NOT_ENCODED: &str = "the rows could not be encoded";

/// Rows of one partition.
pub(crate) struct Buffer<R> {
    partition: Partition,
    /// A file that could not be published yet.
    unpublished: Option<WholeFile>,
    open: OpenFile<R>,
    /// When the first of them came.
    pub(crate) oldest: Instant,
}

impl<R: Row> Buffer<R> {
    fn new(partition: Partition, now: Instant) -> Self {
        Self {
            partition,
            unpublished: None,
            open: OpenFile::default(),
            oldest: now,
        }
    }

    fn extents(&self) -> impl Iterator<Item = Extent> {
        let unpublished = self.unpublished.as_ref().map(|file| file.extent);
        unpublished.into_iter().chain(self.open.extent())
    }

    fn rows(&self) -> u64 {
        self.extents().map(|extent| extent.rows).sum()
    }

    fn push(&mut self, publisher: &mut Publisher, row: R) -> Result<(), DatasetError> {
        publisher.counters.rows_buffered += 1;
        let pushed = self.open.push(&publisher.run, &self.partition, row);
        pushed.map_err(|error| {
            let open = std::mem::take(&mut self.open);
            publisher.lose_buffered(R::TABLE, open.extent(), NOT_ENCODED);
            error.into()
        })
    }

    /// Publishes every row, in one file or, after a failure, in two.
    fn publish(&mut self, publisher: &mut Publisher) -> Result<(), DatasetError> {
        let folder = self.partition.folder(R::TABLE);
        loop {
            if self.unpublished.is_none() {
                self.unpublished = self.close(publisher)?;
            }
            let Some(file) = &self.unpublished else {
                return Ok(());
            };
            publisher.publish(&folder, file)?;
            self.unpublished = None;
        }
    }

    fn close(&mut self, publisher: &mut Publisher) -> Result<Option<WholeFile>, DatasetError> {
        let open = std::mem::take(&mut self.open);
        let extent = open.extent();
        let closed = open.close(&publisher.run, &self.partition);
        closed.map_err(|error| {
            publisher.lose_buffered(R::TABLE, extent, NOT_ENCODED);
            error.into()
        })
    }
}

/// Rows by what says their partition.
pub(crate) struct Buffers<K, R>(BTreeMap<K, Buffer<R>>);

impl<K, R> Default for Buffers<K, R> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<K: Ord, R: Row> Buffers<K, R> {
    /// Takes a row, and publishes those of its partition when there are enough.
    pub(crate) fn append(
        &mut self,
        publisher: &mut Publisher,
        key: K,
        row: R,
        now: Instant,
    ) -> Result<(), DatasetError> {
        let buffer = self
            .0
            .entry(key)
            .or_insert_with(|| Buffer::new(row.partition(), now));
        let is_first = buffer.rows() == 0;
        if is_first {
            buffer.oldest = now;
        }
        buffer.push(publisher, row)?;
        if publisher.is_failing() {
            return Ok(());
        }
        if buffer.rows() >= publisher.options.flush_rows as u64 {
            buffer.publish(publisher)?;
            return publisher.write_manifest();
        }
        if is_first {
            return publisher.prepare(&buffer.partition.folder(R::TABLE));
        }
        Ok(())
    }

    /// Publishes the rows of the partitions that are due.
    pub(crate) fn publish_where(
        &mut self,
        publisher: &mut Publisher,
        due: impl Fn(&Buffer<R>) -> bool,
    ) -> Result<(), DatasetError> {
        for buffer in self.0.values_mut() {
            if due(buffer) {
                buffer.publish(publisher)?;
            }
        }
        self.0.retain(|_, buffer| buffer.rows() > 0);
        Ok(())
    }

    /// Notes every row as lost.
    pub(crate) fn lose(&mut self, publisher: &mut Publisher, reason: &str) {
        for buffer in std::mem::take(&mut self.0).into_values() {
            for extent in buffer.extents() {
                publisher.lose_buffered(R::TABLE, Some(extent), reason);
            }
        }
    }
}
