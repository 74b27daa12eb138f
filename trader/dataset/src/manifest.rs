//! The manifest of a run: one line of JSON for each file that is whole, and for each loss.
//!
//! Lines are only ever added. A line counts once its newline is on the disk; what a killed writer
//! left behind the last one is cut off at the next start.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::filesystem::FileSystem;
use crate::layout::{MANIFEST, manifest_path};
use crate::run::{RunContext, RunId};
use crate::schema;

/// A line of a manifest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase")]
pub enum Entry {
    /// The first line: what run this is.
    Run(RunEntry),
    /// A folder that the run is about to write to.
    Folder(FolderEntry),
    /// A file that is whole.
    File(FileEntry),
    /// A whole file that took the place of others.
    Compacted(CompactedEntry),
    /// Rows that are lost.
    Gap(GapEntry),
    /// The last line: everything that the run decided is in its files, or in a gap.
    End(EndEntry),
}

/// What run this is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RunEntry {
    /// Identity of the run.
    pub run_id: RunId,
    /// The tier.
    pub tier: String,
    /// The instance, as `<namespace>/<name>`.
    pub instance: String,
    /// Hash of the configuration.
    pub config_hash: String,
    /// SHA-256 of the executable.
    pub binary_sha256: String,
    /// Version of the columns.
    pub schema_version: u32,
    /// Rows that the run kept in memory at most: the most that a kill loses.
    pub rows_in_memory_at_most: u64,
    /// Whether the run names each folder before it writes to it; builds before this one did not.
    #[serde(default)]
    pub names_folders: bool,
}

/// A folder that the run is about to write to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FolderEntry {
    /// Path, relative to the dataset's directory, with `/` between folders.
    pub path: String,
}

/// A whole file that took the place of others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CompactedEntry {
    /// The file.
    #[serde(flatten)]
    pub file: FileEntry,
    /// Paths of the files whose rows it has: from this line on they count no more.
    pub replaces: Vec<String>,
}

/// A file that is whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FileEntry {
    /// Path, relative to the dataset's directory, with `/` between folders.
    pub path: String,
    /// Number of rows.
    pub rows: u64,
    /// Size in bytes.
    pub bytes: u64,
    /// SHA-256 of the bytes, 64 hexadecimal digits.
    pub sha256: String,
    /// Smallest `ts_decision_ns`.
    pub first_ts_decision_ns: i64,
    /// Largest `ts_decision_ns`.
    pub last_ts_decision_ns: i64,
    /// Whether the file was found whole without a line, after its writer was killed between the two.
    pub adopted: bool,
}

/// Rows that are lost.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GapEntry {
    /// Number of rows, where it is known.
    pub rows: Option<u64>,
    /// The most that it can be, where the number is not known.
    pub rows_at_most: Option<u64>,
    /// `ts_decision_ns` of the first lost row; of the last row before, where that is all there is.
    pub first_ts_decision_ns: Option<i64>,
    /// `ts_decision_ns` of the last lost row, where it is known.
    pub last_ts_decision_ns: Option<i64>,
    /// Why.
    pub reason: String,
}

/// The end of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EndEntry {
    /// Rows in all files of the run.
    pub rows: u64,
    /// Whether the run wrote this line itself.
    pub orderly: bool,
}

impl RunEntry {
    /// The first line of a run.
    pub fn of(run: &RunContext, rows_in_memory_at_most: u64) -> Self {
        Self {
            run_id: run.run_id.clone(),
            tier: run.tier.clone(),
            instance: run.instance.clone(),
            config_hash: run.config_hash.clone(),
            binary_sha256: run.binary_sha256.clone(),
            schema_version: schema::VERSION,
            rows_in_memory_at_most,
            names_folders: true,
        }
    }
}

/// The files that count: those listed, without those that a compacted file replaced.
pub fn current_files(manifests: &[RunManifest]) -> impl Iterator<Item = &FileEntry> {
    let replaced = replaced_paths(manifests);
    let listed = manifests.iter().flat_map(|manifest| {
        let compacted = manifest.compacted().map(|compacted| &compacted.file);
        manifest.files().chain(compacted)
    });
    listed.filter(move |file| !replaced.contains(&*file.path))
}

/// Paths of the files that a compacted file replaced.
pub fn replaced_paths(manifests: &[RunManifest]) -> BTreeSet<&str> {
    let compacted = manifests.iter().flat_map(RunManifest::compacted);
    compacted
        .flat_map(|compacted| compacted.replaces.iter().map(String::as_str))
        .collect()
}

/// A manifest as it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunManifest {
    /// Its file.
    pub path: PathBuf,
    /// Every line that can be read.
    pub entries: Vec<Entry>,
    /// Where the last line that can be read ends.
    pub good_bytes: u64,
    /// Whether something stands behind it.
    pub torn: bool,
    /// Numbers of lines before it that cannot be read, from 1.
    pub damaged_lines: Vec<usize>,
}

impl RunManifest {
    /// Reads a manifest.
    pub fn read(path: &Path) -> io::Result<Self> {
        Ok(Self::parse(path, &fs::read(path)?))
    }

