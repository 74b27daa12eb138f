//! What is appended is published whole, listed, and read back the same.

mod support;

use std::fs;
use std::time::{Duration, Instant};

use arrow::array::{Array, AsArray};
use arrow::util::display::array_value_to_string;
use support::{candidate, options, parquet_files, run, write};
use triptych_crds::TradingState;
use triptych_dataset::encode::{Decided, record_batch};
use triptych_dataset::read::first_rows;
use triptych_dataset::recovery::files_under;
use triptych_dataset::summary::Summary;
use triptych_dataset::verify::Problem;
use triptych_dataset::writer::DatasetError;
use triptych_dataset::{DatasetWriter, verify};

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
            assert_eq!(found.portfolio, None);
        }
        assert_eq!(
            row.verdicts_all_taken.len(),
            expected.verdicts_all_taken.len()
        );
        for found in &row.verdicts_all_taken {
            assert_eq!(found.portfolio.as_deref(), Some("AllTaken"));
        }
        let stage = expected.stage;
        assert_eq!(row.live_ratio, stage.map(|stage| stage.live.ratio));
        assert_eq!(row.live_ratio_mode.as_deref(), stage.map(|_| "Size"));
        assert_eq!(row.taken_quantity, stage.map(|stage| stage.quantity));
        assert_eq!(row.not_taken.as_deref(), stage.map(|_| "BelowIncrement"));
    }
}

#[test]
fn the_stated_portfolios_are_kept_where_the_revision_states_one() {
    let rows: Vec<_> = (0..4)
        .map(|number| Decided {
            candidate: candidate(number),
            trading_state: None,
        })
        .collect();
    let batch = record_batch(&run("run-a"), &rows).unwrap();
    let mut found = Vec::new();
    for name in ["portfolio_enforced", "portfolio_all_taken"] {
        let column = batch.column_by_name(name).unwrap().as_struct();
        let text = |field: &str, row| {
            let field = column.column_by_name(field).unwrap();
            array_value_to_string(field, row).unwrap()
        };
        for row in 0..rows.len() {
            found.push(column.is_valid(row).then(|| {
                ["position", "average_price", "equity", "net_exposure"]
                    .map(|field| text(field, row))
            }));
        }
    }
    let expected = |average: &str| {
        Some(
            [
                "-0.00000005",
                average,
                "0.0000000000000012",
                "-0.0000000000000014",
            ]
            .map(str::to_owned),
        )
    };
    for (wanted, count) in [(None, 4), (expected(""), 2), (expected("0.00000006"), 2)] {
        let seen = found.iter().filter(|row| **row == wanted).count();
        assert_eq!(seen, count, "{wanted:?} in {found:?}");
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
