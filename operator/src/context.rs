//! What every reconciliation works with.

use std::sync::Arc;

use kube::Client;

use crate::{
    attestation::Attester,
    cache::{Caches, Change, Entry},
    events::Publisher,
    metrics::Metrics,
    queue::WorkQueue,
};

/// Everything that reconciliations share.
#[derive(Clone)]
pub struct Context {
    /// The client whose writes are refused while this process is not the leader.
    pub client: Client,
    /// What is known of the cluster.
    pub caches: Arc<Caches>,
    /// What is to be done.
    pub queue: Arc<WorkQueue>,
    /// Asks traders what they run.
    pub attester: Arc<Attester>,
    /// Publishes events.
    pub events: Publisher,
    /// What is measured.
    pub metrics: Arc<Metrics>,
}

impl Context {
    /// A context with empty caches. `instance` names this process in events.
    pub fn new(client: Client, metrics: Arc<Metrics>, instance: String) -> Self {
        Self {
            caches: Arc::default(),
            queue: Arc::default(),
            attester: Arc::new(Attester::new(Arc::clone(&metrics))),
            events: Publisher::new(client.clone(), instance),
            client,
            metrics,
        }
    }

    /// Asks for whatever a change concerns.
    pub fn trigger<T: Entry>(&self, change: &Change<T>) {
        if let Some(pod) = T::ended_pod(change) {
            self.attester.forget(pod);
        }
        for subject in T::concerns(&self.caches, change) {
            self.queue.add(subject);
        }
    }

    /// Takes in what the API server answered to an own write.
    pub fn learn<T: Entry>(&self, answer: T::Object) {
        if let Some(change) = T::cache(&self.caches).take_in_answer(answer) {
            self.trigger(&change);
        }
    }
}
