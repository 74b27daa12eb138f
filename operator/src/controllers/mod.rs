//! Reconciliation: observe, decide, apply, report, by workers that exist only while this process is
//! the leader.

mod account;
mod instance;
mod revision;

use std::time::Duration;

use tokio::{task::JoinSet, time::Instant};
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, debug, error, info, info_span, warn};

use crate::{
    context::Context,
    errors::Failure,
    leader_election::{Clock, Leadership},
    metrics::Outcome,
    queue::Verdict,
    subject::Subject,
};

/// Longest time that workers get to end what they have in hand at a shutdown.
const SHUTDOWN_PATIENCE: Duration = Duration::from_secs(5);

/// How often a leader that waits for its caches looks again.
const SYNC_PAUSE: Duration = Duration::from_millis(50);

/// What a reconciliation came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reached {
    /// How it ended.
    pub outcome: Outcome,
    /// When to look again although nothing changed.
    pub check_again: Option<Duration>,
}

impl Reached {
    fn after(wrote: bool, check_again: Option<Duration>) -> Self {
        let outcome = if wrote {
            Outcome::Changed
        } else {
            Outcome::Unchanged
        };
        Self {
            outcome,
            check_again,
        }
    }

    fn finally(outcome: Outcome) -> Self {
        Self {
            outcome,
            check_again: None,
        }
    }
}

/// Reconciles whenever this process is the leader, until `stop`.
pub async fn run<C: Clock>(
    context: Context,
    leadership: Leadership<C>,
    concurrency: usize,
    stop: CancellationToken,
) {
    while !stop.is_cancelled() {
        tokio::select! {
            () = stop.cancelled() => return,
            () = leadership.gained() => {}
        }
        lead(&context, &leadership, concurrency, &stop).await;
    }
}

/// One term of leadership.
async fn lead<C: Clock>(
    context: &Context,
    leadership: &Leadership<C>,
    concurrency: usize,
    stop: &CancellationToken,
) {
    let end = stop.child_token();
    let mut workers = JoinSet::new();
    tokio::select! {
        () = leadership.lost() => return,
        () = stop.cancelled() => return,
        () = synced(context) => {}
    }
    // What is known is decided on once; from here on, changes say what to look at.
    context.queue.clear();
    let subjects = context.caches.all_subjects();
    info!(subjects = subjects.len(), "leading");
    for subject in subjects {
        context.queue.add(subject);
    }
    for _ in 0..concurrency {
        workers.spawn(work(context.clone(), end.clone()));
    }
    tokio::select! {
        () = leadership.lost() => workers.shutdown().await,
        () = stop.cancelled() => {
            let drained = async { while workers.join_next().await.is_some() {} };
            if tokio::time::timeout(SHUTDOWN_PATIENCE, drained).await.is_err() {
                warn!("workers did not end in time");
            }
        }
    }
}

async fn synced(context: &Context) {
    while !context.caches.are_synced() {
        tokio::time::sleep(SYNC_PAUSE).await;
    }
}

/// What is to be looked at next. While a watch is interrupted nothing is decided: what is known may
/// be what a restored store has lost.
async fn next(context: &Context) -> Subject {
    let subject = context.queue.next().await;
    synced(context).await;
    subject
}

async fn work(context: Context, end: CancellationToken) {
    loop {
        let subject = tokio::select! {
            biased;
            () = end.cancelled() => return,
            subject = next(&context) => subject,
        };
        let span = info_span!(
            "reconcile",
            kind = subject.kind(),
            namespace = subject.namespace(),
            object = subject.name(),
        );
        attempt(&context, &subject).instrument(span).await;
    }
}

/// One attempt in a task of its own, so that a panic is a failure like any other.
async fn attempt(context: &Context, subject: &Subject) {
    let started = Instant::now();
    let task = tokio::spawn({
        let (context, subject) = (context.clone(), subject.clone());
        async move { reconcile(&context, &subject).await }.in_current_span()
    });
    let task = AbortOnDrop(task);
    let (outcome, verdict) = match task.finished().await {
        Ok(Ok(reached)) => (reached.outcome, Verdict::Done(reached.check_again)),
        Ok(Err(failure)) => sorted(&failure),
        Err(panic) => {
            error!(%panic, "a defect of the operator: trying again");
            (Outcome::Failed, Verdict::Retry(None))
        }
    };
    debug!(outcome = outcome.as_str(), "reconciled");
    context
        .metrics
        .reconciled(subject, outcome, started.elapsed());
    context.queue.finish(subject, verdict);
}

async fn reconcile(context: &Context, subject: &Subject) -> Result<Reached, Failure> {
    match subject {
        Subject::Instance(name) => instance::reconcile(context, name).await,
        Subject::Revision(name) => revision::reconcile(context, name).await,
        Subject::Account(name) => account::reconcile(context, name).await,
        Subject::Collection(namespace) => revision::collect(context, namespace).await,
    }
}

fn sorted(failure: &Failure) -> (Outcome, Verdict) {
    match failure {
        Failure::Transient { retry_after, .. } => {
            warn!(%failure, "trying again");
            (Outcome::Failed, Verdict::Retry(*retry_after))
        }
        Failure::Refused { .. } => {
            warn!(%failure, "refused: somebody has to change something");
            (Outcome::Refused, Verdict::Retry(None))
        }
        Failure::Gone { .. } => {
            debug!(%failure, "nothing left to do");
            (Outcome::Gone, Verdict::Done(None))
        }
        Failure::NotLeading { .. } => {
            debug!(%failure, "left to the next leader");
            (Outcome::Failed, Verdict::Retry(None))
        }
    }
}

/// A task that ends with whoever waits for it: a worker that is stopped stops its attempt.
struct AbortOnDrop<T>(tokio::task::JoinHandle<T>);

impl<T> AbortOnDrop<T> {
    async fn finished(mut self) -> Result<T, tokio::task::JoinError> {
        (&mut self.0).await
    }
}

impl<T> Drop for AbortOnDrop<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}
