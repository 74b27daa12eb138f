//! Writes the dataset of a run over recorded events.

use std::fmt::Display;
use std::fs;
use std::io;
use std::path::Path;
use std::time::Instant;

use triptych_dataset::run::RunId;
use triptych_dataset::writer::{Counters, DatasetError, sha256_hex};
use triptych_dataset::{DatasetWriter, Options, RunContext};
use triptych_engine::{Candidate, Engine};

use crate::failure::Failure;

/// Writes the dataset of a run.
pub(crate) struct Recorder(DatasetWriter);

impl Recorder {
    /// A run of its own in a directory; `instance` says what kind of run it is.
    pub(crate) fn open(
        directory: &Path,
        tier: &str,
        instance: &str,
        engine: &Engine,
    ) -> Result<Self, Failure> {
        let internal = |error: &dyn Display| Failure::Internal(error.to_string());
        let run = RunContext {
            run_id: RunId::parse(&uuid::Uuid::now_v7().to_string())
                .map_err(|error| internal(&error))?,
            tier: tier.to_owned(),
            instance: instance.to_owned(),
            binary_sha256: own_sha256().map_err(|error| internal(&error))?,
            config_hash: engine.config_hash().to_string(),
        };
        Ok(Self(DatasetWriter::open(Options::new(directory), run)?))
    }

    pub(crate) fn append(&mut self, candidate: &Candidate) -> Result<(), DatasetError> {
        self.0.append(candidate, Instant::now())
    }

    pub(crate) fn close(self) -> Result<Counters, Failure> {
        let (counters, closed) = self.0.close();
        closed?;
        Ok(counters)
    }
}

fn own_sha256() -> io::Result<String> {
    Ok(sha256_hex(&fs::read(std::env::current_exe()?)?))
}
