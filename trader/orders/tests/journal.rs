//! The journal: what a kill tears is cut, what the disk lost is found out, and nobody else writes it.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::io;

use triptych_engine::event::Timestamp;
use triptych_orders::journal::{Journal, JournalError, JournalFile, JournalTail, read};
use triptych_orders::record::Record;
use triptych_venue::ClientOrderId;

fn record(number: u64) -> Record {
    Record::CancelIntended {
        order: ClientOrderId::new(&format!("order-{number}")).unwrap(),
        reason: "a \"reason\"\nof two lines".into(),
    }
}

/// Bytes in memory.
#[derive(Debug, Default)]
struct Memory(std::sync::Arc<std::sync::Mutex<Vec<u8>>>);

impl JournalFile for Memory {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn cut(&mut self, length: u64) -> io::Result<()> {
        self.0
            .lock()
            .unwrap()
            .truncate(usize::try_from(length).unwrap());
        Ok(())
    }
}

/// A journal of `safe` records on the disk and `unsafe_` behind them that may not be there.
fn journal(safe: u64, not_yet: u64) -> Vec<u8> {
    let memory = Memory::default();
    let bytes = memory.0.clone();
    let (mut journal, _) = Journal::resume(memory, &[]).unwrap();
    for number in 1..=safe {
        let entry = journal.next(Timestamp::from_milliseconds(1), record(number));
        journal.append(&entry).unwrap();
        journal.sync().unwrap();
    }
    for number in 1..=not_yet {
        let entry = journal.next(Timestamp::from_milliseconds(2), record(safe + number));
        journal.append(&entry).unwrap();
    }
    let bytes = bytes.lock().unwrap();
    bytes.clone()
}

#[test]
fn what_was_written_is_read() {
    let recovered = read(&journal(3, 2)).unwrap();
    assert_eq!(recovered.torn, 0);
    let records: Vec<_> = recovered
        .entries
        .iter()
        .map(|entry| entry.record.clone())
        .collect();
    assert_eq!(records, (1..=5).map(record).collect::<Vec<_>>());
    let places: Vec<_> = recovered
        .entries
        .iter()
        .map(|entry| entry.sequence)
        .collect();
    assert_eq!(places, [1, 2, 3, 4, 5]);
}

#[test]
fn torn_at_every_byte_of_what_was_not_safe_the_rest_is_kept() {
    let (safe, whole) = (journal(3, 0), journal(3, 2));
    for length in safe.len()..whole.len() {
        let recovered = read(&whole[..length]).unwrap();
        assert!(recovered.entries.len() >= 3);
        assert_eq!(recovered.length + recovered.torn, length as u64);
        assert_eq!(
            read(&whole[..usize::try_from(recovered.length).unwrap()])
                .unwrap()
                .torn,
            0
        );
    }
}

#[test]
fn a_record_that_was_safe_and_is_not_what_it_was_is_damage_at_every_byte_of_it() {
    let bytes = journal(4, 0);
    let lines: Vec<usize> = (0..bytes.len()).filter(|&at| bytes[at] == b'\n').collect();
    // The last lines say up to where the file was safe: the third and everything before it.
    for at in 0..=lines[1] {
        for bit in 0..8 {
            let mut altered = bytes.clone();
            altered[at] ^= 1 << bit;
            let error = read(&altered).unwrap_err();
            let JournalError::Damaged { offset, .. } = error else {
                panic!("byte {at}: {error}");
            };
            assert!(offset <= u64::try_from(at).unwrap(), "byte {at}: {error}");
        }
    }
}

#[test]
fn lines_that_are_missing_or_doubled_are_damage() {
    let bytes = journal(4, 0);
    let lines: Vec<&[u8]> = bytes.split_inclusive(|&byte| byte == b'\n').collect();
    for order in [&[0, 2, 3][..], &[0, 1, 1, 2, 3], &[1, 2, 3], &[0, 2, 1, 3]] {
        let altered: Vec<u8> = order
            .iter()
            .flat_map(|&line| lines[line].to_vec())
            .collect();
        let error = read(&altered).unwrap_err().to_string();
        assert!(
            error.contains("belongs") && error.contains("Do not delete"),
            "{error}"
        );
    }
}

#[test]
fn a_file_goes_on_where_it_ended_and_what_was_torn_is_gone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("orders.journal");
    for round in 0..3 {
        let (mut journal, recovered) = Journal::open(&path).unwrap();
        assert_eq!(recovered.entries.len(), round);
        assert_eq!(recovered.torn > 0, round > 0);
        let entry = journal.next(Timestamp::from_milliseconds(1), record(1));
        journal.append(&entry).unwrap();
        journal.sync().unwrap();
        drop(journal);
        let mut bytes = fs::read(&path).unwrap();
        bytes.extend_from_slice(b"0123 torn");
        fs::write(&path, bytes).unwrap();
    }
}

#[test]
fn two_processes_never_have_one_journal() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("orders.journal");
    let first = Journal::open(&path).unwrap();
    assert!(matches!(Journal::open(&path), Err(JournalError::InUse)));
    drop(first);
    Journal::open(&path).unwrap();
}

/// A disk whose change of that number fails; the others do not.
struct Failing(u32);

impl Failing {
    fn change(&mut self) -> io::Result<()> {
        self.0 = self.0.wrapping_sub(1);
        if self.0 == 0 {
            Err(io::Error::other("no space"))
        } else {
            Ok(())
        }
    }
}

impl JournalFile for Failing {
    fn append(&mut self, _: &[u8]) -> io::Result<()> {
        self.change()
    }

    fn sync(&mut self) -> io::Result<()> {
        self.change()
    }

    fn cut(&mut self, _: u64) -> io::Result<()> {
        self.change()
    }
}

#[test]
fn after_one_failure_nothing_is_taken_even_if_the_disk_is_well_again() {
    // The first change is the sync of the beginning.
    for failing in [2, 3] {
        let (mut journal, _) = Journal::resume(Failing(failing), &[]).unwrap();
        let entry = journal.next(Timestamp::from_milliseconds(1), record(1));
        let appended = journal.append(&entry);
        let synced = journal.sync();
        assert!(appended.is_err() || synced.is_err());
        for _ in 0..3 {
            let again = journal.append(&entry);
            assert!(matches!(again, Err(JournalError::Broken)), "{again:?}");
        }
    }
}

#[test]
fn a_reader_sees_what_is_on_the_disk_and_nothing_else_from_wherever_it_begins() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("orders.journal");
    let (mut journal, _) = Journal::open(&path).unwrap();
    let mut tail = JournalTail::new(path, journal.safe_place());
    let mut seen = 0;
    for round in 1..=30 {
        for number in 0..round % 4 {
            let entry = journal.next(
                Timestamp::from_milliseconds(round),
                record(u64::try_from(number).unwrap()),
            );
            journal.append(&entry).unwrap();
        }
        let before = tail.last();
        let more = tail.after(seen, 1000).unwrap();
        assert!(more.is_empty(), "nothing of it is on the disk yet");
        journal.sync().unwrap();
        let more: Vec<_> = tail.after(seen, 2).unwrap();
        let sequences: Vec<_> = more.iter().map(|entry| entry.sequence).collect();
        let expected: Vec<_> = (before + 1..=tail.last()).take(2).collect();
        assert_eq!(sequences, expected);
        seen = tail.last();
    }
    let everything = tail.after(0, usize::MAX).unwrap();
    let behind_the_fifth = tail.after(5, 3).unwrap();
    assert_eq!(everything.len() as u64, seen);
    assert_eq!(behind_the_fifth, everything[5..8]);
}
