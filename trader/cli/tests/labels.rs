//! `trader dataset label` and `summary`: what denied trades would have earned.

mod support;

use std::fs;
use std::path::Path;

use serde_json::Value;
use support::{REVISION, file, trader};

/// Events of the generated market: some minutes.
const EVENTS: &str = "40000";

/// A dataset of a generated market, and the recording that it came from.
fn replayed(folder: &Path) -> (String, String) {
    let tape = folder.join("tape.txt").display().to_string();
    trader(&[
        "tape",
        "record",
        "--generate",
        "7",
        "--events",
        EVENTS,
        &tape,
    ])
    .well();
    let revision = file(folder, "revision.yaml", REVISION);
    let dataset = folder.join("dataset").display().to_string();
    trader(&["replay", &revision, &tape, "--out", &dataset]).well();
    (dataset, tape)
}

fn label(words: &[&str]) -> Value {
    let words = [&["dataset", "label"], words, &["-o", "json"]].concat();
    trader(&words).well().json()
}

fn known(report: &Value, label: &str) -> u64 {
    let labels = report["labels"].as_array().expect("labels");
    let found = labels.iter().find(|found| found["label"] == label);
    found.expect("a label of this name")["known"]
        .as_u64()
        .expect("a number")
}

/// The first lines of a recording as a recording of its own.
fn cut(folder: &Path, tape: &str, lines: usize) -> String {
    let text = fs::read_to_string(tape).expect("a tape");
    let first: String = text.split_inclusive('\n').take(lines).collect();
    file(folder, "cut.txt", &first)
}

#[test]
fn a_label_that_the_recording_ends_before_is_empty_and_completed_by_a_later_run() {
    let folder = tempfile::tempdir().unwrap();
    let (dataset, tape) = replayed(folder.path());
    let short = cut(folder.path(), &tape, 20_000);
    let first = label(&[&dataset, &short]);
    let one_minute = &first["labels"][0];
    assert!(known(&first, "1m") > 0, "{first}");
    assert!(
        one_minute["missing"]["RecordingEnds"].as_u64() > Some(0),
        "{first}"
    );

    let second = label(&[&dataset, &tape]);
    assert!(known(&second, "1m") > known(&first, "1m"), "{second}");
    assert_eq!(known(&second, "1d"), 0, "no day has passed");
    let again = label(&[&dataset, &short]);
    assert_eq!(again["labels"], second["labels"], "nothing is taken back");
    assert_eq!(again["filesWritten"], 0);
}

#[test]
fn labels_in_two_steps_are_those_in_one() {
    let folder = tempfile::tempdir().unwrap();
    let (dataset, tape) = replayed(folder.path());
    let short = cut(folder.path(), &tape, 20_000);
    label(&[&dataset, &short]);
    label(&[&dataset, &tape]);
    let steps = rows_under(Path::new(&dataset).join("labels").as_path());
    label(&[&dataset, &tape, "--definition", "at-once"]);
    let at_once = rows_under(&Path::new(&dataset).join("labels/definition=at-once"));
    assert!(!at_once.is_empty());
    assert_eq!(steps, at_once);
}

/// Every file of labels as its rows, printed.
fn rows_under(folder: &Path) -> Vec<String> {
    let files = triptych_dataset::recovery::files_under(folder).expect("a readable folder");
    let rows = files.iter().map(|path| {
        let batches = triptych_dataset::files::batches(path, None).expect("a whole file");
        format!("{batches:?}")
    });
    rows.collect()
}

#[test]
fn labels_of_one_name_have_one_definition() {
    let folder = tempfile::tempdir().unwrap();
    let (dataset, tape) = replayed(folder.path());
    label(&[&dataset, &tape]);
    let refused = trader(&[
        "dataset",
        "label",
        &dataset,
        &tape,
        "--fee-basis-points",
        "7.5",
    ]);
    assert_eq!(refused.code, 64);
    assert!(
        refused.stderr.contains("choose another name"),
        "{}",
        refused.stderr
    );
    let other = ["--definition", "vip", "--fee-basis-points", "7.5"];
    label(&[&[&*dataset, &*tape], &other[..]].concat());
}

