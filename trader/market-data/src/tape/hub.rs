//! Hands each message to every client that subscribed to its stream.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::extract::ws::Utf8Bytes;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{Notify, mpsc};
use tokio_util::sync::CancellationToken;

/// A message in both forms in which a client may want it.
#[derive(Debug)]
pub(super) struct StreamMessage {
    /// Name of the stream; empty where every client gets it.
    pub(super) stream: String,
    /// The payload alone, for `/ws/<stream>`.
    pub(super) raw: Utf8Bytes,
    /// The payload in the envelope, for `/stream?streams=..`.
    pub(super) combined: Utf8Bytes,
}

/// Streams that a client has subscribed to; shared with the client's task.
pub(super) type Subscriptions = Arc<Mutex<BTreeSet<String>>>;

/// Why a client's connection is to end.
#[derive(Debug, Clone)]
pub(super) struct ClientEnd {
    /// Ends at once, without a goodbye.
    pub(super) cut: CancellationToken,
}

/// What a client's task holds.
pub(super) struct Registration {
    pub(super) id: u64,
    pub(super) messages: mpsc::Receiver<Arc<StreamMessage>>,
    pub(super) subscriptions: Subscriptions,
    pub(super) end: ClientEnd,
}

#[derive(Debug)]
struct Client {
    messages: mpsc::Sender<Arc<StreamMessage>>,
    subscriptions: Subscriptions,
    end: ClientEnd,
}

/// A client whose queue is full, with what it still has to get.
pub(super) type FullClient = (u64, mpsc::Sender<Arc<StreamMessage>>);

/// Every connected client.
#[derive(Debug)]
pub(super) struct Hub {
    clients: Mutex<Clients>,
    registered: Notify,
    queue: usize,
}

#[derive(Debug, Default)]
struct Clients {
    next_id: u64,
    by_id: HashMap<u64, Client>,
}

impl Hub {
    pub(super) fn new(queue: usize) -> Self {
        Self {
            clients: Mutex::default(),
            registered: Notify::new(),
            queue: queue.max(1),
        }
    }

    pub(super) fn register(&self, streams: BTreeSet<String>) -> Registration {
        let (sender, messages) = mpsc::channel(self.queue);
        let subscriptions = Arc::new(Mutex::new(streams));
        let end = ClientEnd {
            cut: CancellationToken::new(),
        };
        let mut clients = self.lock();
        let id = clients.next_id;
        clients.next_id += 1;
        clients.by_id.insert(
            id,
            Client {
                messages: sender,
                subscriptions: Arc::clone(&subscriptions),
                end: end.clone(),
            },
        );
        drop(clients);
        self.registered.notify_waiters();
        Registration {
            id,
            messages,
            subscriptions,
            end,
        }
    }

    pub(super) fn unregister(&self, id: u64) {
        self.lock().by_id.remove(&id);
    }

    /// Waits until so many clients are connected.
    pub(super) async fn has_clients(&self, count: usize) {
        loop {
            let registered = self.registered.notified();
            tokio::pin!(registered);
            // Listening begins before looking, so that nobody comes in between unseen.
            registered.as_mut().enable();
            if self.lock().by_id.len() >= count {
                return;
            }
            registered.await;
        }
    }

    /// Hands `message` on without waiting; returns the clients whose queue is full.
    pub(super) fn publish(&self, message: &Arc<StreamMessage>) -> Vec<FullClient> {
        let clients = self.lock();
        let mut full = Vec::new();
        for (id, client) in &clients.by_id {
            let wanted =
                message.stream.is_empty() || lock(&client.subscriptions).contains(&message.stream);
            if wanted
                && let Err(TrySendError::Full(_)) = client.messages.try_send(Arc::clone(message))
            {
                full.push((*id, client.messages.clone()));
            }
        }
        full
    }

    /// Whether anybody has subscribed to `stream`.
    pub(super) fn wants(&self, stream: &str) -> bool {
        let clients = self.lock();
        clients
            .by_id
            .values()
            .any(|client| lock(&client.subscriptions).contains(stream))
    }

    /// Cuts one client's connection.
    pub(super) fn cut(&self, id: u64) {
        if let Some(client) = self.lock().by_id.remove(&id) {
            client.end.cut.cancel();
        }
    }

    /// Cuts every connection; how many there were.
    pub(super) fn cut_all(&self) -> usize {
        let clients = std::mem::take(&mut self.lock().by_id);
        for client in clients.values() {
            client.end.cut.cancel();
        }
        clients.len()
    }

    fn lock(&self) -> MutexGuard<'_, Clients> {
        lock(&self.clients)
    }
}

/// Locks; a panic elsewhere while holding the lock leaves data that is still whole.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
