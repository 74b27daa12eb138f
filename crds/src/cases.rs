//! The table of manifests: what is accepted, what is refused, with which path and message, and what
//! to do then. One table for the checks without a server, for those on a real one, and for
//! `docs/errors.md`.

mod assemble;
mod errors_page;

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::problem::Problem;

pub use errors_page::errors_page;

const BASES: &str = include_str!("../tests/manifests/bases.yaml");
const FILES: &str = include_str!("../tests/manifests/files.yaml");
const TABLES: [(&str, &str); 3] = [
    (
        "TradingInstance",
        include_str!("../tests/manifests/trading-instance.yaml"),
    ),
    (
        "ConfigRevision",
        include_str!("../tests/manifests/config-revision.yaml"),
    ),
    (
        "TradingAccount",
        include_str!("../tests/manifests/trading-account.yaml"),
    ),
];

/// A manifest, perhaps an update of it, and what becomes of it.
#[derive(Clone, Debug)]
pub struct Case {
    /// What it shows, in a few words; unique within its kind.
    pub name: String,
    /// The kind, also where the manifest names another.
    pub kind: &'static str,
    /// The manifest that is created.
    pub manifest: Value,
    /// The manifest that then replaces it; the expectation is about this one.
    pub update: Option<Value>,
    /// Every problem that the API server reports, in no order. Empty: accepted.
    pub refused: Vec<Problem>,
    /// Why `trader hash` refuses what the API server accepts and changes.
    pub hash_refused: Option<Problem>,
    /// What was written, as a short text.
    pub wrote: String,
    /// What to do then.
    pub remedy: Option<String>,
}

/// A file, and what is read from it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileCase {
    /// What it shows, in a few words.
    pub name: String,
    /// The text of the file, one document.
    pub text: String,
    /// The value that is read.
    pub reads_as: Option<Value>,
    /// The error, where it is not read.
    pub unreadable: Option<String>,
    /// What to do then.
    #[serde(rename = "do")]
    pub remedy: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    name: String,
    base: String,
    #[serde(flatten)]
    change: Change,
    then: Option<Change>,
    #[serde(default)]
    refused: Vec<Problem>,
    hash_refused: Option<Problem>,
    #[serde(rename = "do")]
    remedy: Option<String>,
}

/// How a manifest differs from its base.
#[derive(Debug, Default, Deserialize)]
struct Change {
    #[serde(default)]
    set: Map<String, Value>,
    #[serde(default)]
    remove: Vec<String>,
    repeat: Option<Repeat>,
    fill: Option<Fill>,
}

/// A list or map of `count` items; `{n}` in a text of the item is its number.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Repeat {
    path: String,
    count: usize,
    item: Value,
}

/// A text that is `text`, `count` times.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Fill {
    path: String,
    text: String,
    count: usize,
}

/// All manifests of the table.
///
/// # Panics
/// When the table itself is wrong; tests read it.
pub fn all() -> Vec<Case> {
    let bases: BTreeMap<String, Value> = parse("bases", BASES);
    let mut cases = Vec::new();
    for (kind, table) in TABLES {
        let rows: Vec<Row> = parse(kind, table);
        cases.extend(rows.into_iter().map(|row| case(kind, row, &bases)));
    }
    cases.push(assemble::largest_revision(&bases["revision"]));
    cases
}

/// All files of the table.
///
/// # Panics
/// When the table itself is wrong; tests read it.
pub fn files() -> Vec<FileCase> {
    parse("files", FILES)
}

fn parse<T: serde::de::DeserializeOwned>(name: &str, table: &str) -> T {
    serde_yaml_ng::from_str(table).unwrap_or_else(|error| panic!("table {name}: {error}"))
}

fn case(kind: &'static str, row: Row, bases: &BTreeMap<String, Value>) -> Case {
    let base = bases
        .get(&row.base)
        .unwrap_or_else(|| panic!("case {}: no base {}", row.name, row.base));
    let manifest = row.change.apply_to(base);
    Case {
        update: row.then.as_ref().map(|then| then.apply_to(&manifest)),
        wrote: assemble::wrote(&row.change, row.then.as_ref()),
        name: row.name,
        kind,
        manifest,
        refused: row.refused,
        hash_refused: row.hash_refused,
        remedy: row.remedy,
    }
}
