//! Killed at random moments, a writer leaves whole files and a manifest that the next start completes.

mod support;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use support::{example, run};
use triptych_dataset::compact::compact;
use triptych_dataset::files::while_compacted;
use triptych_dataset::read::{ReadError, listed_files, rows_of};
use triptych_dataset::recovery::files_under;
use triptych_dataset::{DatasetWriter, Options, verify};

/// A child holds the locks of whoever forked it until it is another program: a test that starts one
/// would hold the other test's dataset.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

fn files(directory: &Path) -> Vec<PathBuf> {
    files_under(&directory.join("candidates"))
        .expect("a readable folder")
        .into_iter()
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "parquet")
        })
        .collect()
}

fn wait_for_files(directory: &Path, wanted: usize, writer: &mut Child) {
    let deadline = Instant::now() + Duration::from_mins(1);
    while files(directory).len() < wanted {
        assert!(
            Instant::now() < deadline,
            "no {wanted} files within a minute"
        );
        assert!(
            writer.try_wait().expect("a child").is_none(),
            "the writer stopped by itself"
        );
        std::thread::yield_now();
    }
}

#[test]
fn a_writer_killed_at_random_moments_leaves_whole_files_and_a_manifest_that_can_be_completed() {
    let _turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let folder = tempfile::tempdir().unwrap();
    let directory = folder.path();
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    let mut published = 0;
    let (mut adopted, mut repaired, mut removed) = (0, 0, 0);
    for round in 0..12 {
        let mut writer = Command::new(example("endless_writer"))
            .arg(directory)
            .arg(format!("run-{round:02}"))
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        wait_for_files(directory, published + 1 + random.usize(..4), &mut writer);
        std::thread::sleep(Duration::from_micros(random.u64(..5_000)));
        writer.kill().unwrap();
        writer.wait().unwrap();

        let mut rows = 0;
        for path in files(directory) {
            rows += rows_of(&path).expect("every published file is whole").len() as u64;
        }
        published = files(directory).len();

        let next = run(&format!("check-{round:02}"));
        let checker = DatasetWriter::open(Options::new(directory), next).unwrap();
        adopted += checker.recovery().files_adopted;
        repaired += checker.recovery().manifests_repaired;
        removed += checker.recovery().temporary_files_removed;
        assert_eq!(checker.recovery().files_unreadable, 0);
        assert_eq!(
            checker.recovery().runs_ended,
            1,
            "the killed run is on record"
        );
        checker.close().1.unwrap();
        let report = verify(directory).unwrap();
        assert_eq!(
            (report.files, report.rows, report.problems),
            (published, rows, vec![])
        );
        assert_eq!(
            report.gaps.len(),
            round + 1,
            "each kill left one gap on record"
        );
    }
    println!(
        "{published} files; adopted {adopted}, manifests repaired {repaired}, unfinished {removed}"
    );
}

#[test]
fn a_compaction_killed_at_random_moments_beside_a_writer_loses_and_doubles_no_row() {
    let _turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let folder = tempfile::tempdir().unwrap();
    let directory = folder.path();
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    let start = |program: &str, words: &[&str]| {
        Command::new(example(program))
            .arg(directory)
            .args(words)
            .stdout(Stdio::null())
            .spawn()
            .unwrap()
    };
    let mut writer = start("endless_writer", &["run-a"]);
    wait_for_files(directory, 1, &mut writer);
    let mut before = BTreeSet::new();
    for _ in 0..12 {
        let mut compactor = start("endless_compactor", &[]);
        std::thread::sleep(Duration::from_micros(random.u64(..60_000)));
        compactor.kill().unwrap();
        compactor.wait().unwrap();
        let rows = listed_decisions(directory);
        let now: BTreeSet<i64> = rows.iter().copied().collect();
        assert_eq!(rows.len(), now.len(), "a row twice");
        assert!(before.is_subset(&now), "a row that was there is gone");
        before = now;
    }
    writer.kill().unwrap();
    writer.wait().unwrap();
    let last = DatasetWriter::open(Options::new(directory), run("run-b")).unwrap();
    last.close().1.unwrap();
    compact(directory, 1_000_000, |_, _| {}).unwrap();
    let report = verify(directory).unwrap();
    assert_eq!(report.problems, vec![]);
    let rows = listed_decisions(directory);
    let now: BTreeSet<i64> = rows.iter().copied().collect();
    assert_eq!((rows.len(), rows.len() as u64), (now.len(), report.rows));
    assert!(before.is_subset(&now));
}

/// The time of each decision in the files that the manifests list; no two are equal.
fn listed_decisions(directory: &Path) -> Vec<i64> {
    while_compacted(|| {
        let mut times = Vec::new();
        for path in listed_files(directory)? {
            times.extend(rows_of(&path)?.into_iter().map(|row| row.ts_decision_ns));
        }
        Ok::<_, ReadError>(times)
    })
    .expect("a readable dataset")
}
