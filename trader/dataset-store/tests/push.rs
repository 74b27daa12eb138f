//! Whatever is killed and whoever compacts: readers of the store see each row at most once and miss no listed
//! file, and in the end every row is there once. Files here are lists of numbers: a push does not look into them.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use fastrand::Rng;
use futures::TryStreamExt;
use object_store::memory::InMemory;
use object_store::{ObjectStore, ObjectStoreExt};
use support::Mortal;
use tokio::runtime::Runtime;
use triptych_dataset::manifest::{CompactedEntry, Entry, FileEntry, RunManifest, current_files};
use triptych_dataset::writer::sha256_hex;
use triptych_dataset_store::push::{Push, PushError};
use triptych_dataset_store::store::Store;

const COMPACTED: &str = "manifest/compacted.jsonl";

/// A directory whose rows are numbers.
struct Dataset {
    folder: tempfile::TempDir,
    run: String,
    next: u64,
    rows: BTreeSet<String>,
}

impl Dataset {
    fn new(run: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("manifest")).unwrap();
        fs::create_dir_all(folder.path().join("candidates")).unwrap();
        Self {
            folder,
            run: run.to_owned(),
            next: 0,
            rows: BTreeSet::new(),
        }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn write(&mut self) {
        let row = format!("{}-{}", self.run, self.next);
        let name = format!("candidates/{}-{:06}.parquet", self.run, self.next);
        let file = entry(&name, &row);
        fs::write(self.path().join(&name), &row).unwrap();
        append(
            &self.path().join(format!("manifest/{}.jsonl", self.run)),
            &Entry::File(file),
        );
        self.next += 1;
        self.rows.insert(row);
    }

    /// Puts some of the files together that count.
    fn compact(&mut self, random: &mut Rng) {
        let manifests = RunManifest::read_all(self.path()).unwrap();
        let current: Vec<FileEntry> = current_files(&manifests)
            .filter(|_| random.bool())
            .cloned()
            .collect();
        if current.len() < 2 {
            return;
        }
        let parts: Vec<String> = current
            .iter()
            .map(|file| fs::read_to_string(self.path().join(&file.path)).unwrap())
            .collect();
        let line = together(&current, &parts.join(" "));
        fs::write(self.path().join(&line.file.path), parts.join(" ")).unwrap();
        append(&self.path().join(COMPACTED), &Entry::Compacted(line));
        for file in &current {
            fs::remove_file(self.path().join(&file.path)).unwrap();
        }
    }
}

fn entry(path: &str, content: &str) -> FileEntry {
    FileEntry {
        path: path.to_owned(),
        rows: 1,
        bytes: content.len() as u64,
        sha256: sha256_hex(content.as_bytes()),
        first_ts_decision_ns: 0,
        last_ts_decision_ns: 0,
        adopted: false,
    }
}

fn together(files: &[FileEntry], content: &str) -> CompactedEntry {
    let digest = sha256_hex(content.as_bytes());
    CompactedEntry {
        file: entry(
            &format!("candidates/compacted-{}.parquet", &digest[..16]),
            content,
        ),
        replaces: files.iter().map(|file| file.path.clone()).collect(),
    }
}

fn append(path: &Path, line: &Entry) {
    let mut file = fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(path)
        .unwrap();
    writeln!(file, "{}", serde_json::to_string(line).unwrap()).unwrap();
}

/// Everything in a store, by name.
async fn content(objects: &InMemory) -> BTreeMap<String, String> {
    let mut content = BTreeMap::new();
    let listed: Vec<_> = objects.list(None).try_collect().await.unwrap();
    for meta in listed {
        let bytes = objects
            .get(&meta.location)
            .await
            .unwrap()
            .bytes()
            .await
            .unwrap();
        let name = meta.location.as_ref().strip_prefix("abh/").unwrap();
        content.insert(name.to_owned(), String::from_utf8(bytes.to_vec()).unwrap());
    }
    content
}

fn manifests(content: &BTreeMap<String, String>) -> Vec<RunManifest> {
    content
        .iter()
        .filter(|(name, _)| name.starts_with("manifest/"))
        .map(|(name, text)| RunManifest::parse(Path::new(name), text.as_bytes()))
        .collect()
}

/// What somebody sees who goes by the manifests.
fn rows(content: &BTreeMap<String, String>) -> BTreeSet<String> {
    let mut rows = BTreeSet::new();
    for file in current_files(&manifests(content)) {
        let found = content.get(&file.path);
        let found = found.unwrap_or_else(|| panic!("{} is listed and not there", file.path));
        assert_eq!(sha256_hex(found.as_bytes()), file.sha256, "{}", file.path);
        for row in found.split(' ') {
            assert!(rows.insert(row.to_owned()), "{row} is there twice");
        }
    }
    rows
}

/// Somebody compacts some of what counts in the store, and removes what was replaced.
async fn compact_in_store(objects: &InMemory, random: &mut Rng) {
    let before = content(objects).await;
    let current: Vec<FileEntry> = current_files(&manifests(&before))
        .filter(|_| random.bool())
        .cloned()
        .collect();
    if current.len() < 2 {
        return;
    }
    let parts: Vec<&str> = current.iter().map(|file| &*before[&file.path]).collect();
    let line = together(&current, &parts.join(" "));
    let put = |name: String, text: String| async move {
        objects
            .put(&format!("abh/{name}").into(), text.into())
            .await
            .unwrap();
    };
    put(line.file.path.clone(), parts.join(" ")).await;
    let known = before.get(COMPACTED).cloned().unwrap_or_default();
    let line = serde_json::to_string(&Entry::Compacted(line)).unwrap();
    put(COMPACTED.to_owned(), format!("{known}{line}\n")).await;
    for file in current {
        objects
            .delete(&format!("abh/{}", file.path).into())
            .await
            .unwrap();
    }
}

