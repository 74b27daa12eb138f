//! Recordings that follow each other, as one.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::vec;

use triptych_engine::Engine;
use triptych_engine::event::{Event, InstrumentId, Timestamp};
use triptych_market_data::recording::{ReadAhead, RecordingReader, discover_instruments};

use crate::failure::Failure;

/// The items of an iterator, which gets a thread of its own.
pub(crate) fn read_ahead<T: Send + 'static>(
    items: impl Iterator<Item = T> + Send + 'static,
) -> Result<ReadAhead<T>, Failure> {
    ReadAhead::start(items).map_err(|error| Failure::Internal(format!("reading thread: {error}")))
}

/// An event, and of which instrument it is.
pub(crate) struct Recorded {
    pub(crate) symbol: Arc<str>,
    /// Its instrument has a number that only its own recording knows.
    pub(crate) event: Event,
}

/// The events of recordings that follow each other.
pub(crate) struct Recordings {
    /// Those that come, the earliest first.
    next: vec::IntoIter<Open>,
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
    /// Its first event, until it is taken.
    first: Option<Event>,
}

impl Open {
    fn at(path: &Path) -> Result<Self, Failure> {
        let instruments = discover_instruments(path)?;
        let symbols = instruments.iter();
        let symbols = symbols.map(|(_, symbol)| symbol.as_str().into()).collect();
        let mut reader = RecordingReader::open(path, instruments)?;
        Ok(Self {
            path: path.to_owned(),
            symbols,
            first: reader.next().transpose()?,
            reader,
        })
    }
}

impl Recordings {
    /// Opens each, and puts them in the order of their first events.
    pub(crate) fn open(paths: &[PathBuf]) -> Result<Self, Failure> {
        let opened = paths.iter().map(|path| Open::at(path));
        let mut opened = opened.collect::<Result<Vec<Open>, Failure>>()?;
        opened.sort_by_key(|open| {
            (
                open.first.as_ref().map(|event| event.ts_recv),
                open.path.clone(),
            )
        });
        Ok(Self {
            next: opened.into_iter(),
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
                self.current = self.next.next();
            }
            let Some(open) = &mut self.current else {
                return Ok(None);
            };
            let event = match open.first.take() {
                Some(first) => {
                    begins_later(open, &first, self.clock, self.previous.as_deref())?;
                    Some(first)
                }
                None => open.reader.next().transpose()?,
            };
            let Some(event) = event else {
                self.previous = self.current.take().map(|open| open.path);
                continue;
            };
            self.clock = self.clock.max(event.ts_recv);
            if let Some(symbol) = open.symbols.get(event.instrument.index()) {
                let symbol = Arc::clone(symbol);
                return Ok(Some(Recorded { symbol, event }));
            }
        }
    }
}

/// A recording begins when the one before it has ended.
fn begins_later(
    open: &Open,
    first: &Event,
    clock: Timestamp,
    previous: Option<&Path>,
) -> Result<(), Failure> {
    match previous {
        Some(previous) if first.ts_recv < clock => Err(Failure::Usage(format!(
            "{} begins before {} ends: give recordings that follow each other",
            open.path.display(),
            previous.display()
        ))),
        _ => Ok(()),
    }
}

impl Iterator for Recordings {
    type Item = Result<Recorded, Failure>;

    fn next(&mut self) -> Option<Self::Item> {
        self.take().transpose()
    }
}
