//! What is appended is published whole, listed, and read back the same.

mod support;

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use arrow::datatypes::DataType;
use support::{MIDNIGHT, SmallDisk, candidate, run};
use triptych_crds::TradingState;
use triptych_dataset::manifest::RunManifest;
use triptych_dataset::read::{first_rows, rows_of};
use triptych_dataset::recovery::{files_under, relative};
use triptych_dataset::schema::CANDIDATES;
use triptych_dataset::summary::Summary;
use triptych_dataset::verify::Problem;
use triptych_dataset::writer::DatasetError;
use triptych_dataset::{DatasetWriter, Options, verify};
use triptych_engine::event::Timestamp;

fn options(directory: &Path) -> Options {
    Options {
        flush_rows: 10,
        ..Options::new(directory)
    }
}

fn write(directory: &Path, id: &str, numbers: std::ops::Range<u32>) {
    let mut writer = DatasetWriter::open(options(directory), run(id)).expect("a dataset");
    let now = Instant::now();
    for number in numbers {
        writer.append(&candidate(number), now).expect("room");
    }
    let (counters, closed) = writer.close();
    closed.expect("room");
    assert_eq!((counters.rows_buffered, counters.rows_lost), (0, 0));
}

fn parquet_files(directory: &Path) -> Vec<String> {
    let files = files_under(&directory.join("candidates")).expect("a readable folder");
    files.iter().map(|path| relative(directory, path)).collect()
}

#[test]
fn rows_are_published_in_their_partition_and_listed() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "run-a", 0..25);
    let files = parquet_files(folder.path());
    assert_eq!(
        files,
        [
            "candidates/date=2024-08-08/strategy=lean/instrument=BTCUSDT/run-a-000001.parquet",
            "candidates/date=2024-08-08/strategy=lean/instrument=BTCUSDT/run-a-000003.parquet",
            "candidates/date=2024-08-08/strategy=trend/instrument=BTCUSDT/run-a-000000.parquet",
            "candidates/date=2024-08-08/strategy=trend/instrument=BTCUSDT/run-a-000002.parquet",
        ]
    );
    let report = verify(folder.path()).unwrap();
    assert_eq!(
        (report.files, report.rows, report.problems),
        (4, 25, vec![])
    );
    assert!(report.gaps.is_empty(), "an orderly end is no gap");
}

#[test]
fn the_trading_state_of_a_decision_is_kept_where_one_counts() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = DatasetWriter::open(options(folder.path()), run("run-a")).unwrap();
    let states = [
        None,
        Some(TradingState::Active),
        Some(TradingState::Reducing),
        Some(TradingState::Halted),
    ];
    for (number, state) in (0..).zip(states) {
        writer
            .append_decided(&candidate(number), state, Instant::now())
            .unwrap();
    }
    writer.close().1.unwrap();
    let rows = first_rows(folder.path(), 4).unwrap();
    let found: Vec<_> = rows
        .iter()
        .map(|row| row.trading_state.as_deref())
        .collect();
    assert_eq!(
        found,
        [None, Some("Active"), Some("Reducing"), Some("Halted")]
    );
}

#[test]
fn what_was_appended_is_read_back_exactly() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "run-a", 0..40);
    let rows = first_rows(folder.path(), 40).unwrap();
    assert_eq!(rows.len(), 40);
    for (number, row) in (0..).zip(&rows) {
        let expected = candidate(number);
        assert_eq!(row.candidate_id, expected.id.to_string());
        assert_eq!(row.ts_decision_ns, expected.ts_decision.nanoseconds());
        assert_eq!(
            (&*row.strategy, &*row.instrument),
            (&*expected.strategy, "BTCUSDT")
        );
        assert_eq!(
            (row.bid, row.ask),
            (expected.top.bid.price, expected.top.ask.price)
        );
        assert_eq!(row.confidence, expected.confidence);
        assert_eq!(row.final_if_enforced, expected.enforcement.name());
        assert_eq!(row.final_quantity, expected.final_quantity());
        assert_eq!(row.verdicts.len(), expected.verdicts.len());
        for (found, verdict) in row.verdicts.iter().zip(&expected.verdicts) {
            assert_eq!((&*found.rule, found.pass), (verdict.rule, verdict.passes()));
            assert_eq!(
                (found.observed, found.limit),
                (verdict.observed, verdict.limit)
            );
            assert_eq!(found.resized_qty, verdict.resized_quantity());
            assert_eq!(
                found.deny_code.as_deref(),
                verdict.deny_code().map(|code| code.0)
            );
        }
    }
}

#[test]
fn the_first_rows_are_the_earliest_of_all_runs_and_strategies() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "run-late", 30..60);
    write(folder.path(), "run-early", 0..30);
    let rows = first_rows(folder.path(), 7).unwrap();
    let ids: Vec<_> = rows.into_iter().map(|row| row.candidate_id).collect();
    let expected: Vec<_> = (0..7)
        .map(|number| candidate(number).id.to_string())
        .collect();
    assert_eq!(ids, expected);
}

