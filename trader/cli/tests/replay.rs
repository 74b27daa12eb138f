//! `trader replay`, `trader tape` and `trader dataset`: from a generated market to a readable dataset.

mod support;

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use support::{REVISION, file, trader};

const EVENTS: &str = "12000";

fn record(folder: &Path, name: &str, seed: &str) -> String {
    let path = folder.join(name).display().to_string();
    trader(&[
        "tape",
        "record",
        "--generate",
        seed,
        "--events",
        EVENTS,
        &path,
    ])
    .well();
    path
}

fn replay(words: &[&str]) -> serde_json::Value {
    trader(&[&["replay"], words, &["-o", "json"]].concat())
        .well()
        .json()
}

#[test]
fn two_runs_and_two_speeds_decide_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let revision = file(folder.path(), "revision.yaml", REVISION);
    let tape = record(folder.path(), "tape.txt", "7");
    let first = replay(&[&revision, &tape]);
    assert!(first["candidates"].as_u64().unwrap() > 20, "{first}");
    assert_eq!(first["events"], EVENTS.parse::<u64>().unwrap());
    for speed in ["max", "2000"] {
        let again = replay(&[&revision, &tape, "--speed", speed]);
        assert_eq!(
            again["decisionDigest"], first["decisionDigest"],
            "speed {speed}"
        );
    }
    let other = replay(&[&revision, &record(folder.path(), "other.txt", "8")]);
    assert_ne!(other["decisionDigest"], first["decisionDigest"]);
}

#[test]
fn a_written_market_replays_as_the_generated_one() {
    let folder = tempfile::tempdir().unwrap();
    let revision = file(folder.path(), "revision.yaml", REVISION);
    let from_file = replay(&[&revision, &record(folder.path(), "tape.txt", "7")]);
    let generated = replay(&[&revision, "--generate", "7", "--events", EVENTS]);
    assert_eq!(generated["decisionDigest"], from_file["decisionDigest"]);
}

#[test]
fn a_replay_writes_a_dataset_that_can_be_looked_at() {
    let folder = tempfile::tempdir().unwrap();
    let revision = file(folder.path(), "revision.yaml", REVISION);
    let dataset = folder.path().join("dataset").display().to_string();
    let report = replay(&[
        &revision,
        "--generate",
        "7",
        "--events",
        EVENTS,
        "--out",
        &dataset,
    ]);

    let verified = trader(&["dataset", "verify", &dataset, "-o", "json"])
        .well()
        .json();
    assert_eq!(verified["ok"], true);
    assert_eq!(
        (&verified["rows"], &verified["rowsLost"]),
        (&report["candidates"], &0.into())
    );
    assert!(
        trader(&["dataset", "verify", &dataset])
            .well()
            .stdout
            .contains("as the manifest says")
    );

    let summary = trader(&["dataset", "summary", &dataset, "-o", "json"])
        .well()
        .json();
    // The dataset's own summary says more: when, and what became of the candidates.
    for part in ["strategies", "rules"] {
        assert_eq!(summary[part], report["summary"][part], "{part}");
    }
    let text = trader(&["dataset", "summary", &dataset]).well().stdout;
    assert!(
        text.contains("imbalance") && text.contains("duplicateIntent"),
        "{text}"
    );

    let shown = trader(&["dataset", "show", &dataset, "--limit", "8"])
        .well()
        .stdout;
    assert_eq!(
        shown
            .lines()
            .filter(|line| line.contains("Buy") || line.contains("Sell"))
            .count(),
        8,
        "{shown}"
    );
    assert!(
        shown.lines().all(|line| line.chars().count() <= 120),
        "{shown}"
    );
    let detailed = trader(&["dataset", "show", &dataset, "-n", "2", "--verdicts"])
        .well()
        .stdout;
    assert_eq!(detailed.matches("notionalLimits").count(), 2, "{detailed}");
    let rows = trader(&["dataset", "show", &dataset, "-n", "5", "-o", "json"])
        .well()
        .json();
    assert_eq!(rows.as_array().unwrap().len(), 5);
    assert_eq!(rows[0]["verdicts"].as_array().unwrap().len(), 7);
    assert_eq!(rows[0]["tier"], "ABH");
}

#[test]
fn a_damaged_dataset_is_found_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let revision = file(folder.path(), "revision.yaml", REVISION);
    let dataset = folder.path().join("dataset");
    let path = dataset.display().to_string();
    replay(&[
        &revision,
        "--generate",
        "7",
        "--events",
        EVENTS,
        "--out",
        &path,
    ]);
    let rows = trader(&["dataset", "show", &path, "-n", "1", "-o", "json"])
        .well()
        .json();
    let strategy = rows[0]["strategy"].as_str().unwrap().to_owned();
    let day = fs::read_dir(dataset.join("candidates"))
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    let partition = day.join(format!("strategy={strategy}/instrument=BTCUSDT"));
    let victim = fs::read_dir(&partition)
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    fs::remove_file(&victim).unwrap();
    let answer = trader(&["dataset", "verify", &path]);
    assert_eq!(answer.code, 1);
    assert!(
        answer.stdout.contains("listed, and not there"),
        "{}",
        answer.stdout
    );
}

