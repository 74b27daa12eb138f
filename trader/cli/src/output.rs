//! Text for people or JSON for programs.

use std::io::{self, Write};

use clap::ValueEnum;
use serde::Serialize;

use crate::failure::Failure;

/// How results are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum Format {
    /// For people.
    #[default]
    Text,
    /// For programs; field names do not change within a version of the command.
    Json,
}

/// Prints text or JSON to standard output. A reader that has seen enough (`| head`) is no failure.
pub(crate) fn print<T: Serialize>(
    format: Format,
    value: &T,
    text: impl FnOnce(&T) -> String,
) -> Result<(), Failure> {
    let printed = match format {
        Format::Text => text(value),
        Format::Json => {
            let json = serde_json::to_string_pretty(value)
                .map_err(|error| Failure::Internal(error.to_string()))?;
            json + "\n"
        }
    };
    print_bytes(printed.as_bytes())
}

/// Prints bytes as they are to standard output, likewise.
pub(crate) fn print_bytes(bytes: &[u8]) -> Result<(), Failure> {
    match io::stdout().lock().write_all(bytes) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written.map_err(Failure::Output),
    }
}
