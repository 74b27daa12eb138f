//! Labels of a whole dataset: one file for each day, strategy and instrument, replaced whole.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use serde::Serialize;
use thiserror::Error;

use super::definition::{Definition, DefinitionName, HORIZONS};
use super::outcome::{Label, Missing, Subject, label};
use super::quotes::{QuotePath, Source};
use super::table::{self, DEFINITION_KEY, SUBJECT_COLUMNS};
use crate::encode::EncodeError;
use crate::files::{IsGone, batches, footer_value, listed_by_folder};
use crate::filesystem::{FileSystem, LocalFileSystem, put};
use crate::layout::{CANDIDATES, LABELS, strategy_and_instrument};
use crate::lock::{self, LockError};
use crate::read::ReadError;
use crate::recovery::{files_under, has_extension};

/// Labels cannot be written or read.
#[derive(Debug, Error)]
pub enum LabelError {
    /// Another command changes files of this dataset.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// The dataset cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// Labels could not be encoded.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// A file of labels cannot be written.
    #[error("cannot write {path}: {source}")]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Labels of this name have other fees or barriers.
    #[error(
        "labels {name}: {path} has the definition {found}, asked for is {wanted}; choose another name"
    )]
    OtherDefinition {
        /// The name.
        name: DefinitionName,
        /// A file.
        path: PathBuf,
        /// Its definition.
        found: String,
        /// The definition that was asked for.
        wanted: String,
    },
    /// A file is none of labels.
    #[error(
        "{path}: its columns are not those of labels of schema version {}",
        table::VERSION
    )]
    Columns {
        /// The file.
        path: PathBuf,
    },
}

impl IsGone for LabelError {
    fn is_gone(&self) -> bool {
        matches!(self, Self::Read(error) if error.is_gone())
    }
}

/// What was labelled.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LabelReport {
    /// Candidates of the dataset.
    pub candidates: u64,
    /// Candidates to which no later run can add anything.
    pub complete: u64,
    /// Files that were written; the others had nothing to add.
    pub files_written: u64,
    /// Each label, in the order of the columns.
    pub labels: Vec<LabelCounts>,
}

/// How much is known of one label.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LabelCounts {
    /// Its name: a horizon, `barrier` or `excursion`.
    pub label: String,
    /// Candidates for which it is known.
    pub known: u64,
    /// Candidates for which it is empty, by reason.
    pub missing: BTreeMap<&'static str, u64>,
}

/// Labels every candidate of a dataset from the market of each instrument, and completes what an
/// earlier run left empty. A writer of candidates may be at work; the files that it publishes
/// meanwhile are left to the next run.
pub fn label_dataset(
    directory: &Path,
    definition: &Definition,
    market: &BTreeMap<String, QuotePath>,
    mut progress: impl FnMut(usize, usize),
) -> Result<LabelReport, LabelError> {
    let _lock = lock::hold(directory, lock::MAINTENANCE)?;
    let folders = listed_by_folder(directory)?;
    for folder in folders.keys() {
        same_definition(&label_path(directory, &definition.name, folder), definition)?;
    }
    let mut report = LabelReport {
        labels: label_names().map(LabelCounts::of).collect(),
        ..LabelReport::default()
    };
    for (done, (folder, files)) in folders.iter().enumerate() {
        progress(done, folders.len());
        let before = labels_of_folder(directory, &definition.name, folder)?;
        let path_of_quotes =
            strategy_and_instrument(folder).and_then(|(_, instrument)| market.get(&instrument));
        let mut subjects = Vec::new();
        for file in files {
            subjects.extend(read_subjects(&directory.join(&file.path))?);
        }
        let labels = completed(definition, &subjects, path_of_quotes, before.clone());
        for label in &labels {
            report.add(label);
        }
        if labels != before {
            let path = label_path(directory, &definition.name, folder);
            write_file(&path, definition, &labels)?;
            report.files_written += 1;
        }
    }
    Ok(report)
}

fn completed(
    definition: &Definition,
    subjects: &[Subject],
    path: Option<&QuotePath>,
    before: Vec<Label>,
) -> Vec<Label> {
    let key = |subject: &Subject| (subject.run_id.clone(), subject.candidate_id.clone());
    let mut before: HashMap<_, _> = before
        .into_iter()
        .map(|label| (key(&label.subject), label))
        .collect();
    let mut labels: Vec<Label> = subjects
        .iter()
        .map(|subject| match before.remove(&key(subject)) {
            Some(known) if known.is_complete() => known,
            Some(known) => known.completed_with(label(definition, subject, path)),
            None => label(definition, subject, path),
        })
        .collect();
    // The order of files changes with compaction; that of labels does not.
    labels.sort_by(|one, other| {
        let order = |label: &Label| (label.subject.decided_at, key(&label.subject));
        order(one).cmp(&order(other))
    });
    labels
}

/// The labels of a folder of candidates; none where it was not labelled.
pub fn labels_of_folder(
    directory: &Path,
    name: &DefinitionName,
    folder: &Path,
) -> Result<Vec<Label>, LabelError> {
    let path = label_path(directory, name, folder);
    if path.exists() {
        read_file(&path)
    } else {
        Ok(Vec::new())
    }
}

