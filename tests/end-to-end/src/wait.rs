//! Waiting for a condition instead of sleeping: every wait has a bound, and says at its end what it saw last.

use std::{fmt::Debug, time::Duration};

use anyhow::{Result, bail};
use futures::{StreamExt, TryStreamExt, pin_mut};
use kube::{
    Api, ResourceExt,
    runtime::{WatchStreamExt, watcher},
};
use serde::de::DeserializeOwned;

use crate::lab::Lab;

/// Longest wait for something that a healthy cluster does within seconds.
pub const PATIENCE: Duration = Duration::from_mins(4);

/// Watches one object until `met` holds for it, or for its absence (`None`).
pub async fn until<K>(
    api: &Api<K>,
    name: &str,
    what: &str,
    met: impl Fn(Option<&K>) -> bool,
) -> Result<Option<K>>
where
    K: kube::Resource + Clone + Debug + DeserializeOwned + Send + 'static,
{
    let config = watcher::Config::default().fields(&format!("metadata.name={name}"));
    let mut last: Option<K> = None;
    let watching = async {
        let stream = watcher(api.clone(), config).default_backoff();
        pin_mut!(stream);
        let mut listed = false;
        while let Some(event) = stream.next().await {
            match event {
                Ok(watcher::Event::Apply(object) | watcher::Event::InitApply(object)) => {
                    last = Some(object);
                }
                Ok(watcher::Event::Delete(_) | watcher::Event::Init) => last = None,
                Ok(watcher::Event::InitDone) => listed = true,
                Err(_) => continue,
            }
            if listed && met(last.as_ref()) {
                return true;
            }
        }
        false
    };
    match tokio::time::timeout(PATIENCE, watching).await {
        Ok(true) => Ok(last),
        Ok(false) => bail!("the watch on {name} ended before: {what}"),
        Err(_) => bail!("{name}: not within {PATIENCE:?}: {what}; seen last: {last:#?}"),
    }
}

/// Watches one object until it is there and `met` holds.
pub async fn until_present<K>(
    api: &Api<K>,
    name: &str,
    what: &str,
    met: impl Fn(&K) -> bool,
) -> Result<K>
where
    K: kube::Resource + Clone + Debug + DeserializeOwned + Send + 'static,
{
    let found = until(api, name, what, |object| object.is_some_and(&met)).await?;
    found.ok_or_else(|| anyhow::anyhow!("{name} vanished while it was read: {what}"))
}

/// Watches one object until it is gone.
pub async fn until_gone<K>(api: &Api<K>, name: &str) -> Result<()>
where
    K: kube::Resource + Clone + Debug + DeserializeOwned + Send + 'static,
{
    until(api, name, "to be gone", |object| object.is_none())
        .await
        .map(|_| ())
}

/// Watches a collection until `met` holds for it.
pub async fn until_all<K>(
    api: &Api<K>,
    selector: &str,
    what: &str,
    met: impl Fn(&[K]) -> bool,
) -> Result<Vec<K>>
where
    K: kube::Resource + Clone + Debug + DeserializeOwned + Send + 'static,
{
    let config = watcher::Config::default().labels(selector);
    let mut seen: std::collections::BTreeMap<String, K> = std::collections::BTreeMap::new();
    let watching = async {
        let stream = watcher(api.clone(), config).default_backoff();
        pin_mut!(stream);
        let mut listed = false;
        while let Ok(Some(event)) = stream.try_next().await {
            match event {
                watcher::Event::Apply(object) | watcher::Event::InitApply(object) => {
                    seen.insert(object.name_any(), object);
                }
                watcher::Event::Delete(object) => {
                    seen.remove(&object.name_any());
                }
                watcher::Event::Init => {
                    listed = false;
                    seen.clear();
                }
                watcher::Event::InitDone => listed = true,
            }
            let all: Vec<K> = seen.values().cloned().collect();
            if listed && met(&all) {
                return Some(all);
            }
        }
        None
    };
    match tokio::time::timeout(PATIENCE, watching).await {
        Ok(Some(all)) => Ok(all),
        Ok(None) => bail!("the watch on {selector} ended before: {what}"),
        Err(_) => bail!(
            "{selector}: not within {PATIENCE:?}: {what}; seen last: {:?}",
            seen.keys().collect::<Vec<_>>()
        ),
    }
}

/// Asks something that cannot be watched again and again until it answers, with a short pause between.
pub async fn until_answer<T>(
    what: &str,
    mut ask: impl AsyncFnMut() -> Result<Option<T>>,
) -> Result<T> {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    let mut last = String::from("nothing yet");
    let mut ticks = tokio::time::interval(Duration::from_millis(200));
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    while tokio::time::Instant::now() < deadline {
        ticks.tick().await;
        match ask().await {
            Ok(Some(answer)) => return Ok(answer),
            Ok(None) => "not yet".clone_into(&mut last),
            Err(error) => last = format!("{error:#}"),
        }
    }
    bail!("not within {PATIENCE:?}: {what}; at the end: {last}")
}

/// Waits until the operator renewed its Lease so often after its first `from` writes, and returns how many
/// writes there were by then.
pub async fn until_renewals(lab: &Lab, from: usize, renewals: usize) -> Result<usize> {
    until_answer("the operator renews its Lease", async || {
        let writes = lab.operator_writes()?;
        let leases = (from..writes.len()).filter(|&at| writes[at].resource == "leases");
        Ok(leases.skip(renewals - 1).map(|at| at + 1).next())
    })
    .await
}
