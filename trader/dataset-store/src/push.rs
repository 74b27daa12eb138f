//! Copies a dataset to a store while its trader writes on.
//!
//! Files go before the lines that list them, and the lines of compactions before those of runs, so that
//! nobody who goes by the manifests sees a listed file that is not there, or a row twice. What the store's
//! own manifests list is there: nothing else is remembered, and a killed push goes on from them.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::time::Duration;

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt};
use serde::Serialize;
use thiserror::Error;
use triptych_dataset::layout::{COMPACTION, MANIFEST};
use triptych_dataset::manifest::{CompactedEntry, Entry, FileEntry, RunManifest, replaced_paths};
use triptych_dataset::writer::sha256_hex;

use crate::compacted::{Conflict, Known, to_send};
use crate::failure::StoreError;
use crate::store::{Expected, Notice, Put, Store};

/// Files on their way at once.
pub(crate) const AT_ONCE: usize = 8;
/// Files that go before their lines do: what a killed push has to look for again.
const FILES_IN_A_BATCH: usize = 64;
/// Rounds begun anew because somebody compacts or pushes beside.
const MOST_ROUNDS: usize = 20;
/// Time for the last round once a push that follows is told to end.
const TO_END: Duration = Duration::from_secs(20);

/// A dataset cannot be pushed.
#[derive(Debug, Error)]
pub enum PushError {
    /// The store cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The dataset cannot be read.
    #[error("{path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file is not the one that was listed.
    #[error(
        "{path}: its content is not what the manifest says; it was not sent, and `trader dataset verify` says more"
    )]
    Changed {
        /// The file.
        path: PathBuf,
    },
    /// The store's manifest of a run says something else.
    #[error(
        "{name}: the store has other lines than the directory; two directories cannot be one run: push into another prefix"
    )]
    Diverged {
        /// The manifest.
        name: String,
    },
    /// Directory and store were compacted differently.
    #[error(transparent)]
    Conflict(#[from] Conflict),
    /// Others change the same files without end.
    #[error("{0}: others push or compact the same files without end; let them end first")]
    NoRest(String),
}

/// What was copied.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PushReport {
    /// Files sent.
    pub files_sent: u64,
    /// Bytes of them.
    pub bytes_sent: u64,
    /// Files that a killed push had sent, found whole and not sent again.
    pub files_found: u64,
    /// Manifests written, each whole.
    pub manifests_written: u64,
    /// Requests that the store did not answer, or only that it cannot now.
    pub tries_in_vain: u64,
    /// Whether everything that was listed at the end is in the store.
    pub complete: bool,
}

/// A push from one directory.
pub struct Push<'a> {
    store: &'a Store,
    directory: PathBuf,
    manifests: BTreeMap<String, Copy>,
    known: Known,
    /// How much of the directory's own compactions was looked at.
    own_compactions: usize,
    report: PushReport,
}

/// What the store has of a manifest.
#[derive(Debug, Default)]
struct Copy {
    text: Vec<u8>,
    version: Option<String>,
    /// Whether this push has written it: what precedes is not known, and may have left files without lines.
    continued: bool,
}

struct Local {
    name: String,
    /// Its whole lines.
    text: Vec<u8>,
    manifest: RunManifest,
}

enum Sent {
    Now(u64),
    Before,
}

/// Why a round is begun anew.
enum Again {
    /// A compaction of the directory removed a file.
    Gone(String),
    /// Somebody else wrote a manifest.
    Beaten(String),
    Failed(PushError),
}

impl<E: Into<PushError>> From<E> for Again {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

impl<'a> Push<'a> {
    /// A push that has not begun.
    pub fn new(store: &'a Store, directory: &Path) -> Self {
        Self {
            store,
            directory: directory.to_owned(),
            manifests: BTreeMap::new(),
            known: Known::default(),
            own_compactions: 0,
            report: PushReport::default(),
        }
    }

    /// What was copied so far.
    pub fn report(&self) -> PushReport {
        PushReport {
            tries_in_vain: self.store.tries_in_vain(),
            ..self.report.clone()
        }
    }

    /// Copies everything that is listed now.
    pub async fn once(&mut self) -> Result<(), PushError> {
        self.report.complete = false;
        let mut disturbed = String::new();
        for _ in 0..MOST_ROUNDS {
            match self.round().await {
                Ok(()) => {
                    self.report.complete = true;
                    return Ok(());
                }
                Err(Again::Failed(error)) => return Err(error),
                Err(Again::Gone(name)) => disturbed = name,
                Err(Again::Beaten(name)) => {
                    self.manifests.clear();
                    self.known = Known::default();
                    self.own_compactions = 0;
                    disturbed = name;
                }
            }
        }
        Err(PushError::NoRest(disturbed))
    }

