//! Telling what happens to the instance while it happens.

use anyhow::{Context, Result, bail};
use futures::{StreamExt, pin_mut};
use kube::{
    Api,
    runtime::{WatchStreamExt, watcher},
};
use triptych_crds::{TradingInstance, trading_instance::TradingInstanceStatus};

use super::{Demonstration, INSTANCE, NAMESPACE, short};
use crate::wait::PATIENCE;

/// Tells every change of the instance's status until it runs what is declared, and something else than
/// `previous`. Returns the hash that runs.
pub(super) async fn until_running(
    demonstration: &Demonstration,
    previous: Option<&str>,
) -> Result<String> {
    let instances: Api<TradingInstance> = Api::namespaced(demonstration.client.clone(), NAMESPACE);
    let config = watcher::Config::default().fields(&format!("metadata.name={INSTANCE}"));
    let mut told = String::new();
    let following = async {
        let changes = watcher(instances, config)
            .default_backoff()
            .applied_objects();
        pin_mut!(changes);
        while let Some(change) = changes.next().await {
            let Ok(TradingInstance {
                status: Some(status),
                metadata,
                ..
            }) = change
            else {
                continue;
            };
            let line = describe(&status);
            if line != told {
                demonstration.progress.line(format!("  {line}"));
                told = line;
            }
            let current = status.observed_generation == metadata.generation;
            let hash = status.running.as_ref().map(|running| running.hash.clone());
            if let (true, Some("True"), Some(hash)) = (current, status.in_sync.as_deref(), hash)
                && previous != Some(hash.as_str())
            {
                return Some(hash);
            }
        }
        None
    };
    match tokio::time::timeout(PATIENCE, following).await {
        Ok(hash) => hash.context("the watch on the instance ended"),
        Err(_) => bail!("{INSTANCE} is not running after {PATIENCE:?}; it said last: {told}"),
    }
}

fn describe(status: &TradingInstanceStatus) -> String {
    let phase = status
        .phase
        .map_or_else(|| "?".to_owned(), |phase| format!("{phase:?}"));
    let declared = status.declared_hash.as_deref().map_or("-", short);
    let running = match &status.running {
        Some(running) => format!(
            "running {} in {} on {}",
            running.short_hash, running.pod, running.node
        ),
        None => "nothing running".to_owned(),
    };
    let waiting = status
        .waiting_for
        .as_ref()
        .map(|what| format!(", waiting for {what}"))
        .unwrap_or_default();
    format!("{INSTANCE}: {phase}, declared {declared}, {running}{waiting}")
}
