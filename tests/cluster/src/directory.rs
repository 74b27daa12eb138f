//! Where a cluster keeps what it has: one directory for state, one for sockets.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::address_plan::{AddressPlan, MAX_CLUSTERS};
use crate::error::{Error, Result};
use crate::name::ClusterName;

/// Sockets live here, because their paths may have 108 bytes only.
const SOCKETS: &str = "/run/triptych";

/// How far a cluster has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Phase {
    /// `up` is at work, or was ended before it was done.
    Starting,
    /// `up` came to its end.
    Running,
}

/// What is written down about a cluster before anything of it is started.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ClusterRecord {
    /// Its name.
    pub name: ClusterName,
    /// Its addresses.
    pub addresses: AddressPlan,
    /// How many nodes it has.
    pub nodes: u8,
    /// Whether the first node is labelled and tainted for tier W.
    pub w_node: bool,
    /// How far it has come.
    pub phase: Phase,
    /// Folder of each part's executables.
    pub parts: BTreeMap<String, PathBuf>,
}

impl ClusterRecord {
    /// Numbers of the nodes, from 1.
    pub fn node_numbers(&self) -> std::ops::RangeInclusive<u8> {
        1..=self.nodes
    }

    /// Names of the nodes.
    pub fn node_names(&self) -> Vec<String> {
        self.node_numbers()
            .map(|number| self.name.node(number))
            .collect()
    }

    /// Number of the node with this name.
    pub fn node_number(&self, node: &str) -> Result<u8> {
        self.node_numbers()
            .find(|number| self.name.node(*number) == node)
            .ok_or_else(|| Error::UnknownNode {
                node: node.to_owned(),
                known: self.node_names(),
            })
    }

    /// Path of one of the built executables.
    pub fn executable(&self, part: &str, program: &str) -> PathBuf {
        self.parts
            .get(part)
            .map_or_else(|| PathBuf::from(program), |folder| folder.join(program))
    }
}

/// The folder that holds all clusters of this machine: `$TRIPTYCH_CLUSTERS`, else
/// `/var/lib/triptych`.
pub fn clusters_root() -> PathBuf {
    std::env::var_os("TRIPTYCH_CLUSTERS")
        .map_or_else(|| PathBuf::from("/var/lib/triptych"), PathBuf::from)
}

/// The directory of one cluster.
#[derive(Clone, Debug)]
pub struct ClusterDirectory {
    name: ClusterName,
    root: PathBuf,
    sockets: PathBuf,
}

impl ClusterDirectory {
    /// The directory of the cluster with this name, which need not exist.
    pub fn of(name: &ClusterName) -> Self {
        Self {
            name: name.clone(),
            root: clusters_root().join(name.as_str()),
            sockets: Path::new(SOCKETS).join(name.as_str()),
        }
    }

    /// The cluster's name.
    pub fn name(&self) -> &ClusterName {
        &self.name
    }

    /// The directory itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Folder of the sockets.
    pub fn sockets(&self) -> &Path {
        &self.sockets
    }

    /// Sockets and run-time state of one node.
    pub fn node_sockets(&self, number: u8) -> PathBuf {
        self.sockets.join(number.to_string())
    }

    /// Files of one node.
    pub fn node(&self, number: u8) -> PathBuf {
        self.root.join("nodes").join(number.to_string())
    }

    /// Certificates and keys.
    pub fn pki(&self) -> PathBuf {
        self.root.join("pki")
    }

    /// Kubeconfig of a component or person.
    pub fn kubeconfig(&self, who: &str) -> PathBuf {
        self.root.join("kubeconfig").join(format!("{who}.yaml"))
    }

    /// Kubeconfig of the administrator.
    pub fn admin_kubeconfig(&self) -> PathBuf {
        self.kubeconfig("admin")
    }

    /// Folder of the logs.
    pub fn logs(&self) -> PathBuf {
        self.root.join("logs")
    }

    /// Log of a process.
    pub fn log(&self, process: &str) -> PathBuf {
        self.logs().join(format!("{process}.log"))
    }

    /// The API server's audit log.
    pub fn audit_log(&self) -> PathBuf {
        self.root.join("audit").join("audit.log")
    }

    /// Records of the started processes.
    pub fn processes(&self) -> PathBuf {
        self.root.join("processes")
    }

    /// Data of local persistent volumes of one node.
    pub fn volumes(&self, node: &str) -> PathBuf {
        self.root.join("volumes").join(node)
    }

    fn record_file(&self) -> PathBuf {
        self.root.join("cluster.json")
    }

    /// Whether anything of this cluster is there, whole or not.
    pub fn exists(&self) -> bool {
        self.root.exists() || self.sockets.exists()
    }

    /// What was written down about the cluster; `None` where there is none.
    pub fn record(&self) -> Result<Option<ClusterRecord>> {
        let path = self.record_file();
        if !path.exists() {
            return Ok(None);
        }
        let bytes = fs::read(&path).map_err(Error::file("read", &path))?;
        serde_json::from_slice(&bytes)
            .map(Some)
            .map_err(|error| Error::Unreadable {
                path,
                reason: error.to_string(),
            })
    }

