//! Control groups: each cluster's processes live below one of its own, in every hierarchy.
//!
//! That is how all of them are found again, also those that a container runtime started.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::error::{Error, Result};
use crate::mounts::{self, Mount};
use crate::name::ClusterName;
use crate::processes;

/// Longest wait for killed processes to leave their groups.
const EMPTY_WITHIN: Duration = Duration::from_secs(20);

/// The version-2 controllers that a kubelet manages.
const CONTROLLERS: [&str; 6] = ["cpuset", "cpu", "io", "memory", "hugetlb", "pids"];

/// The control groups of one cluster.
#[derive(Clone, Debug)]
pub(crate) struct ControlGroups {
    hierarchies: Vec<PathBuf>,
    unified: bool,
    cluster: String,
}

impl ControlGroups {
    /// The groups of the cluster with this name on this machine.
    pub(crate) fn of(name: &ClusterName) -> Result<Self> {
        let (hierarchies, unified) = hierarchies(&mounts::all()?);
        if hierarchies.is_empty() {
            return Err(Error::Requirements(vec![
                "no control groups are mounted below /sys/fs/cgroup".to_owned(),
            ]));
        }
        Ok(Self {
            hierarchies,
            unified,
            cluster: format!("triptych/{name}"),
        })
    }

    /// Group of the control plane, below each hierarchy.
    pub(crate) fn control_plane(&self) -> String {
        format!("{}/control-plane", self.cluster)
    }

    /// Group of a node's own processes.
    pub(crate) fn node_services(&self, number: u8) -> String {
        format!("{}/node-{number}-services", self.cluster)
    }

    /// Group under which a node's kubelet keeps its pods.
    pub(crate) fn node_pods(&self, number: u8) -> String {
        format!("{}/node-{number}", self.cluster)
    }

    /// Creates a group in every hierarchy.
    pub(crate) fn create(&self, group: &str) -> Result<()> {
        for hierarchy in &self.hierarchies {
            let mut path = hierarchy.clone();
            for level in group.split('/') {
                if self.unified {
                    enable_controllers(&path);
                }
                let parent = path.clone();
                path.push(level);
                if !path.exists() {
                    fs::create_dir(&path).map_err(Error::file("create", &path))?;
                }
                inherit_cpuset(&parent, &path)?;
            }
        }
        Ok(())
    }

    /// The files that move a process into a group.
    pub(crate) fn membership_files(&self, group: &str) -> Vec<PathBuf> {
        self.hierarchies
            .iter()
            .map(|root| root.join(group).join("cgroup.procs"))
            .collect()
    }

    /// Every process below a group, in any hierarchy.
    pub(crate) fn members(&self, group: &str) -> BTreeSet<i32> {
        self.hierarchies
            .iter()
            .flat_map(|root| members_below(&root.join(group)))
            .collect()
    }

    /// Whether a group is there in any hierarchy.
    pub(crate) fn cluster_exists(&self) -> bool {
        self.hierarchies
            .iter()
            .any(|root| root.join(&self.cluster).exists())
    }

