//! Compares every file with the manifest.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::layout::{TEMPORARY, Table};
use crate::manifest::{FileEntry, GapEntry, RunManifest, current_files, replaced_paths};
use crate::read::describe_file;
use crate::recovery::{files_under, has_extension, relative};

/// What is wrong with a dataset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "problem", rename_all = "camelCase")]
pub enum Problem {
    /// A listed file is not there.
    Missing {
        /// The file.
        path: String,
    },
    /// A listed file cannot be read.
    Unreadable {
        /// The file.
        path: String,
        /// Why.
        reason: String,
    },
    /// A listed file is not the one that was listed.
    Different {
        /// The file.
        path: String,
        /// What differs: `rows`, `bytes`, `sha256` or `times`.
        what: &'static str,
        /// What the manifest says.
        listed: String,
        /// What the file says.
        found: String,
    },
    /// A file is listed twice.
    ListedTwice {
        /// The file.
        path: String,
    },
    /// A whole file without a line: its writer was killed, or is just about to write it.
    Unlisted {
        /// The file.
        path: String,
    },
    /// A file that a compacted one replaced is still there.
    Replaced {
        /// The file.
        path: String,
    },
    /// Lines of a manifest cannot be read.
    DamagedManifest {
        /// The manifest.
        path: String,
        /// Their numbers, from 1.
        lines: Vec<usize>,
    },
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { path } => write!(f, "{path}: listed, and not there"),
            Self::Unreadable { path, reason } => write!(f, "{path}: cannot be read: {reason}"),
            Self::Different {
                path,
                what,
                listed,
                found,
            } => {
                write!(f, "{path}: {what} {found}, listed as {listed}")
            }
            Self::ListedTwice { path } => write!(f, "{path}: listed twice"),
            Self::Unlisted { path } => {
                write!(
                    f,
                    "{path}: whole, and not listed; the next start of a writer adopts it where its run did not end"
                )
            }
            Self::Replaced { path } => write!(
                f,
                "{path}: replaced by a compacted file, and still there; `trader dataset compact` removes it"
            ),
            Self::DamagedManifest { path, lines } => {
                write!(f, "{path}: lines {lines:?} cannot be read")
            }
        }
    }
}

/// What a dataset holds, and what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct VerifyReport {
    /// Whether nothing is wrong. A loss that is on record is nothing wrong with the files.
    pub ok: bool,
    /// Runs.
    pub runs: usize,
    /// Files that are as listed.
    pub files: usize,
    /// Rows in them.
    pub rows: u64,
    /// Bytes in them.
    pub bytes: u64,
    /// Rows that are lost and counted; gaps of unknown size stand in `gaps`.
    pub rows_lost: u64,
    /// Losses on record.
    pub gaps: Vec<GapEntry>,
    /// Files that are being written, or that a killed writer left: no reader sees them.
    pub temporary_files: usize,
    /// Manifests with a torn end: cut off at the next start of a writer.
    pub torn_manifests: usize,
    /// What is wrong.
    pub problems: Vec<Problem>,
}

/// Time that a running writer gets to list a file that it has just published, and a compaction to
/// remove what it has just replaced.
const TIME_TO_LIST: Duration = Duration::from_secs(1);

/// Checks every file of a dataset against its line; changes nothing. A writer and a compaction may be
/// at work.
pub fn verify(directory: &Path) -> io::Result<VerifyReport> {
    let deadline = Instant::now() + TIME_TO_LIST;
    loop {
        let report = verify_once(directory)?;
        if Instant::now() >= deadline || !report.problems.iter().any(Problem::may_pass) {
            return Ok(report);
        }
        thread::sleep(Duration::from_millis(20));
    }
}

fn verify_once(directory: &Path) -> io::Result<VerifyReport> {
    let mut report = VerifyReport::default();
    // Files first: one that is published meanwhile is then listed and not found in the walk.
    let mut files = Vec::new();
    for table in Table::ALL {
        files.extend(files_under(&directory.join(table.folder()))?);
    }
    let manifests = RunManifest::read_all(directory)?;
    for manifest in &manifests {
        add_manifest(directory, manifest, &mut report);
    }
    let mut listed: BTreeMap<PathBuf, &FileEntry> = BTreeMap::new();
    for file in current_files(&manifests) {
        if listed.insert(directory.join(&file.path), file).is_some() {
            report.problems.push(Problem::ListedTwice {
                path: file.path.clone(),
            });
        }
    }
    report.temporary_files = files
        .iter()
        .filter(|path| has_extension(path, TEMPORARY))
        .count();
    let replaced = replaced_paths(&manifests);
    let published = files.iter().filter(|path| has_extension(path, "parquet"));
    for path in published.filter(|path| !listed.contains_key(*path)) {
        let path = relative(directory, path);
        report.problems.push(if replaced.contains(&*path) {
            Problem::Replaced { path }
        } else {
            Problem::Unlisted { path }
        });
    }
    for (path, entry) in listed {
        check(&path, entry, &mut report);
    }
    report.ok = report.problems.is_empty();
    Ok(report)
}

impl Problem {
    /// Whether it may be a moment of somebody at work.
    pub const fn may_pass(&self) -> bool {
        matches!(
            self,
            Self::Missing { .. } | Self::Unlisted { .. } | Self::Replaced { .. }
        )
    }
}

fn add_manifest(directory: &Path, manifest: &RunManifest, report: &mut VerifyReport) {
    report.runs += usize::from(manifest.run().is_some());
    report.torn_manifests += usize::from(manifest.torn);
    report.rows_lost += manifest.gaps().filter_map(|gap| gap.rows).sum::<u64>();
    report.gaps.extend(manifest.gaps().cloned());
    if !manifest.damaged_lines.is_empty() {
        report.problems.push(Problem::DamagedManifest {
            path: relative(directory, &manifest.path),
            lines: manifest.damaged_lines.clone(),
        });
    }
}

fn check(path: &Path, entry: &FileEntry, report: &mut VerifyReport) {
    if !path.exists() {
        report.problems.push(Problem::Missing {
            path: entry.path.clone(),
        });
        return;
    }
    let found = match describe_file(path) {
        Ok(found) => found,
        Err(error) => {
            let reason = error.to_string();
            report.problems.push(Problem::Unreadable {
                path: entry.path.clone(),
                reason,
            });
            return;
        }
    };
    let times = |file: &FileEntry| {
        format!(
            "{}..{}",
            file.first_ts_decision_ns, file.last_ts_decision_ns
        )
    };
    let comparisons = [
        ("rows", entry.rows.to_string(), found.rows.to_string()),
        ("bytes", entry.bytes.to_string(), found.bytes.to_string()),
        ("sha256", entry.sha256.clone(), found.sha256.clone()),
        ("times", times(entry), times(&found)),
    ];
    let before = report.problems.len();
    for (what, listed, found) in comparisons {
        if listed != found {
            let path = entry.path.clone();
            report.problems.push(Problem::Different {
                path,
                what,
                listed,
                found,
            });
        }
    }
    if report.problems.len() == before {
        report.files += 1;
        report.rows += found.rows;
        report.bytes += found.bytes;
    }
}
