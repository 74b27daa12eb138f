//! Starting the cluster's processes, writing them down, and ending exactly those.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use serde::{Deserialize, Serialize};

use crate::cgroups::ControlGroups;
use crate::directory::{ClusterDirectory, create_folder, write_file};
use crate::error::{Error, Result};

/// Time that a process has to end by itself.
const ENDS_WITHIN: Duration = Duration::from_secs(10);

/// Puts itself into the named control groups, then becomes the program.
const ENTER_GROUPS: &str =
    "while [ \"$1\" != -- ]; do echo $$ > \"$1\" || exit 125; shift; done; shift; exec \"$@\"";

/// A process to start.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProcessSpec {
    /// Its name in this cluster, such as `etcd` or `node-1-kubelet`.
    pub name: String,
    /// The executable.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// Further environment variables.
    pub environment: Vec<(String, String)>,
    /// The network namespace that it runs in; the host's if `None`.
    pub network_namespace: Option<String>,
    /// The control group that it runs in.
    pub control_group: String,
}

/// A process that was started, told apart from later ones of the same number by its start time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProcessRecord {
    /// What was started.
    pub spec: ProcessSpec,
    /// Its number.
    pub pid: i32,
    /// Its start, in clock ticks since boot.
    pub start_time: u64,
}

impl ProcessRecord {
    /// Whether this very process still runs.
    pub fn is_alive(&self) -> bool {
        start_time_of(self.pid) == Some(self.start_time)
    }
}

/// Starts a process that outlives this one, with its output in the cluster's logs.
pub(crate) fn start(
    directory: &ClusterDirectory,
    groups: &ControlGroups,
    spec: &ProcessSpec,
) -> Result<ProcessRecord> {
    create_folder(&directory.logs())?;
    let path = directory.log(&spec.name);
    let log = File::options()
        .append(true)
        .create(true)
        .open(&path)
        .map_err(Error::file("create", &path))?;
    let errors = log.try_clone().map_err(Error::file("open", &path))?;
    let child = command_for(groups, spec)
        .stdin(Stdio::null())
        .stdout(log)
        .stderr(errors)
        .spawn()
        .map_err(Error::io(format!("start {}", spec.name)))?;
    let pid = i32::try_from(child.id()).unwrap_or(i32::MAX);
    let record = ProcessRecord {
        spec: spec.clone(),
        pid,
        start_time: start_time_of(pid).unwrap_or_default(),
    };
    let text = serde_json::to_string_pretty(&record).unwrap_or_default();
    write_file(&record_file(directory, &spec.name), text)?;
    Ok(record)
}

/// `setsid` and `nsenter --net` become the program without a fork, so the number stays the same.
fn command_for(groups: &ControlGroups, spec: &ProcessSpec) -> Command {
    let mut command = Command::new("setsid");
    command.args(["sh", "-c", ENTER_GROUPS, "sh"]);
    command
        .args(groups.membership_files(&spec.control_group))
        .arg("--");
    if let Some(namespace) = &spec.network_namespace {
        command.args(["nsenter", &format!("--net=/run/netns/{namespace}"), "--"]);
    }
    command.arg(&spec.program).args(&spec.arguments);
    command.envs(spec.environment.iter().map(|(name, value)| (name, value)));
    command
}

/// Every process that was started and not yet forgotten, by name.
pub fn recorded(directory: &ClusterDirectory) -> Vec<ProcessRecord> {
    let mut records: Vec<ProcessRecord> = fs::read_dir(directory.processes())
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| serde_json::from_slice(&fs::read(entry.path()).ok()?).ok())
        .collect();
    records.sort_by(|a, b| a.spec.name.cmp(&b.spec.name));
    records
}

/// The record of one process.
pub(crate) fn record_of(directory: &ClusterDirectory, name: &str) -> Result<ProcessRecord> {
    let path = record_file(directory, name);
    let bytes = fs::read(&path).map_err(Error::file("read", &path))?;
    serde_json::from_slice(&bytes).map_err(|error| Error::Unreadable {
        path,
        reason: error.to_string(),
    })
}

/// Ends a recorded process, by force if it does not end by itself; returns whether it was alive.
pub(crate) async fn stop(record: &ProcessRecord) -> Result<bool> {
    if !record.is_alive() {
        return Ok(false);
    }
    signal_if(record.pid, Signal::TERM, || record.is_alive())?;
    let started = Instant::now();
    while record.is_alive() {
        if started.elapsed() > ENDS_WITHIN {
            kill_if(record.pid, || record.is_alive())?;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(true)
}

/// Kills a process if, once it is held, the condition says it is the one that is meant.
pub(crate) fn kill_if(pid: i32, is_meant: impl FnOnce() -> bool) -> Result<()> {
    signal_if(pid, Signal::KILL, is_meant)
}

fn signal_if(pid: i32, signal: Signal, is_meant: impl FnOnce() -> bool) -> Result<()> {
    let Some(process) = Pid::from_raw(pid) else {
        return Ok(());
    };
    // The descriptor holds on to the process, so its number cannot pass to another meanwhile.
    let sent = pidfd_open(process, PidfdFlags::empty()).and_then(|descriptor| {
        if is_meant() {
            pidfd_send_signal(descriptor, signal)
        } else {
            Ok(())
        }
    });
    match sent {
        Ok(()) | Err(Errno::SRCH) => Ok(()),
        Err(error) => Err(Error::io(format!("signal process {pid}"))(error.into())),
    }
}

/// Start of a living process in clock ticks since boot; `None` if there is none or it has ended.
fn start_time_of(pid: i32) -> Option<u64> {
    parse_start_time(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

/// Fields as in proc_pid_stat(5); the second may hold blanks and parentheses.
fn parse_start_time(stat: &str) -> Option<u64> {
    let (_, after_name) = stat.rsplit_once(')')?;
    let fields: Vec<&str> = after_name.split_whitespace().collect();
    let ended = matches!(*fields.first()?, "Z" | "X");
    if ended {
        None
    } else {
        fields.get(19)?.parse().ok()
    }
}

fn record_file(directory: &ClusterDirectory, name: &str) -> PathBuf {
    directory
        .processes()
        .join(Path::new(name).with_extension("json"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAT: &str = "42 (a) b) c) S 1 42 42 0 -1 4194560 1 0 0 0 1 2 0 0 20 0 5 0 987654 1 1";

    #[test]
    fn the_start_time_is_found_behind_any_process_name() {
        assert_eq!(parse_start_time(STAT), Some(987_654));
    }

    #[test]
    fn an_ended_process_that_nobody_waited_for_is_not_alive() {
        assert_eq!(parse_start_time(&STAT.replace(" S ", " Z ")), None);
    }

    #[test]
    fn a_process_number_used_again_is_not_taken_for_the_recorded_process() {
        let pid = i32::try_from(std::process::id()).unwrap();
        let spec = ProcessSpec {
            name: "test".into(),
            program: "test".into(),
            arguments: vec![],
            environment: vec![],
            network_namespace: None,
            control_group: "test".into(),
        };
        let start_time = start_time_of(pid).unwrap();
        assert!(
            ProcessRecord {
                spec: spec.clone(),
                pid,
                start_time
            }
            .is_alive()
        );
        assert!(
            !ProcessRecord {
                spec,
                pid,
                start_time: start_time + 1
            }
            .is_alive()
        );
    }
}
