//! What became of orders stands beside the candidates, as safe as they are.

mod support;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use proptest::prelude::*;
use support::{MIDNIGHT, SmallDisk, StoppingFileSystem, candidate, options, run, write};
use triptych_dataset::compact::compact;
use triptych_dataset::executions::read::rows_of;
use triptych_dataset::executions::summary::execution_summary;
use triptych_dataset::executions::{ExecutionEvent, ExecutionRow, Fill, OrderFacts, unpublished};
use triptych_dataset::layout::Table;
use triptych_dataset::read::{listed_files, listed_files_of};
use triptych_dataset::recovery::{files_under, has_extension, relative};
use triptych_dataset::verify::Problem;
use triptych_dataset::{DatasetWriter, Options, verify};
use triptych_engine::decimal::{Notional, Price, Quantity};
use triptych_engine::event::{Liquidity, Side, Timestamp};
use triptych_engine::measure::Measure;
use triptych_engine::portfolio::CloseReason;

/// What happens to the order of the `number`th candidate: one more thing each second.
fn execution(number: u32, event: ExecutionEvent, filled: i64) -> ExecutionRow {
    let of = candidate(number);
    ExecutionRow {
        order: OrderFacts {
            candidate_id: of.id,
            purpose: CloseReason::Signal,
            strategy: of.strategy,
            instrument: of.symbol,
            live_ratio: None,
            client_order_id: number.to_string().into(),
            side: if number.is_multiple_of(2) {
                Side::Buy
            } else {
                Side::Sell
            },
            limit: None,
            touch: of.proposal.touch,
            quantity: of.proposal.quantity,
        },
        venue_order_id: None,
        event,
        filled_quantity: Quantity::from_units(filled),
        ts_event: None,
        ts_recv: of.ts_decision,
    }
}

fn sent(number: u32) -> ExecutionRow {
    execution(number, ExecutionEvent::Sent, 0)
}

fn fill(price: i64, quantity: i64, fee: i128) -> ExecutionEvent {
    ExecutionEvent::Filled(Fill {
        venue_trade_id: None,
        price: Price::from_units(price),
        quantity: Quantity::from_units(quantity),
        liquidity: Liquidity::Taker,
        fee: Notional::from_units(fee),
        fee_asset: None,
    })
}

fn write_sent(directory: &Path, id: &str, numbers: std::ops::Range<u32>) {
    let mut writer = DatasetWriter::open(options(directory), run(id)).expect("a usable dataset");
    for number in numbers {
        writer
            .append_execution(sent(number), Instant::now())
            .expect("a usable dataset");
    }
    writer.close().1.expect("a usable dataset");
}

fn published(directory: &Path) -> Vec<PathBuf> {
    let files = files_under(&directory.join("executions")).expect("a usable dataset");
    let files = files.into_iter();
    files
        .filter(|path| has_extension(path, "parquet"))
        .collect()
}

fn listed_orders(directory: &Path) -> Vec<String> {
    let files = listed_files_of(directory, Table::Executions).expect("a usable dataset");
    let rows = files
        .iter()
        .flat_map(|path| rows_of(path).expect("a usable dataset"));
    let mut orders: Vec<String> = rows.map(|row| row.client_order_id).collect();
    orders.sort();
    orders
}

fn orders(numbers: std::ops::Range<u32>) -> Vec<String> {
    let mut orders: Vec<String> = numbers.map(|number| number.to_string()).collect();
    orders.sort();
    orders
}

#[test]
fn executions_have_folders_of_their_own_and_readers_of_candidates_do_not_see_them() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = DatasetWriter::open(options(folder.path()), run("run-a")).unwrap();
    let now = Instant::now();
    for number in 0..25 {
        writer.append(&candidate(number), now).unwrap();
        writer.append_execution(sent(number), now).unwrap();
    }
    let (counters, closed) = writer.close();
    closed.unwrap();
    assert_eq!((counters.rows_written, counters.rows_lost), (50, 0));
    let files = published(folder.path());
    let folders: BTreeSet<String> = files
        .iter()
        .filter_map(|path| Some(relative(folder.path(), path.parent()?)))
        .collect();
    let day = "executions/date=2024-08-08";
    let expected =
        ["lean", "trend"].map(|strategy| format!("{day}/strategy={strategy}/instrument=BTCUSDT"));
    assert_eq!(folders, BTreeSet::from(expected));
    assert_eq!(listed_orders(folder.path()), orders(0..25));
    let of_candidates = listed_files(folder.path()).unwrap();
    assert!(
        of_candidates
            .iter()
            .all(|path| Table::of_file(path) == Table::Candidates)
    );
    let report = verify(folder.path()).unwrap();
    assert_eq!((report.rows, report.problems), (50, vec![]));
    assert_eq!(report.files, of_candidates.len() + files.len());
}

