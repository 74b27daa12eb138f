//! Follows the journal on a thread of its own.
//!
//! The journal never waits for the ledger: whoever writes the journal at most rings a bell. While the database is away
//! the follower tries again for ever, and catches up from the journal.

use std::fmt::Display;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use tracing::{info, warn};
use triptych_orders::journal::{JournalError, JournalTail};
use triptych_orders::record::Entry;

use crate::error::LedgerError;
use crate::ledger::{Ledger, Place};
use crate::schema::Owner;
use crate::session::Session;

/// Most records of one transaction.
pub const BATCH: usize = 500;

/// The journal as the ledger reads it.
pub trait JournalReader: Send + 'static {
    /// Why it could not be read.
    type Error: Display;

    /// Place of its last record; zero where it has none.
    fn last(&mut self) -> Result<u64, Self::Error>;

    /// Records that follow the record of that sequence, in their order, at most so many; none where it is the last.
    ///
    /// It gives only what is on the disk: the ledger must not know what a loss of power takes from the journal.
    fn after(&mut self, sequence: u64, most: usize) -> Result<Vec<Entry>, Self::Error>;
}

impl JournalReader for JournalTail {
    type Error = JournalError;

    fn last(&mut self) -> Result<u64, JournalError> {
        Ok(Self::last(self))
    }

    fn after(&mut self, sequence: u64, most: usize) -> Result<Vec<Entry>, JournalError> {
        Self::after(self, sequence, most)
    }
}

/// Where the follower's sessions come from.
pub trait Connect: Send + 'static {
    /// A new connection to the database.
    fn connect(&mut self) -> Result<Box<dyn Session>, LedgerError>;
}

impl Connect for Place {
    fn connect(&mut self) -> Result<Box<dyn Session>, LedgerError> {
        Self::connect(self)
    }
}

/// How long the follower waits.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// For the bell; then it looks at the journal itself.
    pub look: Duration,
    /// After a first failure; twice as long after each further one.
    pub first_retry: Duration,
    /// After a failure at most.
    pub longest_retry: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            look: Duration::from_secs(1),
            first_retry: Duration::from_millis(250),
            longest_retry: Duration::from_secs(10),
        }
    }
}

/// How far the ledger is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// Place in the journal of the last record that is in the ledger; zero before it was first opened.
    pub written: u64,
    /// Failures since the follower began.
    pub failures: u64,
    /// Why the ledger is behind now, where it is for a failure.
    pub failure: Option<String>,
}

#[derive(Default)]
struct Shared {
    written: AtomicU64,
    failures: AtomicU64,
    failure: Mutex<Option<String>>,
    signals: Mutex<Signals>,
    bell: Condvar,
}

#[derive(Default)]
struct Signals {
    rung: bool,
    stop: bool,
}

/// A thread that brings a ledger to the end of its journal, again and again. Once this is dropped it does so a last time
/// and ends.
pub struct Follower {
    shared: Arc<Shared>,
    ended: Receiver<()>,
}

impl Follower {
    /// Begins to follow.
    pub fn start(
        connect: impl Connect,
        owner: Owner,
        journal: impl JournalReader,
        pace: Pace,
    ) -> std::io::Result<Self> {
        let shared = Arc::<Shared>::default();
        let (end, ended) = channel();
        let work = Work {
            shared: Arc::clone(&shared),
            connect,
            owner,
            journal,
            pace,
            ledger: None,
        };
        let _: JoinHandle<()> = Builder::new()
            .name("ledger".to_owned())
            .spawn(move || work.run(&end))?;
        Ok(Self { shared, ended })
    }

    /// Says that the journal has a new record. It never waits for the database.
    pub fn ring(&self) {
        self.shared.signal(|signals| signals.rung = true);
    }

    /// How far the ledger is.
    pub fn standing(&self) -> Standing {
        Standing {
            written: self.shared.written.load(Ordering::Acquire),
            failures: self.shared.failures.load(Ordering::Relaxed),
            failure: self
                .shared
                .failure
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .clone(),
        }
    }