fn store(objects: &Arc<InMemory>, changes: u64) -> Store {
    let objects = Mortal::over(objects, changes);
    Store::over(objects, "s3://desk/abh".parse().unwrap(), Arc::new(|_| {}))
}

#[test]
fn killed_at_random_and_compacted_in_the_store_every_row_is_there_once() {
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    let mut random = Rng::with_seed(seed);
    let runtime = Runtime::new().unwrap();
    for _ in 0..20 {
        let objects = Arc::new(InMemory::new());
        let mut datasets = [Dataset::new("run-a"), Dataset::new("run-b")];
        for _ in 0..random.usize(1..12) {
            for dataset in &mut datasets {
                for _ in 0..random.usize(0..80) {
                    dataset.write();
                }
                let killed = store(&objects, random.u64(0..100));
                let pushed = runtime.block_on(Push::new(&killed, dataset.path()).once());
                assert!(
                    matches!(pushed, Ok(()) | Err(PushError::Store(_))),
                    "{pushed:?}"
                );
                rows(&runtime.block_on(content(&objects)));
            }
            runtime.block_on(compact_in_store(&objects, &mut random));
            rows(&runtime.block_on(content(&objects)));
        }
        for dataset in &datasets {
            let whole = store(&objects, u64::MAX);
            runtime
                .block_on(Push::new(&whole, dataset.path()).once())
                .unwrap();
            let again = store(&objects, 0);
            let mut push = Push::new(&again, dataset.path());
            runtime.block_on(push.once()).unwrap();
            assert_eq!(
                (push.report().files_sent, push.report().complete),
                (0, true)
            );
        }
        let all: BTreeSet<String> = datasets.iter().flat_map(|data| data.rows.clone()).collect();
        assert_eq!(rows(&runtime.block_on(content(&objects))), all);
    }
}

#[test]
fn a_directory_that_is_compacted_itself_is_pushed_once_too() {
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    let mut random = Rng::with_seed(seed);
    let runtime = Runtime::new().unwrap();
    for _ in 0..20 {
        let objects = Arc::new(InMemory::new());
        let mut dataset = Dataset::new("run-a");
        let long_lived = store(&objects, u64::MAX);
        let mut follower = Push::new(&long_lived, dataset.path());
        for _ in 0..random.usize(1..12) {
            for _ in 0..random.usize(0..20) {
                dataset.write();
            }
            if random.bool() {
                dataset.compact(&mut random);
            }
            if random.bool() {
                runtime.block_on(follower.once()).unwrap();
            } else {
                let killed = store(&objects, random.u64(0..30));
                let pushed = runtime.block_on(Push::new(&killed, dataset.path()).once());
                assert!(
                    matches!(pushed, Ok(()) | Err(PushError::Store(_))),
                    "{pushed:?}"
                );
            }
            rows(&runtime.block_on(content(&objects)));
        }
        runtime.block_on(follower.once()).unwrap();
        assert_eq!(rows(&runtime.block_on(content(&objects))), dataset.rows);
    }
}

#[test]
fn a_file_that_changed_on_the_disk_is_not_sent() {
    let runtime = Runtime::new().unwrap();
    let objects = Arc::new(InMemory::new());
    let mut dataset = Dataset::new("run-a");
    dataset.write();
    fs::write(
        dataset.path().join("candidates/run-a-000000.parquet"),
        "run-a-1",
    )
    .unwrap();
    let store = store(&objects, u64::MAX);
    let pushed = runtime.block_on(Push::new(&store, dataset.path()).once());
    assert!(
        matches!(pushed, Err(PushError::Changed { .. })),
        "{pushed:?}"
    );
    assert!(runtime.block_on(content(&objects)).is_empty());
}

#[test]
fn another_dataset_of_the_same_run_is_refused() {
    let runtime = Runtime::new().unwrap();
    let objects = Arc::new(InMemory::new());
    let store = store(&objects, u64::MAX);
    let (mut one, mut other) = (Dataset::new("run-a"), Dataset::new("run-a"));
    one.write();
    other.next = 1;
    other.write();
    runtime
        .block_on(Push::new(&store, one.path()).once())
        .unwrap();
    let pushed = runtime.block_on(Push::new(&store, other.path()).once());
    assert!(
        matches!(pushed, Err(PushError::Diverged { .. })),
        "{pushed:?}"
    );
    assert_eq!(rows(&runtime.block_on(content(&objects))), one.rows);
}

#[test]
fn a_store_that_does_not_keep_conditions_is_refused_before_anything_is_overwritten() {
    let runtime = Runtime::new().unwrap();
    let objects = Arc::new(InMemory::new());
    let careless = Mortal::without_conditions(&objects);
    let store = Store::over(careless, "s3://desk/abh".parse().unwrap(), Arc::new(|_| {}));
    let mut dataset = Dataset::new("run-a");
    dataset.write();
    let pushed = runtime.block_on(Push::new(&store, dataset.path()).once());
    let said = pushed.unwrap_err().to_string();
    assert!(said.contains("does not keep If-None-Match"), "{said}");
    assert!(manifests(&runtime.block_on(content(&objects))).is_empty());
}
