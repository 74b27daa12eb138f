//! `trader backtest`: what a revision would have earned over recordings, and sweeps.

mod support;

use std::fs;

use serde_json::Value;
use support::{REVISION, file, trader};

/// The revision with a balance to start with.
fn revision() -> String {
    format!(
        "{REVISION}  portfolio:\n    quoteBalance: \"10000\"\n    takerFeeBasisPoints: \"7.5\"\n"
    )
}

/// A folder with a revision and a generated market.
struct Bench {
    folder: tempfile::TempDir,
    revision: String,
    tape: String,
}

impl Bench {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let revision = file(folder.path(), "revision.yaml", &revision());
        let tape = folder.path().join("tape.txt").display().to_string();
        let words = [
            "tape",
            "record",
            "--generate",
            "7",
            "--events",
            "30000",
            &tape,
        ];
        trader(&words).well();
        Self {
            folder,
            revision,
            tape,
        }
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    fn backtest(&self, words: &[&str]) -> Value {
        let command = ["backtest", &self.revision, &self.tape, "-o", "json"];
        trader(&[&command[..], words].concat()).well().json()
    }
}

fn count(result: &Value, pointer: &str) -> u64 {
    result
        .pointer(pointer)
        .and_then(Value::as_u64)
        .unwrap_or_else(|| panic!("{pointer}: {result}"))
}

/// Money in units of 10⁻¹⁶.
fn money(result: &Value, field: &str) -> i128 {
    let text = result[field]
        .as_str()
        .unwrap_or_else(|| panic!("{field}: {result}"));
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    let units = format!("{}{decimals:0<16}", whole.trim_start_matches('-'));
    let units: i128 = units.parse().expect("digits");
    if text.starts_with('-') { -units } else { units }
}

#[test]
fn every_accepted_intent_becomes_an_order_and_the_money_adds_up() {
    let bench = Bench::new();
    let report = bench.backtest(&[]);
    let result = &report["results"][0];
    assert_eq!(count(result, "/events"), 30_000);
    assert!(
        count(result, "/candidates") > count(result, "/orders/sent"),
        "{result}"
    );
    let ended = ["filled", "expired", "bookExhausted", "atTheEnd"];
    let ended: u64 = ended
        .iter()
        .map(|end| count(result, &format!("/orders/{end}")))
        .sum();
    assert_eq!(ended, count(result, "/orders/sent"), "each order ends once");
    assert!(count(result, "/closedTrades") > 0, "{result}");
    assert_eq!(money(result, "equityAtStart"), 10_000 * 10_i128.pow(16));
    assert!(money(result, "fees") > 0);
    assert!(
        money(result, "maxDrawdown") >= money(result, "equityAtStart") - money(result, "equity")
    );
    let printed = trader(&["backtest", &bench.revision, &bench.tape])
        .well()
        .stdout;
    for word in ["equity at the end", "cost of execution", "configuration "] {
        assert!(printed.contains(word), "{printed}");
    }
}

#[test]
fn the_same_arguments_give_the_same_result_and_a_sweep_gives_that_of_each_run_alone() {
    let bench = Bench::new();
    let axis = "strategies.imbalance.algorithm.orderBookImbalance.threshold";
    let sweep = [
        "--vary",
        &format!("{axis}=0.6,0.7,0.8"),
        "--vary",
        "riskRules.maxSpread.basisPoints=0.05,5",
    ];
    let first = bench.backtest(&sweep);
    assert_eq!(first, bench.backtest(&sweep));
    let results = first["results"].as_array().expect("a list");
    assert_eq!(results.len(), 6);
    assert_eq!(results[5]["values"], serde_json::json!(["0.8", "5"]));

    let alone = revision().replace("threshold: \"0.7\"", "threshold: \"0.6\"");
    let alone = file(bench.folder.path(), "alone.yaml", &alone);
    let alone = trader(&["backtest", &alone, &bench.tape, "-o", "json"])
        .well()
        .json();
    let mut of_sweep = results[0].clone();
    of_sweep["values"] = serde_json::json!([]);
    assert_eq!(of_sweep, alone["results"][0]);
    let hashes: std::collections::BTreeSet<_> = results
        .iter()
        .map(|one| one["configHash"].to_string())
        .collect();
    assert_eq!(
        hashes.len(),
        6,
        "each variant is a configuration of its own"
    );
}

