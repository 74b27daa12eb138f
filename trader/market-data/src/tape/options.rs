//! What is played, how fast, and with which faults.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use thiserror::Error;

use super::faults::Faults;
use crate::instruments::Instruments;
use crate::recording::{Pace, Passes, RecordingError};

/// Why the tape server cannot go on.
#[derive(Debug, Error)]
pub enum TapeError {
    /// The address cannot be listened on, or serving failed.
    #[error("tape server at {address}: {source}")]
    Listen {
        /// The address asked for.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// The recording cannot be played.
    #[error(transparent)]
    Recording(#[from] RecordingError),
    /// No signal can be waited for.
    #[error("signals: {0}")]
    Signal(io::Error),
}

/// What is played.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TapeSource {
    /// A recording, for which every instrument that it names is served.
    Recording {
        /// The file, gzipped or plain.
        path: PathBuf,
        /// How often it is played.
        passes: Passes,
    },
    /// The generator.
    Generator {
        /// The seed; the same seed gives the same tape.
        seed: u64,
        /// What to generate.
        instruments: Instruments,
    },
}

/// How the tape server plays.
#[derive(Debug, Clone)]
pub struct TapeOptions {
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// What to play.
    pub source: TapeSource,
    /// How fast.
    pub pace: Pace,
    /// Faults to make.
    pub faults: Faults,
    /// Playing begins once so many clients are connected; 0 begins at once.
    pub wait_for_clients: usize,
    /// Events to play at most; `None` plays to the tape's end.
    pub most_events: Option<u64>,
    /// Time between two pings to a client. The venue pings every 20 seconds.
    pub ping_interval: Duration,
    /// A client that sent no pong for so long is disconnected. The venue waits a minute.
    pub pong_timeout: Duration,
    /// Messages that may wait for one client before it counts as too slow.
    pub client_queue: usize,
}

impl TapeOptions {
    /// The venue's habits, at the tape's own pace, without faults.
    pub fn new(listen: SocketAddr, source: TapeSource) -> Self {
        Self {
            listen,
            source,
            pace: Pace::RECORDED,
            faults: Faults::default(),
            wait_for_clients: 0,
            most_events: None,
            ping_interval: Duration::from_secs(20),
            pong_timeout: Duration::from_mins(1),
            client_queue: 8192,
        }
    }
}
