//! Keeps reading the TradingInstance: a watch tells of changes at once, and a poll reads the object
//! itself, seldom while the watch lives and often while it does not.
//!
//! An API server that is lost, slow or talking nonsense changes nothing: what was read last counts.

use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::StreamExt as _;
use kube::api::{ApiResource, DynamicObject, WatchEvent, WatchParams};
use kube::core::Status;
use kube::{Api, Client};
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tracing::{debug, info, warn};
use triptych_crds::text::Ratio;
use triptych_crds::{GROUP, TradingInstance};
use triptych_engine::stage::LiveRatio;

use super::live_ratio::LiveRatioInForce;
use super::order::{Order, Verdict};
use super::view::{self, InstanceIdentity, Reading};
use crate::halt::bounded;
use crate::halt::control::HaltControl;

/// Pause between two readings while no watch lives; also the least time between two watches.
const POLL_INTERVAL: Duration = Duration::from_millis(500);

/// Pause between two readings while a watch lives: how long one that died in silence can deceive.
const CHECK_INTERVAL: Duration = Duration::from_secs(5);

/// Longest time for a reading, and for a watch to begin.
const ANSWER_LIMIT: Duration = Duration::from_secs(5);

/// Time after which the API server ends a watch in good order, in seconds.
const WATCH_SECONDS: u32 = 290;

/// What was tried.
#[derive(Debug, Clone, Copy)]
enum Attempt {
    Reading,
    Watch,
}

/// What is known of the TradingInstance, for status and metrics.
#[derive(Debug, Default)]
pub struct InstanceStatus {
    watching: AtomicBool,
    failures: AtomicU64,
    live: LiveRatioInForce,
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    read: bool,
    live_ratio: Option<Ratio>,
    poll_failure: Option<String>,
    watch_failure: Option<String>,
}

impl InstanceStatus {
    /// Whether it was read since the start.
    pub fn is_read(&self) -> bool {
        self.known().read
    }

    /// Whether a watch lives.
    pub fn is_watching(&self) -> bool {
        self.watching.load(Ordering::Relaxed)
    }

    /// `spec.liveRatio` as it was read last.
    pub fn live_ratio(&self) -> Option<Ratio> {
        self.known().live_ratio.clone()
    }

    /// How much of the configured exposure W may use now; never waits.
    pub fn live(&self) -> LiveRatio {
        self.live.get()
    }

    /// Readings and watches that failed.
    pub fn failures(&self) -> u64 {
        self.failures.load(Ordering::Relaxed)
    }

    /// Why it cannot be read or watched right now.
    pub fn failure(&self) -> Option<String> {
        let known = self.known();
        known
            .poll_failure
            .clone()
            .or_else(|| known.watch_failure.clone())
    }

