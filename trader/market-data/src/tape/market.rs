//! The order books that the tape has played so far.

use triptych_engine::event::{DepthSnapshot, EventKind, InstrumentId};

use crate::instruments::Instruments;
use crate::level_book::LevelBook;

/// The book of each instrument, as of the last diff that was handed to the clients.
#[derive(Debug)]
pub(super) struct PlayedMarket {
    books: Vec<Option<PlayedBook>>,
}

#[derive(Debug)]
struct PlayedBook {
    levels: LevelBook,
    last_update_id: u64,
}

impl PlayedMarket {
    pub(super) fn new(instruments: &Instruments) -> Self {
        Self {
            books: (0..instruments.count()).map(|_| None).collect(),
        }
    }

    /// Takes note of an event that is being played.
    pub(super) fn on_event(&mut self, instrument: InstrumentId, kind: &EventKind) {
        let book = &mut self.books[instrument.index()];
        match kind {
            EventKind::DepthSnapshot(snapshot) => {
                *book = Some(PlayedBook {
                    levels: LevelBook::from_levels(&snapshot.levels),
                    last_update_id: snapshot.last_update_id,
                });
            }
            EventKind::DepthDiff(diff) => {
                if let Some(book) = book {
                    book.levels.apply(&diff.levels);
                    book.last_update_id = diff.final_update_id;
                }
            }
            _ => {}
        }
    }

    /// The best `limit` levels of each side; `None` before the tape's snapshot was met.
    pub(super) fn snapshot(&self, instrument: InstrumentId, limit: usize) -> Option<DepthSnapshot> {
        let book = self.books[instrument.index()].as_ref()?;
        Some(book.levels.snapshot(book.last_update_id, limit))
    }

    /// The update id of the book; `None` before the tape's snapshot was met.
    pub(super) fn last_update_id(&self, instrument: InstrumentId) -> Option<u64> {
        let book = self.books[instrument.index()].as_ref()?;
        Some(book.last_update_id)
    }

    /// Whether every instrument has a book.
    pub(super) fn is_open(&self) -> bool {
        self.books.iter().all(Option::is_some)
    }
}
