//! Datasets on a real object store, over a good line and over bad ones.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod changing;
mod damage;
mod failures;
mod faults;
#[path = "../../../observe/tests/support/mod.rs"]
mod process;
mod pushing;
mod readers;
mod server;
#[path = "../support/mod.rs"]
mod support;
mod whole_life;

use std::path::{Path, PathBuf};

use faults::Line;
use server::Server;
use support::{Answer, REVISION, file, trader};
use tempfile::TempDir;

/// Where the tests' dataset is kept.
const PLACE: &str = "s3://desk/abh";

/// What a user has: a folder for datasets, a cache and the key of a store.
struct Desk {
    folder: TempDir,
    endpoint: String,
    credentials: String,
}

impl Desk {
    fn of(server: &Server) -> Self {
        Self::at(server, server.url())
    }

    /// The same, over a line on which things go wrong.
    fn over(line: &Line, server: &Server) -> Self {
        Self::at(server, line.url())
    }

    fn at(server: &Server, endpoint: String) -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            endpoint,
            credentials: server.credentials().display().to_string(),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        self.path(name).display().to_string()
    }

    /// A dataset of some hundred files in a folder of that name.
    fn dataset(&self, name: &str, seed: u32) -> PathBuf {
        let revision = file(self.folder.path(), "revision.yaml", REVISION);
        let seed = seed.to_string();
        let out = self.text(name);
        trader(&[
            "replay",
            &revision,
            "--generate",
            &seed,
            "--events",
            "20000",
            "--out",
            &out,
        ])
        .well();
        self.path(name)
    }

    /// Options by which commands reach the store.
    fn options(&self) -> Vec<String> {
        let words = [
            "--endpoint",
            &self.endpoint,
            "--credentials",
            &self.credentials,
        ];
        words.map(str::to_owned).to_vec()
    }

    /// `trader dataset` with these words.
    fn run(&self, words: &[&str]) -> Answer {
        let mut all: Vec<String> = vec!["dataset".to_owned()];
        all.extend(words.iter().map(|&word| word.to_owned()));
        all.extend(self.options());
        if !matches!(words[0], "push" | "pull") {
            all.extend(["--cache".to_owned(), self.text("cache")]);
        }
        let all: Vec<&str> = all.iter().map(String::as_str).collect();
        trader(&all)
    }

    fn push(&self, dataset: &Path) -> serde_json::Value {
        let dataset = dataset.display().to_string();
        self.run(&["push", &dataset, PLACE, "-o", "json"])
            .well()
            .json()
    }

    /// Fetches the dataset into a folder of that name.
    fn pull(&self, name: &str) -> PathBuf {
        let folder = self.text(name);
        self.run(&["pull", PLACE, &folder]).well();
        self.path(name)
    }
}

/// Every row of a dataset, whole, in one order.
fn rows(directory: &Path) -> Vec<String> {
    let files = triptych_dataset::read::listed_files(directory).unwrap();
    let rows = files
        .iter()
        .flat_map(|file| triptych_dataset::read::rows_of(file).unwrap());
    let mut rows: Vec<String> = rows.map(|row| format!("{row:?}")).collect();
    rows.sort_unstable();
    rows
}
