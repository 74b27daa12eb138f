//! Files of an earlier build, which had fewer columns, beside those of this one.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use parquet::arrow::ArrowWriter;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use support::{parquet_files, write};
use triptych_dataset::compact::compact;
use triptych_dataset::files::{batches, footer_value, schema_of};
use triptych_dataset::manifest::{Entry, RunManifest};
use triptych_dataset::read::{Row, describe_file, listed_files, rows_of};
use triptych_dataset::verify;

const MANY: u64 = 1_000_000;
const VERSION: &str = "triptych.schema_version";
/// What version 1 had not got.
const LATER_COLUMNS: [&str; 5] = [
    "trading_state",
    "live_ratio_mode",
    "taken_quantity",
    "not_taken",
    "verdicts_all_taken",
];

/// Makes a dataset what a build of version 1 would have written.
fn as_version_1(directory: &Path) {
    for manifest in RunManifest::read_all(directory).unwrap() {
        let mut text = String::new();
        for mut entry in manifest.entries {
            match &mut entry {
                Entry::Run(run) => run.schema_version = 1,
                Entry::File(file) => {
                    let path = directory.join(&file.path);
                    rewrite(&path);
                    let name = std::mem::take(&mut file.path);
                    *file = describe_file(&path).unwrap();
                    file.path = name;
                }
                _ => {}
            }
            text += &serde_json::to_string(&entry).unwrap();
            text += "\n";
        }
        fs::write(&manifest.path, text).unwrap();
    }
}

fn rewrite(path: &Path) {
    let schema = schema_of(path).unwrap();
    let kept: Vec<usize> = (0..schema.fields().len())
        .filter(|&place| !LATER_COLUMNS.contains(&schema.field(place).name().as_str()))
        .collect();
    let version = KeyValue::new(VERSION.to_owned(), "1".to_owned());
    let properties = WriterProperties::builder()
        .set_key_value_metadata(Some(vec![version]))
        .build();
    let columns = schema.project(&kept).unwrap().into();
    let mut writer = ArrowWriter::try_new(Vec::new(), columns, Some(properties)).unwrap();
    for batch in batches(path, None).unwrap() {
        writer.write(&batch.project(&kept).unwrap()).unwrap();
    }
    fs::write(path, writer.into_inner().unwrap()).unwrap();
}

fn rows(directory: &Path) -> Vec<Row> {
    let files = listed_files(directory).unwrap();
    let mut rows: Vec<Row> = files
        .iter()
        .flat_map(|path| rows_of(path).unwrap())
        .collect();
    rows.sort_by(|one, other| one.candidate_id.cmp(&other.candidate_id));
    rows
}

#[test]
fn files_of_two_versions_are_compacted_beside_each_other_and_no_row_changes() {
    let folder = tempfile::tempdir().unwrap();
    let directory = folder.path();
    write(directory, "run-a", 0..60);
    as_version_1(directory);
    write(directory, "run-b", 60..100);
    let before = rows(directory);
    assert_eq!(before.len(), 100);
    assert!(before.iter().any(|row| row.trading_state.is_none()));
    compact(directory, MANY, |_, _| {}).unwrap();
    assert_eq!(rows(directory), before);
    assert!(verify(directory).unwrap().ok);
    // In each folder a file of each version.
    let mut versions: BTreeMap<String, usize> = BTreeMap::new();
    for name in parquet_files(directory) {
        let version = footer_value(&directory.join(name), VERSION).unwrap();
        *versions.entry(version.unwrap()).or_default() += 1;
    }
    let expected = [("1".to_owned(), 2), ("2".to_owned(), 2)];
    assert_eq!(versions, expected.into());
}