    /// Copies what is listed, and goes on with what is listed later, until `stop`; then once more.
    pub async fn follow(
        &mut self,
        every: Duration,
        stop: impl Future<Output = ()>,
    ) -> Result<(), PushError> {
        let mut stop = pin!(stop);
        loop {
            tokio::select! {
                round = self.once() => round?,
                () = &mut stop => break,
            }
            tokio::select! {
                () = tokio::time::sleep(every) => {}
                () = &mut stop => break,
            }
        }
        // What is not copied then is copied by the next push.
        tokio::time::timeout(TO_END, self.once())
            .await
            .unwrap_or(Ok(()))
    }

    async fn round(&mut self) -> Result<(), Again> {
        let local = read_manifests(&self.directory)?;
        let new: Vec<&Local> = local.iter().filter(|local| self.has_news(local)).collect();
        if new.is_empty() {
            return Ok(());
        }
        self.learn(&new).await?;
        self.send_compacted(&local).await?;
        let compacted = local.iter().flat_map(|local| local.manifest.compacted());
        let replaced: BTreeSet<String> = compacted
            .flat_map(|compacted| compacted.replaces.iter().cloned())
            .collect();
        for local in new {
            if local.name != compactions() {
                self.send_run(local, &replaced).await?;
            }
        }
        Ok(())
    }

    fn has_news(&self, local: &Local) -> bool {
        if local.name == compactions() {
            return self.own_compactions < local.text.len();
        }
        let copy = self.manifests.get(&local.name);
        copy.is_none_or(|copy| copy.text.len() < local.text.len())
    }

    /// Asks the store what it has of manifests that this push has not seen yet.
    async fn learn(&mut self, new: &[&Local]) -> Result<(), Again> {
        let mut names: Vec<(String, u64)> = vec![(compactions(), 0)];
        names.extend(
            new.iter()
                .map(|local| (local.name.clone(), local.text.len() as u64)),
        );
        names.retain(|(name, _)| !self.manifests.contains_key(name));
        for (name, bytes) in names {
            let found = self.store.get(&name, bytes).await?;
            let copy = found.map_or_else(Copy::default, |found| Copy {
                text: found.bytes.to_vec(),
                version: found.version,
                continued: false,
            });
            let manifest = RunManifest::parse(Path::new(&name), &copy.text);
            self.known.add(&manifest);
            self.manifests.insert(name, copy);
        }
        for local in new.iter().filter(|local| local.name != compactions()) {
            let there = &self.manifests[&local.name].text;
            if !there.starts_with(&local.text) && !local.text.starts_with(there) {
                return Err(Again::Failed(PushError::Diverged {
                    name: local.name.clone(),
                }));
            }
        }
        Ok(())
    }

    /// Sends what the directory's own compactions made, and their lines.
    async fn send_compacted(&mut self, local: &[Local]) -> Result<(), Again> {
        let Some(own) = local.iter().find(|local| local.name == compactions()) else {
            return Ok(());
        };
        let compacted: Vec<&CompactedEntry> = own.manifest.compacted().collect();
        let lines = to_send(&compacted, &self.known)?;
        let replaced = replaced_paths(std::slice::from_ref(&own.manifest));
        let files: Vec<&FileEntry> = lines
            .iter()
            .map(|line| &line.file)
            .filter(|file| !replaced.contains(&*file.path))
            .collect();
        self.send_files(&files, true).await?;
        if !lines.is_empty() {
            let mut text = self.manifests[&own.name].text.clone();
            for line in lines {
                let line = Entry::Compacted(line.clone());
                text.extend(serde_json::to_vec(&line).unwrap_or_default());
                text.push(b'\n');
            }
            self.write_manifest(&own.name, text).await?;
        }
        self.own_compactions = own.text.len();
        Ok(())
    }

    /// Sends a run's files and lines, some at a time.
    async fn send_run(&mut self, local: &Local, replaced: &BTreeSet<String>) -> Result<(), Again> {
        let mut done = self.manifests[&local.name].text.len();
        while done < local.text.len() {
            let (files, end) = batch(&local.text, done);
            let files: Vec<&FileEntry> = files
                .iter()
                .filter(|file| !replaced.contains(&file.path) && !self.known.has(&file.path))
                .collect();
            let look = !self.manifests[&local.name].continued;
            self.send_files(&files, look).await?;
            self.write_manifest(&local.name, local.text[..end].to_vec())
                .await?;
            done = end;
        }
        Ok(())
    }

