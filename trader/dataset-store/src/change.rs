//! What a command changed in a mirror, written back to the store.
//!
//! Nothing of anybody else is ever overwritten: an object that may change is written where it is of the version
//! that the mirror has. A compaction is one such write: before it the new files count for nothing, after it the
//! old ones do not.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt};
use thiserror::Error;
use triptych_dataset::compact::{CompactError, CompactReport, compact};
use triptych_dataset::layout::{LABELS, is_compacted};
use triptych_dataset::manifest::{CompactedEntry, RunManifest, current_files, replaced_paths};
use triptych_dataset::recovery::{files_under, has_extension, relative};
use triptych_dataset::writer::sha256_hex;

use crate::copy::UNFINISHED;
use crate::failure::StoreError;
use crate::mirror::{Mirror, MirrorError, at};
use crate::push::{AT_ONCE, compactions, write_manifest};
use crate::store::{Expected, Put, Store};

/// Compactions begun anew because somebody else compacted meanwhile.
const MOST_COMPACTIONS: usize = 5;

/// A dataset in a store cannot be compacted.
#[derive(Debug, Error)]
pub enum StoreCompactError {
    /// Its mirror could not be compacted.
    #[error(transparent)]
    Compact(#[from] CompactError),
    /// It could not be fetched or written back.
    #[error(transparent)]
    Mirror(#[from] MirrorError),
}

impl From<StoreError> for StoreCompactError {
    fn from(error: StoreError) -> Self {
        Self::Mirror(error.into())
    }
}

/// Compacts a dataset in a store by its mirror: see [`compact`].
pub async fn compact_store(
    store: &Store,
    mirror: &mut Mirror,
    most_rows: u64,
    mut progress: impl FnMut(usize, usize),
) -> Result<CompactReport, StoreCompactError> {
    for _ in 0..MOST_COMPACTIONS {
        mirror.about_to_change()?;
        let before = compacted_lines(&mirror.directory)?.len();
        let mut report = compact(&mirror.directory, most_rows, &mut progress)?;
        if commit(store, mirror, before).await? {
            mirror.refresh(store).await?;
            report.leftovers_removed += remove_replaced(store, &mirror.directory).await?;
            return Ok(report);
        }
        mirror.state.versions.remove(&compactions());
        mirror.refresh(store).await?;
    }
    Err(MirrorError::Beaten(store.place(&compactions())).into())
}

/// Sends the new files and then their lines; whether nobody else had written lines meanwhile.
async fn commit(store: &Store, mirror: &Mirror, before: usize) -> Result<bool, MirrorError> {
    let lines = compacted_lines(&mirror.directory)?;
    let new = lines.get(before..).unwrap_or_default();
    if new.is_empty() {
        return Ok(true);
    }
    let mut sending = futures::stream::iter(new)
        .map(|line| send(store, &mirror.directory, &line.file.path))
        .buffer_unordered(AT_ONCE);
    while sending.try_next().await?.is_some() {}
    let name = compactions();
    let path = mirror.directory.join(&name);
    let text = fs::read(&path).map_err(at(&path))?;
    let version = mirror.state.versions.get(&name).cloned().flatten();
    Ok(write_manifest(store, &name, &text, version)
        .await?
        .is_some())
}

/// The lines of a folder's compactions.
fn compacted_lines(directory: &Path) -> Result<Vec<CompactedEntry>, MirrorError> {
    let path = directory.join(compactions());
    if !path.exists() {
        return Ok(Vec::new());
    }
    let manifest = RunManifest::read(&path).map_err(at(&path))?;
    Ok(manifest.compacted().cloned().collect())
}

async fn send(store: &Store, directory: &Path, name: &str) -> Result<(), MirrorError> {
    let path = directory.join(name);
    let bytes = Bytes::from(fs::read(&path).map_err(at(&path))?);
    let sent = bytes.len() as u64;
    store.put(name, bytes, Expected::Anything).await?;
    let size = store.size(name).await?;
    if size == Some(sent) {
        return Ok(());
    }
    Err(StoreError::wrong_size(store.place(name), size, sent).into())
}

/// Removes from the store what a compacted file replaced, and what compactions left that were killed before
/// their lines; how many of the latter.
async fn remove_replaced(store: &Store, directory: &Path) -> Result<u64, MirrorError> {
    let manifests = RunManifest::read_all(directory).map_err(at(directory))?;
    let replaced = replaced_paths(&manifests);
    let current: BTreeSet<&str> = current_files(&manifests).map(|file| &*file.path).collect();
    let objects = store.list_tables().await?;
    let left = |name: &str, age| {
        // A younger one may be of a compaction that is about to list it.
        is_compacted(Path::new(name)) && !current.contains(name) && age >= UNFINISHED
    };
    let leftovers = objects
        .iter()
        .filter(|object| !replaced.contains(&*object.name) && left(&object.name, object.age));
    let leftovers: Vec<&str> = leftovers.map(|object| &*object.name).collect();
    let replaced = objects
        .iter()
        .map(|object| &*object.name)
        .filter(|name| replaced.contains(name));
    let mut removing = futures::stream::iter(replaced.chain(leftovers.iter().copied()))
        .map(|name| store.remove(name))
        .buffer_unordered(AT_ONCE);
    while removing.try_next().await?.is_some() {}
    Ok(leftovers.len() as u64)
}

/// The labels of a mirror before a command changes them.
#[derive(Debug)]
pub struct LabelsBefore(BTreeMap<String, String>);

impl LabelsBefore {
    /// Remembers what there is.
    pub fn of(mirror: &Mirror) -> Result<Self, MirrorError> {
        mirror.about_to_change()?;
        Ok(Self(digests(&mirror.directory)?))
    }

    /// Writes back what changed since.
    pub async fn write_back(&self, store: &Store, mirror: &mut Mirror) -> Result<(), MirrorError> {
        for (name, digest) in digests(&mirror.directory)? {
            if self.0.get(&name) == Some(&digest) {
                continue;
            }
            let path = mirror.directory.join(&name);
            let bytes = Bytes::from(fs::read(&path).map_err(at(&path))?);
            let version = mirror.state.versions.get(&name).cloned().flatten();
            match store
                .put(&name, bytes.clone(), Expected::as_found(version))
                .await?
            {
                Put::Written(version) => {
                    mirror.state.versions.insert(name, version);
                }
                // It may have been this write, whose answer was lost.
                Put::NotAsExpected => {
                    let found = store.get(&name, bytes.len() as u64).await?;
                    if found.is_none_or(|found| found.bytes != bytes) {
                        return Err(MirrorError::Beaten(store.place(&name)));
                    }
                }
            }
        }
        mirror.refresh(store).await
    }
}

/// The SHA-256 of every file of labels, by name.
fn digests(directory: &Path) -> Result<BTreeMap<String, String>, MirrorError> {
    let folder = directory.join(LABELS);
    let mut digests = BTreeMap::new();
    for path in files_under(&folder).map_err(at(&folder))? {
        if has_extension(&path, "parquet") {
            let bytes = fs::read(&path).map_err(at(&path))?;
            digests.insert(relative(directory, &path), sha256_hex(&bytes));
        }
    }
    Ok(digests)
}