    /// Reads the content of a manifest; `path` is where it is from.
    pub fn parse(path: &Path, bytes: &[u8]) -> Self {
        let mut manifest = Self {
            path: path.to_owned(),
            entries: Vec::new(),
            good_bytes: 0,
            torn: false,
            damaged_lines: Vec::new(),
        };
        let mut suspects = Vec::new();
        let mut offset = 0;
        for (number, line) in bytes.split_inclusive(|&byte| byte == b'\n').enumerate() {
            offset += line.len() as u64;
            match line.strip_suffix(b"\n").map(serde_json::from_slice) {
                Some(Ok(entry)) => {
                    manifest.entries.push(entry);
                    manifest.good_bytes = offset;
                    manifest.damaged_lines.append(&mut suspects);
                }
                _ => suspects.push(number + 1),
            }
        }
        manifest.torn = manifest.good_bytes < bytes.len() as u64;
        manifest
    }

    /// Every manifest of a dataset, in the order of their names.
    pub fn read_all(directory: &Path) -> io::Result<Vec<Self>> {
        let paths = Self::paths(directory)?;
        paths.iter().map(|path| Self::read(path)).collect()
    }

    /// The path of every manifest of a dataset, in the order of their names.
    pub fn paths(directory: &Path) -> io::Result<Vec<PathBuf>> {
        let folder = match fs::read_dir(directory.join(MANIFEST)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            folder => folder?,
        };
        let mut paths = Vec::new();
        for entry in folder {
            let path = entry?.path();
            if path
                .extension()
                .is_some_and(|extension| extension == "jsonl")
            {
                paths.push(path);
            }
        }
        paths.sort();
        Ok(paths)
    }

    /// The files that took the place of others.
    pub fn compacted(&self) -> impl Iterator<Item = &CompactedEntry> {
        self.entries.iter().filter_map(|entry| match entry {
            Entry::Compacted(compacted) => Some(compacted),
            _ => None,
        })
    }

    /// The folders that the run said it would write to.
    pub fn folders(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().filter_map(|entry| match entry {
            Entry::Folder(folder) => Some(&*folder.path),
            _ => None,
        })
    }

    /// The files that its run wrote.
    pub fn files(&self) -> impl Iterator<Item = &FileEntry> {
        self.entries.iter().filter_map(|entry| match entry {
            Entry::File(file) => Some(file),
            _ => None,
        })
    }

    /// The losses that it lists.
    pub fn gaps(&self) -> impl Iterator<Item = &GapEntry> {
        self.entries.iter().filter_map(|entry| match entry {
            Entry::Gap(gap) => Some(gap),
            _ => None,
        })
    }

    /// What run this is, where its first line can be read.
    pub fn run(&self) -> Option<&RunEntry> {
        self.entries.iter().find_map(|entry| match entry {
            Entry::Run(run) => Some(run),
            _ => None,
        })
    }

    /// Whether the run is over.
    pub fn has_ended(&self) -> bool {
        matches!(self.entries.last(), Some(Entry::End(_)))
    }
}

/// Adds lines to a run's manifest. What cannot be written yet waits in memory.
#[derive(Debug)]
pub struct ManifestWriter {
    path: PathBuf,
    end: u64,
    waiting: Vec<Entry>,
}

impl ManifestWriter {
    /// Goes on behind the last good line of a manifest, or begins one.
    pub fn open(directory: &Path, run: &RunId) -> io::Result<Self> {
        let path = directory.join(manifest_path(run));
        let end = if path.exists() {
            RunManifest::read(&path)?.good_bytes
        } else {
            0
        };
        Ok(Self {
            path,
            end,
            waiting: Vec::new(),
        })
    }

    /// Queues a line. A gap that continues one with the same reason extends it; a folder that waits
    /// already needs no second line.
    pub fn queue(&mut self, entry: Entry) {
        if matches!(entry, Entry::Folder(_)) && self.waiting.contains(&entry) {
            return;
        }
        if let (Some(Entry::Gap(last)), Entry::Gap(next)) = (self.waiting.last_mut(), &entry)
            && last.reason == next.reason
            && let (Some(rows), Some(more)) = (last.rows, next.rows)
        {
            last.rows = Some(rows + more);
            last.last_ts_decision_ns = next.last_ts_decision_ns;
            return;
        }
        self.waiting.push(entry);
    }

    /// Whether no line waits.
    pub fn is_written(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Writes what waits. After a failure it waits on, and the next attempt starts at the same
    /// place, over whatever the failed one left.
    pub fn write(&mut self, filesystem: &dyn FileSystem) -> io::Result<()> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        let mut lines = Vec::new();
        for entry in &self.waiting {
            serde_json::to_writer(&mut lines, entry)?;
            lines.push(b'\n');
        }
        filesystem.write_end(&self.path, self.end, &lines)?;
        self.end += lines.len() as u64;
        self.waiting.clear();
        Ok(())
    }
}

#[cfg(test)]
mod tests;
