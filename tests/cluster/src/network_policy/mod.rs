//! Network policies, enforced on one node: watch pods, namespaces and policies, work out what each
//! pod of the node may send and receive, and swap the node's nftables table in one transaction.

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
use kube::{Api, Client, Resource};
use serde::de::DeserializeOwned;
use tokio::process::Command;
use tracing::{info, warn};

use crate::client::client_from;
use crate::command::output_of;
use crate::error::Result;
use pods::World;

/// Changes that come together are enforced together.
const GATHER: Duration = Duration::from_millis(50);

/// Pause before a refused table is tried again.
const TRY_AGAIN: Duration = Duration::from_secs(1);

/// Enforces the network policies of all pods of a node, until it is ended.
///
/// Runs in the node's network namespace. When it ends, the rules stay.
pub async fn enforce(node: &str, kubeconfig: &Path) -> Result<()> {
    if !table_exists().await {
        // Until the pods are known, none of them may talk.
        apply(&nftables::render(&[], &[])).await?;
    }
    let client = client_from(kubeconfig).await?;
    let (pods, pod_changes) = watch::<Pod>(&client);
    let (namespaces, namespace_changes) = watch::<Namespace>(&client);
    let (policies, policy_changes) = watch::<NetworkPolicy>(&client);
    let mut changes = stream::select_all([pod_changes, namespace_changes, policy_changes]);
    let mut applied = None;
    let mut retry = false;
    loop {
        wait_for_change(&mut changes, retry).await;
        if !(is_ready(&pods) && is_ready(&namespaces) && is_ready(&policies)) {
            continue;
        }
        let world = World::new(&pods.state(), &namespaces.state(), &policies.state());
        let table = table_for(&world, node);
        if applied.as_ref() == Some(&table) {
            continue;
        }
        match apply(&table).await {
            Ok(()) => {
                info!(lines = table.lines().count(), "rules changed");
                applied = Some(table);
                retry = false;
            }
            Err(error) => {
                warn!(%error, "rules refused; those before stay");
                retry = true;
            }
        }
    }
}

fn table_for(world: &World, node: &str) -> String {
    let local: Vec<_> = world.pods_on(node).collect();
    let verdicts: Vec<_> = local.iter().map(|pod| verdicts::of(pod, world)).collect();
    nftables::render(&local, &verdicts)
}

type Changes = stream::BoxStream<'static, ()>;

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

/// Waits for a change, and then until no more come at once; a refused table is not waited for.
async fn wait_for_change(changes: &mut stream::SelectAll<Changes>, retry: bool) {
    if retry {
        let _ = tokio::time::timeout(TRY_AGAIN, changes.next()).await;
    } else {
        changes.next().await;
    }
    while let Ok(Some(())) = tokio::time::timeout(GATHER, changes.next()).await {}
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