    /// Sends files; `look` asks first whether a killed push has sent them.
    async fn send_files(&mut self, files: &[&FileEntry], look: bool) -> Result<(), Again> {
        let (store, directory) = (self.store, &self.directory);
        let mut sending = futures::stream::iter(files)
            .map(|file| send(store, directory, file, look))
            .buffer_unordered(AT_ONCE);
        let mut done = 0;
        while let Some(sent) = sending.try_next().await? {
            match sent {
                Sent::Now(bytes) => {
                    self.report.files_sent += 1;
                    self.report.bytes_sent += bytes;
                }
                Sent::Before => self.report.files_found += 1,
            }
            done += 1;
        }
        if done == FILES_IN_A_BATCH {
            let files = self.report.files_sent;
            store.tell(&Notice::Sent { files });
        }
        Ok(())
    }

    async fn write_manifest(&mut self, name: &str, text: Vec<u8>) -> Result<(), Again> {
        let version = self.manifests[name].version.clone();
        let version = write_manifest(self.store, name, &text, version)
            .await?
            .ok_or_else(|| Again::Beaten(name.to_owned()))?;
        self.known.add(&RunManifest::parse(Path::new(name), &text));
        self.report.manifests_written += 1;
        let copy = Copy {
            text,
            version,
            continued: true,
        };
        self.manifests.insert(name.to_owned(), copy);
        Ok(())
    }
}

/// Writes a manifest where it is of that version still, and returns the new one; nothing where somebody
/// else wrote it.
#[allow(clippy::option_option, reason = "a store may name no version")]
pub(crate) async fn write_manifest(
    store: &Store,
    name: &str,
    text: &[u8],
    version: Option<String>,
) -> Result<Option<Option<String>>, StoreError> {
    let bytes = Bytes::copy_from_slice(text);
    match store.put(name, bytes, Expected::as_found(version)).await? {
        Put::Written(version) => Ok(Some(version)),
        // It may have been this write, whose answer was lost.
        Put::NotAsExpected => {
            let found = store.get(name, text.len() as u64).await?;
            Ok(found
                .filter(|found| found.bytes == text)
                .map(|found| found.version))
        }
    }
}

/// The name of the manifest of compactions.
pub(crate) fn compactions() -> String {
    format!("{MANIFEST}/{COMPACTION}.jsonl")
}

/// The files of the next lines from `begin` on, and where those lines end.
fn batch(text: &[u8], begin: usize) -> (Vec<FileEntry>, usize) {
    let (mut files, mut end) = (Vec::new(), begin);
    for line in text[begin..].split_inclusive(|&byte| byte == b'\n') {
        end += line.len();
        if let Ok(Entry::File(file)) = serde_json::from_slice(line) {
            files.push(file);
        }
        if files.len() == FILES_IN_A_BATCH {
            break;
        }
    }
    (files, end)
}

fn read_manifests(directory: &Path) -> Result<Vec<Local>, PushError> {
    let unreadable = |path: &Path| {
        let path = path.to_owned();
        move |source| PushError::Read { path, source }
    };
    let mut found = Vec::new();
    for path in RunManifest::paths(directory).map_err(unreadable(directory))? {
        let mut text = std::fs::read(&path).map_err(unreadable(&path))?;
        let manifest = RunManifest::parse(&path, &text);
        text.truncate(usize::try_from(manifest.good_bytes).unwrap_or(usize::MAX));
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        found.push(Local {
            name: format!("{MANIFEST}/{name}"),
            text,
            manifest,
        });
    }
    Ok(found)
}

/// Sends a file that is as its line says.
async fn send(
    store: &Store,
    directory: &Path,
    file: &FileEntry,
    look: bool,
) -> Result<Sent, Again> {
    let path = directory.join(&file.path);
    let bytes = match tokio::fs::read(&path).await {
        Ok(bytes) => Bytes::from(bytes),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(Again::Gone(file.path.clone()));
        }
        Err(source) => return Err(PushError::Read { path, source }.into()),
    };
    if sha256_hex(&bytes) != file.sha256 {
        return Err(PushError::Changed { path }.into());
    }
    if look && store.size(&file.path).await? == Some(file.bytes) {
        let there = store.get(&file.path, file.bytes).await?;
        if there.is_some_and(|there| there.bytes == bytes) {
            return Ok(Sent::Before);
        }
    }
    store.put(&file.path, bytes, Expected::Anything).await?;
    let size = store.size(&file.path).await?;
    if size == Some(file.bytes) {
        Ok(Sent::Now(file.bytes))
    } else {
        Err(StoreError::wrong_size(store.place(&file.path), size, file.bytes).into())
    }
}
