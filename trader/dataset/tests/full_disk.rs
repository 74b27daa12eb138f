//! A disk that is full loses nothing that fits into memory, and what does not is counted.

mod support;

use std::time::{Duration, Instant};

use support::{MIDNIGHT, SmallDisk, candidate, options, parquet_files, run};
use triptych_dataset::read::rows_of;
use triptych_dataset::{DatasetWriter, Options, verify};
use triptych_engine::event::Timestamp;

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
        let found: usize = parquet_files(folder.path())
            .iter()
            .map(|path| {
                rows_of(&folder.path().join(path))
                    .expect("a whole file")
                    .len()
            })
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
