//! Network policies, enforced on one node: watch pods, namespaces and policies, work out what each
//! pod of the node may send and receive, and swap the node's nftables table in one transaction.

mod announcements;
mod label_selector;
mod nftables;
mod pods;
mod verdicts;

use std::path::Path;
use std::time::Duration;

use futures::{FutureExt, StreamExt, stream};
use k8s_openapi::api::core::v1::{Namespace, Pod};
use k8s_openapi::api::networking::v1::NetworkPolicy;
use kube::runtime::reflector::{self, Store};
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Api, Client, Resource, ResourceExt};
use serde::de::DeserializeOwned;
use tokio::process::Command;
use tokio::sync::mpsc;
use tracing::{info, warn};

pub(crate) use announcements::{Announcement, announce};

use crate::client::client_from;
use crate::command::output_of;
use crate::error::Result;
use announcements::{Announced, Waiting};
use pods::World;

/// Changes that come together are enforced together.
const GATHER: Duration = Duration::from_millis(50);

/// Pause before a refused table is tried again.
const TRY_AGAIN: Duration = Duration::from_secs(1);

/// Enforces the network policies of all pods of a node, until it is ended.
///
/// Runs in the node's network namespace; new pods announce themselves at the socket. When it ends,
/// the rules stay.
pub async fn enforce(node: &str, kubeconfig: &Path, socket: &Path) -> Result<()> {
    if !table_exists().await {
        // Until the pods are known, none of them may talk.
        apply(&nftables::render(&[], &[])).await?;
    }
    let announcements = announcements::listen(socket)?;
    let client = client_from(kubeconfig).await?;
    let (pods, pod_changes) = watch::<Pod>(&client);
    let (namespaces, namespace_changes) = watch::<Namespace>(&client);
    let (policies, policy_changes) = watch::<NetworkPolicy>(&client);
    let enforcer = Enforcer {
        node: node.to_owned(),
        pods,
        namespaces,
        policies,
        announced: Announced::default(),
        applied: None,
    };
    let changes = stream::select_all([pod_changes, namespace_changes, policy_changes]);
    enforcer.run(changes, announcements).await
}

type Changes = stream::BoxStream<'static, ()>;

struct Enforcer {
    node: String,
    pods: Store<Pod>,
    namespaces: Store<Namespace>,
    policies: Store<NetworkPolicy>,
    announced: Announced,
    /// The table in place, if the last one was not refused.
    applied: Option<String>,
}

impl Enforcer {
    async fn run(
        mut self,
        mut changes: stream::SelectAll<Changes>,
        mut announcements: mpsc::Receiver<Waiting>,
    ) -> Result<()> {
        loop {
            tokio::select! {
                Some(()) = changes.next() => tokio::time::sleep(GATHER).await,
                Some(waiting) = announcements.recv() => self.announced.add(waiting),
                () = tokio::time::sleep(TRY_AGAIN), if self.applied.is_none() => {}
            }
            while changes.next().now_or_never().is_some() {}
            while let Ok(waiting) = announcements.try_recv() {
                self.announced.add(waiting);
            }
            self.enforce().await;
        }
    }

    async fn enforce(&mut self) {
        if !(is_ready(&self.pods) && is_ready(&self.namespaces) && is_ready(&self.policies)) {
            return;
        }
        let pods = self.pods.state();
        self.announced
            .forget(|uid| pods.iter().any(|pod| pod.uid().as_deref() == Some(uid)));
        let (namespaces, policies) = (self.namespaces.state(), self.policies.state());
        let world = World::new(&pods, &namespaces, &policies, |uid| {
            self.announced.address_of(uid)
        });
        let table = table_for(&world, &self.node);
        if self.applied.as_ref() != Some(&table) {
            match apply(&table).await {
                Ok(()) => info!(lines = table.lines().count(), "rules changed"),
                Err(error) => {
                    warn!(%error, "rules refused; those before stay");
                    self.applied = None;
                    return;
                }
            }
            self.applied = Some(table);
        }
        self.announced
            .enforced(|address| world.pods_on(&self.node).any(|pod| pod.address == address));
    }
}

fn table_for(world: &World, node: &str) -> String {
    let local: Vec<_> = world.pods_on(node).collect();
    let verdicts: Vec<_> = local.iter().map(|pod| verdicts::of(pod, world)).collect();
    nftables::render(&local, &verdicts)
}

/// A store that follows all objects of a kind, and a stream that says when it changed.
fn watch<K>(client: &Client) -> (Store<K>, Changes)
where
    K: Resource<DynamicType = ()>
        + Clone
        + DeserializeOwned
        + std::fmt::Debug
        + Send
        + Sync
        + 'static,
{
    let (store, writer) = reflector::store();
    let changes = watcher(Api::<K>::all(client.clone()), watcher::Config::default())
        .default_backoff()
        .modify(|object| object.meta_mut().managed_fields = None)
        .reflect(writer)
        .map(|event| match event {
            Ok(_) => (),
            // The watch tries again by itself; meanwhile the rules stay.
            Err(error) => warn!(%error, "watch interrupted"),
        })
        .boxed();
    (store, changes)
}

/// Whether a store has the first list of its objects.
fn is_ready<K>(store: &Store<K>) -> bool
where
    K: Resource<DynamicType = ()> + Clone + 'static,
{
    matches!(store.wait_until_ready().now_or_never(), Some(Ok(())))
}

async fn table_exists() -> bool {
    let mut nft = Command::new("nft");
    nft.args(["list", "table", "inet", nftables::TABLE]);
    output_of(nft, None).await.is_ok()
}

async fn apply(rules: &str) -> Result<()> {
    let mut nft = Command::new("nft");
    nft.args(["--file", "-"]);
    output_of(nft, Some(rules.as_bytes())).await.map(drop)
}
