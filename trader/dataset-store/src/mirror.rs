//! A dataset of a store in a folder: the commands that read a folder read it there, and what they change is
//! written back.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Component, Path, PathBuf};

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt};
use serde::{Deserialize, Serialize};
use thiserror::Error;
use triptych_dataset::layout::{LABELS, MANIFEST, Table, temporary};
use triptych_dataset::manifest::{FileEntry, RunManifest, current_files};
use triptych_dataset::recovery::{files_under, has_extension, relative};
use triptych_dataset::writer::sha256_hex;

use crate::failure::StoreError;
use crate::push::{AT_ONCE, compactions};
use crate::store::{Content, Listed, Notice, Store};

/// What says that a folder is a mirror, and of which versions.
const STATE: &str = ".mirror.json";
/// The file that a command holds locked which changes a mirror.
const LOCK: &str = ".mirror.lock";
/// The folders of a dataset.
const FOLDERS: [&str; 4] = [
    Table::Candidates.folder(),
    Table::Executions.folder(),
    LABELS,
    MANIFEST,
];
/// Lists read anew because a compaction in the store removed a file that was listed.
const MOST_LISTS: usize = 20;
/// Downloads of a file that arrives changed.
const MOST_DOWNLOADS: usize = 3;
/// Files between two messages on progress.
const FILES_BETWEEN_MESSAGES: usize = 500;

/// A dataset cannot be had from a store, or what was changed cannot be written back.
#[derive(Debug, Error)]
pub enum MirrorError {
    /// The store cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The folder cannot be written.
    #[error("{path}: {source}")]
    Folder {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// There is no dataset at the location.
    #[error("{0}: no dataset: expected objects under {MANIFEST}/; `trader dataset push` makes one")]
    NoDataset(String),
    /// The folder has a dataset of its own.
    #[error(
        "{0}: it holds something that is no copy of this store's dataset; name a folder that is empty or does not exist"
    )]
    NotAMirror(PathBuf),
    /// A file in the store is not the one that was listed.
    #[error(
        "{place}: {what} is not what the manifest says; `trader dataset verify` on the store says more"
    )]
    Different {
        /// The object.
        place: String,
        /// What differs.
        what: &'static str,
    },
    /// An object has a name that no file of a dataset has.
    #[error(
        "{0:?}: the manifest lists a path that is none of a dataset; nothing was written there"
    )]
    Path(String),
    /// Compactions in the store follow each other too fast.
    #[error(
        "{0}: listed, and gone each time it was read: others compact without end, or it is lost; `trader dataset verify` on the store says which"
    )]
    Gone(String),
    /// Somebody else changed what was to be written back.
    #[error(
        "{0}: somebody else changed it meanwhile; nothing of theirs was lost: run the command again"
    )]
    Beaten(String),
}

/// What was fetched.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PullReport {
    /// Files that count.
    pub files: u64,
    /// Of them, those that were fetched; the others were there already.
    pub files_fetched: u64,
    /// Bytes of them.
    pub bytes_fetched: u64,
    /// Files that count no more, removed here.
    pub files_removed: u64,
    /// Requests that the store did not answer, or only that it cannot now.
    pub tries_in_vain: u64,
}

/// A folder that is as the store was, and the right to change it.
#[derive(Debug)]
pub struct Mirror {
    pub(crate) directory: PathBuf,
    pub(crate) state: State,
    pub(crate) report: PullReport,
    _lock: File,
}

/// Versions of the objects that may change: manifests and labels.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct State {
    /// Where they are from.
    pub(crate) location: String,
    /// By name.
    pub(crate) versions: BTreeMap<String, Option<String>>,
}