#[test]
fn old_rows_are_published_without_waiting_for_more() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = DatasetWriter::open(options(folder.path()), run("run-a")).unwrap();
    let start = Instant::now();
    writer.append(&candidate(0), start).unwrap();
    writer
        .append(&candidate(1), start + Duration::from_secs(2))
        .unwrap();
    writer.flush_due(start + Duration::from_secs(5)).unwrap();
    assert_eq!(
        writer.counters().rows_written,
        1,
        "the other is three seconds old"
    );
    writer.flush_due(start + Duration::from_secs(7)).unwrap();
    assert_eq!(writer.counters().rows_written, 2);
    assert!(verify(folder.path()).unwrap().problems.is_empty());
}

#[test]
fn a_dataset_has_one_writer() {
    let folder = tempfile::tempdir().unwrap();
    let first = DatasetWriter::open(options(folder.path()), run("run-a")).unwrap();
    let second = DatasetWriter::open(options(folder.path()), run("run-b")).err();
    assert!(
        matches!(second, Some(DatasetError::Locked { .. })),
        "{second:?}"
    );
    first.close().1.unwrap();
    DatasetWriter::open(options(folder.path()), run("run-b")).unwrap();
}

#[test]
fn a_full_disk_keeps_rows_and_publishes_them_when_there_is_room_again() {
    let folder = tempfile::tempdir().unwrap();
    let disk = SmallDisk::of(30_000);
    let mut writer =
        DatasetWriter::open_on(Box::new(disk.clone()), options(folder.path()), run("run-a"))
            .unwrap();
    let start = Instant::now();
    let failures = (0..100)
        .filter(|&number| writer.append(&candidate(number), start).is_err())
        .count();
    assert!(failures > 0, "the disk is meant to be full");
    assert!(writer.flush().is_err());
    assert_eq!(
        writer.counters().rows_written + writer.counters().rows_buffered,
        100
    );
    assert_eq!(writer.counters().rows_lost, 0);

    disk.grow(10_000_000);
    writer.flush_due(start + Duration::from_mins(1)).unwrap();
    let (counters, closed) = writer.close();
    closed.unwrap();
    assert_eq!(counters.rows_written, 100);
    let report = verify(folder.path()).unwrap();
    assert_eq!(
        (report.rows, report.problems, report.gaps.len()),
        (100, vec![], 0)
    );
    assert_eq!(report.temporary_files, 0);
}

#[test]
fn rows_beyond_the_buffer_are_counted_and_leave_a_gap() {
    let folder = tempfile::tempdir().unwrap();
    let disk = SmallDisk::of(2_000);
    let options = Options {
        max_buffered_rows: 30,
        ..options(folder.path())
    };
    let mut writer = DatasetWriter::open_on(Box::new(disk.clone()), options, run("run-a")).unwrap();
    let now = Instant::now();
    for number in 0..50 {
        let _ = writer.append(&candidate(number), now);
    }
    assert_eq!(
        (writer.counters().rows_buffered, writer.counters().rows_lost),
        (30, 20)
    );
    disk.grow(10_000_000);
    writer.close().1.unwrap();

    let report = verify(folder.path()).unwrap();
    assert_eq!((report.rows, report.problems), (30, vec![]));
    let gap = &report.gaps[0];
    assert_eq!((report.gaps.len(), gap.rows), (1, Some(20)));
    assert_eq!(
        gap.first_ts_decision_ns,
        Some(candidate(30).ts_decision.nanoseconds())
    );
    assert_eq!(
        gap.last_ts_decision_ns,
        Some(candidate(49).ts_decision.nanoseconds())
    );
}

/// Whatever the size of the disk: files that were published are whole, and rows are written,
/// buffered or lost, never both and never neither.
#[test]
fn every_size_of_disk_leaves_whole_files_only() {
    for size in (1_000..60_000).step_by(1_777) {
        let folder = tempfile::tempdir().unwrap();
        let options = Options {
            max_buffered_rows: 40,
            ..options(folder.path())
        };
        let disk = SmallDisk::of(size);
        let Ok(mut writer) = DatasetWriter::open_on(Box::new(disk), options, run("run-a")) else {
            panic!("the first line needs less than {size} bytes");
        };
        let now = Instant::now();
        for number in 0..80 {
            let _ = writer.append(&candidate(number), now);
        }
        let (counters, _) = writer.close();
        assert_eq!(counters.rows_written + counters.rows_lost, 80, "{size}");
        let found: usize = files_under(&folder.path().join("candidates"))
            .unwrap()
            .iter()
            .map(|path| rows_of(path).expect("a whole file").len())
            .sum();
        assert_eq!(found as u64, counters.rows_written, "{size}");

        // The next start, with room, lists what could not be listed and says what was lost.
        DatasetWriter::open(Options::new(folder.path()), run("run-b"))
            .unwrap()
            .close()
            .1
            .unwrap();
        let report = verify(folder.path()).unwrap();
        assert_eq!(
            (report.rows, report.problems),
            (counters.rows_written, vec![]),
            "{size}"
        );
        assert!(
            counters.rows_lost == 0 || !report.gaps.is_empty(),
            "{size}: a loss without a gap"
        );
    }
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
    let temporary = folder.path().join("candidates/run-a-000009.parquet.tmp");
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
            .contains("run-a-000099.parquet cannot be read")
    );
}

