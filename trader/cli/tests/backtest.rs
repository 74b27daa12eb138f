//! `trader backtest`: what a revision would have earned over recordings, and sweeps.

mod support;

use std::fs;
use std::path::Path;

use serde_json::Value;
use support::{REVISION, file, trader};
use triptych_dataset::executions::EXECUTIONS;
use triptych_dataset::executions::summary::{ExecutionTotals, execution_summary};
use triptych_dataset::files::batches;
use triptych_dataset::layout::Table;
use triptych_dataset::read::listed_files_of;
use triptych_dataset::schema::CANDIDATES;

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
        Self::with(&revision())
    }

    /// With stops and targets so near that they are reached.
    fn with_near_stops() -> Self {
        let near = revision()
            .replace("stopBasisPoints: 20", "stopBasisPoints: 1")
            .replace("targetBasisPoints: 40", "targetBasisPoints: 2");
        Self::with(&near)
    }

    fn with(revision: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let revision = file(folder.path(), "revision.yaml", revision);
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

/// Rows of a table, without the run's identity.
fn rows(dataset: &str, table: Table) -> Vec<String> {
    let directory = Path::new(dataset);
    let schema = match table {
        Table::Candidates => &CANDIDATES,
        Table::Executions => &EXECUTIONS,
    };
    let columns: Vec<&str> = schema
        .fields()
        .iter()
        .map(|field| field.name().as_str())
        .collect();
    let columns: Vec<&str> = columns
        .into_iter()
        .filter(|name| *name != "run_id")
        .collect();
    let files = listed_files_of(directory, table).expect("a dataset");
    files
        .iter()
        .map(|path| format!("{:?}", batches(path, Some(&columns)).expect("a whole file")))
        .collect()
}

#[test]
fn executions_come_to_the_last_digit_to_what_the_run_reports() {
    let bench = Bench::with_near_stops();
    let dataset = bench.path("dataset");
    let report = bench.backtest(&["--out", &dataset]);
    let result = &report["results"][0];
    let summary = execution_summary(Path::new(&dataset)).expect("executions");
    let all: Vec<ExecutionTotals> = summary
        .values()
        .flat_map(|instruments| instruments.values().copied())
        .collect();
    let sum = |of: fn(&ExecutionTotals) -> i128| all.iter().map(of).sum::<i128>();
    assert_eq!(sum(|one| one.fees.units()), money(result, "fees"));
    assert_eq!(sum(|one| one.value.units()), money(result, "turnover"));
    let counts = |of: fn(&ExecutionTotals) -> u64| all.iter().map(of).sum::<u64>();
    assert_eq!(counts(|one| one.orders), count(result, "/orders/sent"));
    assert_eq!(counts(|one| one.fills), count(result, "/orders/fills"));
    assert!(
        all.iter()
            .all(|one| one.filled_quantity <= one.ordered_quantity)
    );
    assert!(counts(|one| one.fills) > 20, "{summary:?}");
    trader(&["dataset", "verify", &dataset]).well();
}

#[test]
fn a_backtest_writes_the_same_rows_each_time_but_for_the_name_of_the_run() {
    let bench = Bench::with_near_stops();
    let datasets = ["one", "other"].map(|name| bench.path(name));
    for dataset in &datasets {
        bench.backtest(&["--out", dataset]);
    }
    for table in Table::ALL {
        let found = datasets.each_ref().map(|dataset| rows(dataset, table));
        assert!(!found[0].is_empty(), "{table:?}");
        assert_eq!(found[0], found[1], "{table:?}");
    }
}

#[test]
fn one_command_writes_the_three_tables_and_the_page() {
    let bench = Bench::new();
    let (dataset, page) = (bench.path("dataset"), bench.path("page.html"));
    let report = bench.backtest(&["--out", &dataset, "--html", &page]);
    let result = &report["results"][0];
    let summary = trader(&["dataset", "summary", &dataset, "-o", "json"])
        .well()
        .json();
    let labelled = |pointer: &str| count(&summary, pointer);
    assert!(labelled("/outcomes/accepted/0/labelled") > 0, "{summary}");
    assert_eq!(
        summary["outcomes"]["definition"]["name"],
        serde_json::json!("standard")
    );
    let trend = &summary["executions"]["trend"]["BTCUSDT"];
    assert!(trend["orders"].as_u64() > Some(0), "{summary}");
    let html = fs::read_to_string(&page).expect("the page");
    for expected in ["<h2>Orders</h2>", "<h2>What the denied trades", "<svg"] {
        assert!(html.contains(expected), "{expected}");
    }
    let orders = format!("<td>{}</td>", trend["orders"]);
    assert!(html.contains(&orders), "{orders}");
    assert!(!html.contains("http"), "no links");
    let printed = trader(&["dataset", "summary", &dataset]).well().stdout;
    assert!(printed.contains("COST AGAINST THE TOUCH"), "{printed}");
    // The same once more, into the same directory: another run beside the first.
    assert_eq!(&bench.backtest(&["--out", &dataset])["results"][0], result);
}

#[test]
fn what_cannot_be_written_is_said_before_the_run() {
    let bench = Bench::new();
    let (dataset, other) = (bench.path("dataset"), bench.path("other"));
    let nowhere = bench.path("nowhere/page.html");
    trader(&["replay", &bench.revision, &bench.tape, "--out", &other]).well();
    let fees = ["--fee-basis-points", "1"];
    trader(&[&["dataset", "label", &other, &bench.tape], &fees[..]].concat()).well();
    let cases = [
        (vec!["--html", "page.html"], 64, "--out <DIRECTORY>"),
        (
            vec!["--out", &dataset, "--html", &nowhere],
            74,
            "expected a file in a folder that is there",
        ),
        (
            vec!["--out", &other],
            64,
            "its labels named standard have other fees",
        ),
        (
            vec![
                "--out",
                &dataset,
                "--vary",
                "riskRules.maxSpread.basisPoints=1",
            ],
            64,
            "cannot be used with",
        ),
    ];
    for (words, code, expected) in cases {
        let command = ["backtest", &bench.revision, &bench.tape];
        let answer = trader(&[&command[..], &words].concat());
        assert_eq!(answer.code, code, "{expected}: {}", answer.stderr);
        assert!(
            answer.stderr.contains(expected),
            "{expected}: {}",
            answer.stderr
        );
        assert!(!Path::new(&dataset).exists(), "{expected}");
    }
}