impl Mirror {
    /// Brings a folder to what the store has, and holds it until dropped. Only what is missing or changed is
    /// fetched; every listed file is compared with its line.
    pub async fn pull(store: &Store, directory: &Path) -> Result<Self, MirrorError> {
        let location = store.location().to_string();
        refuse_what_is_no_mirror(directory)?;
        let lock = hold(store, directory)?;
        let state = read_state(directory, &location)?;
        let mut mirror = Self {
            directory: directory.to_owned(),
            state,
            report: PullReport::default(),
            _lock: lock,
        };
        mirror.refresh(store).await?;
        Ok(mirror)
    }

    /// The folder.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// What was fetched.
    pub fn report(&self) -> &PullReport {
        &self.report
    }

    /// Says that the folder is about to be changed: killed before the change is in the store, the next pull
    /// fetches manifests and labels anew.
    pub(crate) fn about_to_change(&self) -> Result<(), MirrorError> {
        let unknown = State {
            location: self.state.location.clone(),
            versions: BTreeMap::new(),
        };
        write_state(&self.directory, &unknown)
    }

    /// Brings the folder to what the store has now.
    pub(crate) async fn refresh(&mut self, store: &Store) -> Result<(), MirrorError> {
        let mut gone = String::new();
        for _ in 0..MOST_LISTS {
            match self.fetch(store).await? {
                None => {
                    self.report.tries_in_vain = store.tries_in_vain();
                    return Ok(());
                }
                Some(name) => gone = name,
            }
        }
        Err(MirrorError::Gone(store.place(&gone)))
    }

    /// Fetches what the lists name now; the name of a file that is gone since, where there is one.
    async fn fetch(&mut self, store: &Store) -> Result<Option<String>, MirrorError> {
        let mut listed = store.list(MANIFEST).await?;
        listed.retain(|object| has_extension(Path::new(&object.name), "jsonl"));
        if listed.is_empty() {
            return Err(MirrorError::NoDataset(store.location().to_string()));
        }
        let mut manifests = Vec::new();
        for object in &listed {
            let Some(content) = self.content(store, object).await? else {
                return Ok(Some(object.name.clone()));
            };
            manifests.push((object, content));
        }
        let parsed: Vec<RunManifest> = manifests
            .iter()
            .map(|(object, content)| RunManifest::parse(Path::new(&object.name), &content.bytes))
            .collect();
        let current: Vec<&FileEntry> = current_files(&parsed).collect();
        if let Some(gone) = self.fetch_files(store, &current).await? {
            return Ok(Some(gone));
        }
        // Whoever reads the folder meanwhile: files are there before lines name them, and the lines of
        // compactions before those of runs.
        manifests.sort_by_key(|(object, _)| object.name != compactions());
        for (object, content) in manifests {
            self.write(&object.name, &content)?;
        }
        let mut labels = store.list(LABELS).await?;
        labels.retain(|object| has_extension(Path::new(&object.name), "parquet"));
        for object in &labels {
            let Some(content) = self.content(store, object).await? else {
                return Ok(Some(object.name.clone()));
            };
            self.write(&object.name, &content)?;
        }
        let mut there: BTreeSet<&str> = current.iter().map(|file| &*file.path).collect();
        there.extend(listed.iter().chain(&labels).map(|object| &*object.name));
        self.remove_others(&there)?;
        self.state
            .versions
            .retain(|name, _| there.contains(&**name));
        self.report.files = current.len() as u64;
        write_state(&self.directory, &self.state)?;
        Ok(None)
    }

    /// What an object that may change holds: from the folder where that is of the listed version.
    async fn content(
        &self,
        store: &Store,
        object: &Listed,
    ) -> Result<Option<Content>, MirrorError> {
        let path = self.path(&object.name)?;
        let known = self.state.versions.get(&object.name);
        if object.version.is_some()
            && known == Some(&object.version)
            && let Ok(bytes) = fs::read(&path)
            && bytes.len() as u64 == object.size
        {
            let version = object.version.clone();
            return Ok(Some(Content {
                bytes: bytes.into(),
                version,
            }));
        }
        Ok(store.get(&object.name, object.size).await?)
    }

