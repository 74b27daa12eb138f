//! Strategies and dataset against other people's libraries: pandas' averages, channels and deviations,
//! and the readers that users have. With `MARKET_DATA`, a folder with a recording, the strategies are
//! checked on that too.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use support::{REVISION, file, trader};
use triptych_engine::event::{EventKind, InstrumentId};
use triptych_engine::market::{Instrument, Market};
use triptych_market_data::recording::{RecordingReader, discover_instruments};

/// The revision of these tests with the other algorithms added, so that every kind of sampled price is
/// used, and with a stated portfolio.
fn every_strategy() -> String {
    let more = r#"
  - name: breakout
    instruments: [BTCUSDT]
    orderQuantity: "0.001"
    orderType: Limit
    algorithm:
      donchianBreakout: { entryPeriod: 20, exitPeriod: 7, sampleIntervalMilliseconds: 100, price: LastTrade }
  - name: reversion
    instruments: [BTCUSDT]
    orderQuantity: "0.001"
    orderType: Limit
    algorithm:
      zScoreMeanReversion: { period: 30, entryThreshold: "2", exitThreshold: "0.5", sampleIntervalMilliseconds: 100, price: Microprice }
  - name: reversion-last
    instruments: [BTCUSDT]
    orderQuantity: "0.001"
    orderType: Limit
    algorithm:
      zScoreMeanReversion: { period: 30, entryThreshold: "2", exitThreshold: "0.5", sampleIntervalMilliseconds: 100, price: LastTrade }
  portfolio: { quoteBalance: "10000", takerFeeBasisPoints: "10" }
  riskRules:
  - grossExposure: { limit: "200" }"#;
    REVISION.replace("\n  riskRules:", more)
}

/// The parameters in that revision, and how many signals of each strategy have to be compared.
fn parameters(signals_at_least: &Value) -> Value {
    json!({
        "fastPeriod": 4, "slowPeriod": 16, "sampleIntervalMilliseconds": 100,
        "levels": 5, "threshold": "0.7", "cooldownMilliseconds": 500,
        "entryPeriod": 20, "exitPeriod": 7,
        "period": 30, "entryThreshold": "2", "exitThreshold": "0.5",
        "signalsAtLeast": signals_at_least,
    })
}

fn python(script: &str, words: &[&str]) -> String {
    python_with("requirements.txt", script, words)
}

/// Runs a script with the packages of a requirements file and returns what it printed.
fn python_with(requirements: &str, script: &str, words: &[&str]) -> String {
    let output = Command::new(interpreter(requirements))
        .arg(scripts().join(script))
        .args(words)
        .env("PYTHONDONTWRITEBYTECODE", "1")
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

fn scripts() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/independent")
}

/// A Python that has the packages of a requirements file; their commands stand beside it.
fn interpreter(requirements: &str) -> PathBuf {
    let crate_folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let environment = Command::new(crate_folder.join("../../.ci/python-env"))
        .arg(scripts().join(requirements))
        .output()
        .expect("a shell");
    let errors = String::from_utf8_lossy(&environment.stderr);
    assert!(
        environment.status.success(),
        "no Python environment: {errors}"
    );
    let interpreter = String::from_utf8(environment.stdout).expect("a path");
    PathBuf::from(interpreter.trim())
}

