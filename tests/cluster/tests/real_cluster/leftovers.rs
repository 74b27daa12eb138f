//! What is left on the machine after a cluster's end: nothing.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::process::{Child, Command};
use triptych_cluster::directory::{ClusterDirectory, ClusterRecord, Phase};
use triptych_cluster::down::down;
use triptych_cluster::processes::{ProcessRecord, recorded};
use triptych_cluster::progress::Progress;

use crate::support::{Clusters, FIRST, Outcome, SECOND, command, equal, eventually, named, text};

/// A cluster that is never brought up wholly.
const THIRD: &str = "ctest-3";

/// Ends all clusters of the tests and looks for what they left.
pub(crate) async fn end_all() -> Outcome {
    for name in [FIRST, SECOND, THIRD] {
        let record = ClusterDirectory::of(&named(name)).record().map_err(text)?;
        down(&named(name), &Progress::new()).await.map_err(text)?;
        nothing_of(name)?;
        for interface in record.iter().flat_map(interfaces) {
            let path = Path::new("/sys/class/net").join(&interface);
            equal(&path.exists(), &false).map_err(|reason| format!("{interface}: {reason}"))?;
        }
    }
    Ok(())
}

fn interfaces(record: &ClusterRecord) -> Vec<String> {
    let plan = record.addresses;
    record
        .node_numbers()
        .map(|node| plan.node_link(node))
        .chain([plan.bridge()])
        .collect()
}

pub(crate) async fn what_a_killed_up_leaves_is_removed_by_down(_: &Clusters) -> Outcome {
    let mut child = start_third()?;
    some_nodes_are_started(&mut child).await?;
    child.kill().await.map_err(text)?;
    let directory = ClusterDirectory::of(&named(THIRD));
    let alive = recorded(&directory)
        .into_iter()
        .filter(ProcessRecord::is_alive)
        .count();
    if alive == 0 {
        return Err("no process was left to be cleaned up".to_owned());
    }
    down(&named(THIRD), &Progress::new()).await.map_err(text)?;
    nothing_of(THIRD)
}

pub(crate) async fn an_interrupted_up_leaves_nothing(_: &Clusters) -> Outcome {
    let mut child = start_third()?;
    some_nodes_are_started(&mut child).await?;
    let process = child.id().ok_or("it has ended")?.to_string();
    Command::new("kill")
        .args(["-INT", &process])
        .status()
        .await
        .map_err(text)?;
    let ended = tokio::time::timeout(Duration::from_mins(1), child.wait()).await;
    let status = ended.map_err(text)?.map_err(text)?;
    equal(&status.code(), &Some(1))?;
    nothing_of(THIRD)
}

fn start_third() -> Outcome<Child> {
    Command::new(command())
        .args(["--name", THIRD, "up", "--nodes", "2"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .map_err(text)
}

async fn some_nodes_are_started(child: &mut Child) -> Outcome {
    let directory = ClusterDirectory::of(&named(THIRD));
    eventually("a kubelet is started", || async {
        let started = recorded(&directory);
        let kubelet = started
            .iter()
            .any(|process| process.spec.name == "node-1-kubelet");
        equal(&kubelet, &true)
    })
    .await?;
    let starting = directory.record().map_err(text)?.map(|record| record.phase);
    equal(&starting, &Some(Phase::Starting))?;
    match child.try_wait().map_err(text)? {
        None => Ok(()),
        Some(status) => Err(format!("`up` ended early: {status}")),
    }
}

/// Looks for processes, mounts, network namespaces, control groups and files of a cluster.
fn nothing_of(name: &str) -> Outcome {
    let directory = ClusterDirectory::of(&named(name));
    let folder = directory.root().display().to_string();
    let sockets = directory.sockets().display().to_string();
    for root in [&folder, &sockets] {
        equal(&Path::new(root).exists(), &false).map_err(|reason| format!("{root}: {reason}"))?;
    }
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").map_err(text)?;
    let below = format!("{folder}/");
    let left: Vec<&str> = mounts
        .lines()
        .filter(|line| line.contains(&below))
        .collect();
    equal(&left, &Vec::new())?;
    let namespaces = names_in("/run/netns");
    let prefix = format!("{name}-node-");
    let left: Vec<&String> = namespaces
        .iter()
        .filter(|name| name.starts_with(&prefix))
        .collect();
    equal(&left, &Vec::new())?;
    let left: Vec<String> = names_in("/sys/fs/cgroup")
        .into_iter()
        .map(|hierarchy| format!("/sys/fs/cgroup/{hierarchy}/triptych/{name}"))
        .chain([format!("/sys/fs/cgroup/triptych/{name}")])
        .filter(|group| Path::new(group).exists())
        .collect();
    equal(&left, &Vec::new())?;
    let left: Vec<String> = names_in("/proc")
        .into_iter()
        .filter(|entry| entry.bytes().all(|byte| byte.is_ascii_digit()))
        .filter(|process| {
            let line = std::fs::read(format!("/proc/{process}/cmdline")).unwrap_or_default();
            let line = String::from_utf8_lossy(&line).into_owned();
            line.contains(&below) || line.contains(&format!("{sockets}/"))
        })
        .collect();
    equal(&left, &Vec::new())
}

fn names_in(folder: &str) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect()
}
