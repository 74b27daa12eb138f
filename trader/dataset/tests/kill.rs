//! Killed at random moments, a writer leaves whole files and a manifest that the next start completes.

mod support;

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use support::run;
use triptych_dataset::read::rows_of;
use triptych_dataset::recovery::files_under;
use triptych_dataset::{DatasetWriter, Options, verify};

/// Cargo builds examples beside the tests' own folder.
fn endless_writer() -> PathBuf {
    let test = std::env::current_exe().expect("this test's executable");
    let profile = test
        .parent()
        .and_then(Path::parent)
        .expect("target/<profile>");
    let path = profile.join("examples").join("endless_writer");
    assert!(path.exists(), "{} is built by cargo test", path.display());
    path
}

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
    let folder = tempfile::tempdir().unwrap();
    let directory = folder.path();
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    let mut published = 0;
    let (mut adopted, mut repaired, mut removed) = (0, 0, 0);
    for round in 0..12 {
        let mut writer = Command::new(endless_writer())
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
