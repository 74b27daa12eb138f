//! Reads a recording line by line.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

use flate2::bufread::MultiGzDecoder;
use memchr::memchr;
use thiserror::Error;
use triptych_engine::event::{Event, Timestamp};

use crate::frame::{FrameError, FrameParser};
use crate::instruments::{InstrumentError, Instruments, Symbol};

/// Longest line that is read, in bytes; a snapshot of 5000 levels of each side is below 500 KiB.
const LONGEST_LINE: usize = 4 * 1024 * 1024;

/// What a gzipped file begins with (RFC 1952, section 2.3.1).
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

/// Bytes that are read at once.
const BLOCK: usize = 256 * 1024;

/// Lines that are looked at to learn a recording's instruments.
const LINES_TO_DISCOVER: usize = 20_000;

/// Why a recording cannot be read.
#[derive(Debug, Error)]
pub enum RecordingError {
    /// The file cannot be opened or read.
    #[error("recording {}, line {line}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The line, from 1; 0 where opening it failed.
        line: u64,
        /// What the system said.
        source: io::Error,
    },
    /// A line that is not of the format.
    #[error(
        "recording {}, line {line}: {problem}; expected `<receive time in nanoseconds> <JSON of a combined stream or of a depth snapshot>`",
        path.display()
    )]
    Line {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: u64,
        /// What is wrong with it.
        problem: String,
    },
    /// It names no instrument that could be played.
    #[error("recording {}: {source}", path.display())]
    Instruments {
        /// The file.
        path: PathBuf,
        /// What is wrong with its instruments.
        source: InstrumentError,
    },
    /// There is nothing to start the instrument's order book from.
    #[error(
        "recording {}: no depth snapshot of {symbol}; record the answer of /api/v3/depth once after the streams are open",
        path.display()
    )]
    NoSnapshot {
        /// The file.
        path: PathBuf,
        /// The instrument.
        symbol: Symbol,
    },
}

/// The events of a recording, in the order of its lines.
pub struct RecordingReader {
    path: PathBuf,
    lines: Lines,
    parser: FrameParser,
}

impl std::fmt::Debug for RecordingReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RecordingReader")
            .field("path", &self.path)
            .field("line", &self.lines.number)
            .finish_non_exhaustive()
    }
}

impl RecordingReader {
    /// Opens the recording of `instruments` at `path`.
    pub fn open(path: &Path, instruments: Instruments) -> Result<Self, RecordingError> {
        Ok(Self {
            path: path.to_owned(),
            lines: Lines::open(path)?,
            parser: FrameParser::new(instruments),
        })
    }

    /// The line that was read last, from 1; 0 before the first.
    pub fn line(&self) -> u64 {
        self.lines.number
    }

    fn read_event(&mut self) -> Result<Option<Event>, RecordingError> {
        let line = match self.lines.next_line() {
            Ok(None) => return Ok(None),
            Ok(Some(line)) => line,
            Err(source) => {
                return Err(RecordingError::Read {
                    path: self.path.clone(),
                    line: self.lines.number,
                    source,
                });
            }
        };
        parse_line(&self.parser, line)
            .map(Some)
            .map_err(|problem| RecordingError::Line {
                path: self.path.clone(),
                line: self.lines.number,
                problem,
            })
    }
}

impl Iterator for RecordingReader {
    type Item = Result<Event, RecordingError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.read_event().transpose()
    }
}

/// Receive time and message of a recording's line, or what is wrong with it.
pub fn split_line(line: &str) -> Result<(Timestamp, &str), String> {
    let space = memchr(b' ', line.as_bytes()).ok_or("no space between time and message")?;
    let (time, message) = (&line[..space], &line[space + 1..]);
    let time = time.parse().map_err(|_| {
        format!(
            "{:?} is not a time",
            time.chars().take(32).collect::<String>()
        )
    })?;
    Ok((Timestamp::from_nanoseconds(time), message))
}

fn parse_line(parser: &FrameParser, line: &str) -> Result<Event, String> {
    let (received, message) = split_line(line)?;
    parser
        .parse_recorded(message, received)
        .map_err(|error: FrameError| error.to_string())
}

