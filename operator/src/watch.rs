//! Watches: each kind is listed once and followed from there, leader or not, so that a takeover
//! finds warm caches.

use std::fmt::Debug;

use futures::StreamExt;
use k8s_openapi::NamespaceResourceScope;
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
};

/// Follows every kind, in all namespaces or in one; accounts are in none. The tasks never end by themselves.
pub fn follow_all(context: &Context, only_namespace: Option<&str>) -> JoinSet<()> {
    let instances = untyped::<TradingInstance>(context, only_namespace);
    let revisions = untyped::<ConfigRevision>(context, only_namespace);
    let accounts = untyped::<TradingAccount>(context, None);
    let selector = format!("{}={}", names::label::MANAGED_BY, names::MANAGER);
    let managed = Config::default().labels(&selector);
    let everything = Config::default();
    let mut tasks = JoinSet::new();
    tasks.spawn(follow::<InstanceEntry>(
        instances,
        everything.clone(),
        context.clone(),
    ));
    tasks.spawn(follow::<RevisionEntry>(
        revisions,
        everything.clone(),
        context.clone(),
    ));
    tasks.spawn(follow::<AccountEntry>(
        accounts,
        everything,
        context.clone(),
    ));
    let mut made_by_us = ManagedWatches {
        tasks: &mut tasks,
        context,
        only_namespace,
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
    only_namespace: Option<&'a str>,
    config: Config,
}

impl ManagedWatches<'_> {
    fn add<T: Entry>(&mut self)
    where
        T::Object: Resource<Scope = NamespaceResourceScope, DynamicType = ()>
            + Clone
            + Debug
            + DeserializeOwned
            + Send
            + 'static,
    {
        let client = self.context.client.clone();
        let api = match self.only_namespace {
            Some(namespace) => Api::namespaced(client, namespace),
            None => Api::all(client),
        };
        let watch = follow::<T>(api, self.config.clone(), self.context.clone());
        self.tasks.spawn(watch);
    }
}

/// Our own kinds are watched without a type: an object that was stored under another schema, or one
/// broken object among many, cannot stop the watch, and revisions are hashed as they are stored.
fn untyped<K: Resource<DynamicType = ()>>(
    context: &Context,
    only_namespace: Option<&str>,
) -> Api<DynamicObject> {
    let client = context.client.clone();
    let resource = ApiResource::erase::<K>(&());
    match only_namespace {
        Some(namespace) => Api::namespaced_with(client, namespace, &resource),
        None => Api::all_with(client, &resource),
    }
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

async fn follow<T: Entry>(api: Api<T::Object>, config: Config, context: Context)
where
    T::Object: Resource + Clone + Debug + DeserializeOwned + Send + 'static,
{
    let events = watcher(api, config).default_backoff();
    let mut events = std::pin::pin!(events);
    while let Some(event) = events.next().await {
        match event {
            Ok(event) => take_in::<T>(&context, event),
            Err(error) => {
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