#[test]
fn verification_finds_every_way_in_which_a_file_can_be_wrong() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "run-a", 0..40);
    let files = files_under(&folder.path().join("candidates")).unwrap();
    let mut flipped = fs::read(&files[0]).unwrap();
    flipped[20] ^= 1;
    fs::write(&files[0], &flipped).unwrap();
    let whole = fs::read(&files[1]).unwrap();
    fs::write(&files[1], &whole[..whole.len() - 4]).unwrap();
    fs::remove_file(&files[2]).unwrap();
    fs::copy(&files[3], files[3].with_file_name("run-a-000077.parquet")).unwrap();

    let report = verify(folder.path()).unwrap();
    let found = |wanted: fn(&Problem) -> bool| report.problems.iter().any(wanted);
    assert!(
        found(|p| matches!(p, Problem::Different { what: "sha256", .. }))
            || found(|p| matches!(p, Problem::Unreadable { .. }))
    );
    assert!(found(|p| matches!(p, Problem::Unreadable { .. })));
    assert!(found(|p| matches!(p, Problem::Missing { .. })));
    assert!(found(|p| matches!(p, Problem::Unlisted { .. })));
    assert_eq!(report.files, 1, "only one is as it was listed");
}

#[test]
fn losses_before_the_writer_are_on_record() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = DatasetWriter::open(options(folder.path()), run("run-a")).unwrap();
    let at = |seconds: i64| Timestamp::from_nanoseconds(MIDNIGHT + seconds * 1_000_000_000);
    writer.record_loss(3, at(1), at(2), "the queue was full");
    writer.record_loss(2, at(3), at(4), "the queue was full");
    let (counters, closed) = writer.close();
    closed.unwrap();
    assert_eq!(counters.rows_lost, 5);
    let gaps = verify(folder.path()).unwrap().gaps;
    assert_eq!((gaps.len(), gaps[0].rows), (1, Some(5)));
}

#[test]
fn a_summary_of_rows_is_the_summary_of_candidates() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "run-a", 0..60);
    let (mut of_rows, mut of_candidates) = (Summary::default(), Summary::default());
    for row in first_rows(folder.path(), 60).unwrap() {
        of_rows.add_row(&row);
    }
    (0..60).for_each(|number| of_candidates.add(&candidate(number)));
    assert_eq!(of_rows, of_candidates);
    let max_spread = &of_rows.rules[0];
    assert_eq!(
        (
            max_spread.evaluated,
            max_spread.denied,
            max_spread.denied_alone
        ),
        (60, 20, 20)
    );
    assert_eq!(of_rows.strategies["lean"]["BTCUSDT"].candidates, 30);
}

#[test]
fn the_documentation_names_every_column_with_its_type() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/dataset.md");
    let page = fs::read_to_string(page).expect("docs/dataset.md");
    let documented: Vec<(&str, &str)> = page
        .lines()
        .filter_map(|line| line.strip_prefix("| `"))
        .filter_map(|line| line.split_once("` | "))
        .filter_map(|(name, rest)| Some((name, rest.split_once(" | ")?.0)))
        .take(CANDIDATES.fields().len())
        .collect();
    let columns: Vec<(&str, String)> = CANDIDATES
        .fields()
        .iter()
        .map(|field| (field.name().as_str(), type_name(field.data_type())))
        .collect();
    assert_eq!(documented.len(), columns.len());
    for ((name, kind), (column, data_type)) in documented.iter().zip(&columns) {
        assert_eq!((*name, *kind), (*column, data_type.as_str()));
    }
}

fn type_name(data_type: &DataType) -> String {
    match data_type {
        DataType::Utf8 => "string".to_owned(),
        DataType::Int64 => "int64".to_owned(),
        DataType::Float64 => "double".to_owned(),
        DataType::Timestamp(_, _) => "timestamp (µs, UTC)".to_owned(),
        DataType::Decimal128(digits, decimals) => format!("decimal({digits}, {decimals})"),
        DataType::Map(_, _) => "map(string, double)".to_owned(),
        DataType::List(_) => "list(struct)".to_owned(),
        other => panic!("a type without a name: {other}"),
    }
}
