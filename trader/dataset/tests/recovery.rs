//! The next start puts in order what a killed writer left, and looks at no more than that.

mod support;

use std::fs;
use std::path::Path;

use support::{options, run, write};
use triptych_dataset::manifest::RunManifest;
use triptych_dataset::recovery::RecoveryReport;
use triptych_dataset::verify::Problem;
use triptych_dataset::{DatasetWriter, layout, verify};

/// Cuts the last line off a manifest: the run was killed before it ended.
fn without_its_end(manifest: &Path) {
    let text = fs::read_to_string(manifest).expect("a manifest");
    let (before, end) = text.trim_end().rsplit_once('\n').expect("lines");
    assert!(end.contains("\"end\""), "{end}");
    fs::write(manifest, format!("{before}\n")).expect("a writable folder");
}

#[test]
fn a_file_without_a_line_is_adopted_and_a_torn_manifest_repaired() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "run-a", 0..25);
    // The writer was killed in the middle of the line of its last file.
    let manifest = folder.path().join("manifest/run-a.jsonl");
    let text = fs::read_to_string(&manifest).unwrap();
    let mut lines: Vec<_> = text.lines().collect();
    assert!(lines.pop().unwrap().contains("\"end\""));
    let last = lines.pop().unwrap();
    fs::write(
        &manifest,
        format!("{}\n{}", lines.join("\n"), &last[..last.len() / 2]),
    )
    .unwrap();
    let of_run = "candidates/date=2024-08-08/strategy=lean/instrument=BTCUSDT/run-a-000009.parquet";
    let temporary = layout::temporary(&folder.path().join(of_run));
    fs::write(&temporary, b"half a file").unwrap();

    let report = verify(folder.path()).unwrap();
    assert_eq!((report.torn_manifests, report.temporary_files), (1, 1));
    assert!(
        matches!(&report.problems[..], [Problem::Unlisted { .. }]),
        "{:?}",
        report.problems
    );

    let writer = DatasetWriter::open(options(folder.path()), run("run-b")).unwrap();
    let recovery = writer.recovery().clone();
    writer.close().1.unwrap();
    assert_eq!(recovery.files_adopted, 1);
    assert_eq!(recovery.manifests_repaired, 1);
    assert_eq!(recovery.temporary_files_removed, 1);
    assert_eq!(recovery.runs_ended, 1);

    let report = verify(folder.path()).unwrap();
    assert_eq!(
        (report.rows, report.problems, report.torn_manifests),
        (25, vec![], 0)
    );
    let gap = &report.gaps[0];
    assert_eq!(
        (gap.rows, gap.rows_at_most),
        (None, Some(50_000)),
        "what a kill may have lost"
    );
    let adopted = RunManifest::read(&manifest)
        .unwrap()
        .files()
        .filter(|file| file.adopted)
        .count();
    assert_eq!(adopted, 1);
}

#[test]
fn recovery_happens_once() {
    let folder = tempfile::tempdir().unwrap();
    drop(DatasetWriter::open(options(folder.path()), run("run-a")).unwrap());
    for (id, ended) in [("run-b", 1), ("run-c", 0)] {
        let writer = DatasetWriter::open(options(folder.path()), run(id)).unwrap();
        assert_eq!(writer.recovery().runs_ended, ended, "{id}");
        writer.close().1.unwrap();
    }
}

#[test]
fn a_file_that_cannot_be_read_is_put_out_of_the_readers_way() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "run-a", 0..10);
    without_its_end(&folder.path().join("manifest/run-a.jsonl"));
    let stray = folder
        .path()
        .join("candidates/date=2024-08-08/strategy=lean/instrument=BTCUSDT/run-a-000099.parquet");
    fs::write(&stray, b"PAR1 but not really").unwrap();
    let writer = DatasetWriter::open(options(folder.path()), run("run-b")).unwrap();
    assert_eq!(writer.recovery().files_unreadable, 1);
    writer.close().1.unwrap();
    assert!(!stray.exists());
    let report = verify(folder.path()).unwrap();
    assert_eq!((report.rows, report.problems), (10, vec![]));
    assert!(
        report.gaps[0]
            .reason
            .contains("run-a-000099.parquet cannot be read"),
        "{:?}",
        report.gaps
    );
}

#[test]
fn of_a_run_that_ended_a_start_reads_only_the_last_line() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "run-a", 0..60);
    let manifest = folder.path().join("manifest/run-a.jsonl");
    let text = fs::read_to_string(&manifest).unwrap();
    let (before, end) = text.trim_end().rsplit_once('\n').unwrap();
    let garbage: String = before
        .chars()
        .map(|c| if c == '\n' { c } else { '?' })
        .collect();
    let damaged = format!("{garbage}\n{end}\n");
    fs::write(&manifest, &damaged).unwrap();
    let writer = DatasetWriter::open(options(folder.path()), run("run-b")).unwrap();
    assert_eq!(writer.recovery(), &RecoveryReport::default());
    assert_eq!(fs::read_to_string(&manifest).unwrap(), damaged);
}

#[test]
fn a_run_of_a_build_that_named_no_folders_is_put_in_order_all_the_same() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "run-a", 0..25);
    let manifest = folder.path().join("manifest/run-a.jsonl");
    let text = fs::read_to_string(&manifest).unwrap();
    let mut kept: Vec<String> = text
        .lines()
        .filter(|line| !line.contains("\"folder\"") && !line.contains("\"end\""))
        .map(|line| line.replace(",\"namesFolders\":true", ""))
        .collect();
    kept.pop();
    fs::write(&manifest, kept.join("\n") + "\n").unwrap();
    let writer = DatasetWriter::open(options(folder.path()), run("run-b")).unwrap();
    assert_eq!(
        (
            writer.recovery().files_adopted,
            writer.recovery().runs_ended
        ),
        (1, 1)
    );
    writer.close().1.unwrap();
    assert_eq!(verify(folder.path()).unwrap().rows, 25);
}