    /// Fetches the files that the folder lacks; the name of one that is gone, where there is one.
    async fn fetch_files(
        &mut self,
        store: &Store,
        current: &[&FileEntry],
    ) -> Result<Option<String>, MirrorError> {
        let mut missing = Vec::new();
        for file in current {
            let path = self.path(&file.path)?;
            if !is_as_listed(&path, file) {
                missing.push((*file, path));
            }
        }
        let of = missing.len();
        let mut fetching = futures::stream::iter(missing)
            .map(|(file, path)| async move {
                let bytes = file_of(store, file).await?;
                Ok::<_, MirrorError>((file, path, bytes))
            })
            .buffer_unordered(AT_ONCE);
        let mut files = 0;
        while let Some((file, path, bytes)) = fetching.try_next().await? {
            let Some(bytes) = bytes else {
                return Ok(Some(file.path.clone()));
            };
            write_file(&path, &bytes)?;
            self.report.files_fetched += 1;
            self.report.bytes_fetched += file.bytes;
            files += 1;
            if files % FILES_BETWEEN_MESSAGES == 0 {
                store.tell(&Notice::Fetched { files, of });
            }
        }
        Ok(None)
    }

    fn write(&mut self, name: &str, content: &Content) -> Result<(), MirrorError> {
        let path = self.path(name)?;
        if fs::read(&path).ok().as_deref() != Some(&content.bytes) {
            write_file(&path, &content.bytes)?;
        }
        let version = content.version.clone();
        self.state.versions.insert(name.to_owned(), version);
        Ok(())
    }

    /// Removes what the store has not got.
    fn remove_others(&mut self, there: &BTreeSet<&str>) -> Result<(), MirrorError> {
        for folder in FOLDERS {
            let folder = self.directory.join(folder);
            for path in files_under(&folder).map_err(at(&folder))? {
                if !there.contains(&*relative(&self.directory, &path)) {
                    fs::remove_file(&path).map_err(at(&path))?;
                    self.report.files_removed += u64::from(has_extension(&path, "parquet"));
                }
            }
        }
        Ok(())
    }

    fn path(&self, name: &str) -> Result<PathBuf, MirrorError> {
        local_path(&self.directory, name)
    }
}

/// The bytes of a file that are those that its line says; nothing where it is gone.
async fn file_of(store: &Store, file: &FileEntry) -> Result<Option<Bytes>, MirrorError> {
    let mut what = "sha256";
    for _ in 0..MOST_DOWNLOADS {
        let Some(found) = store.get(&file.path, file.bytes).await? else {
            return Ok(None);
        };
        if found.bytes.len() as u64 != file.bytes {
            what = "bytes";
        } else if sha256_hex(&found.bytes) == file.sha256 {
            return Ok(Some(found.bytes));
        }
    }
    Err(MirrorError::Different {
        place: store.place(&file.path),
        what,
    })
}

fn is_as_listed(path: &Path, file: &FileEntry) -> bool {
    let size = fs::metadata(path).map(|found| found.len());
    size.is_ok_and(|size| size == file.bytes)
        && fs::read(path).is_ok_and(|bytes| sha256_hex(&bytes) == file.sha256)
}

/// Where a file of the store is in a folder. Names come from elsewhere: none may lead out of it.
pub(crate) fn local_path(directory: &Path, name: &str) -> Result<PathBuf, MirrorError> {
    let path = Path::new(name);
    let mut parts = path.components();
    let known = parts.next().is_some_and(|first| {
        let is = |folder: &&str| first == Component::Normal(folder.as_ref());
        FOLDERS.iter().any(is)
    });
    if known && parts.all(|part| matches!(part, Component::Normal(_))) && !name.contains('\0') {
        Ok(directory.join(path))
    } else {
        Err(MirrorError::Path(name.to_owned()))
    }
}

