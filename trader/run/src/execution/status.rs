//! What the order path shows of itself.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use serde_json::{Value, json};
use triptych_orders::record::Record;

/// How far the order path is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub enum Phase {
    /// The venue is not reached yet.
    #[default]
    Connecting,
    /// Journal and venue are being compared: no order goes out before that is done.
    Reconciling,
    /// Orders go out.
    Connected,
    /// No order goes out any more until the trader is started again.
    Failed,
}

/// Where an account stands in an instrument.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct PositionStatus {
    pub(crate) symbol: String,
    /// Bought less sold, as booked in the journal.
    pub(crate) quantity: String,
}

#[derive(Debug, Default)]
struct Told {
    phase: Phase,
    message: String,
    positions: Vec<PositionStatus>,
}

/// What the order path did since the start, and how it stands.
#[derive(Debug, Default)]
pub struct ExecutionStatus {
    told: Mutex<Told>,
    intended: AtomicU64,
    accepted: AtomicU64,
    refused: AtomicU64,
    not_sent: AtomicU64,
    unknown: AtomicU64,
    fills: AtomicU64,
    withheld: AtomicU64,
    findings: AtomicU64,
    rows_lost: AtomicU64,
    unsettled: AtomicU64,
    ledger_position: AtomicU64,
    journal_position: AtomicU64,
}

impl ExecutionStatus {
    fn lock(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How far the order path is.
    pub fn phase(&self) -> Phase {
        self.lock().phase
    }

    /// It is that far, for this reason. What failed stays so.
    pub(crate) fn come_to(&self, phase: Phase, message: &str) {
        let mut told = self.lock();
        if told.phase != Phase::Failed {
            told.phase = phase;
            message.clone_into(&mut told.message);
        }
    }

    pub(crate) fn stand(&self, positions: Vec<PositionStatus>, unsettled: usize) {
        self.lock().positions = positions;
        self.unsettled.store(unsettled as u64, Ordering::Relaxed);
    }

    pub(crate) fn ledger(&self, written: u64, journal: u64) {
        self.ledger_position.store(written, Ordering::Relaxed);
        self.journal_position.store(journal, Ordering::Relaxed);
    }

    /// Counts what the journal took.
    pub(crate) fn count(&self, record: &Record) {
        let counter = match record {
            Record::Intended(_) => &self.intended,
            Record::Accepted { .. } => &self.accepted,
            Record::Refused { .. } => &self.refused,
            Record::NotSent { .. } | Record::NeverArrived { .. } => &self.not_sent,
            Record::Unknown { .. } => &self.unknown,
            Record::Filled { .. } => &self.fills,
            _ => return,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn count_withheld(&self) {
        self.withheld.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn count_finding(&self) {
        self.findings.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn count_lost_row(&self) {
        self.rows_lost.fetch_add(1, Ordering::Relaxed);
    }

    /// What was counted since the start, by name.
    pub(crate) fn orders(&self) -> [(&'static str, u64); 8] {
        [
            ("intended", &self.intended),
            ("accepted", &self.accepted),
            ("refused", &self.refused),
            ("notSent", &self.not_sent),
            ("unknown", &self.unknown),
            ("fills", &self.fills),
            ("withheld", &self.withheld),
            ("findings", &self.findings),
        ]
        .map(|(name, counter)| (name, counter.load(Ordering::Relaxed)))
    }

    /// Rows that found the dataset's queue full.
    pub(crate) fn rows_lost(&self) -> u64 {
        self.rows_lost.load(Ordering::Relaxed)
    }

    /// Orders of which something is not known yet, or that wait at the venue.
    pub(crate) fn unsettled(&self) -> u64 {
        self.unsettled.load(Ordering::Relaxed)
    }

    /// Records that the ledger lacks.
    pub(crate) fn ledger_lag(&self) -> u64 {
        let journal = self.journal_position.load(Ordering::Relaxed);
        journal.saturating_sub(self.ledger_position.load(Ordering::Relaxed))
    }

    /// Fields of the status document.
    pub(crate) fn document(&self) -> [(&'static str, Value); 5] {
        let told = self.lock();
        let mut orders: serde_json::Map<_, _> = self
            .orders()
            .map(|(name, count)| (name.to_owned(), json!(count)))
            .into_iter()
            .collect();
        orders.insert("unsettled".to_owned(), json!(self.unsettled()));
        [
            ("execution", json!(told.phase)),
            ("executionMessage", json!(told.message)),
            ("orders", Value::Object(orders)),
            ("positions", json!(told.positions)),
            ("ledgerLag", json!(self.ledger_lag())),
        ]
    }
}