    /// Writes what the journal has, if the database takes it at once, and ends the thread; `false` where that took
    /// longer than `within`. What is missing then is caught up at the next start.
    pub fn stop(self, within: Duration) -> bool {
        self.shared.signal(|signals| signals.stop = true);
        self.ended.recv_timeout(within).is_ok()
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.shared.signal(|signals| signals.stop = true);
    }
}

impl Shared {
    fn signal(&self, set: impl FnOnce(&mut Signals)) {
        set(&mut self.signals.lock().unwrap_or_else(PoisonError::into_inner));
        self.bell.notify_all();
    }

    /// Waits for the bell where `for_bell`, else for the end alone; at most so long. `true` says stop.
    fn wait(&self, within: Duration, for_bell: bool) -> bool {
        let signals = self.signals.lock().unwrap_or_else(PoisonError::into_inner);
        let waits = |signals: &mut Signals| !(signals.stop || (for_bell && signals.rung));
        let (mut signals, _) = self
            .bell
            .wait_timeout_while(signals, within, waits)
            .unwrap_or_else(PoisonError::into_inner);
        signals.rung = false;
        signals.stop
    }
}

struct Work<C, J> {
    shared: Arc<Shared>,
    connect: C,
    owner: Owner,
    journal: J,
    pace: Pace,
    ledger: Option<Ledger>,
}

impl<C: Connect, J: JournalReader> Work<C, J> {
    /// `end` says by its own end that the thread ends.
    fn run(mut self, end: &Sender<()>) {
        let mut failed: u32 = 0;
        loop {
            let stop = match self.catch_up() {
                Ok(()) => {
                    self.well(std::mem::take(&mut failed));
                    self.shared.wait(self.pace.look, true)
                }
                Err(failure) => {
                    self.ledger = None;
                    self.failed(failure, failed);
                    failed += 1;
                    self.shared.wait(self.retry(failed), false)
                }
            };
            if stop {
                // Once more, for what came before the end; a failure is caught up at the next start.
                let _ = self.catch_up();
                let _ = end.send(());
                return;
            }
        }
    }

    /// Brings the ledger to the end of the journal.
    fn catch_up(&mut self) -> Result<(), String> {
        let unread = |error: J::Error| format!("the journal cannot be read: {error}");
        let ledger = match &mut self.ledger {
            Some(ledger) => ledger,
            none => {
                let ledger = (self.connect.connect())
                    .and_then(|session| Ledger::open(session, &self.owner))
                    .map_err(|error| error.to_string())?;
                let (progress, last) = (ledger.progress(), self.journal.last().map_err(unread)?);
                if progress > last {
                    return Err(LedgerError::Ahead { progress, last }.to_string());
                }
                none.insert(ledger)
            }
        };
        loop {
            self.shared
                .written
                .store(ledger.progress(), Ordering::Release);
            let entries = self
                .journal
                .after(ledger.progress(), BATCH)
                .map_err(unread)?;
            if entries.is_empty() {
                return Ok(());
            }
            ledger.write(&entries).map_err(|error| error.to_string())?;
        }
    }

    fn retry(&self, failed: u32) -> Duration {
        let doubled = 2_u32.saturating_pow(failed.saturating_sub(1));
        self.pace
            .first_retry
            .saturating_mul(doubled)
            .min(self.pace.longest_retry)
    }

    fn failed(&self, failure: String, before: u32) {
        self.shared.failures.fetch_add(1, Ordering::Relaxed);
        let mut shown = self
            .shared
            .failure
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if shown.as_ref() != Some(&failure) {
            warn!(
                failure,
                attempt = before + 1,
                "the ledger is behind its journal; trading goes on"
            );
        }
        *shown = Some(failure);
    }

    fn well(&self, failed: u32) {
        if failed > 0 {
            let written = self.shared.written.load(Ordering::Acquire);
            info!(written, failed, "the ledger has caught up with its journal");
            *self
                .shared
                .failure
                .lock()
                .unwrap_or_else(PoisonError::into_inner) = None;
        }
    }
}