/// The definition of labels by name; `None` where there are none.
pub fn definition_of(
    directory: &Path,
    name: &DefinitionName,
) -> Result<Option<Definition>, LabelError> {
    for folder in listed_by_folder(directory)?.keys() {
        let path = label_path(directory, name, folder);
        if path.exists() {
            let text = footer_value(&path, DEFINITION_KEY)?.unwrap_or_default();
            return match serde_json::from_str(&text) {
                Ok(definition) => Ok(Some(definition)),
                Err(_) => Err(LabelError::Columns { path }),
            };
        }
    }
    Ok(None)
}

/// The market as the candidates of a dataset themselves saw it: best bid and ask at each decision.
pub fn market_of_candidates(directory: &Path) -> Result<BTreeMap<String, QuotePath>, ReadError> {
    let mut quotes: BTreeMap<String, Vec<table::DecisionQuote>> = BTreeMap::new();
    for (folder, files) in listed_by_folder(directory)? {
        let Some((_, instrument)) = strategy_and_instrument(&folder) else {
            continue;
        };
        let of_instrument = quotes.entry(instrument).or_default();
        for file in &files {
            let path = directory.join(&file.path);
            for batch in batches(&path, Some(&table::DECISION_QUOTE_COLUMNS))? {
                let found = table::decision_quotes_of(&batch).ok_or(ReadError::Column {
                    path: path.clone(),
                    column: "bid",
                })?;
                of_instrument.extend(found);
            }
        }
    }
    let path = |mut quotes: Vec<table::DecisionQuote>| {
        quotes.sort_by_key(|quote| quote.at);
        let mut path = QuotePath::new(Source::Dataset);
        for quote in quotes {
            path.observe(quote.at, Some((quote.bid, quote.ask)));
        }
        path
    };
    Ok(quotes
        .into_iter()
        .map(|(instrument, quotes)| (instrument, path(quotes)))
        .collect())
}

/// Every file of labels, of all definitions.
pub fn label_files(directory: &Path) -> Result<Vec<PathBuf>, ReadError> {
    let files = files_under(&directory.join(LABELS)).map_err(|source| ReadError::File {
        path: directory.join(LABELS),
        source,
    })?;
    let whole = files
        .into_iter()
        .filter(|path| has_extension(path, "parquet"));
    Ok(whole.collect())
}

fn label_path(directory: &Path, name: &DefinitionName, candidates: &Path) -> PathBuf {
    let partition = candidates.strip_prefix(CANDIDATES).unwrap_or(candidates);
    directory
        .join(LABELS)
        .join(format!("definition={name}"))
        .join(partition)
        .join("labels.parquet")
}

fn same_definition(path: &Path, definition: &Definition) -> Result<(), LabelError> {
    if !path.exists() {
        return Ok(());
    }
    let wanted = serde_json::to_string(definition).unwrap_or_default();
    let found = footer_value(path, DEFINITION_KEY)?.unwrap_or_default();
    if found == wanted {
        return Ok(());
    }
    Err(LabelError::OtherDefinition {
        name: definition.name.clone(),
        path: path.to_owned(),
        found,
        wanted,
    })
}

fn read_subjects(path: &Path) -> Result<Vec<Subject>, ReadError> {
    let mut subjects = Vec::new();
    for batch in batches(path, Some(&SUBJECT_COLUMNS))? {
        let found = table::subjects_of(&batch).ok_or(ReadError::Column {
            path: path.to_owned(),
            column: "touch",
        })?;
        subjects.extend(found);
    }
    Ok(subjects)
}

fn read_file(path: &Path) -> Result<Vec<Label>, LabelError> {
    let mut labels = Vec::new();
    for batch in batches(path, None)? {
        let found = table::labels_of(&batch).ok_or_else(|| LabelError::Columns {
            path: path.to_owned(),
        })?;
        labels.extend(found);
    }
    Ok(labels)
}

fn write_file(path: &Path, definition: &Definition, labels: &[Label]) -> Result<(), LabelError> {
    let bytes = table::parquet_file(definition, labels)?;
    let unwritable = |source| LabelError::Write {
        path: path.to_owned(),
        source,
    };
    // What a killed run left under the temporary name.
    let temporary = crate::layout::temporary(path);
    if temporary.exists() {
        LocalFileSystem
            .remove_file(&temporary)
            .map_err(unwritable)?;
    }
    put(&LocalFileSystem, path, &bytes).map_err(unwritable)
}

fn label_names() -> impl Iterator<Item = &'static str> {
    HORIZONS
        .into_iter()
        .map(|(horizon, _)| horizon)
        .chain(["barrier", "excursion"])
}

impl LabelCounts {
    fn of(label: &str) -> Self {
        Self {
            label: label.to_owned(),
            ..Self::default()
        }
    }

    fn add(&mut self, missing: Option<Missing>) {
        match missing {
            None => self.known += 1,
            Some(reason) => *self.missing.entry(reason.name()).or_default() += 1,
        }
    }
}

impl LabelReport {
    fn add(&mut self, label: &Label) {
        self.candidates += 1;
        self.complete += u64::from(label.is_complete());
        let missing = label
            .returns
            .iter()
            .map(|exit| exit.err())
            .chain([label.barrier.err(), label.excursion.err()]);
        for (counts, missing) in self.labels.iter_mut().zip(missing) {
            counts.add(missing);
        }
    }
}
