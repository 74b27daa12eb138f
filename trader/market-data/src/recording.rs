//! Recordings: raw messages of the venue, one a line behind the time at which they were received.
//!
//! A line is `<nanoseconds since the Unix epoch> <JSON>`, where the JSON is a message of a combined
//! stream or the body of REST `/api/v3/depth`. Files may be gzipped; the content decides, not the
//! name. A body of REST names no symbol: without a field `symbol` it belongs to the first
//! instrument.

mod pace;
mod read_ahead;
mod reader;
mod repeat;

pub use pace::{Pace, PaceError};
pub use read_ahead::ReadAhead;
pub use reader::{RecordingError, RecordingReader, discover_instruments, split_line};
pub use repeat::{Passes, PassesError, RepeatedRecording};
