//! What is mounted, and unmounting what a cluster mounted.

use std::fs;
use std::path::{Path, PathBuf};

use rustix::mount::{UnmountFlags, unmount};

use crate::error::{Error, Result};

/// One mount of this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mount {
    /// Kind of file system.
    pub(crate) kind: String,
    /// Where it is mounted.
    pub(crate) point: PathBuf,
}

/// All mounts, in the order in which they were made.
pub(crate) fn all() -> Result<Vec<Mount>> {
    let path = Path::new("/proc/self/mountinfo");
    let text = fs::read_to_string(path).map_err(Error::file("read", path))?;
    Ok(parse(&text))
}

/// The mounts at or below a folder.
pub(crate) fn below(folder: &Path) -> Result<Vec<PathBuf>> {
    Ok(all()?
        .into_iter()
        .map(|mount| mount.point)
        .filter(|at| at.starts_with(folder))
        .collect())
}

/// Unmounts everything at or below a folder, the last mount first; returns how many there were.
pub(crate) fn unmount_below(folder: &Path) -> Result<usize> {
    let points = below(folder)?;
    for point in points.iter().rev() {
        unmount(point, UnmountFlags::DETACH)
            .map_err(|error| Error::file("unmount", point)(error.into()))?;
    }
    Ok(points.len())
}

fn parse(mountinfo: &str) -> Vec<Mount> {
    mountinfo.lines().filter_map(parse_line).collect()
}

/// Fields as in proc_pid_mountinfo(5): the fifth is the mount point, the first after ` - ` the kind.
fn parse_line(line: &str) -> Option<Mount> {
    let (mount, file_system) = line.split_once(" - ")?;
    Some(Mount {
        kind: file_system.split(' ').next()?.to_owned(),
        point: PathBuf::from(unescape(mount.split(' ').nth(4)?)),
    })
}

/// Blanks and the like are written as a backslash and three octal digits.
fn unescape(text: &str) -> String {
    let mut result = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\\') {
        result.push_str(before);
        let digits = after.get(..3).unwrap_or_default();
        if let Ok(byte) = u8::from_str_radix(digits, 8) {
            result.push(char::from(byte));
            rest = &after[3..];
        } else {
            result.push('\\');
            rest = after;
        }
    }
    result + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mount_points_are_read_with_their_kind() {
        let text = "36 35 98:0 /mnt1 /mnt/a\\040b rw,noatime master:1 - ext3 /dev/root rw\n\
                    37 35 0:25 / /sys/fs/cgroup/pids rw shared:9 - cgroup cgroup rw,pids\n";
        assert_eq!(
            parse(text),
            [
                Mount {
                    kind: "ext3".into(),
                    point: "/mnt/a b".into()
                },
                Mount {
                    kind: "cgroup".into(),
                    point: "/sys/fs/cgroup/pids".into()
                },
            ]
        );
    }
}
