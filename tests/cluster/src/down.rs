//! Ending a cluster, or what is left of one.

use crate::cgroups::ControlGroups;
use crate::directory::{ClusterDirectory, Lock};
use crate::error::Result;
use crate::name::ClusterName;
use crate::progress::Progress;
use crate::{mounts, network};

/// Ends everything that belongs to the cluster and removes its files; returns whether there was
/// anything.
pub async fn down(name: &ClusterName, progress: &Progress) -> Result<bool> {
    let _lock = Lock::cluster(name)?;
    clean(name, progress).await
}

/// What `down` does, for whoever holds the cluster's lock.
///
/// Each step can be done again: a clean-up that was ended half-way is finished by the next.
pub(crate) async fn clean(name: &ClusterName, progress: &Progress) -> Result<bool> {
    let directory = ClusterDirectory::of(name);
    let groups = ControlGroups::of(name)?;
    if !directory.exists() && !groups.cluster_exists() {
        return Ok(false);
    }
    let killed = groups.kill_all().await?;
    progress.line(format!("ended {killed} processes"));
    let mut unmounted = 0;
    for folder in [directory.root(), directory.sockets()] {
        unmounted += mounts::unmount_below(folder)?;
    }
    progress.line(format!("unmounted {unmounted} file systems"));
    // A record that cannot be read names no network; all the rest can still be removed.
    if let Ok(Some(record)) = directory.record() {
        network::remove(&record).await?;
    }
    groups.remove().await?;
    directory.remove()?;
    progress.line("removed networks, control groups and files");
    Ok(true)
}
