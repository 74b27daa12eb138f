//! Reads on a thread of its own: who uses the events waits for none of them to be read and parsed,
//! as long as a core is free.

use std::io;
use std::panic;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};
use std::vec;

/// Items that are handed over at once.
const BATCH: usize = 512;

/// Batches that may wait.
const WAITING_BATCHES: usize = 8;

/// The items of an iterator that runs on a thread of its own, in their order.
///
/// The thread ends with its iterator, or when this is dropped. A panic of the iterator goes on here.
#[derive(Debug)]
pub struct ReadAhead<T> {
    batches: Receiver<Vec<T>>,
    current: vec::IntoIter<T>,
    reading: Option<JoinHandle<()>>,
}

impl<T: Send + 'static> ReadAhead<T> {
    /// Starts to read. Fails where the system gives no thread.
    pub fn start(items: impl Iterator<Item = T> + Send + 'static) -> io::Result<Self> {
        let (to_user, batches) = sync_channel(WAITING_BATCHES);
        let reading = thread::Builder::new()
            .name("read-ahead".to_owned())
            .spawn(move || read(items, &to_user))?;
        Ok(Self {
            batches,
            current: Vec::new().into_iter(),
            reading: Some(reading),
        })
    }
}

fn read<T>(mut items: impl Iterator<Item = T>, to_user: &SyncSender<Vec<T>>) {
    loop {
        let mut batch = Vec::with_capacity(BATCH);
        batch.extend(items.by_ref().take(BATCH));
        let is_last = batch.len() < BATCH;
        if to_user.send(batch).is_err() || is_last {
            return;
        }
    }
}

impl<T> Iterator for ReadAhead<T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        loop {
            if let Some(item) = self.current.next() {
                return Some(item);
            }
            if let Ok(batch) = self.batches.recv() {
                self.current = batch.into_iter();
                continue;
            }
            if let Some(Err(panicked)) = self.reading.take().map(JoinHandle::join) {
                panic::resume_unwind(panicked);
            }
            return None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_item_comes_in_its_order() {
        for count in [0, 1, BATCH - 1, BATCH, BATCH + 1, 20 * BATCH + 3] {
            let read: Vec<usize> = ReadAhead::start(0..count).unwrap().collect();
            assert_eq!(read, (0..count).collect::<Vec<_>>());
        }
    }

    #[test]
    fn who_stops_early_ends_the_reading() {
        let (dropped, is_dropped) = std::sync::mpsc::channel::<()>();
        let endless = std::iter::repeat_with(move || {
            let _ = &dropped;
        });
        let mut ahead = ReadAhead::start(endless).unwrap();
        assert_eq!(ahead.next(), Some(()));
        drop(ahead);
        // The iterator held the only sender.
        assert!(is_dropped.recv().is_err());
    }

    #[test]
    #[should_panic(expected = "a torn page")]
    fn a_panic_of_the_reader_is_no_end() {
        let items = (0..10).inspect(|number| assert!(*number < 7, "a torn page"));
        ReadAhead::start(items).unwrap().for_each(drop);
    }
}
