//! Small files become few while readers read and a writer writes; a kill loses and doubles nothing.

mod support;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use support::{StoppingFileSystem, candidate, options, parquet_files, run, write};
use triptych_dataset::compact::{CompactError, compact, compact_on};
use triptych_dataset::files::while_compacted;
use triptych_dataset::filesystem::LocalFileSystem;
use triptych_dataset::read::{listed_files, rows_of};
use triptych_dataset::verify::Problem;
use triptych_dataset::{DatasetWriter, verify};

const MANY: u64 = 1_000_000;

/// The candidates of the files that the manifests list, each with how often it is there.
fn listed_rows(directory: &Path) -> Vec<String> {
    let mut ids = while_compacted(|| {
        let mut ids = Vec::new();
        for path in listed_files(directory)? {
            ids.extend(rows_of(&path)?.into_iter().map(|row| row.candidate_id));
        }
        Ok::<_, triptych_dataset::read::ReadError>(ids)
    })
    .expect("a readable dataset");
    ids.sort();
    ids
}

fn ids(numbers: std::ops::Range<u32>) -> Vec<String> {
    let mut ids: Vec<_> = numbers
        .map(|number| candidate(number).id.to_string())
        .collect();
    ids.sort();
    ids
}

#[test]
fn every_folder_has_one_file_afterwards_with_every_row_of_all_runs() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "run-a", 0..60);
    write(folder.path(), "run-b", 60..100);
    let before = parquet_files(folder.path()).len();
    let report = compact(folder.path(), MANY, |_, _| {}).unwrap();
    assert_eq!(
        (report.folders, report.files_replaced, report.files_written),
        (2, before as u64, 2)
    );
    assert_eq!(parquet_files(folder.path()).len(), 2);
    assert_eq!(listed_rows(folder.path()), ids(0..100));
    let found = verify(folder.path()).unwrap();
    assert_eq!((found.rows, found.problems), (100, vec![]));
    let again = compact(folder.path(), MANY, |_, _| {}).unwrap();
    assert_eq!((again.files_written, again.leftovers_removed), (0, 0));
}

#[test]
fn files_stay_below_the_wanted_number_of_rows() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "run-a", 0..100);
    compact(folder.path(), 25, |_, _| {}).unwrap();
    let rows: Vec<_> = listed_files(folder.path())
        .unwrap()
        .iter()
        .map(|path| rows_of(path).unwrap().len())
        .collect();
    assert!(rows.iter().all(|&rows| rows <= 25), "{rows:?}");
    assert_eq!(listed_rows(folder.path()), ids(0..100));
}

#[test]
fn what_was_compacted_is_compacted_again_with_what_came_later() {
    let folder = tempfile::tempdir().unwrap();
    for (place, run) in (0..).zip(["run-a", "run-b", "run-c"]) {
        write(folder.path(), run, place * 40..(place + 1) * 40);
        compact(folder.path(), MANY, |_, _| {}).unwrap();
    }
    assert_eq!(parquet_files(folder.path()).len(), 2);
    assert_eq!(listed_rows(folder.path()), ids(0..120));
    assert!(verify(folder.path()).unwrap().ok);
}

#[test]
fn a_file_that_was_changed_is_not_compacted() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "run-a", 0..60);
    let path = folder.path().join(&parquet_files(folder.path())[0]);
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[20] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    let refused = compact(folder.path(), MANY, |_, _| {});
    assert!(
        matches!(refused, Err(CompactError::Changed { what: "sha256", .. })),
        "{refused:?}"
    );
}

/// Stopped before or after each thing that it does to the disk, a compaction leaves every row once for
/// whoever goes by the manifest, and once for everybody after the next.
#[test]
fn stopped_at_each_step_it_loses_and_doubles_nothing() {
    let mut steps = 0;
    for step in 0.. {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), "run-a", 0..50);
        let filesystem = StoppingFileSystem::after(step);
        let stopped = compact_on(&filesystem, folder.path(), MANY, |_, _| {});
        assert_eq!(
            listed_rows(folder.path()),
            ids(0..50),
            "stopped at step {step}"
        );
        // A trader that starts now takes what is unfinished for none of its business.
        write(folder.path(), "run-b", 50..70);
        assert_eq!(
            listed_rows(folder.path()),
            ids(0..70),
            "step {step}, then a start"
        );
        compact(folder.path(), MANY, |_, _| {}).unwrap();
        let report = verify(folder.path()).unwrap();
        assert_eq!((report.rows, report.problems), (70, vec![]), "step {step}");
        assert_eq!(parquet_files(folder.path()).len(), 2, "step {step}");
        if stopped.is_ok() {
            steps = step;
            break;
        }
    }
    assert!(steps > 12, "{steps} steps of two folders");
}

#[test]
fn a_replaced_file_that_is_still_there_is_told() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "run-a", 0..40);
    let path = folder.path().join(&parquet_files(folder.path())[0]);
    let kept = std::fs::read(&path).unwrap();
    compact(folder.path(), MANY, |_, _| {}).unwrap();
    std::fs::write(&path, kept).unwrap();
    let problems = verify(folder.path()).unwrap().problems;
    assert!(
        matches!(&problems[..], [Problem::Replaced { .. }]),
        "{problems:?}"
    );
    assert_eq!(
        compact(folder.path(), MANY, |_, _| {})
            .unwrap()
            .leftovers_removed,
        1
    );
    assert!(verify(folder.path()).unwrap().ok);
}

#[test]
fn readers_see_every_row_once_while_a_writer_writes_and_files_are_compacted() {
    let folder = tempfile::tempdir().unwrap();
    let directory = folder.path();
    write(directory, "run-0", 0..20);
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut writer = DatasetWriter::open(options(directory), run("run-1")).unwrap();
            for number in 20..600 {
                writer.append(&candidate(number), Instant::now()).unwrap();
            }
            writer.close().1.unwrap();
            done.store(true, Ordering::SeqCst);
        });
        scope.spawn(|| {
            while !done.load(Ordering::SeqCst) {
                compact(directory, 200, |_, _| {}).unwrap();
            }
        });
        let mut seen = BTreeSet::new();
        while !done.load(Ordering::SeqCst) {
            let rows = listed_rows(directory);
            let now: BTreeSet<_> = rows.iter().cloned().collect();
            assert_eq!(now.len(), rows.len(), "a row twice");
            assert!(seen.is_subset(&now), "a row that was there is gone");
            seen = now;
        }
    });
    compact(directory, MANY, |_, _| {}).unwrap();
    assert_eq!(listed_rows(directory), ids(0..600));
    assert!(verify(directory).unwrap().ok);
}

#[test]
fn two_compactions_at_once_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "run-a", 0..40);
    let second = std::cell::RefCell::new(None);
    compact_on(&LocalFileSystem, folder.path(), MANY, |_, _| {
        *second.borrow_mut() = Some(compact(folder.path(), MANY, |_, _| {}));
    })
    .unwrap();
    let second = second.into_inner();
    assert!(
        matches!(second, Some(Err(CompactError::Lock(_)))),
        "{second:?}"
    );
}
