//! `trader parity`: two datasets of one configuration, and where they first diverge.

mod support;

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use support::{REVISION, file, trader};

/// A folder with a revision and a tape of a generated market.
struct Bench {
    folder: tempfile::TempDir,
    revision: String,
}

impl Bench {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let revision = file(folder.path(), "revision.yaml", REVISION);
        Self { folder, revision }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn tape(&self, name: &str) -> String {
        let path = self.path(name).display().to_string();
        trader(&[
            "tape",
            "record",
            "--generate",
            "7",
            "--events",
            "12000",
            &path,
        ])
        .well();
        path
    }

    /// The dataset of a revision over a tape.
    fn replayed(&self, revision: &str, tape: &str, name: &str) -> String {
        let dataset = self.path(name).display().to_string();
        trader(&["replay", revision, tape, "--out", &dataset]).well();
        dataset
    }
}

fn lines(path: impl AsRef<Path>) -> Vec<String> {
    let text = fs::read_to_string(path).expect("a readable file");
    text.lines().map(str::to_owned).collect()
}

fn parity(words: &[&str]) -> (i32, Value) {
    let answer = trader(&[&["parity"], words, &["-o", "json"]].concat());
    (answer.code, answer.json())
}

#[test]
fn two_runs_over_one_recording_are_equal() {
    let bench = Bench::new();
    let tape = bench.tape("tape.txt");
    let (one, other) = (
        bench.replayed(&bench.revision, &tape, "one"),
        bench.replayed(&bench.revision, &tape, "other"),
    );
    for words in [
        &[one.as_str(), other.as_str()][..],
        &[&one, &other, "--whole"],
    ] {
        let (code, found) = parity(words);
        assert_eq!(
            (code, &found["equal"], &found["first"]),
            (0, &Value::Bool(true), &Value::Null),
            "{found}"
        );
        assert!(found["same"].as_u64().unwrap() > 20, "{found}");
        assert_eq!(found["same"], found["left"]["candidates"]);
        assert_eq!(found["right"]["alone"], 0);
    }
    let printed = trader(&["parity", &one, &other]).well().stdout;
    assert!(
        printed.ends_with("every decision is the same\n"),
        "{printed}"
    );
}

#[test]
fn a_feed_that_differs_by_one_event_is_found_at_the_first_decision_that_it_changes() {
    let bench = Bench::new();
    let tape = bench.tape("tape.txt");
    let whole = bench.replayed(&bench.revision, &tape, "whole");
    let rows = trader(&["dataset", "show", &whole, "-n", "100000", "-o", "json"])
        .well()
        .json();
    let rows = rows.as_array().unwrap();
    let of_depth = |row: &&Value| row["trigger"].as_str().unwrap().starts_with("depth:");
    let victim = rows.iter().filter(of_depth).nth(10).unwrap();
    let update = victim["trigger"]
        .as_str()
        .unwrap()
        .trim_start_matches("depth:");

    // The receiver missed the message that this candidate was made on.
    let kept: Vec<String> = lines(&tape)
        .into_iter()
        .filter(|line| !line.contains(&format!("\"u\":{update},")))
        .collect();
    let cut = file(bench.folder.path(), "cut.txt", &(kept.join("\n") + "\n"));
    let other = bench.replayed(&bench.revision, &cut, "other");

    let (code, found) = parity(&[&whole, &other, "--whole"]);
    assert_eq!(code, 1);
    assert_eq!(found["equal"], false);
    let first = &found["first"];
    assert_eq!(first["candidateId"], victim["candidate_id"], "{first}");
    assert_eq!(first["kind"], "onlyLeft");
    let printed = trader(&["parity", &whole, &other, "--whole"]);
    for expected in [
        format!("first divergence at depth:{update}, "),
        "only the left one proposed it".to_owned(),
    ] {
        assert!(printed.stdout.contains(&expected), "{}", printed.stdout);
    }
    assert!(
        printed.stderr.contains("they diverge"),
        "{}",
        printed.stderr
    );
}

#[test]
fn a_later_receipt_that_makes_data_stale_is_a_decision_that_differs() {
    let bench = Bench::new();
    let tape = bench.tape("tape.txt");
    let early = bench.replayed(&bench.revision, &tape, "early");
    // Everything is received 300 ms later: more than staleData allows.
    let later: Vec<String> = lines(&tape)
        .iter()
        .map(|line| {
            let (received, message) = line.split_once(' ').unwrap();
            let received: i64 = received.parse().unwrap();
            format!("{} {message}", received + 300_000_000)
        })
        .collect();
    let later = file(bench.folder.path(), "later.txt", &(later.join("\n") + "\n"));
    let late = bench.replayed(&bench.revision, &later, "late");
    let (code, found) = parity(&[&early, &late, "--whole"]);
    assert_eq!(code, 1);
    let differing = found["fields"]["verdicts.staleData.pass"].as_u64();
    assert!(differing > Some(0), "{found}");
    let differences = found["first"]["kind"]["decided"].as_array().unwrap();
    assert!(
        differences
            .iter()
            .any(|one| one["field"] == "verdicts.staleData.deny_code"
                && one["left"] == "none"
                && one["right"] == "DATA_TOO_OLD"),
        "{differences:?}"
    );
}

#[test]
fn what_cannot_be_compared_is_said() {
    let bench = Bench::new();
    let tape = bench.tape("tape.txt");
    let one = bench.replayed(&bench.revision, &tape, "one");
    let changed = REVISION.replace("cooldownMilliseconds: 500", "cooldownMilliseconds: 501");
    let changed = file(bench.folder.path(), "changed.yaml", &changed);
    let other = bench.replayed(&changed, &tape, "other");
    let answer = trader(&["parity", &one, &other]);
    assert_eq!(answer.code, 64);
    assert!(
        answer
            .stderr
            .contains("no configuration in common: the left one has"),
        "{}",
        answer.stderr
    );

    let nothing = bench.path("nothing").display().to_string();
    let answer = trader(&["parity", &one, &nothing]);
    assert_eq!(answer.code, 66);
    assert!(answer.stderr.contains("no dataset"), "{}", answer.stderr);
}