#[test]
fn a_directory_without_a_dataset_is_no_empty_dataset() {
    let folder = tempfile::tempdir().unwrap();
    for command in ["verify", "show", "summary"] {
        let answer = trader(&["dataset", command, &folder.path().display().to_string()]);
        assert_eq!(answer.code, 66, "{command}");
        assert!(answer.stderr.contains("no dataset"), "{}", answer.stderr);
    }
}

#[test]
fn a_recording_of_other_instruments_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let revision = file(folder.path(), "revision.yaml", REVISION);
    let tape = folder.path().join("tape.txt").display().to_string();
    trader(&[
        "tape",
        "record",
        "--generate",
        "7",
        "--events",
        "500",
        "--instruments",
        "ETHUSDT",
        &tape,
    ])
    .well();
    let answer = trader(&["replay", &revision, &tape]);
    assert_eq!(answer.code, 65);
    assert!(
        answer.stderr.contains("no instrument of the configuration"),
        "{}",
        answer.stderr
    );
}

#[test]
fn events_of_instruments_beside_the_configurations_own_are_counted() {
    let folder = tempfile::tempdir().unwrap();
    let revision = file(folder.path(), "revision.yaml", REVISION);
    let tape = folder.path().join("tape.txt").display().to_string();
    let words = [
        "tape",
        "record",
        "--generate",
        "7",
        "--events",
        "4000",
        "--instruments",
        "ETHUSDT,BTCUSDT",
        &tape,
    ];
    trader(&words).well();
    let report = replay(&[&revision, &tape]);
    let others = report["eventsOfOtherInstruments"].as_u64().unwrap();
    assert!(others > 0 && others < 4_000, "{report}");
}

#[test]
fn one_of_several_revisions_is_chosen_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let both = format!(
        "{REVISION}---{}",
        REVISION.replace("momentum-7", "momentum-8")
    );
    let revisions = file(folder.path(), "revisions.yaml", &both);
    let answer = trader(&["replay", &revisions, "--generate", "1"]);
    assert_eq!(answer.code, 65);
    assert!(
        answer.stderr.contains("momentum-7, momentum-8"),
        "{}",
        answer.stderr
    );
    replay(&[
        &revisions,
        "--generate",
        "1",
        "--events",
        "100",
        "--name",
        "momentum-8",
    ]);
}

#[test]
fn a_tape_file_is_never_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let path = file(folder.path(), "tape.txt", "mine");
    assert_eq!(
        trader(&["tape", "record", "--generate", "7", "--events", "5", &path]).code,
        74
    );
    assert_eq!(fs::read_to_string(&path).unwrap(), "mine");
}

/// A running server, killed by its own process id in the end.
struct Served(Child);

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn get(address: &str, path: &str) -> Option<String> {
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n"
    )
    .ok()?;
    let mut reader = BufReader::new(stream);
    let mut status = String::new();
    reader.read_line(&mut status).ok()?;
    let mut rest = String::new();
    reader.read_to_string(&mut rest).ok()?;
    let body = rest
        .split_once("\r\n\r\n")
        .map(|(_, body)| body.to_owned())?;
    status.contains(" 200 ").then_some(body)
}

#[test]
fn a_served_tape_answers_as_the_venue_does() {
    let free = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .to_string();
    let _server = Served(
        Command::new(env!("CARGO_BIN_EXE_trader"))
            .args([
                "tape",
                "serve",
                "--generate",
                "7",
                "--speed",
                "max",
                "--listen",
                &free,
            ])
            .stderr(Stdio::null())
            .spawn()
            .unwrap(),
    );
    let deadline = Instant::now() + Duration::from_secs(30);
    let depth = loop {
        if let Some(body) = get(&free, "/api/v3/depth?symbol=BTCUSDT&limit=5") {
            break body;
        }
        assert!(Instant::now() < deadline, "no answer within 30 seconds");
        std::thread::yield_now();
    };
    let depth: serde_json::Value = serde_json::from_str(&depth).unwrap();
    assert!(depth["lastUpdateId"].as_u64().unwrap() > 0);
    assert_eq!(depth["bids"].as_array().unwrap().len(), 5);
    assert_eq!(get(&free, "/api/v3/ping").as_deref(), Some("{}"));
}
