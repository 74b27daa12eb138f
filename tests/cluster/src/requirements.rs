//! What this machine must have before a local cluster can start.

use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

/// A command that must be there, and the Debian package that has it.
const COMMANDS: [(&str, &str); 8] = [
    ("ip", "iproute2"),
    ("nft", "nftables"),
    ("conntrack", "conntrack"),
    ("nsenter", "util-linux"),
    ("setsid", "util-linux"),
    ("mount", "mount"),
    ("ethtool", "ethtool"),
    ("socat", "socat"),
];

/// What only building the parts needs.
const BUILD_COMMANDS: [(&str, &str); 2] = [("gcc", "gcc"), ("pkg-config", "pkg-config")];

/// Checks everything and names all that is missing at once.
pub fn check() -> Result<()> {
    let mut missing = missing_commands(&COMMANDS, &search_path());
    if !rustix::process::geteuid().is_root() {
        missing.insert(
            0,
            "it needs root (network namespaces, mounts, control groups): run it with sudo, or use \
             an existing cluster through KUBECONFIG and REGISTRY"
                .to_owned(),
        );
    }
    report(missing)
}

/// Checks what building the parts needs.
pub fn check_build() -> Result<()> {
    let mut missing = missing_commands(&BUILD_COMMANDS, &search_path());
    if find("go", &search_path()).is_none() {
        missing.push("the go command is missing: install Go 1.26 or later".to_owned());
    }
    if !Path::new("/usr/include/seccomp.h").exists() {
        missing.push("seccomp.h is missing: install the Debian package libseccomp-dev".to_owned());
    }
    report(missing)
}

/// File watchers that several clusters need; the usual limit of 128 is spent by the third.
const WATCHERS: u32 = 1024;

/// Raises this machine's limit on file watchers if it is too low; returns whether it was.
///
/// It is not lowered again: other clusters may count on it.
pub fn raise_watcher_limit() -> Result<bool> {
    let path = Path::new("/proc/sys/fs/inotify/max_user_instances");
    let text = std::fs::read_to_string(path).map_err(Error::file("read", path))?;
    if text.trim().parse().unwrap_or(u32::MAX) >= WATCHERS {
        return Ok(false);
    }
    std::fs::write(path, WATCHERS.to_string()).map_err(Error::file("write", path))?;
    Ok(true)
}

fn report(missing: Vec<String>) -> Result<()> {
    if missing.is_empty() {
        Ok(())
    } else {
        Err(Error::Requirements(missing))
    }
}

fn missing_commands(commands: &[(&str, &str)], path: &[PathBuf]) -> Vec<String> {
    commands
        .iter()
        .filter(|(command, _)| find(command, path).is_none())
        .map(|(command, package)| {
            format!("the command {command} is missing: install the Debian package {package}")
        })
        .collect()
}

fn find(command: &str, path: &[PathBuf]) -> Option<PathBuf> {
    path.iter()
        .map(|folder| folder.join(command))
        .find(|candidate| candidate.is_file())
}

fn search_path() -> Vec<PathBuf> {
    std::env::var_os("PATH")
        .map(|path| std::env::split_paths(&path).collect())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_command_is_named_with_its_debian_package() {
        let missing = missing_commands(&[("nft", "nftables")], &[PathBuf::from("/nonexistent")]);
        assert_eq!(
            missing,
            ["the command nft is missing: install the Debian package nftables"]
        );
    }
}