    fn failed(&self, what: Attempt, why: &str) {
        self.failures.fetch_add(1, Ordering::Relaxed);
        let why = bounded(why);
        let mut known = self.known();
        let failure = match what {
            Attempt::Reading => &mut known.poll_failure,
            Attempt::Watch => &mut known.watch_failure,
        };
        if failure.as_ref() == Some(&why) {
            debug!(?what, why, "the TradingInstance: failed again");
        } else {
            warn!(?what, why, "the TradingInstance: failed; trying again");
            *failure = Some(why);
        }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Follows one TradingInstance.
pub struct Follower {
    api: Api<DynamicObject>,
    own: InstanceIdentity,
    control: Arc<HaltControl>,
    status: Arc<InstanceStatus>,
    order: Mutex<Order>,
    /// The version that the next watch begins at; taken from a reading.
    begin_at: watch::Sender<Option<String>>,
    /// There is no watch any more: read at once.
    lost: Notify,
    /// What the watch tells is of no use any more.
    outdated: Notify,
}

impl Follower {
    /// Nothing is asked before [`Self::run`].
    pub fn new(
        client: Client,
        own: InstanceIdentity,
        control: Arc<HaltControl>,
        status: Arc<InstanceStatus>,
    ) -> Self {
        let resource = ApiResource::erase::<TradingInstance>(&());
        Self {
            api: Api::namespaced_with(client, &own.namespace, &resource),
            own,
            control,
            status,
            order: Mutex::default(),
            begin_at: watch::Sender::new(None),
            lost: Notify::new(),
            outdated: Notify::new(),
        }
    }

    /// Never ends.
    pub async fn run(self) {
        tokio::join!(self.poll(), self.watch());
    }

    async fn poll(&self) {
        loop {
            let newest_then = self.order().newest();
            match timeout(ANSWER_LIMIT, self.api.get(&self.own.name)).await {
                Ok(Ok(object)) => self.polled(&object, newest_then),
                Ok(Err(kube::Error::Api(status))) if self.names_own_absence(&status) => {
                    self.control.instance(view::deleted(&self.own));
                    self.poll_succeeded();
                }
                Ok(Err(error)) => self.poll_failed(&words(&error)),
                Err(_) => self.poll_failed(&format!("no answer within {ANSWER_LIMIT:?}")),
            }
            let pause = if self.status.is_watching() {
                CHECK_INTERVAL
            } else {
                POLL_INTERVAL
            };
            tokio::select! {
                () = sleep(pause) => {}
                () = self.lost.notified() => {}
            }
        }
    }

    fn polled(&self, object: &DynamicObject, newest_then: Option<u64>) {
        let reading = match view::read(object, &self.own) {
            Ok(reading) => reading,
            Err(why) => return self.poll_failed(&why),
        };
        // Held until the reading is taken in, so that nothing newer can come in between.
        let mut order = self.order();
        match order.reading(reading.version, newest_then) {
            Verdict::Overtaken => {}
            Verdict::Counts => self.take(reading),
            Verdict::WentBack => {
                info!("the API server went back to an older state: watching anew");
                self.outdated.notify_one();
                self.take(reading);
            }
        }
        drop(order);
        self.poll_succeeded();
        self.begin_at
            .send_replace(object.metadata.resource_version.clone());
    }

    async fn watch(&self) {
        let mut versions = self.begin_at.subscribe();
        loop {
            let Ok(version) = versions.wait_for(Option::is_some).await.map(|v| v.clone()) else {
                return;
            };
            let began = Instant::now();
            let ended = self.watch_from(&version.unwrap_or_default()).await;
            self.status.watching.store(false, Ordering::Relaxed);
            self.begin_at.send_replace(None);
            self.lost.notify_one();
            if let Err(why) = ended {
                self.status.failed(Attempt::Watch, &why);
            }
            sleep_until(began + POLL_INTERVAL).await;
        }
    }

    /// Takes in what the watch tells until it ends; the error says why it ended out of order.
    async fn watch_from(&self, version: &str) -> Result<(), String> {
        let only_own = format!("metadata.name={}", self.own.name);
        let parameters = WatchParams::default()
            .fields(&only_own)
            .timeout(WATCH_SECONDS);
        let events = timeout(ANSWER_LIMIT, self.api.watch(&parameters, version))
            .await
            .map_err(|_| format!("it did not begin within {ANSWER_LIMIT:?}"))?
            .map_err(|error| words(&error))?;
        let mut events = pin!(events);
        self.status.watching.store(true, Ordering::Relaxed);
        loop {
            let event = tokio::select! {
                event = events.next() => event,
                () = self.outdated.notified() => return Ok(()),
            };
            match event {
                None => return Ok(()),
                Some(Ok(WatchEvent::Added(object) | WatchEvent::Modified(object))) => {
                    self.watched(view::read(&object, &self.own)?);
                }
                Some(Ok(WatchEvent::Deleted(object))) => {
                    let mut reading = view::read(&object, &self.own)?;
                    reading.view = view::deleted(&self.own);
                    self.watched(reading);
                }
                Some(Ok(WatchEvent::Bookmark(_))) => {}
                Some(Ok(WatchEvent::Error(status))) => return Err(words_of(&status)),
                Some(Err(error)) => return Err(words(&error)),
            }
        }
    }

    fn watched(&self, reading: Reading) {
        let mut order = self.order();
        if order.told(reading.version) {
            self.take(reading);
        }
    }

    fn take(&self, reading: Reading) {
        self.status.live.set(reading.live());
        {
            let mut known = self.status.known();
            known.read = true;
            known.live_ratio = reading.live_ratio;
        }
        self.control.instance(reading.view);
    }

    /// Whether a 404 says that this object is not there. Any other 404 says that the API server does
    /// not know the path, as it may while it starts.
    fn names_own_absence(&self, status: &Status) -> bool {
        let details = status.details.as_ref();
        status.code == 404
            && status.reason == "NotFound"
            && details
                .is_some_and(|details| details.name == self.own.name && details.group == GROUP)
    }

    /// A watch that lives at a reading is sound; one that ends at once each time is not.
    fn poll_succeeded(&self) {
        let mut known = self.status.known();
        known.poll_failure = None;
        if self.status.is_watching() {
            known.watch_failure = None;
        }
    }

    fn poll_failed(&self, why: &str) {
        self.status.failed(Attempt::Reading, why);
    }

    fn order(&self) -> MutexGuard<'_, Order> {
        self.order.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn words(error: &kube::Error) -> String {
    match error {
        kube::Error::Api(status) => words_of(status),
        error => {
            let mut words = error.to_string();
            let mut cause = std::error::Error::source(error);
            while let Some(error) = cause {
                words = format!("{words}: {error}");
                cause = error.source();
            }
            words
        }
    }
}

fn words_of(status: &Status) -> String {
    format!("{} ({})", status.message, status.code)
}
