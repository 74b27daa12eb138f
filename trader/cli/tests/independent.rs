//! Strategies and dataset against other people's libraries: pandas' averages, and the readers that
//! users have. With `MARKET_DATA`, a folder with a recording, the strategies are checked on that too.

mod support;

use std::path::{Path, PathBuf};
use std::process::Command;

use support::{REVISION, file, trader};

/// The parameters in the revision of these tests.
const PARAMETERS: &str = r#"{ "fastPeriod": 4, "slowPeriod": 16, "sampleIntervalMilliseconds": 100,
    "levels": 5, "threshold": "0.7", "cooldownMilliseconds": 500 }"#;

fn python(script: &str, words: &[&str]) -> String {
    let crate_folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let scripts = crate_folder.join("tests/independent");
    let environment = Command::new(crate_folder.join("../../.ci/python-env"))
        .arg(scripts.join("requirements.txt"))
        .output()
        .expect("a shell");
    let errors = String::from_utf8_lossy(&environment.stderr);
    assert!(
        environment.status.success(),
        "no Python environment: {errors}"
    );
    let interpreter = String::from_utf8(environment.stdout).expect("a path");
    let output = Command::new(interpreter.trim())
        .arg(scripts.join(script))
        .args(words)
        .output()
        .expect("Python");
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success(),
        "{printed}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    printed
}

/// Replays a recording and returns the dataset's path.
fn replay(folder: &Path, recording: &str) -> String {
    let revision = file(folder, "revision.yaml", REVISION);
    let dataset = folder.join("dataset").display().to_string();
    trader(&["replay", &revision, recording, "--out", &dataset]).well();
    dataset
}

fn generated(folder: &Path) -> String {
    let tape = folder.join("tape.txt").display().to_string();
    trader(&[
        "tape",
        "record",
        "--generate",
        "7",
        "--events",
        "60000",
        &tape,
    ])
    .well();
    tape
}

fn recordings_at_hand() -> Vec<PathBuf> {
    let Some(folder) = std::env::var_os("MARKET_DATA") else {
        return Vec::new();
    };
    let entries = std::fs::read_dir(folder).expect("MARKET_DATA is a folder");
    let paths = entries.map(|entry| entry.expect("a readable folder").path());
    paths
        .filter(|path| path.extension().is_some_and(|extension| extension == "gz"))
        .collect()
}

#[test]
fn both_strategies_propose_what_an_independent_program_computes_from_the_same_messages() {
    let folder = tempfile::tempdir().unwrap();
    let tape = generated(folder.path());
    let dataset = replay(folder.path(), &tape);
    println!(
        "generated: {}",
        python("strategies.py", &[&tape, &dataset, PARAMETERS])
    );
    for recording in recordings_at_hand() {
        let folder = tempfile::tempdir().unwrap();
        let recording = recording.display().to_string();
        let dataset = replay(folder.path(), &recording);
        println!(
            "recorded: {}",
            python("strategies.py", &[&recording, &dataset, PARAMETERS])
        );
    }
}

#[test]
fn duckdb_polars_and_pandas_read_the_same_rows_and_values() {
    let folder = tempfile::tempdir().unwrap();
    let tape = generated(folder.path());
    let dataset = replay(folder.path(), &tape);
    let summary = trader(&["dataset", "summary", &dataset, "-o", "json"])
        .well()
        .stdout;
    println!("{}", python("readers.py", &[&dataset, &summary]));
}
