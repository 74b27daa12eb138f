//! What the inspector follows: the accounts, and of everything else only what is in sealed
//! namespaces.

use std::{
    fmt::Debug,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use futures::{StreamExt, TryStreamExt, future::ready};
use k8s_openapi::api::{
    core::v1::{Namespace, ResourceQuota, ServiceAccount},
    networking::v1::NetworkPolicy,
    rbac::v1::{Role, RoleBinding},
};
use kube::{
    Api, Client, Resource, ResourceExt,
    runtime::{
        WatchStreamExt,
        reflector::{self, Store},
        watcher::{self, Config, Event},
    },
};
use serde::de::DeserializeOwned;
use tokio::{sync::Notify, task::JoinSet};
use tracing::warn;
use triptych_crds::TradingAccount;
use triptych_decide::{seal::Pieces, side::SideName};

use super::pieces;
use crate::watch;

/// Kinds that are followed.
const KINDS: usize = 7;

/// Everything that is followed.
pub(super) struct Watches {
    accounts: Store<TradingAccount>,
    namespaces: Store<Namespace>,
    quotas: Store<ResourceQuota>,
    network_policies: Store<NetworkPolicy>,
    service_accounts: Store<ServiceAccount>,
    roles: Store<Role>,
    role_bindings: Store<RoleBinding>,
    signals: Arc<Signals>,
    tasks: JoinSet<()>,
}

/// What the watches tell.
#[derive(Default)]
pub(super) struct Signals {
    changed: Notify,
    listed: AtomicUsize,
    all_listed: Notify,
}

impl Signals {
    pub(super) fn is_listed(&self) -> bool {
        self.listed.load(Ordering::Acquire) >= KINDS
    }
}

impl Watches {
    pub(super) fn start(client: &Client) -> Self {
        let mut follower = Follower {
            client: client.clone(),
            signals: Arc::default(),
            tasks: JoinSet::new(),
        };
        Self {
            accounts: follower.follow(|_: &TradingAccount| true),
            namespaces: follower
                .follow(|one: &Namespace| SideName::account_of(&one.name_any()).is_some()),
            quotas: follower.follow(is_sealed),
            network_policies: follower.follow(is_sealed),
            service_accounts: follower.follow(is_sealed),
            roles: follower.follow(is_sealed),
            role_bindings: follower.follow(is_sealed),
            signals: follower.signals,
            tasks: follower.tasks,
        }
    }

    /// Completes once every kind is listed and no watch failed since: otherwise absence proves
    /// nothing.
    pub(super) async fn listed(&self) {
        loop {
            let listed = self.signals.all_listed.notified();
            if self.signals.is_listed() {
                return;
            }
            listed.await;
        }
    }

    /// Completes when anything changed since the last time.
    pub(super) async fn changed(&self) {
        self.signals.changed.notified().await;
    }

    pub(super) fn readiness(&self) -> Arc<Signals> {
        Arc::clone(&self.signals)
    }

    pub(super) fn accounts(&self) -> Vec<Arc<TradingAccount>> {
        self.accounts.state()
    }

    /// What there is in a sealed namespace.
    pub(super) fn pieces(&self, namespace: &str) -> Pieces {
        let named = |one: &Namespace| one.name_any() == namespace;
        Pieces {
            namespace: pieces::matching(&self.namespaces, named).pop(),
            quotas: pieces::of_namespace(&self.quotas, namespace),
            network_policies: pieces::of_namespace(&self.network_policies, namespace),
            service_accounts: pieces::of_namespace(&self.service_accounts, namespace),
            roles: pieces::of_namespace(&self.roles, namespace),
            role_bindings: pieces::of_namespace(&self.role_bindings, namespace),
        }
    }

    pub(super) async fn stop(&mut self) {
        self.tasks.shutdown().await;
    }
}

fn is_sealed<K: ResourceExt>(object: &K) -> bool {
    object
        .namespace()
        .is_some_and(|namespace| SideName::account_of(&namespace).is_some())
}

struct Follower {
    client: Client,
    signals: Arc<Signals>,
    tasks: JoinSet<()>,
}

impl Follower {
    /// Follows a kind in the whole cluster and keeps what is relevant of it.
    fn follow<K>(&mut self, is_relevant: fn(&K) -> bool) -> Store<K>
    where
        K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned + Send + Sync + 'static,
    {
        let (store, writer) = reflector::store();
        let signals = Arc::clone(&self.signals);
        let mut is_listed = false;
        let events = watch::events(Api::<K>::all(self.client.clone()), Config::default())
            .try_filter(move |event| ready(concerns(event, is_relevant)))
            .reflect(writer);
        self.tasks.spawn(events.for_each(move |event| {
            match event {
                Ok(Event::InitDone) if !is_listed => {
                    is_listed = true;
                    signals.listed.fetch_add(1, Ordering::AcqRel);
                    signals.all_listed.notify_waiters();
                    signals.changed.notify_one();
                }
                Ok(_) => signals.changed.notify_one(),
                Err(error) => {
                    if std::mem::take(&mut is_listed) {
                        signals.listed.fetch_sub(1, Ordering::AcqRel);
                    }
                    warn_of::<K>(&error);
                }
            }
            ready(())
        }));
        store
    }
}

fn concerns<K>(event: &Event<K>, is_relevant: fn(&K) -> bool) -> bool {
    match event {
        Event::Apply(object) | Event::Delete(object) | Event::InitApply(object) => {
            is_relevant(object)
        }
        Event::Init | Event::InitDone => true,
    }
}

fn warn_of<K: Resource<DynamicType = ()>>(error: &watcher::Error) {
    warn!(kind = %K::kind(&()), %error, "the watch failed; trying again");
}
