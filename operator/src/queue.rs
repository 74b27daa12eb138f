//! The work queue: each subject at most once, one attempt at a time, failures backed off.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{sync::Notify, time::Instant};

use crate::{backoff, subject::Subject};

/// A change brings a failing subject forward, but never closer than this to its last attempt.
const LEAST_PAUSE_AFTER_FAILURE: Duration = Duration::from_secs(1);

/// How an attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// There is nothing to do until something changes, or until this much time has passed.
    Done(Option<Duration>),
    /// It failed. The next attempt follows the backoff of the subject, and no sooner than this.
    Retry(Option<Duration>),
}

/// The queue. Workers take with [`WorkQueue::next`] and give back with [`WorkQueue::finish`].
#[derive(Debug, Default)]
pub struct WorkQueue {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct State {
    slots: HashMap<Subject, Slot>,
    due: BTreeSet<(Instant, Subject)>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    /// When it is due; `None` while nothing is asked for.
    due: Option<Instant>,
    /// Whether a worker has it. What is asked for meanwhile becomes due afterwards.
    running: bool,
    /// Failures in a row.
    failures: u32,
    /// No attempt before this.
    not_before: Option<Instant>,
}

impl WorkQueue {
    /// Asks for an attempt now.
    pub fn add(&self, subject: Subject) {
        self.lock().request(subject, Instant::now());
        self.changed.notify_one();
    }

    /// The next subject that is due. The same subject is not handed out again before it is finished.
    pub async fn next(&self) -> Subject {
        loop {
            let wait = match self.lock().take(Instant::now()) {
                Ok(subject) => {
                    // There may be more: another waiting worker looks for itself.
                    self.changed.notify_one();
                    return subject;
                }
                Err(next_due) => next_due,
            };
            tokio::select! {
                () = self.changed.notified() => {}
                () = sleep_until(wait) => {}
            }
        }
    }

    /// Gives a subject back after an attempt.
    pub fn finish(&self, subject: &Subject, verdict: Verdict) {
        self.lock()
            .finish(subject, verdict, Instant::now(), fastrand::f64());
        self.changed.notify_one();
    }

    /// Forgets everything: workers that were stopped never finished.
    pub fn clear(&self) {
        *self.lock() = State::default();
    }

    /// Number of subjects that are due and wait for a worker.
    pub fn depth(&self) -> usize {
        let now = Instant::now();
        let state = self.lock();
        state.due.iter().take_while(|(due, _)| *due <= now).count()
    }

    /// How long the oldest subject that is due has waited for a worker.
    pub fn oldest(&self) -> Duration {
        let now = Instant::now();
        let state = self.lock();
        let first = state.due.first().map(|(due, _)| *due);
        first.map_or(Duration::ZERO, |due| now.saturating_duration_since(due))
    }

