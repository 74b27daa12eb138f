//! The journal of orders: records in a file that only grows, on the disk before what they announce is done.
//!
//! A line is a CRC-32 in eight hexadecimal digits, a space, and the [`Entry`] as JSON with the place up to which
//! the file was known to be on the disk when the line was written. So a reader can tell the two ways in
//! which a line is bad: nothing behind it was written in the knowledge that it was safe (a kill or a loss of power
//! tore it, and nothing that it announced was done), or something was (the disk lost what it had promised).

mod tail;

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::path::Path;

use serde::{Deserialize, Serialize};
use thiserror::Error;
use triptych_engine::event::Timestamp;

use crate::record::{Entry, Record};
pub use tail::{JournalTail, SafePlace};

/// The file of a journal, or what stands for one.
pub trait JournalFile: Send {
    /// Adds bytes at the end.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// Has everything that was added on the disk on return.
    fn sync(&mut self) -> io::Result<()>;

    /// Cuts the file to that length, on the disk on return.
    fn cut(&mut self, length: u64) -> io::Result<()>;
}

impl JournalFile for File {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.write_all(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.sync_data()
    }

    fn cut(&mut self, length: u64) -> io::Result<()> {
        self.set_len(length)?;
        self.sync_all()
    }
}

/// Why a journal cannot be used. Whoever meets one must not send orders.
#[derive(Debug, Error)]
pub enum JournalError {
    /// The file cannot be opened, read or written.
    #[error("the journal of orders: {0}")]
    Io(#[from] io::Error),
    /// Another process has it.
    #[error("the journal of orders is in use by another process: end that one first")]
    InUse,
    /// A record that was on the disk is not what it was.
    #[error(
        "the journal of orders is damaged at byte {offset}: a record that was safe is {what}. Do not delete \
         the file: compare open orders and fills with the venue, and restore the volume from a copy"
    )]
    Damaged {
        /// Where its line begins.
        offset: u64,
        /// What is wrong.
        what: String,
    },
    /// Writing failed before: what is on the disk is unknown until it is read again.
    #[error(
        "the journal of orders could not be written before, so it takes nothing until the trader is started again"
    )]
    Broken,
}

/// What a journal held.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Recovered {
    /// Its records.
    pub entries: Vec<Entry>,
    /// Their bytes.
    pub length: u64,
    /// Bytes behind them that a kill tore; what they announced was not done.
    pub torn: u64,
}

/// An entry as a line holds it.
#[derive(Serialize, Deserialize)]
struct Line {
    /// Up to which place the file was known to be on the disk.
    safe: u64,
    #[serde(flatten)]
    entry: Entry,
}

/// A journal that takes records.
#[derive(Debug)]
pub struct Journal<F> {
    file: F,
    last: u64,
    safe: u64,
    /// The same, for readers.
    told: SafePlace,
    broken: bool,
}

impl Journal<File> {
    /// Opens the journal at a path, or begins one, and keeps every other process out of it.
    pub fn open(path: &Path) -> Result<(Self, Recovered), JournalError> {
        let mut file = OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .open(path)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(std::fs::TryLockError::WouldBlock) => return Err(JournalError::InUse),
            Err(std::fs::TryLockError::Error(error)) => return Err(error.into()),
        }
        if let Some(folder) = path.parent().filter(|folder| *folder != Path::new("")) {
            File::open(folder)?.sync_all()?;
        }
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        Self::resume(file, &bytes)
    }
}

impl<F: JournalFile> Journal<F> {
    /// Goes on with a file that holds these bytes; what a kill tore at its end is cut.
    pub fn resume(mut file: F, bytes: &[u8]) -> Result<(Self, Recovered), JournalError> {
        let recovered = read(bytes)?;
        if recovered.torn > 0 {
            file.cut(recovered.length)?;
        } else {
            // What is read may only be in memory: a kill came before the sync.
            file.sync()?;
        }
        let last = recovered.entries.last().map_or(0, |entry| entry.sequence);
        let told = SafePlace::default();
        told.set(last);
        let journal = Self {
            file,
            last,
            safe: last,
            told,
            broken: false,
        };
        Ok((journal, recovered))
    }

