//! Lines that say what happens and how long it took.

use std::time::{Duration, Instant};

/// Writes progress lines with the time since the beginning to standard error.
#[derive(Clone, Debug)]
pub struct Progress {
    started: Instant,
    quiet: bool,
}

impl Progress {
    /// Progress on standard error, counted from now.
    pub fn new() -> Self {
        Self {
            started: Instant::now(),
            quiet: false,
        }
    }

    /// Progress that nobody sees.
    pub fn quiet() -> Self {
        Self {
            started: Instant::now(),
            quiet: true,
        }
    }

    /// Time since the beginning.
    pub fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// Says one thing.
    pub fn line(&self, text: impl AsRef<str>) {
        if !self.quiet {
            eprintln!("{:>7.1} s  {}", self.elapsed().as_secs_f64(), text.as_ref());
        }
    }
}

impl Default for Progress {
    fn default() -> Self {
        Self::new()
    }
}
