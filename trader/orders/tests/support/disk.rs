//! A disk that forgets what was not synced, in part or whole, when the power goes.

use std::io;
use std::sync::{Arc, Mutex};

use triptych_orders::journal::JournalFile;

/// One file on a disk. Its clones are the same file.
#[derive(Debug, Clone, Default)]
pub(crate) struct Disk(Arc<Mutex<Content>>);

#[derive(Debug, Default)]
struct Content {
    bytes: Vec<u8>,
    /// Bytes that a loss of power leaves.
    safe: usize,
    /// Changes that it still takes; `None` for any number.
    left: Option<u32>,
    changes: u32,
    /// It says that everything is safe, and keeps nothing.
    lies: bool,
}

impl Disk {
    /// What a reader sees.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.0.lock().unwrap().bytes.clone()
    }

    /// Changes so far.
    pub(crate) fn changes(&self) -> u32 {
        self.0.lock().unwrap().changes
    }

    /// The process that writes is killed at its change of that number from now on, counted from zero.
    pub(crate) fn kill_at(&self, change: Option<u32>) {
        self.0.lock().unwrap().left = change;
    }

    /// From now on it says that everything is safe, and keeps nothing of it.
    pub(crate) fn lie(&self) {
        self.0.lock().unwrap().lies = true;
    }

    /// The power goes: of what was not synced there is a part left, perhaps altered, perhaps all, perhaps nothing.
    pub(crate) fn lose_power(&self, random: &mut fastrand::Rng) {
        let mut content = self.0.lock().unwrap();
        let safe = content.safe;
        let kept = random.usize(safe..=content.bytes.len());
        content.bytes.truncate(kept);
        if kept > safe && random.bool() {
            let altered = random.usize(safe..kept);
            content.bytes[altered] ^= 1 << random.u8(0..8);
        }
        content.safe = kept;
        content.left = None;
    }
}

impl Content {
    fn change(&mut self) -> Result<(), io::Error> {
        if self.left == Some(0) {
            return Err(io::Error::other("killed"));
        }
        self.left = self.left.map(|left| left - 1);
        self.changes += 1;
        Ok(())
    }
}

impl JournalFile for Disk {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut content = self.0.lock().unwrap();
        let killed = content.change();
        // What the kill interrupts may be there in part.
        let written = if killed.is_ok() {
            bytes.len()
        } else {
            bytes.len() / 2
        };
        content.bytes.extend_from_slice(&bytes[..written]);
        killed
    }

    fn sync(&mut self) -> io::Result<()> {
        let mut content = self.0.lock().unwrap();
        content.change()?;
        if !content.lies {
            content.safe = content.bytes.len();
        }
        Ok(())
    }

    fn cut(&mut self, length: u64) -> io::Result<()> {
        let mut content = self.0.lock().unwrap();
        content.change()?;
        content.bytes.truncate(usize::try_from(length).unwrap());
        content.safe = content.bytes.len();
        Ok(())
    }
}
