//! Writes a dataset on a thread of its own, off the decision path.

use std::io;
use std::ops::ControlFlow;
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use triptych_engine::Candidate;
use triptych_engine::event::Timestamp;

use crate::DatasetWriter;
use crate::executions::ExecutionRow;
use crate::writer::{Counters, DatasetError};

/// How often rows that are old enough are looked for.
const FLUSH_INTERVAL: Duration = Duration::from_secs(1);

/// How long the thread sleeps when nothing waits. It looks by itself, because being woken for each
/// candidate would cost the decision path a call of the operating system.
const PAUSE: Duration = Duration::from_millis(20);

/// What the thread is given.
#[derive(Debug)]
pub enum Record {
    /// A row of candidates.
    Candidate(Box<Candidate>),
    /// A row of executions.
    Execution(Box<ExecutionRow>),
    /// Candidates that never came here.
    Loss {
        /// How many.
        rows: u64,
        /// Decision time of the first.
        first: Timestamp,
        /// Decision time of the last.
        last: Timestamp,
    },
}

/// The decision path's end of the queues.
#[derive(Debug)]
pub struct ToWriter {
    /// What is to be written.
    pub records: SyncSender<Record>,
    /// Candidates that were written, given back for their memory.
    spare: Receiver<Box<Candidate>>,
}

impl ToWriter {
    /// A copy in memory that was given back; new memory only while there is none yet.
    pub fn copy(&self, candidate: &Candidate) -> Box<Candidate> {
        match self.spare.try_recv() {
            Ok(mut copy) => {
                copy.as_mut().clone_from(candidate);
                copy
            }
            Err(_) => Box::new(candidate.clone()),
        }
    }
}

/// The writing thread's end of the queues.
#[derive(Debug)]
pub struct OfWriter {
    /// What is to be written.
    pub records: Receiver<Record>,
    spare: SyncSender<Box<Candidate>>,
}

/// Queues for so many records, and as many candidates that come back.
pub fn queues(length: usize) -> (ToWriter, OfWriter) {
    let (to_records, records) = sync_channel(length);
    let (to_spare, spare) = sync_channel(length);
    (
        ToWriter {
            records: to_records,
            spare,
        },
        OfWriter {
            records,
            spare: to_spare,
        },
    )
}

/// The running thread: the counters at its end, or why it ended.
pub type Writing = JoinHandle<Result<Counters, DatasetError>>;

/// Starts the thread. It ends with the final flush when no record can come any more.
///
/// `watch` learns what was done so far, and of each attempt to publish whether it went well; where it
/// breaks after a failed one, the thread ends with that error. Else rows are kept and tried again.
///
/// # Errors
///
/// Where the system gives no thread.
pub fn start(
    writer: DatasetWriter,
    queues: OfWriter,
    watch: impl FnMut(&Counters, Option<&Result<(), DatasetError>>) -> ControlFlow<()> + Send + 'static,
) -> io::Result<Writing> {
    let background = Background {
        writer,
        spare: queues.spare,
        watch,
        next_flush: Instant::now() + FLUSH_INTERVAL,
    };
    thread::Builder::new()
        .name("dataset".to_owned())
        .spawn(move || background.run(&queues.records))
}

struct Background<W> {
    writer: DatasetWriter,
    spare: SyncSender<Box<Candidate>>,
    watch: W,
    next_flush: Instant,
}

impl<W> Background<W>
where
    W: FnMut(&Counters, Option<&Result<(), DatasetError>>) -> ControlFlow<()>,
{
    fn run(mut self, records: &Receiver<Record>) -> Result<Counters, DatasetError> {
        loop {
            match records.try_recv() {
                Ok(record) => self.take(record)?,
                Err(TryRecvError::Disconnected) => return self.close(),
                Err(TryRecvError::Empty) => {
                    let _ = (self.watch)(self.writer.counters(), None);
                    thread::park_timeout(PAUSE);
                }
            }
            if Instant::now() >= self.next_flush {
                let flushed = self.writer.flush_due(Instant::now());
                self.note(flushed)?;
                self.next_flush = Instant::now() + FLUSH_INTERVAL;
            }
        }
    }

    fn take(&mut self, record: Record) -> Result<(), DatasetError> {
        let published = self.writer.counters().files_published;
        let taken = match record {
            Record::Candidate(candidate) => {
                let trading_state = candidate.stage.map(|stage| stage.state);
                let taken = self
                    .writer
                    .append_decided(&candidate, trading_state, Instant::now());
                // Where there is no room for it, there is memory enough to use again.
                let _ = self.spare.try_send(candidate);
                taken
            }
            Record::Execution(row) => self.writer.append_execution(*row, Instant::now()),
            Record::Loss { rows, first, last } => {
                let reason = "the queue to the dataset was full";
                self.writer.record_loss(rows, first, last, reason);
                Ok(())
            }
        };
        if taken.is_err() || self.writer.counters().files_published > published {
            self.note(taken)?;
        }
        Ok(())
    }

    fn note(&mut self, attempt: Result<(), DatasetError>) -> Result<(), DatasetError> {
        match (self.watch)(self.writer.counters(), Some(&attempt)) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => attempt,
        }
    }

    fn close(mut self) -> Result<Counters, DatasetError> {
        let (counters, closed) = self.writer.close();
        let _ = (self.watch)(&counters, Some(&closed));
        closed.map(|()| counters)
    }
}