/// Writes a file of a copy: whole under its name, or not at all. A copy lost with the power is fetched again.
pub(crate) fn write_file(path: &Path, bytes: &[u8]) -> Result<(), MirrorError> {
    let folder = path.parent().unwrap_or(path);
    fs::create_dir_all(folder).map_err(at(folder))?;
    let unfinished = temporary(path);
    fs::write(&unfinished, bytes).map_err(at(&unfinished))?;
    fs::rename(&unfinished, path).map_err(at(path))
}

/// Waits until no other command changes the folder.
fn hold(store: &Store, directory: &Path) -> Result<File, MirrorError> {
    fs::create_dir_all(directory).map_err(at(directory))?;
    let path = directory.join(LOCK);
    let lock = File::create(&path).map_err(at(&path))?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => {
            store.tell(&Notice::Locked(path.clone()));
            lock.lock().map_err(at(&path))?;
            Ok(lock)
        }
        Err(TryLockError::Error(source)) => Err(at(&path)(source)),
    }
}

/// Whatever is in a folder that is no mirror is somebody's.
fn refuse_what_is_no_mirror(directory: &Path) -> Result<(), MirrorError> {
    if directory.join(STATE).exists() || !directory.exists() {
        return Ok(());
    }
    let mut entries = fs::read_dir(directory).map_err(at(directory))?.flatten();
    // A lock alone is left by a pull that was killed at once.
    if entries.all(|entry| entry.file_name() == LOCK) {
        return Ok(());
    }
    Err(MirrorError::NotAMirror(directory.to_owned()))
}

fn read_state(directory: &Path, location: &str) -> Result<State, MirrorError> {
    let path = directory.join(STATE);
    let state: Option<State> = fs::read(&path)
        .ok()
        .and_then(|bytes| serde_json::from_slice(&bytes).ok());
    let foreign = || MirrorError::NotAMirror(directory.to_owned());
    match state {
        Some(state) if state.location == location => Ok(state),
        Some(_) => Err(foreign()),
        None => {
            let state = State {
                location: location.to_owned(),
                versions: BTreeMap::new(),
            };
            // From here on it is a mirror, also where the pull is killed.
            write_state(directory, &state)?;
            Ok(state)
        }
    }
}

fn write_state(directory: &Path, state: &State) -> Result<(), MirrorError> {
    write_file(
        &directory.join(STATE),
        &serde_json::to_vec(state).unwrap_or_default(),
    )
}

pub(crate) fn at(path: &Path) -> impl FnOnce(io::Error) -> MirrorError + use<> {
    let path = path.to_owned();
    move |source| MirrorError::Folder { path, source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_leads_out_of_the_folder() {
        let inside = local_path(Path::new("/d"), "candidates/date=1/a.parquet").unwrap();
        assert_eq!(inside, Path::new("/d/candidates/date=1/a.parquet"));
        for name in [
            "",
            "a.parquet",
            "candidates/../../etc/passwd",
            "/etc/passwd",
            "../x",
            "manifest/../../x",
            "candidates/./../../x",
        ] {
            assert!(local_path(Path::new("/d"), name).is_err(), "{name:?}");
        }
    }

    #[test]
    fn a_folder_with_anything_of_its_own_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        refuse_what_is_no_mirror(&folder.path().join("not-there")).unwrap();
        refuse_what_is_no_mirror(folder.path()).unwrap();
        fs::write(folder.path().join(LOCK), "").unwrap();
        refuse_what_is_no_mirror(folder.path()).unwrap();
        fs::write(folder.path().join("notes"), "").unwrap();
        assert!(matches!(
            refuse_what_is_no_mirror(folder.path()),
            Err(MirrorError::NotAMirror(_))
        ));
    }

    #[test]
    fn a_mirror_is_of_one_location() {
        let folder = tempfile::tempdir().unwrap();
        read_state(folder.path(), "s3://desk/a").unwrap();
        read_state(folder.path(), "s3://desk/a").unwrap();
        assert!(read_state(folder.path(), "s3://desk/b").is_err());
    }
}
