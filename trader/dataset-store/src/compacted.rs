//! Which of a directory's compactions a store needs.
//!
//! Directory and store may both have been compacted. What the directory compacted counts in the store only
//! where it brings rows that the store has not got, and takes the place of nothing that the store compacted.

use std::collections::{BTreeMap, BTreeSet};

use thiserror::Error;
use triptych_dataset::manifest::{CompactedEntry, RunManifest};

/// The directory and the store were compacted differently, and neither has all rows.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "{path}: compacted in the directory from files of which the store has compacted some ({other}) and not got others; compact a dataset in one place: the store"
)]
pub struct Conflict {
    /// The directory's compacted file.
    pub path: String,
    /// The store's.
    pub other: String,
}

/// What a store's manifests say.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Known {
    /// Every file that was ever listed.
    listed: BTreeSet<String>,
    /// The file that took the place of another.
    replaced_by: BTreeMap<String, String>,
}

impl Known {
    /// Adds what a manifest says.
    pub(crate) fn add(&mut self, manifest: &RunManifest) {
        self.listed
            .extend(manifest.files().map(|file| file.path.clone()));
        for compacted in manifest.compacted() {
            self.listed.insert(compacted.file.path.clone());
            for path in &compacted.replaces {
                self.replaced_by
                    .insert(path.clone(), compacted.file.path.clone());
            }
        }
    }

    /// Whether the store has the rows of a file, in it or in what took its place.
    pub(crate) fn has(&self, path: &str) -> bool {
        self.listed.contains(path)
    }
}

/// The lines of a directory's compactions that a store lacks, in their order.
pub(crate) fn to_send<'a>(
    own: &[&'a CompactedEntry],
    store: &Known,
) -> Result<Vec<&'a CompactedEntry>, Conflict> {
    let by_path: BTreeMap<&str, &CompactedEntry> =
        own.iter().map(|line| (&*line.file.path, *line)).collect();
    let replaced: BTreeSet<&str> = own
        .iter()
        .flat_map(|line| line.replaces.iter().map(String::as_str))
        .collect();
    let mut wanted = BTreeSet::new();
    for line in own
        .iter()
        .filter(|line| !replaced.contains(&*line.file.path))
    {
        let path = &*line.file.path;
        let (mut made, mut sources) = (BTreeSet::new(), BTreeSet::new());
        trace(path, &by_path, &mut made, &mut sources);
        if store.has(path) || sources.iter().all(|source| store.has(source)) {
            continue;
        }
        let mut parts = made.iter().chain(&sources);
        let other = parts.find_map(|part| {
            let by = store.replaced_by.get(*part)?;
            (!made.contains(&**by)).then_some(by)
        });
        if let Some(other) = other {
            return Err(Conflict {
                path: path.to_owned(),
                other: other.clone(),
            });
        }
        wanted.extend(made);
    }
    Ok(own
        .iter()
        .copied()
        .filter(|line| wanted.contains(&*line.file.path) && !store.has(&line.file.path))
        .collect())
}

/// The compacted files that a file was made of, itself included, and the runs' files that they were made of.
fn trace<'a>(
    path: &'a str,
    by_path: &BTreeMap<&str, &'a CompactedEntry>,
    made: &mut BTreeSet<&'a str>,
    sources: &mut BTreeSet<&'a str>,
) {
    match by_path.get(path) {
        Some(line) => {
            made.insert(path);
            for part in &line.replaces {
                trace(part, by_path, made, sources);
            }
        }
        None => {
            sources.insert(path);
        }
    }
}

#[cfg(test)]
mod tests {
    use triptych_dataset::manifest::{Entry, FileEntry};

    use super::*;

    fn line(path: &str, replaces: &[&str]) -> CompactedEntry {
        CompactedEntry {
            file: file(path),
            replaces: replaces.iter().map(|&path| path.to_owned()).collect(),
        }
    }

    fn file(path: &str) -> FileEntry {
        FileEntry {
            path: path.to_owned(),
            rows: 1,
            bytes: 1,
            sha256: String::new(),
            first_ts_decision_ns: 0,
            last_ts_decision_ns: 0,
            adopted: false,
        }
    }

    fn known(files: &[&str], compacted: &[CompactedEntry]) -> Known {
        let mut known = Known::default();
        let files = files.iter().map(|path| Entry::File(file(path)));
        let compacted = compacted.iter().cloned().map(Entry::Compacted);
        known.add(&RunManifest {
            path: "manifest".into(),
            entries: files.chain(compacted).collect(),
            good_bytes: 0,
            torn: false,
            damaged_lines: Vec::new(),
        });
        known
    }

    #[test]
    fn only_what_brings_rows_is_sent() {
        type Case<'a> = (
            &'a str,
            Vec<&'a CompactedEntry>,
            Known,
            Result<Vec<&'a str>, &'a str>,
        );
        let (first, second) = (line("c1", &["f1", "f2"]), line("c2", &["c1", "f3"]));
        let cases: [Case<'_>; 9] = [
            (
                "nothing is there",
                vec![&first],
                known(&[], &[]),
                Ok(vec!["c1"]),
            ),
            (
                "some is there",
                vec![&first],
                known(&["f1"], &[]),
                Ok(vec!["c1"]),
            ),
            (
                "all rows are there",
                vec![&first],
                known(&["f1", "f2"], &[]),
                Ok(vec![]),
            ),
            (
                "all rows are there, compacted otherwise",
                vec![&first],
                known(&["f1", "f2", "f9"], &[line("x", &["f2", "f9"])]),
                Ok(vec![]),
            ),
            (
                "it was sent, and its run's lines not",
                vec![&first],
                known(&[], std::slice::from_ref(&first)),
                Ok(vec![]),
            ),
            (
                "in two steps",
                vec![&first, &second],
                known(&["f1"], &[]),
                Ok(vec!["c1", "c2"]),
            ),
            (
                "the first step was sent",
                vec![&first, &second],
                known(&["f1", "f2"], std::slice::from_ref(&first)),
                Ok(vec!["c2"]),
            ),
            (
                "some is there compacted otherwise, and some is not",
                vec![&first],
                known(&["f1", "f9"], &[line("x", &["f1", "f9"])]),
                Err("x"),
            ),
            (
                "what was sent is compacted there with more",
                vec![&first, &second],
                known(
                    &["f1", "f2", "f9"],
                    &[first.clone(), line("x", &["c1", "f9"])],
                ),
                Err("x"),
            ),
        ];
        for (case, own, store, expected) in &cases {
            let found = to_send(own, store);
            let found = match &found {
                Ok(lines) => Ok(lines.iter().map(|line| &*line.file.path).collect()),
                Err(conflict) => Err(&*conflict.other),
            };
            assert_eq!(&found, expected, "{case}");
        }
    }
}
