//! Writes the dataset on a thread of its own, off the decision path.

use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use tracing::{info, warn};
use triptych_dataset::DatasetWriter;
use triptych_dataset::writer::{Counters, DatasetError};
use triptych_engine::Candidate;
use triptych_engine::event::Timestamp;

use crate::exit::Failure;

/// How often rows that are old enough are looked for.
const FLUSH_INTERVAL: Duration = Duration::from_secs(1);

/// What the recorder is given.
pub(crate) enum Record {
    /// A row.
    Candidate(Box<Candidate>),
    /// Rows that never came here.
    Loss {
        /// How many.
        rows: u64,
        /// Decision time of the first.
        first: Timestamp,
        /// Decision time of the last.
        last: Timestamp,
    },
}

/// The decision thread's end of the queues.
pub(crate) struct ToRecorder {
    /// What is to be written.
    pub(crate) records: SyncSender<Record>,
    /// Candidates that were written, given back for their memory.
    pub(crate) spare: Receiver<Box<Candidate>>,
}

/// The recorder's end of the queues.
pub(crate) struct OfRecorder {
    pub(crate) records: Receiver<Record>,
    spare: SyncSender<Box<Candidate>>,
}

/// Queues for so many records, and as many that come back.
pub(crate) fn queues(length: usize) -> (ToRecorder, OfRecorder) {
    let (to_records, records) = sync_channel(length);
    let (to_spare, spare) = sync_channel(length);
    (
        ToRecorder {
            records: to_records,
            spare,
        },
        OfRecorder {
            records,
            spare: to_spare,
        },
    )
}

/// What the dataset's writer has done so far, for status and metrics.
#[derive(Debug, Default)]
pub(crate) struct DatasetStatus {
    state: Mutex<DatasetState>,
}

#[derive(Debug, Default)]
struct DatasetState {
    counters: Counters,
    failure: Option<String>,
}

impl DatasetStatus {
    /// The writer's counters.
    pub(crate) fn counters(&self) -> Counters {
        self.lock().counters.clone()
    }

    /// Why rows cannot be published right now.
    pub(crate) fn failure(&self) -> Option<String> {
        self.lock().failure.clone()
    }

    fn update(&self, counters: &Counters) {
        self.lock().counters.clone_from(counters);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, DatasetState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Starts the thread; it ends with the final flush when no record can come any more.
pub(crate) fn start(
    writer: DatasetWriter,
    queues: OfRecorder,
    status: Arc<DatasetStatus>,
) -> Result<JoinHandle<Result<(), DatasetError>>, Failure> {
    let OfRecorder { records, spare } = queues;
    let recorder = Recorder {
        writer,
        spare,
        status,
        next_flush: Instant::now() + FLUSH_INTERVAL,
    };
    thread::Builder::new()
        .name("dataset".to_owned())
        .spawn(move || recorder.run(&records))
        .map_err(|error| Failure::Internal(format!("dataset thread: {error}")))
}

struct Recorder {
    writer: DatasetWriter,
    spare: SyncSender<Box<Candidate>>,
    status: Arc<DatasetStatus>,
    next_flush: Instant,
}

impl Recorder {
    fn run(mut self, records: &Receiver<Record>) -> Result<(), DatasetError> {
        loop {
            let wait = self.next_flush.saturating_duration_since(Instant::now());
            match records.recv_timeout(wait) {
                Ok(record) => self.take(record),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return self.close(),
            }
            if Instant::now() >= self.next_flush {
                let flushed = self.writer.flush_due(Instant::now());
                self.note(flushed);
                self.next_flush = Instant::now() + FLUSH_INTERVAL;
            }
        }
    }

    fn take(&mut self, record: Record) {
        match record {
            Record::Candidate(candidate) => {
                let trading_state = candidate.stage.map(|stage| stage.state);
                let published = self.writer.counters().files_published;
                let appended =
                    self.writer
                        .append_decided(&candidate, trading_state, Instant::now());
                if appended.is_err() || self.writer.counters().files_published > published {
                    self.note(appended);
                }
                // Where there is no room for it, there is memory enough to use again.
                let _ = self.spare.try_send(candidate);
            }
            Record::Loss { rows, first, last } => {
                warn!(rows, "rows lost: the dataset was slower than the decisions");
                let reason = "the queue to the dataset was full";
                self.writer.record_loss(rows, first, last, reason);
            }
        }
        self.status.update(self.writer.counters());
    }

    fn note(&self, result: Result<(), DatasetError>) {
        self.status.update(self.writer.counters());
        let failure = result.err().map(|error| error.to_string());
        if let Some(error) = &failure {
            warn!(
                error,
                "the dataset cannot be written; rows are kept and tried again"
            );
        }
        self.status.lock().failure = failure;
    }

    fn close(self) -> Result<(), DatasetError> {
        let (counters, result) = self.writer.close();
        info!(
            rows = counters.rows_written,
            files = counters.files_published,
            lost = counters.rows_lost,
            "dataset closed"
        );
        self.status.update(&counters);
        result
    }
}