    /// Number of subjects whose last attempt failed.
    pub fn failing(&self) -> usize {
        let state = self.lock();
        state
            .slots
            .values()
            .filter(|slot| slot.failures > 0)
            .count()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn request(&mut self, subject: Subject, at: Instant) {
        let slot = self.slots.entry(subject.clone()).or_default();
        let at = slot.not_before.map_or(at, |earliest| earliest.max(at));
        if slot.due.is_some_and(|due| due <= at) {
            return;
        }
        let previous = slot.due.replace(at);
        if slot.running {
            return;
        }
        if let Some(previous) = previous {
            self.due.remove(&(previous, subject.clone()));
        }
        self.due.insert((at, subject));
    }

    /// The subject that is due, else when the next one will be.
    fn take(&mut self, now: Instant) -> Result<Subject, Option<Instant>> {
        let next_due = self.due.first().map(|(due, _)| *due);
        if next_due.is_none_or(|due| due > now) {
            return Err(next_due);
        }
        let Some((_, subject)) = self.due.pop_first() else {
            return Err(None);
        };
        let slot = self.slots.entry(subject.clone()).or_default();
        slot.due = None;
        slot.running = true;
        Ok(subject)
    }

    fn finish(&mut self, subject: &Subject, verdict: Verdict, now: Instant, random: f64) {
        let Some(slot) = self.slots.get_mut(subject) else {
            return;
        };
        slot.running = false;
        let asked_meanwhile = slot.due.take();
        let next = match verdict {
            Verdict::Done(check_again) => {
                slot.failures = 0;
                slot.not_before = None;
                check_again.map(|pause| now + pause)
            }
            Verdict::Retry(at_least) => {
                slot.failures = slot.failures.saturating_add(1);
                let pause = backoff::delay(slot.failures, random).max(at_least.unwrap_or_default());
                slot.not_before = Some(now + pause.min(LEAST_PAUSE_AFTER_FAILURE));
                Some(now + pause)
            }
        };
        let idle = next.is_none() && asked_meanwhile.is_none();
        for at in [next, asked_meanwhile].into_iter().flatten() {
            self.request(subject.clone(), at);
        }
        if idle {
            self.slots.remove(subject);
        }
    }
}

async fn sleep_until(due: Option<Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::timeout;

    use super::*;

    fn subject(name: &str) -> Subject {
        Subject::Collection(name.into())
    }

    async fn nothing_due_for(queue: &WorkQueue, duration: Duration) {
        assert!(timeout(duration, queue.next()).await.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn a_subject_that_is_asked_for_many_times_is_attempted_once() {
        let queue = WorkQueue::default();
        for _ in 0..5 {
            queue.add(subject("a"));
        }
        assert_eq!(queue.depth(), 1);
        assert_eq!(queue.next().await, subject("a"));
        nothing_due_for(&queue, Duration::from_hours(1)).await;
    }

    #[tokio::test(start_paused = true)]
    async fn one_subject_is_never_with_two_workers_and_a_change_meanwhile_is_not_lost() {
        let queue = WorkQueue::default();
        queue.add(subject("a"));
        let taken = queue.next().await;
        queue.add(subject("a"));
        nothing_due_for(&queue, Duration::from_hours(1)).await;
        queue.finish(&taken, Verdict::Done(None));
        assert_eq!(queue.next().await, subject("a"));
    }

    #[tokio::test(start_paused = true)]
    async fn the_oldest_comes_first_and_its_age_is_known() {
        let queue = WorkQueue::default();
        queue.add(subject("b"));
        tokio::time::advance(Duration::from_secs(5)).await;
        queue.add(subject("a"));
        assert_eq!(queue.depth(), 2);
        assert_eq!(queue.oldest(), Duration::from_secs(5));
        assert_eq!(queue.next().await, subject("b"));
        assert_eq!(queue.oldest(), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn a_subject_comes_back_after_the_time_that_was_asked_for() {
        let queue = WorkQueue::default();
        queue.add(subject("a"));
        let taken = queue.next().await;
        queue.finish(&taken, Verdict::Done(Some(Duration::from_secs(10))));
        assert_eq!(queue.depth(), 0, "not due yet");
        nothing_due_for(&queue, Duration::from_millis(9_900)).await;
        assert_eq!(queue.next().await, subject("a"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_failing_subject_backs_off_alone_and_a_success_forgets_its_failures() {
        let queue = WorkQueue::default();
        for failures in 1..=12 {
            queue.add(subject("a"));
            let taken = queue.next().await;
            queue.finish(&taken, Verdict::Retry(None));
            assert_eq!(queue.lock().slots[&subject("a")].failures, failures);
            assert_eq!(queue.failing(), 1);
        }
        queue.add(subject("b"));
        assert_eq!(queue.next().await, subject("b"), "others are not held up");
        let taken = queue.next().await;
        queue.finish(&taken, Verdict::Done(None));
        assert_eq!(queue.failing(), 0);
    }

    #[test]
    fn a_change_brings_a_failing_subject_forward_but_not_into_a_hot_loop() {
        let start = Instant::now();
        let mut state = State::default();
        state.request(subject("a"), start);
        for _ in 0..8 {
            let later = start + Duration::from_hours(1);
            state.request(subject("a"), later);
            let taken = state.take(later).expect("due");
            state.finish(&taken, Verdict::Retry(None), start, 1.0);
        }
        assert_eq!(
            state.take(start + Duration::from_secs(119)),
            Err(Some(start + backoff::CAP))
        );
        state.request(subject("a"), start);
        let soonest = start + LEAST_PAUSE_AFTER_FAILURE;
        assert_eq!(state.take(start), Err(Some(soonest)));
        assert_eq!(state.take(soonest), Ok(subject("a")));
    }

    #[test]
    fn the_servers_own_advice_is_the_shortest_wait() {
        let start = Instant::now();
        let mut state = State::default();
        state.request(subject("a"), start);
        let taken = state.take(start).expect("due");
        let advice = Duration::from_secs(30);
        state.finish(&taken, Verdict::Retry(Some(advice)), start, 0.0);
        assert_eq!(state.take(start), Err(Some(start + advice)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_queue_at_rest_holds_no_memory_of_what_it_did() {
        let queue = WorkQueue::default();
        for index in 0..1000 {
            queue.add(subject(&index.to_string()));
            let taken = queue.next().await;
            queue.finish(&taken, Verdict::Done(None));
        }
        assert!(queue.lock().slots.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn every_subject_finds_one_of_many_waiting_workers() {
        let queue = std::sync::Arc::new(WorkQueue::default());
        let mut workers = tokio::task::JoinSet::new();
        for _ in 0..4 {
            let queue = std::sync::Arc::clone(&queue);
            workers.spawn(async move { queue.next().await });
        }
        tokio::task::yield_now().await;
        let names = ["a", "b", "c", "d"];
        for name in names {
            queue.add(subject(name));
        }
        let all = timeout(Duration::from_secs(1), workers.join_all()).await;
        let taken: BTreeSet<Subject> = all.expect("all found work").into_iter().collect();
        assert_eq!(taken, names.into_iter().map(subject).collect());
    }
}
