//! A backup of etcd, and its restore: the cluster goes back to what it was.

use std::path::Path;
use std::time::Duration;

use crate::cgroups::ControlGroups;
use crate::client::client_from;
use crate::command::run;
use crate::directory::{ClusterDirectory, ClusterRecord};
use crate::error::{Error, Result};
use crate::processes::{self, ProcessRecord};
use crate::readiness::{self, until_ready};

/// Longest time that the API server may take to start.
const STARTS_WITHIN: Duration = Duration::from_secs(90);

/// What etcd's own process is called, and the folder of its data.
const ETCD: &str = "etcd";

/// Copies etcd's data, at rest, to a folder that does not exist yet. The API server waits meanwhile.
pub(crate) async fn back_up(
    directory: &ClusterDirectory,
    record: &ClusterRecord,
    backup: &Path,
) -> Result<()> {
    let groups = ControlGroups::of(&record.name)?;
    let etcd = processes::record_of(directory, ETCD)?;
    processes::stop(&etcd).await?;
    let copied = copy(&directory.root().join(ETCD), backup).await;
    processes::start(directory, &groups, &etcd.spec)?;
    copied
}

/// Puts a backup in the place of etcd's data, as Kubernetes advises: the API server is away meanwhile, and
/// whoever remembers what was newer than the backup starts anew. Containers live on.
pub(crate) async fn restore(
    directory: &ClusterDirectory,
    record: &ClusterRecord,
    backup: &Path,
) -> Result<()> {
    let groups = ControlGroups::of(&record.name)?;
    let data = directory.root().join(ETCD);
    let mut stopped: Vec<_> = processes::recorded(directory)
        .into_iter()
        .filter(|process| remembers(&process.spec.name) && process.is_alive())
        .collect();
    // etcd last to stop and first to start, the API server next to it.
    stopped.sort_by_key(|process| match process.spec.name.as_str() {
        ETCD => 0,
        "apiserver" => 1,
        _ => 2,
    });
    for process in stopped.iter().rev() {
        processes::stop(process).await?;
    }
    std::fs::remove_dir_all(&data).map_err(Error::file("remove", &data))?;
    copy(backup, &data).await?;
    let (first, others) = stopped.split_at(stopped.len().min(2));
    let mut started = Vec::new();
    for process in first {
        started.push(processes::start(directory, &groups, &process.spec)?);
    }
    api_server_is_ready(directory, &started).await?;
    for process in others {
        processes::start(directory, &groups, &process.spec)?;
    }
    Ok(())
}

/// Waits for it: the controllers end where they find none at their start.
async fn api_server_is_ready(
    directory: &ClusterDirectory,
    started: &[ProcessRecord],
) -> Result<()> {
    let client = client_from(&directory.admin_kubeconfig()).await?;
    let ask = || async { readiness::api_server(&client).await };
    until_ready(directory, "the API server", STARTS_WITHIN, started, ask).await
}

/// Whether a process holds objects of the API in its memory. Containers and images are no such objects.
fn remembers(process: &str) -> bool {
    process != "registry" && !process.ends_with("containerd")
}

async fn copy(from: &Path, to: &Path) -> Result<()> {
    run("cp", [Path::new("--archive"), from, to])
        .await
        .map(drop)
}