    /// Up to which record it is on the disk, for readers of the file.
    pub fn safe_place(&self) -> SafePlace {
        self.told.clone()
    }

    /// The entry that a record would be, were it added now.
    pub const fn next(&self, at: Timestamp, record: Record) -> Entry {
        Entry {
            sequence: self.last + 1,
            at,
            record,
        }
    }

    /// Adds the next entry. It is not on the disk before [`Journal::sync`].
    pub fn append(&mut self, entry: &Entry) -> Result<(), JournalError> {
        let mut bytes = Vec::new();
        write_line(&mut bytes, self.safe, entry);
        self.change(|file| file.append(&bytes))?;
        self.last = entry.sequence;
        Ok(())
    }

    /// Has everything on the disk on return.
    pub fn sync(&mut self) -> Result<(), JournalError> {
        if self.safe < self.last {
            self.change(F::sync)?;
            self.safe = self.last;
            self.told.set(self.safe);
        }
        Ok(())
    }

    /// After a failure nobody knows what is on the disk, and a second sync may say yes to pages that are gone.
    fn change(
        &mut self,
        change: impl FnOnce(&mut F) -> io::Result<()>,
    ) -> Result<(), JournalError> {
        if self.broken {
            return Err(JournalError::Broken);
        }
        change(&mut self.file).map_err(|error| {
            self.broken = true;
            error.into()
        })
    }
}

fn write_line(bytes: &mut Vec<u8>, safe: u64, entry: &Entry) {
    let line = Line {
        safe,
        entry: entry.clone(),
    };
    let json = serde_json::to_string(&line).expect("records have text keys only");
    let sum = crc32fast::hash(json.as_bytes());
    // Writing into memory does not fail.
    let _ = writeln!(bytes, "{sum:08x} {json}");
}

/// Reads the records of a journal, up to what a kill tore.
pub fn read(bytes: &[u8]) -> Result<Recovered, JournalError> {
    let mut recovered = Recovered::default();
    let mut rest = bytes;
    while !rest.is_empty() {
        let end = rest.iter().position(|&byte| byte == b'\n');
        let (line, behind) = end.map_or((rest, &[][..]), |end| (&rest[..end], &rest[end + 1..]));
        let expected = recovered.entries.len() as u64 + 1;
        let what = match (end, parse(line)) {
            (None, _) => "not whole".to_owned(),
            (_, Err(why)) => why,
            (_, Ok(line)) if line.entry.sequence != expected => {
                format!("number {} where {expected} belongs", line.entry.sequence)
            }
            (_, Ok(line)) => {
                recovered.entries.push(line.entry);
                recovered.length = (bytes.len() - behind.len()) as u64;
                rest = behind;
                continue;
            }
        };
        if was_safe(behind, expected) {
            let offset = recovered.length;
            return Err(JournalError::Damaged { offset, what });
        }
        break;
    }
    recovered.torn = bytes.len() as u64 - recovered.length;
    Ok(recovered)
}

/// Whether a line behind says that the record of that number was on the disk.
fn was_safe(behind: &[u8], number: u64) -> bool {
    let mut lines = behind.split(|&byte| byte == b'\n');
    lines.any(|line| parse(line).is_ok_and(|line| line.safe >= number))
}

fn parse(line: &[u8]) -> Result<Line, String> {
    let text = std::str::from_utf8(line).map_err(|_| "no text".to_owned())?;
    let (sum, json) = text.split_once(' ').ok_or("without a checksum")?;
    let expected = format!("{:08x}", crc32fast::hash(json.as_bytes()));
    if sum != expected {
        return Err(format!(
            "altered: its checksum is {expected} and not {sum:?}"
        ));
    }
    serde_json::from_str(json).map_err(|error| format!("no record of this version: {error}"))
}
