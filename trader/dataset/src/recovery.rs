//! Puts a directory in order that a killed writer left.
//!
//! A file is published by its rename and listed by its line; a kill can fall between the two, into
//! either, or before a last flush. After recovery every file is listed or out of the readers' way,
//! and every run that ended early says how much it may have lost.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::filesystem::FileSystem;
use crate::layout::{CANDIDATES, TEMPORARY, run_of_file, unreadable};
use crate::manifest::{EndEntry, Entry, FileEntry, GapEntry, ManifestWriter, RunManifest};
use crate::read::describe_file;
use crate::run::RunId;

/// What was put in order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RecoveryReport {
    /// Unfinished files that were removed.
    pub temporary_files_removed: usize,
    /// Whole files without a line that got one.
    pub files_adopted: usize,
    /// Files that cannot be read and were renamed out of the readers' way.
    pub files_unreadable: usize,
    /// Manifests whose torn end was cut off.
    pub manifests_repaired: usize,
    /// Runs that had not ended in an orderly way, and now have a gap and an end.
    pub runs_ended: usize,
}

/// Puts a dataset's directory in order. Nobody else may be writing to it.
pub fn recover(directory: &Path, filesystem: &dyn FileSystem) -> io::Result<RecoveryReport> {
    let mut report = RecoveryReport::default();
    let manifests = RunManifest::read_all(directory)?;
    for manifest in manifests.iter().filter(|manifest| manifest.torn) {
        filesystem.write_end(&manifest.path, manifest.good_bytes, b"")?;
        report.manifests_repaired += 1;
    }
    let listed: BTreeSet<PathBuf> = manifests
        .iter()
        .flat_map(RunManifest::files)
        .map(|file| directory.join(&file.path))
        .collect();
    for path in files_under(&directory.join(CANDIDATES))? {
        if has_extension(&path, TEMPORARY) {
            filesystem.remove_file(&path)?;
            report.temporary_files_removed += 1;
        } else if has_extension(&path, "parquet") && !listed.contains(&path) {
            adopt(directory, &path, filesystem, &mut report)?;
        }
    }
    // Adopted files are listed now: read again.
    for manifest in RunManifest::read_all(directory)?
        .iter()
        .filter(|found| !found.has_ended())
    {
        end(directory, manifest, filesystem)?;
        report.runs_ended += 1;
    }
    Ok(report)
}

/// Every file under a folder, in the order of their paths; none where there is no folder.
pub fn files_under(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let entries = match fs::read_dir(&folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            entries => entries?,
        };
        for entry in entries {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                folders.push(entry.path());
            } else {
                files.push(entry.path());
            }
        }
    }
    files.sort();
    Ok(files)
}

/// Whether a file name ends so.
pub fn has_extension(path: &Path, wanted: &str) -> bool {
    path.extension()
        .is_some_and(|extension| extension == wanted)
}

fn adopt(
    directory: &Path,
    path: &Path,
    filesystem: &dyn FileSystem,
    report: &mut RecoveryReport,
) -> io::Result<()> {
    let run = run_of_file(path).unwrap_or_else(RunId::unknown);
    let mut manifest = ManifestWriter::open(directory, &run)?;
    if let Ok(description) = describe_file(path) {
        let path = relative(directory, path);
        manifest.queue(Entry::File(FileEntry {
            path,
            adopted: true,
            ..description
        }));
        report.files_adopted += 1;
    } else {
        filesystem.publish(path, &unreadable(path))?;
        manifest.queue(Entry::Gap(GapEntry {
            rows: None,
            rows_at_most: None,
            first_ts_decision_ns: None,
            last_ts_decision_ns: None,
            reason: format!("{} cannot be read", relative(directory, path)),
        }));
        report.files_unreadable += 1;
    }
    manifest.write(filesystem)
}

/// A path as manifests write it.
pub fn relative(directory: &Path, path: &Path) -> String {
    let parts: Vec<_> = path
        .strip_prefix(directory)
        .unwrap_or(path)
        .iter()
        .map(|part| part.to_string_lossy().into_owned())
        .collect();
    parts.join("/")
}

fn end(directory: &Path, found: &RunManifest, filesystem: &dyn FileSystem) -> io::Result<()> {
    let name = found.path.file_stem().and_then(|stem| stem.to_str());
    let run = name
        .and_then(|name| RunId::parse(name).ok())
        .unwrap_or_else(RunId::unknown);
    let mut manifest = ManifestWriter::open(directory, &run)?;
    manifest.queue(Entry::Gap(GapEntry {
        rows: None,
        rows_at_most: found.run().map(|run| run.rows_in_memory_at_most),
        first_ts_decision_ns: found.files().map(|file| file.last_ts_decision_ns).max(),
        last_ts_decision_ns: None,
        reason: "the run ended without a last flush".to_owned(),
    }));
    let rows = found.files().map(|file| file.rows).sum();
    manifest.queue(Entry::End(EndEntry {
        rows,
        orderly: false,
    }));
    manifest.write(filesystem)
}