/// Replays a recording and returns the dataset's path.
fn replay(folder: &Path, recording: &str) -> String {
    let revision = file(folder, "revision.yaml", &every_strategy());
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

/// Replays a recording, has every signal recomputed, and says what was compared.
fn compared(recording: &str, signals_at_least: &Value) -> String {
    let folder = tempfile::tempdir().unwrap();
    let dataset = replay(folder.path(), recording);
    let parameters = parameters(signals_at_least).to_string();
    python("strategies.py", &[recording, &dataset, &parameters])
}

#[test]
fn every_strategy_proposes_what_an_independent_program_computes_from_the_same_messages() {
    let folder = tempfile::tempdir().unwrap();
    let tape = generated(folder.path());
    let many = json!({ "trend": 20, "breakout": 20, "reversion": 20, "reversion-last": 20, "imbalance": 20 });
    println!("generated: {}", compared(&tape, &many));
    for recording in recordings_at_hand() {
        let recording = recording.display().to_string();
        println!("recorded: {}", compared(&recording, &many));
    }
}

/// A recording with one trade in each sampling interval, at these prices, around a book that stays.
fn trades_at(folder: &Path, name: &str, prices: &[f64]) -> String {
    const START: u64 = 1_723_161_255_000;
    let levels = |price: f64| json!([[format!("{price:.2}"), "1.5"]]);
    let snapshot = json!({ "lastUpdateId": 10, "bids": levels(99.0), "asks": levels(101.0) });
    let mut text = format!("{} {snapshot}\n", START * 1_000_000);
    for (place, price) in prices.iter().chain(prices.last()).enumerate() {
        let at = START + 100 * place as u64;
        let trade = json!({ "stream": "btcusdt@trade", "data": {
            "e": "trade", "E": at, "s": "BTCUSDT", "t": place + 1, "p": format!("{price:.2}"), "q": "0.5",
            "T": at, "m": false, "M": true } });
        text += &format!("{} {trade}\n", at * 1_000_000 + 1);
    }
    file(folder, name, &text)
}

#[test]
fn the_edge_cases_of_channels_and_deviations_are_those_of_pandas() {
    let folder = tempfile::tempdir().unwrap();
    let flat = |count: usize| vec![100.0; count];
    let saw = |count: u32, height: f64| {
        (0..count)
            .map(move |place| 100.0 + height * f64::from(place % 7))
            .collect::<Vec<_>>()
    };
    let cases: [(&str, Vec<f64>, Value); 6] = [
        ("constant", flat(80), json!({})),
        ("fewer-samples-than-periods", saw(19, 1.0), json!({})),
        (
            "exactly-a-period",
            [flat(29), vec![110.0]].concat(),
            json!({ "reversion-last": 1 }),
        ),
        (
            "jump-and-back",
            [flat(40), vec![150.0; 40], flat(40)].concat(),
            json!({ "breakout": 2, "reversion-last": 3 }),
        ),
        (
            "touches-the-border",
            [
                saw(60, 1.0),
                vec![106.0, 106.01, 100.0, 99.99],
                saw(60, 1.0),
            ]
            .concat(),
            json!({ "breakout": 2 }),
        ),
        (
            "one-cent-in-a-large-price",
            (0..200)
                .map(|place| 61_837.63 + f64::from(place * 37 % 11 % 3) / 100.0)
                .collect(),
            json!({}),
        ),
    ];
    for (name, prices, signals_at_least) in cases {
        let tape = trades_at(folder.path(), name, &prices);
        println!("{name}: {}", compared(&tape, &signals_at_least));
    }
}

/// Levels of each side that are compared with another program's book.
const LEVELS: usize = 20;

/// The engine's book after each depth diff of a recording of one instrument: receive time, number of
/// levels, and price and quantity of the best bids and asks.
fn books(recording: &Path) -> String {
    let instruments = discover_instruments(recording).expect("a recording");
    let mut market = Market::new(Instrument {
        id: InstrumentId(0),
        symbol: "BTCUSDT".into(),
        price_increment: "0.01".parse().unwrap(),
        quantity_increment: "0.00001".parse().unwrap(),
    });
    let mut text = String::new();
    for event in RecordingReader::open(recording, instruments).expect("a recording") {
        let event = event.expect("a good line");
        market.apply(&event, event.ts_recv);
        let EventKind::DepthDiff(diff) = &event.kind else {
            continue;
        };
        let book = market.book();
        let is_deep = book.bids().len().min(book.asks().len()) >= LEVELS;
        if !is_deep || book.last_update_id() != Some(diff.final_update_id) {
            continue;
        }
        text += &format!("{},{LEVELS}", event.ts_recv.nanoseconds());
        for level in book
            .bids()
            .iter()
            .take(LEVELS)
            .chain(book.asks().iter().take(LEVELS))
        {
            text += &format!(",{},{}", level.price, level.quantity);
        }
        text.push('\n');
    }
    text
}

#[test]
fn the_order_book_is_the_one_that_hftbacktest_reconstructs() {
    let folder = tempfile::tempdir().unwrap();
    let recordings = match recordings_at_hand() {
        none if none.is_empty() => vec![PathBuf::from(generated(folder.path()))],
        some => some,
    };
    for recording in recordings {
        let books = file(folder.path(), "books.csv", &books(&recording));
        let recording = recording.display().to_string();
        let printed = python_with(
            "requirements-hftbacktest.txt",
            "order_book.py",
            &[&recording, &books],
        );
        println!("{recording}: {printed}");
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

#[test]
fn duckdb_polars_and_pandas_say_of_a_backtests_orders_what_it_reports() {
    let folder = tempfile::tempdir().unwrap();
    let tape = generated(folder.path());
    // So near that stops and targets are reached.
    let near = every_strategy()
        .replace("stopBasisPoints: 20", "stopBasisPoints: 1")
        .replace("targetBasisPoints: 40", "targetBasisPoints: 2");
    let revision = file(folder.path(), "revision.yaml", &near);
    let dataset = folder.path().join("dataset").display().to_string();
    let result = trader(&[
        "backtest", &revision, &tape, "--out", &dataset, "-o", "json",
    ])
    .well()
    .stdout;
    println!("{}", python("executions.py", &[&dataset, &result]));
    let duckdb = interpreter("requirements.txt").with_file_name("duckdb");
    let duckdb = duckdb.display().to_string();
    let sql = "select event, count(*) as rows from executions group by all having event = 'Sent'";
    let words = ["dataset", "query", &dataset, sql, "--duckdb", &duckdb];
    let answer = trader(&[&words[..], &["-o", "json"]].concat())
        .well()
        .json();
    let result: Value = serde_json::from_str(&result).unwrap();
    assert_eq!(answer[0]["rows"], result["results"][0]["orders"]["sent"]);
}

/// The definition of the labels in these tests, as `trader dataset label` writes it down.
const DEFINITION: &str = r#"{ "name": "standard", "feeBasisPoints": "7.5", "barrierBasisPoints": "3",
    "barrierSeconds": 45 }"#;

fn labelled(folder: &Path, recording: &str) -> String {
    let dataset = replay(folder, recording);
    let words = ["dataset", "label", &dataset, recording];
    let definition = ["--fee-basis-points", "7.5", "--barrier-basis-points", "3"];
    trader(&[&words[..], &definition, &["--barrier-seconds", "45"]].concat()).well();
    dataset
}

#[test]
fn labels_are_what_pandas_and_polars_compute_from_the_same_messages() {
    let folder = tempfile::tempdir().unwrap();
    let tape = generated(folder.path());
    let dataset = labelled(folder.path(), &tape);
    println!(
        "generated: {}",
        python("labels.py", &[&tape, &dataset, DEFINITION])
    );
    for recording in recordings_at_hand() {
        let folder = tempfile::tempdir().unwrap();
        let recording = recording.display().to_string();
        let dataset = labelled(folder.path(), &recording);
        println!(
            "recorded: {}",
            python("labels.py", &[&recording, &dataset, DEFINITION])
        );
    }
}

#[test]
fn duckdb_polars_and_pandas_answer_what_each_rule_earned_or_saved_as_the_summary_does() {
    let folder = tempfile::tempdir().unwrap();
    let tape = generated(folder.path());
    let dataset = labelled(folder.path(), &tape);
    let summary = trader(&["dataset", "summary", &dataset, "-o", "json"])
        .well()
        .stdout;
    let summary = file(folder.path(), "summary.json", &summary);
    println!("{}", python("outcomes.py", &[&dataset, &summary]));
}

#[test]
fn sql_answers_what_the_summary_says_also_after_a_compaction() {
    let folder = tempfile::tempdir().unwrap();
    let tape = generated(folder.path());
    let dataset = labelled(folder.path(), &tape);
    let duckdb = interpreter("requirements.txt")
        .with_file_name("duckdb")
        .display()
        .to_string();
    let summary = trader(&["dataset", "summary", &dataset, "-o", "json"])
        .well()
        .json();
    let sql = "select v.rule as rule, count(*) as denied, count(return_1m_bps) as labelled
        from (select run_id, candidate_id, unnest(verdicts) as v from candidates)
        join labels using (run_id, candidate_id) where not v.pass group by all";
    let ask = || {
        let words = [
            "dataset", "query", &dataset, sql, "--duckdb", &duckdb, "-o", "json",
        ];
        trader(&words).well().json()
    };
    let before = ask();
    let answers = before.as_array().expect("rows");
    assert!(answers.len() > 2, "{before}");
    for answer in answers {
        let rules = summary["outcomes"]["rules"].as_array().expect("rules");
        let rule = rules.iter().find(|rule| rule["rule"] == answer["rule"]);
        let one_minute = &rule.expect("a rule")["denied"][0];
        assert_eq!(one_minute["trades"], answer["denied"], "{answer}");
        assert_eq!(one_minute["labelled"], answer["labelled"], "{answer}");
    }
    trader(&["dataset", "compact", &dataset]).well();
    let sorted = |answer: serde_json::Value| {
        let mut rows: Vec<_> = answer
            .as_array()
            .expect("rows")
            .iter()
            .map(ToString::to_string)
            .collect();
        rows.sort();
        rows
    };
    assert_eq!(sorted(ask()), sorted(before));
    let wrong = trader(&[
        "dataset",
        "query",
        &dataset,
        "select nothing",
        "--duckdb",
        &duckdb,
    ]);
    assert_eq!(wrong.code, 1);
    assert!(wrong.stderr.contains("nothing"), "{}", wrong.stderr);
}
