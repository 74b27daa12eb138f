//! Fetches depth snapshots, one at a time, within the venue's limits.
//!
//! One at a time, because the weight of a snapshot is high and every answer says how much is left.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore as _, SeedableRng as _};
use tokio::sync::{mpsc, watch};
use tracing::{debug, warn};
use triptych_engine::event::{Event, InstrumentId};

use super::config::FeedConfig;
use super::request_budget::RequestBudget;
use super::rest::{RestClient, RestError};
use super::status::FeedStatus;
use crate::clock::now;
use crate::frame::parse_snapshot;

/// A wish for a snapshot.
#[derive(Debug, Clone, Copy)]
pub(super) struct SnapshotRequest {
    /// The connection whose diffs it is for; a wish of an earlier connection is void.
    pub(super) connection: u64,
    /// The instrument.
    pub(super) instrument: InstrumentId,
    /// Whether the last snapshot was too old, so that asking again at once would give the same.
    pub(super) again: bool,
}

/// The channels and the running task of the fetcher.
pub(super) struct Snapshots {
    current_connection: watch::Sender<u64>,
    requests: mpsc::UnboundedSender<SnapshotRequest>,
    answers: mpsc::UnboundedReceiver<(u64, Event)>,
}

impl Snapshots {
    /// Starts fetching; it ends when the value returned is dropped.
    pub(super) fn start(config: FeedConfig, client: RestClient, status: Arc<FeedStatus>) -> Self {
        let (request_sender, requests) = mpsc::unbounded_channel();
        let (answer_sender, answers) = mpsc::unbounded_channel();
        let (current_connection, watched_connection) = watch::channel(0);
        let fetcher = Fetcher {
            config,
            client,
            status,
            current_connection: watched_connection,
            budget: RequestBudget::default(),
            random: ChaCha8Rng::from_os_rng(),
        };
        tokio::spawn(fetcher.serve(requests, answer_sender));
        Self {
            current_connection,
            requests: request_sender,
            answers,
        }
    }

    /// Makes every wish of an earlier connection void.
    pub(super) fn begin_connection(&mut self, connection: u64) {
        self.current_connection.send_replace(connection);
    }

    /// Asks; the answer comes from [`Self::next`].
    pub(super) fn ask(&self, request: SnapshotRequest) {
        // The fetcher lives as long as this value; after it nobody waits for an answer.
        let _ = self.requests.send(request);
    }

    /// The next snapshot of the current connection. Safe to drop while waiting.
    pub(super) async fn next(&mut self) -> Event {
        loop {
            match self.answers.recv().await {
                Some((connection, event)) if connection == *self.current_connection.borrow() => {
                    return event;
                }
                Some(_) => {}
                None => std::future::pending().await,
            }
        }
    }
}

struct Fetcher {
    config: FeedConfig,
    client: RestClient,
    status: Arc<FeedStatus>,
    current_connection: watch::Receiver<u64>,
    budget: RequestBudget,
    random: ChaCha8Rng,
}

impl Fetcher {
    async fn serve(
        mut self,
        mut requests: mpsc::UnboundedReceiver<SnapshotRequest>,
        answers: mpsc::UnboundedSender<(u64, Event)>,
    ) {
        while let Some(request) = requests.recv().await {
            let snapshot = tokio::select! {
                snapshot = self.fetch(request) => snapshot,
                () = answers.closed() => return,
            };
            if let Some(snapshot) = snapshot
                && answers.send((request.connection, snapshot)).is_err()
            {
                return;
            }
        }
    }

    /// Asks until there is a snapshot; `None` where the connection that wished for it is gone.
    async fn fetch(&mut self, request: SnapshotRequest) -> Option<Event> {
        let instrument = request.instrument;
        let mut retry = self.config.snapshot_retry;
        if request.again {
            tokio::time::sleep(retry.next(self.random.next_u32())).await;
        }
        loop {
            tokio::time::sleep(self.budget.wait(Instant::now())).await;
            if *self.current_connection.borrow() != request.connection {
                return None;
            }
            match self.try_once(instrument).await {
                Ok(snapshot) => return Some(snapshot),
                Err(reason) => {
                    self.status.count_snapshot_failure();
                    let wait = retry.next(self.random.next_u32());
                    let symbol = self.config.instruments.symbol(instrument);
                    warn!(%symbol, reason, ?wait, "no depth snapshot, asking again");
                    tokio::time::sleep(wait).await;
                }
            }
        }
    }

    async fn try_once(&mut self, instrument: InstrumentId) -> Result<Event, String> {
        let symbol = self.config.instruments.symbol(instrument);
        self.status.count_snapshot_request();
        debug!(%symbol, "asking for a depth snapshot");
        let response = self.client.depth(symbol, self.config.snapshot_levels).await;
        match response {
            Ok(response) => {
                if let Some(used) = response.used_weight {
                    self.budget
                        .on_used_weight(used, Instant::now(), second_of_minute());
                }
                parse_snapshot(&response.body, instrument, now()).map_err(|error| error.to_string())
            }
            Err(error) => {
                if let RestError::Throttled { retry_after, .. } = &error {
                    self.status.count_throttle();
                    self.budget.on_refusal(*retry_after, Instant::now());
                }
                Err(error.to_string())
            }
        }
    }
}

fn second_of_minute() -> u64 {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH);
    since_epoch.unwrap_or(Duration::ZERO).as_secs() % 60
}
