//! Recordings that follow each other, as one.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::vec;

use triptych_engine::Engine;
use triptych_engine::event::{Event, InstrumentId, Timestamp};
use triptych_market_data::recording::{RecordingReader, discover_instruments};

use crate::failure::Failure;

/// An event, and of which instrument it is.
pub(crate) struct Recorded {
    pub(crate) symbol: Arc<str>,
    /// Its instrument has a number that only its own recording knows.
    pub(crate) event: Event,
}

/// The events of recordings that follow each other.
pub(crate) struct Recordings {
    /// Those that come, the earliest first.
    paths: vec::IntoIter<PathBuf>,
    current: Option<Open>,
    /// The newest receive time so far.
    clock: Timestamp,
    previous: Option<PathBuf>,
}

/// A recording that is being read.
struct Open {
    path: PathBuf,
    reader: RecordingReader,
    /// The symbol of each of its instruments.
    symbols: Vec<Arc<str>>,
    begins: bool,
}

impl Open {
    fn at(path: &Path) -> Result<Self, Failure> {
        let instruments = discover_instruments(path)?;
        let symbols = instruments.iter();
        Ok(Self {
            path: path.to_owned(),
            symbols: symbols.map(|(_, symbol)| symbol.as_str().into()).collect(),
            reader: RecordingReader::open(path, instruments)?,
            begins: true,
        })
    }
}

impl Recordings {
    /// Looks into each, and puts them in the order of their first events.
    pub(crate) fn open(paths: &[PathBuf]) -> Result<Self, Failure> {
        let mut starts = Vec::new();
        for path in paths {
            let first = Open::at(path)?.reader.next().transpose()?;
            starts.push((first.map(|event| event.ts_recv), path.clone()));
        }
        starts.sort();
        let paths: Vec<PathBuf> = starts.into_iter().map(|(_, path)| path).collect();
        Ok(Self {
            paths: paths.into_iter(),
            current: None,
            clock: Timestamp::default(),
            previous: None,
        })
    }

    /// The events of an engine's instruments, with its numbers for them.
    pub(crate) fn of(
        self,
        engine: &Engine,
    ) -> impl Iterator<Item = Result<Event, Failure>> + use<> {
        let known = engine.instruments();
        let known: HashMap<Arc<str>, InstrumentId> = known
            .map(|instrument| (Arc::clone(&instrument.symbol), instrument.id))
            .collect();
        self.filter_map(move |recorded| {
            let Recorded { symbol, mut event } = match recorded {
                Ok(recorded) => recorded,
                Err(failure) => return Some(Err(failure)),
            };
            event.instrument = *known.get(&symbol)?;
            Some(Ok(event))
        })
    }

    fn take(&mut self) -> Result<Option<Recorded>, Failure> {
        loop {
            if self.current.is_none() {
                let Some(path) = self.paths.next() else {
                    return Ok(None);
                };
                self.current = Some(Open::at(&path)?);
            }
            let Some(open) = &mut self.current else {
                return Ok(None);
            };
            let Some(event) = open.reader.next().transpose()? else {
                self.previous = Some(open.path.clone());
                self.current = None;
                continue;
            };
            if std::mem::take(&mut open.begins)
                && let Some(previous) = &self.previous
                && event.ts_recv < self.clock
            {
                return Err(Failure::Usage(format!(
                    "{} begins before {} ends: give recordings that follow each other",
                    open.path.display(),
                    previous.display()
                )));
            }
            self.clock = self.clock.max(event.ts_recv);
            if let Some(symbol) = open.symbols.get(event.instrument.index()) {
                let symbol = Arc::clone(symbol);
                return Ok(Some(Recorded { symbol, event }));
            }
        }
    }
}

impl Iterator for Recordings {
    type Item = Result<Recorded, Failure>;

    fn next(&mut self) -> Option<Self::Item> {
        self.take().transpose()
    }
}