#[test]
fn verification_finds_what_is_wrong_with_files_of_executions() {
    let folder = tempfile::tempdir().unwrap();
    write_sent(folder.path(), "run-a", 0..60);
    let files = published(folder.path());
    let whole = fs::read(&files[0]).unwrap();
    fs::write(&files[0], &whole[..whole.len() - 4]).unwrap();
    fs::remove_file(&files[1]).unwrap();
    fs::copy(&files[2], files[2].with_file_name("run-a-000077.parquet")).unwrap();
    let problems = verify(folder.path()).unwrap().problems;
    let found = |wanted: fn(&Problem) -> bool| problems.iter().any(wanted);
    assert!(found(|p| matches!(p, Problem::Unreadable { .. })));
    assert!(found(|p| matches!(p, Problem::Missing { .. })));
    assert!(found(|p| matches!(p, Problem::Unlisted { .. })));
    assert_eq!(problems.len(), 3, "{problems:?}");
}

/// Whatever step of the disk is the last one: after the next start every published row is listed once.
#[test]
fn a_writer_stopped_at_each_step_leaves_whole_files_that_the_next_start_lists() {
    for steps in 0.. {
        let folder = tempfile::tempdir().unwrap();
        let opened = DatasetWriter::open_on(
            Box::new(StoppingFileSystem::after(steps)),
            options(folder.path()),
            run("run-a"),
        );
        let Ok(mut writer) = opened else { continue };
        let now = Instant::now();
        let failed = (0..40).any(|number| writer.append_execution(sent(number), now).is_err())
            || writer.flush().is_err();
        drop(writer);
        let (counters, closed) = DatasetWriter::open(options(folder.path()), run("run-b"))
            .unwrap()
            .close();
        closed.unwrap();
        assert_eq!(counters.rows_written, 0);
        let report = verify(folder.path()).unwrap();
        assert_eq!(report.problems, vec![], "{steps}");
        let listed = listed_orders(folder.path());
        let different: BTreeSet<&String> = listed.iter().collect();
        assert_eq!(different.len(), listed.len(), "{steps}: a row is doubled");
        if !failed {
            assert_eq!(listed, orders(0..40));
            break;
        }
    }
}

#[test]
fn both_tables_share_the_bound_of_memory_and_a_gap_says_whose_rows_are_lost() {
    let folder = tempfile::tempdir().unwrap();
    let disk = SmallDisk::of(2_000);
    let options = Options {
        max_buffered_rows: 30,
        ..options(folder.path())
    };
    let mut writer = DatasetWriter::open_on(Box::new(disk.clone()), options, run("run-a")).unwrap();
    let now = Instant::now();
    for number in 0..20 {
        let _ = writer.append(&candidate(number), now);
    }
    for number in 0..25 {
        let _ = writer.append_execution(sent(number), now);
    }
    let counters = writer.counters();
    assert_eq!((counters.rows_buffered, counters.rows_lost), (30, 15));
    disk.grow(10_000_000);
    writer.close().1.unwrap();
    let report = verify(folder.path()).unwrap();
    assert_eq!((report.rows, report.problems), (30, vec![]));
    assert_eq!((report.gaps.len(), report.gaps[0].rows), (1, Some(15)));
    let reason = &report.gaps[0].reason;
    assert!(reason.starts_with("executions: "), "{reason}");
}

#[test]
fn rows_of_many_partitions_make_room_for_each_other_while_files_can_be_written() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options {
        max_buffered_rows: 7,
        ..options(folder.path())
    };
    let mut writer = DatasetWriter::open(options, run("run-a")).unwrap();
    for number in 0..40 {
        let now = Instant::now();
        writer.append(&candidate(number), now).unwrap();
        writer.append_execution(sent(number), now).unwrap();
        assert!(writer.counters().rows_buffered <= 7);
    }
    let (counters, closed) = writer.close();
    closed.unwrap();
    assert_eq!((counters.rows_written, counters.rows_lost), (80, 0));
}

