//! `trader bench` measures what a trader does: the same decisions, every row written. How fast that is
//! is for `make bench`.

mod support;

use support::{REVISION, file, trader};

fn tape(folder: &std::path::Path) -> String {
    let path = folder.join("tape.txt").display().to_string();
    trader(&[
        "tape",
        "record",
        "--generate",
        "7",
        "--events",
        "5000",
        &path,
    ])
    .well();
    path
}

#[test]
fn what_is_measured_is_what_a_replay_decides_with_every_row_written() {
    let folder = tempfile::tempdir().unwrap();
    let (revision, tape) = (
        file(folder.path(), "revision.yaml", REVISION),
        tape(folder.path()),
    );
    let replayed = trader(&["replay", &revision, &tape, "-o", "json"])
        .well()
        .json();
    let measured = trader(&["bench", &revision, &tape, "--runs", "2", "-o", "json"])
        .well()
        .json();
    assert_eq!(measured["events"], replayed["events"]);
    assert_eq!(measured["candidates"], replayed["candidates"]);
    assert_eq!(measured["rowsWritten"], measured["candidates"]);
    for stage in ["floor", "parsing", "deciding", "whole"] {
        assert_eq!(
            measured[stage]["seconds"].as_array().unwrap().len(),
            2,
            "{stage}"
        );
        assert!(
            measured[stage]["eventsPerSecond"].as_f64().unwrap() > 0.0,
            "{stage}"
        );
    }
    let latency = ["p50", "p99", "p99.9", "worst"]
        .map(|name| measured["frameToDecision"][name].as_u64().unwrap());
    assert!(latency.is_sorted() && latency[0] > 0, "{latency:?}");
}

#[test]
fn a_revision_of_other_instruments_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let other = REVISION.replace("BTCUSDT", "ETHUSDT");
    let (revision, tape) = (
        file(folder.path(), "revision.yaml", &other),
        tape(folder.path()),
    );
    let answer = trader(&["bench", &revision, &tape, "--runs", "1"]);
    assert_eq!(answer.code, 65, "{}", answer.stderr);
    assert!(
        answer.stderr.contains("not those of the revision"),
        "{}",
        answer.stderr
    );
}
