//! What identifies this run and this build.

use std::fs::File;
use std::io::{self, Read as _};

use sha2::{Digest as _, Sha256};

use crate::exit::Failure;

/// This process.
#[derive(Debug, Clone)]
pub(crate) struct Identity {
    /// A UUID version 7: it sorts by the time of the start.
    pub(crate) run_id: String,
    /// SHA-256 of the executable that runs, 64 hexadecimal digits.
    pub(crate) binary_sha256: String,
    /// When the process started.
    pub(crate) started_at: jiff::Timestamp,
}

impl Identity {
    /// Draws a run id and hashes the executable.
    pub(crate) fn establish() -> Result<Self, Failure> {
        Ok(Self {
            run_id: uuid::Uuid::now_v7().to_string(),
            binary_sha256: executable_sha256()
                .map_err(|error| Failure::Internal(format!("own executable: {error}")))?,
            started_at: jiff::Timestamp::now(),
        })
    }
}

/// The executable as the kernel holds it, even where its file was replaced since.
fn executable_sha256() -> io::Result<String> {
    let mut executable = File::open("/proc/self/exe")?;
    let mut hasher = Sha256::new();
    let mut part = vec![0; 64 * 1024];
    loop {
        match executable.read(&mut part)? {
            0 => break,
            length => hasher.update(&part[..length]),
        }
    }
    let digest = hasher.finalize();
    let append = |text: String, byte: &u8| text + &format!("{byte:02x}");
    Ok(digest.iter().fold(String::new(), append))
}