/// The instruments that a recording's streams name in its first 20,000 lines, in the order of their
/// appearance.
pub fn discover_instruments(path: &Path) -> Result<Instruments, RecordingError> {
    let mut lines = Lines::open(path)?;
    let mut symbols: Vec<Symbol> = Vec::new();
    for _ in 0..LINES_TO_DISCOVER {
        let line = lines.next_line().map_err(|source| RecordingError::Read {
            path: path.to_owned(),
            line: 0,
            source,
        })?;
        let Some(line) = line else { break };
        if let Some(symbol) = stream_symbol(line)
            && !symbols.contains(&symbol)
        {
            symbols.push(symbol);
        }
    }
    Instruments::new(symbols).map_err(|source| RecordingError::Instruments {
        path: path.to_owned(),
        source,
    })
}

fn stream_symbol(line: &str) -> Option<Symbol> {
    let (_, rest) = line.split_once("\"stream\":\"")?;
    let (symbol, _) = rest.split_once('@')?;
    symbol.to_ascii_uppercase().parse().ok()
}

/// Lines of a plain or gzipped file, each bounded in length.
struct Lines {
    reader: Box<dyn Read + Send>,
    /// What was read, as far as `filled`; lines are handed out of it as they stand.
    block: Vec<u8>,
    filled: usize,
    /// Where the next line begins.
    next: usize,
    number: u64,
}

impl Lines {
    fn open(path: &Path) -> Result<Self, RecordingError> {
        let unreadable = |source| RecordingError::Read {
            path: path.to_owned(),
            line: 0,
            source,
        };
        let mut file = File::open(path).map_err(unreadable)?;
        let mut magic = Vec::new();
        let mut start = file.by_ref().take(GZIP_MAGIC.len() as u64);
        start.read_to_end(&mut magic).map_err(unreadable)?;
        let gzipped = magic == GZIP_MAGIC;
        let whole = io::Cursor::new(magic).chain(file);
        let reader: Box<dyn Read + Send> = if gzipped {
            Box::new(MultiGzDecoder::new(BufReader::new(whole)))
        } else {
            Box::new(whole)
        };
        Ok(Self {
            reader,
            block: vec![0; BLOCK],
            filled: 0,
            next: 0,
            number: 0,
        })
    }

    fn next_line(&mut self) -> io::Result<Option<&str>> {
        let mut searched = self.next;
        let end = loop {
            if let Some(place) = memchr(b'\n', &self.block[searched..self.filled]) {
                break searched + place;
            }
            if self.filled - self.next >= LONGEST_LINE {
                self.number += 1;
                self.next = self.filled;
                return Err(invalid(format!("longer than {LONGEST_LINE} bytes")));
            }
            searched = self.filled - self.next;
            if self.read_more()? == 0 {
                break self.filled;
            }
        };
        if self.next == self.filled {
            return Ok(None);
        }
        let line = &self.block[self.next..end];
        self.next = (end + 1).min(self.filled);
        self.number += 1;
        std::str::from_utf8(line)
            .map(Some)
            .map_err(|error| invalid(error.to_string()))
    }

    /// Moves what is left to the front and reads behind it; how many bytes came.
    fn read_more(&mut self) -> io::Result<usize> {
        self.block.copy_within(self.next..self.filled, 0);
        self.filled -= self.next;
        self.next = 0;
        if self.filled == self.block.len() {
            self.block.resize(2 * self.block.len(), 0);
        }
        loop {
            match self.reader.read(&mut self.block[self.filled..]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    // The error belongs to the line that it cuts off.
                    self.number += 1;
                    return Err(error);
                }
                Ok(read) => {
                    self.filled += read;
                    return Ok(read);
                }
            }
        }
    }
}

