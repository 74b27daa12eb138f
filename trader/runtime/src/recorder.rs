//! The dataset's thread in a trader: what it has done, for status and metrics.

use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, PoisonError};

use tracing::{info, warn};
use triptych_dataset::DatasetWriter;
use triptych_dataset::background::{self, OfWriter, Writing};
use triptych_dataset::writer::{Counters, DatasetError};

use crate::exit::Failure;

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

    fn update(&self, counters: &Counters, attempt: Option<&Result<(), DatasetError>>) {
        let mut state = self.lock();
        if counters.rows_lost > state.counters.rows_lost {
            let rows = counters.rows_lost - state.counters.rows_lost;
            warn!(rows, "rows lost: the manifest has the reason");
        }
        state.counters.clone_from(counters);
        let Some(attempt) = attempt else { return };
        state.failure = attempt.as_ref().err().map(ToString::to_string);
        if let Some(error) = &state.failure {
            warn!(
                error,
                "the dataset cannot be written; rows are kept and tried again"
            );
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, DatasetState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Starts the dataset's thread; it ends with the final flush when no record can come any more.
pub(crate) fn start(
    writer: DatasetWriter,
    queues: OfWriter,
    status: Arc<DatasetStatus>,
) -> Result<Writing, Failure> {
    background::start(writer, queues, move |counters, attempt| {
        status.update(counters, attempt);
        ControlFlow::Continue(())
    })
    .map_err(|error| Failure::Internal(format!("dataset thread: {error}")))
}

/// What a trader says when its dataset is closed.
pub(crate) fn say_closed(counters: &Counters) {
    info!(
        rows = counters.rows_written,
        files = counters.files_published,
        lost = counters.rows_lost,
        "dataset closed"
    );
}
