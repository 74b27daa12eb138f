//! Puts a directory in order that a killed writer left.
//!
//! A file is published by its rename and listed by its line; a kill can fall between the two, into
//! either, or before a last flush. After recovery every file of such a run is listed or out of the
//! readers' way, and the run says how much it may have lost. Of runs that ended only the last line is
//! looked at, so that a start takes as long with a thousand runs as with one.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use crate::filesystem::FileSystem;
use crate::layout::{CANDIDATES, COMPACTION, TEMPORARY, published_name, run_of_file, unreadable};
use crate::manifest::{EndEntry, Entry, FileEntry, GapEntry, ManifestWriter, RunManifest};
use crate::read::describe_file;
use crate::run::RunId;

/// A line that ends a run is shorter than this.
const LONGEST_END: u64 = 512;

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

/// Puts in order what runs left that did not end. Nobody else may be writing candidates; a compaction
/// may be at work.
pub fn recover(directory: &Path, filesystem: &dyn FileSystem) -> io::Result<RecoveryReport> {
    let mut report = RecoveryReport::default();
    for path in manifests_without_an_end(directory)? {
        let manifest = RunManifest::read(&path)?;
        if manifest.torn {
            filesystem.write_end(&path, manifest.good_bytes, b"")?;
            report.manifests_repaired += 1;
        }
        if manifest.has_ended() {
            continue;
        }
        put_files_in_order(directory, &manifest, filesystem, &mut report)?;
        // Adopted files are listed now: read again.
        end(directory, &RunManifest::read(&path)?, filesystem)?;
        report.runs_ended += 1;
    }
    Ok(report)
}

fn manifests_without_an_end(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for path in RunManifest::paths(directory)? {
        if run_of(&path).as_str() != COMPACTION && !ends_with_an_end(&path)? {
            paths.push(path);
        }
    }
    Ok(paths)
}

/// Whether the last line of a manifest ends its run; reads no more than that line.
fn ends_with_an_end(path: &Path) -> io::Result<bool> {
    let mut file = File::open(path)?;
    let size = file.metadata()?.len();
    file.seek(SeekFrom::Start(size.saturating_sub(LONGEST_END)))?;
    let mut tail = Vec::new();
    file.read_to_end(&mut tail)?;
    let Some(lines) = tail.strip_suffix(b"\n") else {
        return Ok(false);
    };
    let last = lines.rsplit(|&byte| byte == b'\n').next().unwrap_or(lines);
    Ok(matches!(serde_json::from_slice(last), Ok(Entry::End(_))))
}

/// Lists the run's whole files that its manifest does not, and clears away the others.
fn put_files_in_order(
    directory: &Path,
    manifest: &RunManifest,
    filesystem: &dyn FileSystem,
    report: &mut RecoveryReport,
) -> io::Result<()> {
    let run = run_of(&manifest.path);
    let listed: BTreeSet<PathBuf> = manifest
        .files()
        .map(|file| directory.join(&file.path))
        .collect();
    for path in files_of(directory, manifest)? {
        if let Some(published) = published_name(&path, TEMPORARY) {
            if run_of_file(&published).as_ref() == Some(&run) {
                filesystem.remove_file(&path)?;
                report.temporary_files_removed += 1;
            }
        } else if run_of_file(&path).as_ref() == Some(&run) && !listed.contains(&path) {
            adopt(directory, &run, &path, filesystem, report)?;
        }
    }
    Ok(())
}

/// Everything in the folders that a run wrote to.
fn files_of(directory: &Path, manifest: &RunManifest) -> io::Result<Vec<PathBuf>> {
    // Builds before this one did not name their folders.
    if !manifest.run().is_some_and(|run| run.names_folders) {
        return files_under(&directory.join(CANDIDATES));
    }
    let mut files = Vec::new();
    for folder in manifest.folders() {
        files.extend(files_under(&directory.join(folder))?);
    }
    Ok(files)
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
    run: &RunId,
    path: &Path,
    filesystem: &dyn FileSystem,
    report: &mut RecoveryReport,
) -> io::Result<()> {
    let mut manifest = ManifestWriter::open(directory, run)?;
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

/// The run of a manifest, from its name.
fn run_of(manifest: &Path) -> RunId {
    let name = manifest.file_stem().and_then(|stem| stem.to_str());
    name.and_then(|name| RunId::parse(name).ok())
        .unwrap_or_else(RunId::unknown)
}

fn end(directory: &Path, found: &RunManifest, filesystem: &dyn FileSystem) -> io::Result<()> {
    let mut manifest = ManifestWriter::open(directory, &run_of(&found.path))?;
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