fn invalid(problem: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, problem)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    const GOOD: &str = r#"1723161253937085768 {"stream":"btcusdt@bookTicker","data":{"u":1,"s":"BTCUSDT","b":"1.0","B":"1","a":"2.0","A":"1"}}"#;

    fn written(content: &[u8]) -> tempfile::NamedTempFile {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(content).unwrap();
        file
    }

    fn read(content: &[u8]) -> Vec<Result<Event, RecordingError>> {
        let file = written(content);
        let instruments = Instruments::parse(["BTCUSDT"]).unwrap();
        RecordingReader::open(file.path(), instruments)
            .unwrap()
            .collect()
    }

    #[test]
    fn plain_and_gzipped_files_read_the_same() {
        let plain = format!("{GOOD}\n{GOOD}\n");
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(plain.as_bytes()).unwrap();
        let gzipped = encoder.finish().unwrap();
        let read_plain: Vec<Event> = read(plain.as_bytes())
            .into_iter()
            .map(Result::unwrap)
            .collect();
        let read_gzipped: Vec<Event> = read(&gzipped).into_iter().map(Result::unwrap).collect();
        assert_eq!(read_plain.len(), 2);
        assert_eq!(read_plain, read_gzipped);
        assert_eq!(
            read_plain[0].ts_recv.nanoseconds(),
            1_723_161_253_937_085_768
        );
    }

    #[test]
    fn a_damaged_line_is_an_error_with_file_line_and_expectation() {
        for (damaged, problem) in [
            ("garbage", "no space"),
            ("12x {}", "\"12x\" is not a time"),
            ("12 {}", "neither"),
            (
                "12 {\"stream\":\"btcusdt@trade\",\"data\":{}}",
                "missing field",
            ),
            ("", "no space"),
        ] {
            let results = read(format!("{GOOD}\n{damaged}\n{GOOD}\n").as_bytes());
            assert_eq!(results.len(), 3, "a damaged line does not end the reading");
            let error = results[1].as_ref().unwrap_err().to_string();
            assert!(
                error.contains("line 2") && error.contains(problem) && error.contains("expected"),
                "{damaged}: {error}"
            );
        }
    }

    #[test]
    fn a_truncated_gzip_file_is_an_error_not_an_end() {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        for _ in 0..100 {
            writeln!(encoder, "{GOOD}").unwrap();
        }
        let mut gzipped = encoder.finish().unwrap();
        gzipped.truncate(gzipped.len() - 12);
        let file = written(&gzipped);
        let instruments = Instruments::parse(["BTCUSDT"]).unwrap();
        let failure = RecordingReader::open(file.path(), instruments)
            .unwrap()
            .take(101)
            .find_map(Result::err);
        assert!(
            matches!(failure, Some(RecordingError::Read { .. })),
            "{failure:?}"
        );
    }

    #[test]
    fn lines_of_every_length_are_read_as_they_stand() {
        for lengths in [
            vec![0, 1, 0],
            vec![BLOCK - 1, BLOCK, BLOCK + 1],
            vec![3 * BLOCK, 5, LONGEST_LINE - 1, 7],
        ] {
            for ends_with_a_newline in [false, true] {
                let written_lines: Vec<String> =
                    lengths.iter().map(|length| "x".repeat(*length)).collect();
                let mut content = written_lines.join("\n");
                if ends_with_a_newline || content.ends_with('\n') {
                    content.push('\n');
                }
                let file = written(content.as_bytes());
                let mut lines = Lines::open(file.path()).unwrap();
                for (place, expected) in (1..).zip(&written_lines) {
                    let line = lines.next_line().unwrap();
                    assert!(line == Some(expected), "line {place} of {lengths:?}");
                    assert_eq!(lines.number, place);
                }
                assert_eq!(lines.next_line().unwrap(), None);
            }
        }
    }

    #[test]
    fn a_line_without_an_end_is_refused_before_it_fills_the_memory() {
        let file = written(&vec![b'x'; 2 * LONGEST_LINE]);
        let error = Lines::open(file.path()).unwrap().next_line().unwrap_err();
        assert_eq!(error.to_string(), "longer than 4194304 bytes");
    }

    #[test]
    fn a_missing_file_is_named() {
        let error = discover_instruments(Path::new("/nonexistent/tape.gz")).unwrap_err();
        assert!(error.to_string().contains("/nonexistent/tape.gz"));
    }

    #[test]
    fn instruments_are_discovered_from_the_streams() {
        let other = GOOD.replace("btcusdt", "ethusdt");
        let file = written(format!("{other}\n{GOOD}\n{GOOD}\n").as_bytes());
        let found = discover_instruments(file.path()).unwrap();
        assert_eq!(found, Instruments::parse(["ETHUSDT", "BTCUSDT"]).unwrap());
    }
}
