//! Watches: each kind is listed once and followed from there, leader or not, so that a takeover
//! finds warm caches.

use std::fmt::Debug;

use futures::{Stream, StreamExt, TryStreamExt, stream};
use kube::{
    Api, Resource,
    api::{ApiResource, DynamicObject},
    runtime::{
        WatchStreamExt,
        watcher::{self, Config, watcher},
    },
};
use serde::de::DeserializeOwned;
use tokio::task::JoinSet;
use tracing::{debug, info, warn};
use triptych_crds::{ConfigRevision, TradingAccount, TradingInstance};
use triptych_decide::names;

use crate::{
    cache::{
        AccountEntry, ClaimEntry, ConfigMapEntry, Entry, InstanceEntry, PodEntry, RevisionEntry,
        StatefulSetEntry,
    },
    context::Context,
    errors::Failure,
    scope::Scope,
};

/// Follows every kind, and takes in what is in scope. The tasks never end by themselves.
pub fn follow_all(context: &Context, scope: &Scope) -> JoinSet<()> {
    let instances = untyped::<TradingInstance>(context);
    let revisions = untyped::<ConfigRevision>(context);
    let accounts = untyped::<TradingAccount>(context);
    let selector = format!("{}={}", names::label::MANAGED_BY, names::MANAGER);
    let managed = Config::default().labels(&selector);
    let everything = Config::default();
    let mut tasks = JoinSet::new();
    tasks.spawn(follow::<InstanceEntry>(
        instances,
        everything.clone(),
        scope.clone(),
        context.clone(),
    ));
    tasks.spawn(follow::<RevisionEntry>(
        revisions,
        everything.clone(),
        scope.clone(),
        context.clone(),
    ));
    tasks.spawn(follow::<AccountEntry>(
        accounts,
        everything,
        scope.clone(),
        context.clone(),
    ));
    let mut made_by_us = ManagedWatches {
        tasks: &mut tasks,
        context,
        scope,
        config: managed,
    };
    made_by_us.add::<ConfigMapEntry>();
    made_by_us.add::<ClaimEntry>();
    made_by_us.add::<StatefulSetEntry>();
    made_by_us.add::<PodEntry>();
    tasks
}

/// Watches of what the operator made, by its label.
struct ManagedWatches<'a> {
    tasks: &'a mut JoinSet<()>,
    context: &'a Context,
    scope: &'a Scope,
    config: Config,
}

impl ManagedWatches<'_> {
    fn add<T: Entry>(&mut self)
    where
        T::Object: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned + Send + 'static,
    {
        let api = Api::all(self.context.client.clone());
        let (config, scope) = (self.config.clone(), self.scope.clone());
        let watch = follow::<T>(api, config, scope, self.context.clone());
        self.tasks.spawn(watch);
    }
}

/// Our own kinds are watched without a type: an object that was stored under another schema, or one
/// broken object among many, cannot stop the watch, and revisions are hashed as they are stored.
fn untyped<K: Resource<DynamicType = ()>>(context: &Context) -> Api<DynamicObject> {
    Api::all_with(context.client.clone(), &ApiResource::erase::<K>(&()))
}

/// The cause alone: what the watcher puts around it repeats it.
fn words(error: &watcher::Error) -> String {
    match error {
        watcher::Error::InitialListFailed(cause)
        | watcher::Error::WatchStartFailed(cause)
        | watcher::Error::WatchFailed(cause) => Failure::words(cause),
        error => Failure::words(error),
    }
}

/// The events of a kind. After a failure everything is listed anew instead of going on from the
/// version that was seen last: a store that was restored from a backup in the meantime would tell
/// nothing before it reached that version again.
pub(crate) fn events<K>(
    api: Api<K>,
    config: Config,
) -> impl Stream<Item = watcher::Result<watcher::Event<K>>> + Send
where
    K: Resource + Clone + Debug + DeserializeOwned + Send + 'static,
{
    let start = move || watcher(api.clone(), config.clone()).boxed();
    let first = start();
    stream::unfold((first, start), async |(mut watch, start)| {
        let event = watch.next().await?;
        if event.is_err() {
            watch = start();
        }
        Some((event, (watch, start)))
    })
    .default_backoff()
}

async fn follow<T: Entry>(api: Api<T::Object>, config: Config, scope: Scope, context: Context)
where
    T::Object: Resource + Clone + Debug + DeserializeOwned + Send + 'static,
{
    let events = events(api, config);
    let events = events.try_filter(|event| std::future::ready(scope.concerns(event)));
    let mut events = std::pin::pin!(events);
    while let Some(event) = events.next().await {
        match event {
            Ok(event) => take_in::<T>(&context, event),
            Err(error) => {
                T::cache(&context.caches).interrupt();
                context.metrics.watch_failed(T::KIND);
                log(T::KIND, &error);
            }
        }
    }
}

fn take_in<T: Entry>(context: &Context, event: watcher::Event<T::Object>) {
    let cache = T::cache(&context.caches);
    let listed = matches!(event, watcher::Event::InitDone);
    for change in cache.take_in(event) {
        debug!(kind = T::KIND, name = %change.name, "changed");
        context.trigger(&change);
    }
    if listed {
        info!(kind = T::KIND, objects = cache.len(), "listed");
    }
}

/// A watch that has to start over (410) or that the API server closes is everyday life.
fn log(kind: &str, error: &watcher::Error) {
    match error {
        watcher::Error::WatchError(status) if status.code == 410 => {
            debug!(kind, "the watch is too old: listing again");
        }
        watcher::Error::InitialListFailed(kube::Error::Api(status)) if status.code == 404 => {
            warn!(
                kind,
                "the kind is not installed (404): apply the CustomResourceDefinitions"
            );
        }
        error => warn!(kind, error = words(error), "the watch failed; trying again"),
    }
}
