//! One stream of events for many runs at once, on all cores.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use triptych_engine::event::Event;

/// Events that are handed on together.
const CHUNK: usize = 4_096;
/// Chunks that wait for a slow worker before the reader waits too: they bound the memory.
const CHUNKS_AHEAD: usize = 4;

/// Plays every event to every run. The events are read once, by the caller's thread; each run takes
/// them in their order, and is looked at by one thread alone, so that what it comes to does not
/// depend on the number of threads.
///
/// `progress` is told how many events were read, now and then. The runs are returned in their order,
/// or the first error of the events.
pub fn play<R: Send, E>(
    events: impl Iterator<Item = Result<Event, E>>,
    runs: Vec<R>,
    threads: NonZeroUsize,
    take: impl Fn(&mut R, &Event) + Sync,
    mut progress: impl FnMut(u64),
) -> Result<Vec<R>, E> {
    let threads = threads.get().min(runs.len().max(1));
    let mut hands: Vec<Vec<(usize, R)>> = (0..threads).map(|_| Vec::new()).collect();
    for (place, run) in runs.into_iter().enumerate() {
        hands[place % threads].push((place, run));
    }
    let take = &take;
    thread::scope(|scope| {
        let mut senders = Vec::with_capacity(threads);
        let mut workers = Vec::with_capacity(threads);
        for hand in hands {
            let (sender, chunks) = sync_channel(CHUNKS_AHEAD);
            senders.push(sender);
            workers.push(scope.spawn(move || work(hand, &chunks, take)));
        }
        let read = hand_out(events, &senders, &mut progress);
        drop(senders);
        let mut runs = Vec::new();
        for worker in workers {
            match worker.join() {
                Ok(hand) => runs.extend(hand),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        read?;
        runs.sort_by_key(|(place, _)| *place);
        Ok(runs.into_iter().map(|(_, run)| run).collect())
    })
}

fn work<R>(
    mut hand: Vec<(usize, R)>,
    chunks: &Receiver<Arc<[Event]>>,
    take: &impl Fn(&mut R, &Event),
) -> Vec<(usize, R)> {
    for chunk in chunks {
        for (_, run) in &mut hand {
            chunk.iter().for_each(|event| take(run, event));
        }
    }
    hand
}

fn hand_out<E>(
    mut events: impl Iterator<Item = Result<Event, E>>,
    senders: &[SyncSender<Arc<[Event]>>],
    progress: &mut impl FnMut(u64),
) -> Result<(), E> {
    let mut count = 0;
    loop {
        let chunk: Vec<Event> = events.by_ref().take(CHUNK).collect::<Result<_, E>>()?;
        if chunk.is_empty() {
            return Ok(());
        }
        count += chunk.len() as u64;
        let chunk: Arc<[Event]> = chunk.into();
        for sender in senders {
            // A worker that is gone has panicked, and that is told when it is joined.
            let _ = sender.send(Arc::clone(&chunk));
        }
        progress(count);
    }
}

#[cfg(test)]
mod tests {
    use triptych_engine::event::{EventKind, InstrumentId, Timestamp};

    use super::*;

    fn event(number: usize) -> Event {
        Event {
            instrument: InstrumentId(0),
            ts_event: None,
            ts_recv: Timestamp::from_nanoseconds(i64::try_from(number).unwrap()),
            kind: EventKind::Connected,
        }
    }

    fn threads(count: usize) -> NonZeroUsize {
        NonZeroUsize::new(count).unwrap()
    }

    #[test]
    fn every_run_takes_every_event_in_order_whatever_the_number_of_threads() {
        let count = 3 * CHUNK + 7;
        for number in [1, 2, 5, 100] {
            let mut told = Vec::new();
            let runs: Vec<(usize, Vec<i64>)> = (0..9).map(|run| (run, Vec::new())).collect();
            let runs = play(
                (0..count).map(|number| Ok::<_, ()>(event(number))),
                runs,
                threads(number),
                |(_, seen), event| seen.push(event.ts_recv.nanoseconds()),
                |events| told.push(events),
            )
            .unwrap();
            for (place, (run, seen)) in runs.iter().enumerate() {
                assert_eq!(place, *run);
                assert!(seen.iter().copied().eq(0..i64::try_from(count).unwrap()));
            }
            assert_eq!(told.last(), Some(&(count as u64)));
        }
    }

    #[test]
    fn an_event_that_cannot_be_read_ends_it() {
        let events = (0..3 * CHUNK).map(|number| {
            if number == CHUNK + 1 {
                Err("torn")
            } else {
                Ok(event(number))
            }
        });
        let result = play(
            events,
            vec![0, 0, 0],
            threads(2),
            |seen, _| *seen += 1,
            |_| {},
        );
        assert_eq!(result, Err("torn"));
    }

    #[test]
    #[should_panic(expected = "a defect of a run")]
    fn a_panic_of_a_run_is_not_swallowed() {
        let events = (0..10 * CHUNK).map(|number| Ok::<_, ()>(event(number)));
        let _ = play(
            events,
            vec![0, 1],
            threads(2),
            |run, _| assert!(*run == 0, "a defect of a run"),
            |_| {},
        );
    }
}