#[test]
fn the_candidates_own_prices_tell_returns_and_no_path() {
    let folder = tempfile::tempdir().unwrap();
    let (dataset, tape) = replayed(folder.path());
    let report = label(&[&dataset]);
    assert!(known(&report, "1m") > 0, "{report}");
    assert_eq!(known(&report, "barrier") + known(&report, "excursion"), 0);
    let completed = label(&[&dataset, &tape]);
    assert!(known(&completed, "1m") > known(&report, "1m"));
    assert!(known(&completed, "barrier") > 0);
}

#[test]
fn recordings_that_overlap_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (dataset, tape) = replayed(folder.path());
    let refused = trader(&["dataset", "label", &dataset, &tape, &tape]);
    assert_eq!(refused.code, 64);
    assert!(
        refused.stderr.contains("follow each other"),
        "{}",
        refused.stderr
    );
}

#[test]
fn a_summary_without_labels_says_how_to_get_them() {
    let folder = tempfile::tempdir().unwrap();
    let (dataset, _) = replayed(folder.path());
    let page = folder.path().join("page.html").display().to_string();
    let answer = trader(&["dataset", "summary", &dataset, "--html", &page]).well();
    assert!(
        answer.stdout.contains("trader dataset label"),
        "{}",
        answer.stdout
    );
    assert!(
        fs::read_to_string(page)
            .unwrap()
            .contains("trader dataset label")
    );
}

#[test]
fn the_page_has_no_external_link_and_the_numbers_of_the_json() {
    let folder = tempfile::tempdir().unwrap();
    let (dataset, tape) = replayed(folder.path());
    label(&[&dataset, &tape]);
    let path = folder.path().join("page.html").display().to_string();
    let summary = trader(&[
        "dataset", "summary", &dataset, "-o", "json", "--html", &path,
    ])
    .well()
    .json();
    let page = fs::read_to_string(&path).unwrap();
    for link in ["http:", "https:", "href", "src=", "url(", "@import", "//"] {
        assert!(!page.contains(link), "{link}");
    }
    for rule in summary["rules"].as_array().expect("rules") {
        let (denied, evaluated) = (&rule["denied"], &rule["evaluated"]);
        assert!(
            page.contains(&format!("{denied} of {evaluated} (")),
            "{rule}"
        );
    }
    let mut checked = 0;
    for rule in summary["outcomes"]["rules"].as_array().expect("rules") {
        for outcome in rule["denied"].as_array().expect("measures") {
            if outcome["labelled"] == 0 {
                continue;
            }
            let number = |name: &str| match outcome[name].as_f64() {
                Some(number) => format!("{number:.2}"),
                None => "-".to_owned(),
            };
            let row = format!(
                "<tr><td>{} denied</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td>",
                rule["rule"].as_str().expect("a name"),
                outcome["measure"].as_str().expect("a name"),
                outcome["trades"],
                outcome["labelled"],
                number("meanBasisPoints"),
                number("lowBasisPoints"),
                number("highBasisPoints"),
            );
            assert!(page.contains(&row), "{row}");
            checked += 1;
        }
    }
    assert!(checked > 5, "{checked} rows");
}

#[test]
fn a_question_without_duckdb_says_how_to_get_it() {
    let folder = tempfile::tempdir().unwrap();
    let (dataset, _) = replayed(folder.path());
    let missing = folder.path().join("duckdb").display().to_string();
    let refused = trader(&[
        "dataset", "query", &dataset, "select 1", "--duckdb", &missing,
    ]);
    assert_eq!(refused.code, 64);
    assert!(
        refused.stderr.contains("pip install duckdb-cli"),
        "{}",
        refused.stderr
    );
}
