//! Reads a journal that another thread writes, up to what is on the disk.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Seek as _, SeekFrom};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::{JournalError, parse};
use crate::record::Entry;

/// Up to which record a journal is on the disk.
#[derive(Debug, Clone, Default)]
pub struct SafePlace(Arc<AtomicU64>);

impl SafePlace {
    pub(super) fn set(&self, place: u64) {
        self.0.store(place, Ordering::Release);
    }

    /// The place of that record; zero where there is none.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Acquire)
    }
}

/// A reader of a journal that is being written.
#[derive(Debug)]
pub struct JournalTail {
    path: PathBuf,
    safe: SafePlace,
    /// The file behind the record of this sequence.
    reading: Option<(BufReader<File>, u64)>,
}

impl JournalTail {
    /// A reader of the journal at that path, as far as it is on the disk.
    pub fn new(path: PathBuf, safe: SafePlace) -> Self {
        Self {
            path,
            safe,
            reading: None,
        }
    }

    /// Place of the last record that is on the disk.
    pub fn last(&self) -> u64 {
        self.safe.get()
    }

    /// Records behind the one of that sequence, at most so many; none where it is the last on the disk.
    pub fn after(&mut self, sequence: u64, most: usize) -> Result<Vec<Entry>, JournalError> {
        let safe = self.safe.get();
        let (mut file, mut place) = match self.reading.take() {
            Some((file, place)) if place <= sequence => (file, place),
            _ => (BufReader::new(File::open(&self.path)?), 0),
        };
        let mut entries = Vec::new();
        while place < safe && entries.len() < most {
            let offset = file.stream_position()?;
            let mut line = String::new();
            file.read_line(&mut line)?;
            let what = match parse(line.trim_end_matches('\n').as_bytes()) {
                Ok(line) if line.entry.sequence == place + 1 => {
                    place += 1;
                    if place > sequence {
                        entries.push(line.entry);
                    }
                    continue;
                }
                Ok(line) => format!("number {} where {} belongs", line.entry.sequence, place + 1),
                Err(what) => what,
            };
            return Err(JournalError::Damaged { offset, what });
        }
        // What was read ahead may be half a line by now.
        let offset = file.stream_position()?;
        file.seek(SeekFrom::Start(offset))?;
        self.reading = Some((file, place));
        Ok(entries)
    }
}