#[test]
fn two_recordings_that_follow_each_other_are_one() {
    let bench = Bench::new();
    let text = fs::read_to_string(&bench.tape).expect("the tape");
    let lines: Vec<&str> = text.lines().collect();
    let (one, other) = lines.split_at(lines.len() / 2);
    let one = file(bench.folder.path(), "one.txt", &(one.join("\n") + "\n"));
    let other = file(bench.folder.path(), "other.txt", &(other.join("\n") + "\n"));
    let whole = bench.backtest(&[]);
    // In whatever order they are given.
    let words = ["backtest", &bench.revision, &other, &one, "-o", "json"];
    assert_eq!(trader(&words).well().json(), whole);
}

#[test]
fn latency_and_queues_cost_and_nothing_else_changes_a_decision() {
    let bench = Bench::new();
    let run = |words: &[&str]| bench.backtest(words)["results"][0].clone();
    let instant = run(&[
        "--latency",
        "0",
        "--rest",
        "86400",
        "--queue",
        "proportional",
    ]);
    let slow = run(&["--latency", "2000"]);
    for field in ["candidates", "equityOnPaper", "configHash"] {
        assert_eq!(instant[field], slow[field], "{field}");
    }
    assert_eq!(
        count(&instant, "/orders/sent"),
        count(&slow, "/orders/sent")
    );
    assert_ne!(instant["equity"], slow["equity"]);
    let free = run(&["--maker-fee", "0", "--taker-fee", "0"]);
    assert_eq!(money(&free, "fees"), 0);
}

#[test]
fn what_abh_saw_of_the_same_hours_is_what_the_backtest_decided() {
    let bench = Bench::new();
    let (seen, tested) = (bench.path("seen"), bench.path("tested"));
    trader(&["replay", &bench.revision, &bench.tape, "--out", &seen]).well();
    bench.backtest(&["--out", &tested]);
    let parity = trader(&["parity", &seen, &tested, "--whole", "-o", "json"])
        .well()
        .json();
    assert_eq!(parity["equal"], true, "{parity}");
    assert!(count(&parity, "/same") > 50, "{parity}");
    assert_eq!(
        parity["right"]["instances"],
        serde_json::json!(["backtest"])
    );
}

#[test]
fn what_cannot_be_run_is_said_before_anything_is_read() {
    let bench = Bench::new();
    let bare = file(bench.folder.path(), "bare.yaml", REVISION);
    let cases = [
        (
            vec![&*bare, &bench.tape],
            65,
            "spec.portfolio: a backtest needs",
        ),
        (
            vec![
                &*bench.revision,
                &bench.tape,
                "--vary",
                "strategies.lost.orderQuantity=1",
            ],
            64,
            "spec has no lost; there is: trend, imbalance",
        ),
        (
            vec![
                &*bench.revision,
                &bench.tape,
                "--vary",
                "strategies.trend.orderQuantity=0",
            ],
            65,
            "with 0: spec.strategies[0].orderQuantity",
        ),
        (
            vec![&*bench.revision, &bench.tape, "--taker-fee", "10001"],
            64,
            "expected a plain decimal from 0 to 10000",
        ),
        (vec![&*bench.revision, "/nowhere.gz"], 66, "/nowhere.gz"),
        (
            vec![&*bench.revision, &bench.tape, &bench.tape],
            64,
            "give recordings that follow each other",
        ),
    ];
    for (words, code, expected) in cases {
        let answer = trader(&[&["backtest"], &words[..]].concat());
        assert_eq!(answer.code, code, "{expected}: {}", answer.stderr);
        assert!(
            answer.stderr.contains(expected),
            "{expected}: {}",
            answer.stderr
        );
    }
}