    /// Kills every process below a group and waits until none is left; returns how many there were.
    pub(crate) async fn kill(&self, group: &str) -> Result<usize> {
        let started = Instant::now();
        let mut killed = BTreeSet::new();
        loop {
            let members = self.members(group);
            if members.is_empty() {
                return Ok(killed.len());
            }
            if started.elapsed() > EMPTY_WITHIN {
                return Err(Error::NotReady {
                    what: format!("the end of processes {members:?}"),
                    waited: EMPTY_WITHIN,
                    reason: "they do not end".to_owned(),
                    log: String::new(),
                });
            }
            for pid in members {
                processes::kill_if(pid, || is_member(pid, group))?;
                killed.insert(pid);
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Kills every process of the cluster.
    pub(crate) async fn kill_all(&self) -> Result<usize> {
        self.kill(&self.cluster).await
    }

    /// Removes the cluster's groups, which must be empty.
    pub(crate) async fn remove(&self) -> Result<()> {
        for hierarchy in &self.hierarchies {
            let group = hierarchy.join(&self.cluster);
            let started = Instant::now();
            // The kernel lets go of a group a moment after its last process.
            while let Err(error) = remove_below(&group) {
                if started.elapsed() > EMPTY_WITHIN {
                    return Err(Error::file("remove control group", &group)(error));
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            // Shared with other clusters: it stays while they use it.
            let _ = fs::remove_dir(hierarchy.join("triptych"));
        }
        Ok(())
    }
}

fn is_member(pid: i32, group: &str) -> bool {
    let text = fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap_or_default();
    text.lines()
        .filter_map(|line| line.splitn(3, ':').nth(2))
        .any(|path| is_below(path, group))
}

fn is_below(path: &str, group: &str) -> bool {
    let rest = path
        .strip_prefix('/')
        .and_then(|path| path.strip_prefix(group));
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// The mounted hierarchies, and whether the one of version 2 is alone.
fn hierarchies(all: &[Mount]) -> (Vec<PathBuf>, bool) {
    let of_kind = |kind: &str| -> Vec<PathBuf> {
        all.iter()
            .filter(|mount| mount.kind == kind)
            .map(|mount| mount.point.clone())
            .collect()
    };
    let mut found = of_kind("cgroup");
    let unified = found.is_empty();
    // Container runtimes use an empty one of version 2 too, where it is beside the others.
    found.extend(of_kind("cgroup2"));
    (found, unified)
}

fn enable_controllers(group: &Path) {
    for controller in CONTROLLERS {
        // A controller that this kernel lacks is not needed either.
        let _ = fs::write(
            group.join("cgroup.subtree_control"),
            format!("+{controller}"),
        );
    }
}

/// A version-1 cpuset group takes no process before it names processors and memory nodes.
fn inherit_cpuset(parent: &Path, group: &Path) -> Result<()> {
    for file in ["cpuset.cpus", "cpuset.mems"] {
        let own = group.join(file);
        let unset = fs::read_to_string(&own).is_ok_and(|text| text.trim().is_empty());
        let inherited = fs::read_to_string(parent.join(file)).unwrap_or_default();
        if unset && !inherited.trim().is_empty() {
            fs::write(&own, inherited.trim()).map_err(Error::file("write", &own))?;
        }
    }
    Ok(())
}

fn members_below(group: &Path) -> BTreeSet<i32> {
    let own = fs::read_to_string(group.join("cgroup.procs")).unwrap_or_default();
    let mut members: BTreeSet<i32> = own.lines().filter_map(|line| line.parse().ok()).collect();
    for child in child_groups(group) {
        members.extend(members_below(&child));
    }
    members
}

fn remove_below(group: &Path) -> std::io::Result<()> {
    for child in child_groups(group) {
        remove_below(&child)?;
    }
    match fs::remove_dir(group) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn child_groups(group: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(group).into_iter().flatten().flatten();
    entries
        .map(|entry| entry.path())
        .filter(|path| path.is_dir())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mount(kind: &str, point: &str) -> Mount {
        Mount {
            kind: kind.to_owned(),
            point: PathBuf::from(point),
        }
    }

    #[test]
    fn one_of_version_2_beside_others_is_not_the_one_with_the_controllers() {
        let mounts = [
            mount("tmpfs", "/sys/fs/cgroup"),
            mount("cgroup", "/sys/fs/cgroup/cpu"),
            mount("cgroup", "/sys/fs/cgroup/pids"),
            mount("cgroup2", "/sys/fs/cgroup/unified"),
        ];
        let (found, unified) = hierarchies(&mounts);
        let expected =
            ["cpu", "pids", "unified"].map(|name| Path::new("/sys/fs/cgroup").join(name));
        assert_eq!(found, expected);
        assert!(!unified);
    }

    #[test]
    fn a_group_whose_name_begins_alike_is_another_group() {
        assert!(is_below("/triptych/dev", "triptych/dev"));
        assert!(is_below("/triptych/dev/node-1/kubepods", "triptych/dev"));
        assert!(!is_below("/triptych/dev-2/node-1", "triptych/dev"));
        assert!(!is_below("/other/triptych/dev", "triptych/dev"));
    }

    #[test]
    fn version_2_is_used_where_it_is_alone() {
        let (found, unified) = hierarchies(&[mount("cgroup2", "/sys/fs/cgroup")]);
        assert_eq!(found, [PathBuf::from("/sys/fs/cgroup")]);
        assert!(unified);
    }
}