    /// What was written down about a cluster that is up.
    pub fn running_record(&self) -> Result<ClusterRecord> {
        self.record()?
            .filter(|record| record.phase == Phase::Running)
            .ok_or_else(|| Error::NotUp(self.name.to_string()))
    }

    /// Writes the record, whole or not at all.
    pub fn write_record(&self, record: &ClusterRecord) -> Result<()> {
        let text = serde_json::to_string_pretty(record).unwrap_or_default();
        let path = self.record_file();
        let fresh = path.with_extension("json.new");
        write_file(&fresh, text)?;
        fs::rename(&fresh, &path).map_err(Error::file("write", &path))
    }

    /// Removes everything; mounts below it must be gone.
    pub fn remove(&self) -> Result<()> {
        // The record goes last: what is found without it would not be cleaned again.
        for folder in [&self.sockets, &self.root] {
            if let Ok(entries) = fs::read_dir(folder) {
                for entry in entries
                    .flatten()
                    .filter(|entry| entry.path() != self.record_file())
                {
                    remove_entry(&entry.path())?;
                }
            }
        }
        for folder in [&self.sockets, &self.root] {
            if folder.exists() {
                fs::remove_dir_all(folder).map_err(Error::file("remove", folder))?;
            }
        }
        Ok(())
    }
}

fn remove_entry(path: &Path) -> Result<()> {
    let removed = if path.is_dir() && !path.is_symlink() {
        fs::remove_dir_all(path)
    } else {
        fs::remove_file(path)
    };
    removed.map_err(Error::file("remove", path))
}

/// Names of all clusters that have a directory.
pub fn known_clusters() -> Vec<ClusterName> {
    let mut names: Vec<ClusterName> = fs::read_dir(clusters_root())
        .into_iter()
        .flatten()
        .flatten()
        .filter(|entry| entry.path().is_dir())
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .collect();
    names.sort();
    names
}

/// The first address plan that no cluster uses and no interface of this machine has.
pub fn free_addresses(in_use_on_host: impl Fn(AddressPlan) -> bool) -> Result<AddressPlan> {
    let taken: Vec<AddressPlan> = known_clusters()
        .iter()
        .filter_map(|name| ClusterDirectory::of(name).record().ok().flatten())
        .map(|record| record.addresses)
        .collect();
    (0..MAX_CLUSTERS)
        .filter_map(AddressPlan::new)
        .find(|plan| !taken.contains(plan) && !in_use_on_host(*plan))
        .ok_or(Error::NoFreeNetwork)
}

/// A lock that keeps two commands from changing the same thing; it ends with its process.
#[derive(Debug)]
pub struct Lock(#[allow(dead_code, reason = "the open file is the lock")] File);

impl Lock {
    /// Waits for the lock of one cluster.
    pub fn cluster(name: &ClusterName) -> Result<Self> {
        Self::take(&format!("{name}.lock"))
    }

    /// Waits for the lock of what all clusters share: the choice of addresses.
    pub fn all_clusters() -> Result<Self> {
        Self::take("addresses.lock")
    }

    fn take(file: &str) -> Result<Self> {
        let root = clusters_root();
        create_folder(&root)?;
        let path = root.join(file);
        let file = File::create(&path).map_err(Error::file("create", &path))?;
        file.lock().map_err(Error::file("lock", &path))?;
        Ok(Self(file))
    }
}

/// Creates a folder and its parents.
pub(crate) fn create_folder(path: &Path) -> Result<()> {
    fs::create_dir_all(path).map_err(Error::file("create", path))
}

/// Writes a file that everyone on this machine may read, with its folder.
pub(crate) fn write_file(path: &Path, contents: impl AsRef<[u8]>) -> Result<()> {
    write_with_mode(path, contents.as_ref(), 0o644)
}

/// Writes a file that only root may read, with its folder.
pub(crate) fn write_secret(path: &Path, contents: impl AsRef<[u8]>) -> Result<()> {
    write_with_mode(path, contents.as_ref(), 0o600)
}

fn write_with_mode(path: &Path, contents: &[u8], mode: u32) -> Result<()> {
    if let Some(folder) = path.parent() {
        create_folder(folder)?;
    }
    let mut file = File::options()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(mode)
        .open(path)
        .map_err(Error::file("create", path))?;
    file.write_all(contents)
        .map_err(Error::file("write", path))?;
    file.set_permissions(fs::Permissions::from_mode(mode))
        .map_err(Error::file("write", path))
}

/// Lines of a log that an error shows, and characters of each.
const SHOWN: (usize, usize) = (12, 400);

/// The last lines of a log, or nothing.
pub(crate) fn log_tail(path: &Path) -> String {
    let text = fs::read(path).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let mut last: Vec<String> = text
        .lines()
        .rev()
        .take(SHOWN.0)
        .map(|line| line.chars().take(SHOWN.1).collect())
        .collect();
    if last.is_empty() {
        return String::new();
    }
    last.reverse();
    format!("last lines of {}:\n{}", path.display(), last.join("\n"))
}