#[test]
fn a_compaction_puts_executions_together_and_mixes_no_tables() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "run-a", 0..60);
    write_sent(folder.path(), "run-b", 0..60);
    write_sent(folder.path(), "run-c", 60..100);
    let report = compact(folder.path(), 1_000_000, |_, _| {}).unwrap();
    assert_eq!((report.folders, report.files_written), (4, 4));
    assert_eq!(published(folder.path()).len(), 2);
    assert_eq!(listed_orders(folder.path()), orders(0..100));
    let found = verify(folder.path()).unwrap();
    assert_eq!((found.rows, found.problems), (160, vec![]));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Whatever the fills: the sums of what is read back are those of what was written, to the last
    /// digit.
    #[test]
    fn sums_of_rows_are_the_sums_of_what_happened(
        fills in proptest::collection::vec(
            (0_u32..8, 1_i64..i64::from(u32::MAX) << 16, 1_i64..i64::from(u32::MAX) << 8, 0_i128..1_i128 << 90),
            0..60,
        ),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let mut writer = DatasetWriter::open(options(folder.path()), run("run-a")).unwrap();
        let now = Instant::now();
        for number in 0..8 {
            writer.append_execution(sent(number), now).unwrap();
        }
        let mut filled = [0_i64; 8];
        for &(number, price, quantity, fee) in &fills {
            let so_far = &mut filled[number as usize];
            *so_far += quantity;
            let row = execution(number, fill(price, quantity, fee), *so_far);
            writer.append_execution(row, now).unwrap();
        }
        writer.close().1.unwrap();
        let summary = execution_summary(folder.path()).unwrap();
        for (strategy, remainder) in [("trend", 0), ("lean", 1)] {
            let of_strategy = || fills.iter().filter(|(number, ..)| number % 2 == remainder);
            let totals = summary[strategy]["BTCUSDT"];
            prop_assert_eq!((totals.orders, totals.fills), (4, of_strategy().count() as u64));
            let fees: i128 = of_strategy().map(|fill| fill.3).sum();
            prop_assert_eq!(totals.fees, Notional::from_units(fees));
            let value = |(_, price, quantity, _): &(u32, i64, i64, i128)| {
                i128::from(*price) * i128::from(*quantity)
            };
            let values: i128 = of_strategy().map(value).sum();
            prop_assert_eq!(totals.value, Notional::from_units(values));
            let at_touch = |(number, _, quantity, _): &(u32, i64, i64, i128)| {
                let touch = candidate(*number).proposal.touch;
                touch.notional(Quantity::from_units(*quantity)).units()
            };
            // Purchases are even: paid above the touch; sales odd: got below it.
            let above = values - of_strategy().map(at_touch).sum::<i128>();
            let cost = if remainder == 0 { above } else { -above };
            prop_assert_eq!(totals.cost, Notional::from_units(cost));
            let quantity: i128 = of_strategy().map(|fill| i128::from(fill.2)).sum();
            prop_assert_eq!(totals.filled_quantity, Measure::from_units(quantity * 100_000_000));
        }
    }
}

#[test]
fn a_row_stands_on_the_day_on_which_it_was_learnt() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = DatasetWriter::open(options(folder.path()), run("run-a")).unwrap();
    let next_day = Timestamp::from_nanoseconds(MIDNIGHT + 86_400_000_000_000);
    let late = ExecutionRow {
        ts_recv: next_day,
        ..sent(0)
    };
    writer.append_execution(sent(0), Instant::now()).unwrap();
    writer.append_execution(late, Instant::now()).unwrap();
    writer.close().1.unwrap();
    let days: Vec<bool> = ["2024-08-08", "2024-08-09"]
        .map(|day| {
            folder
                .path()
                .join(format!("executions/date={day}"))
                .is_dir()
        })
        .into();
    assert_eq!(days, [true, true]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    /// Wherever a kill cut the writing off, the rows that are written again are those that were lost, also after a compaction.
    #[test]
    fn what_a_kill_took_is_known_and_nothing_else(
        kept in 0..40_u32,
        files in 1..4_u32,
        is_compacted in any::<bool>(),
    ) {
        const ALL: u32 = 40;
        let directory = tempfile::tempdir().expect("a directory");
        for part in 0..files {
            let numbers = kept * part / files..kept * (part + 1) / files;
            write_sent(directory.path(), &format!("run-{part}"), numbers);
        }
        if is_compacted {
            compact(directory.path(), 1_000, |_, _| {}).expect("a usable dataset");
        }
        let all = (0..ALL).map(sent);
        let missing = unpublished(directory.path(), all).expect("a usable dataset");
        prop_assert_eq!(missing, (kept..ALL).map(sent).collect::<Vec<_>>());
    }
}
