//! The executable at work: it follows a tape over the real protocol and writes the dataset.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::collections::BTreeSet;

use rustix::process::Signal;
use serde_json::json;
use support::{Pod, Program, Tape, Trader, parquet_files, until};
use triptych_dataset::read::{Row, rows_of};
use triptych_dataset::verify;

const PROGRAM: Program = Program {
    path: env!("CARGO_BIN_EXE_trader-observe"),
    arguments: &[],
};

fn all_rows(pod: &Pod) -> Vec<Row> {
    parquet_files(&pod.data())
        .iter()
        .flat_map(|path| rows_of(path).unwrap_or_else(|error| panic!("{error}")))
        .collect()
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn count(trader: &Trader, counter: &str) -> u64 {
    trader.metric(counter) as u64
}

#[test]
fn it_follows_the_market_attests_its_configuration_and_writes_rows() {
    let tape = Tape::start(10.0, None);
    let pod = Pod::new(PROGRAM, &tape.url());
    let trader = pod.start();
    let status = trader.wait_for("a published file", |status| {
        status["dataset"]["filesPublished"].as_u64() > Some(0) && status["ready"] == json!(true)
    });
    let declared = json!(pod.environment["TRIPTYCH_CONFIG_HASH"]);
    for (pointer, expected) in [
        ("/contract", json!("v1")),
        ("/tier", json!("ABH")),
        ("/namespace", json!("desk")),
        ("/instance", json!("lab")),
        ("/instanceUid", json!("11-22")),
        ("/podUid", json!("33-44")),
        ("/configHash", declared.clone()),
        ("/marketData/source", json!(tape.url())),
        ("/marketData/connected", json!(true)),
        ("/marketData/instruments/0/symbol", json!("BTCUSDT")),
        ("/marketData/instruments/0/book", json!("Synced")),
        ("/marketData/instruments/1/gaps", json!(0)),
        ("/dataset/rowsLost", json!(0)),
    ] {
        assert_eq!(
            status.pointer(pointer),
            Some(&expected),
            "{pointer}: {status}"
        );
    }
    assert_eq!(trader.get("/healthz").0, 200);
    assert_eq!(trader.get("/readyz").0, 200);
    assert!(trader.metric("triptych_engine_candidates_total") > 0.0);
    assert!((trader.metric("triptych_trader_ready") - 1.0).abs() < f64::EPSILON);
    assert_eq!(trader.get("/v1/order").0, 404);

    let (exit, log) = trader.terminate();
    assert!(exit.success(), "{log:?}");
    let rows = all_rows(&pod);
    let strategies: BTreeSet<&str> = rows.iter().map(|row| &*row.strategy).collect();
    assert_eq!(strategies, BTreeSet::from(["lean", "trend"]));
    for row in &rows {
        assert_eq!(
            (&*row.tier, json!(row.config_hash)),
            ("ABH", declared.clone())
        );
        assert_eq!(json!(row.run_id), status["runId"]);
        assert_eq!(row.verdicts.len(), 3, "every rule's verdict");
    }
}

#[test]
fn sigterm_loses_no_row() {
    let tape = Tape::start(40.0, Some(30_000));
    let pod = Pod::new(PROGRAM, &tape.url());
    let trader = pod.start();
    until("the end of the tape", || {
        tape.handle.has_ended().then_some(())
    });
    // Everything that was sent was decided on: the count of events stands still.
    let handed_on = || {
        let instruments = trader.status()["marketData"]["instruments"].clone();
        let events = |index: usize| instruments[index]["events"].as_u64().unwrap();
        events(0) + events(1)
    };
    until("the last decision", || {
        let before = handed_on();
        (count(&trader, "triptych_engine_events_total") == before && before == handed_on())
            .then_some(())
    });
    let candidates = count(&trader, "triptych_engine_candidates_total");
    let published = count(&trader, "triptych_dataset_rows_written_total");
    assert!(published < candidates, "nothing is left to lose");
    let (exit, log) = trader.terminate();
    assert_eq!(exit.code(), Some(0), "{log:?}");
    let report = verify(&pod.data()).unwrap();
    assert!(report.ok, "{report:?}");
    assert!(candidates > 100, "{candidates} candidates say little");
    assert_eq!((report.rows, report.rows_lost), (candidates, 0));
    let ids: BTreeSet<String> = all_rows(&pod)
        .into_iter()
        .map(|row| row.candidate_id)
        .collect();
    assert_eq!(ids.len() as u64, candidates, "no row twice");
}

#[test]
fn sigkill_loses_at_most_the_unpublished_rows_and_the_next_run_notes_it() {
    let tape = Tape::start(20.0, None);
    let pod = Pod::new(PROGRAM, &tape.url());
    let trader = pod.start();
    let status = trader.wait_for("two published files", |status| {
        status["dataset"]["filesPublished"].as_u64() >= Some(2)
    });
    let published = status["dataset"]["rowsWritten"].as_u64().unwrap();
    trader.signal(Signal::KILL);
    let (exit, _) = trader.wait();
    assert_eq!(exit.code(), None, "killed");
    let rows = all_rows(&pod).len() as u64;
    assert!(
        rows >= published,
        "{rows} rows after {published} were published"
    );

    let next = pod.start();
    let second = next.wait_for("a file of the next run", |status| {
        status["dataset"]["filesPublished"].as_u64() > Some(0)
    });
    assert_ne!(second["runId"], status["runId"]);
    let (exit, log) = next.terminate();
    assert!(exit.success(), "{log:?}");
    let report = verify(&pod.data()).unwrap();
    assert!(report.ok, "{report:?}");
    assert_eq!(report.runs, 2);
    assert!(!report.gaps.is_empty(), "the loss is on record: {report:?}");
    assert!(report.rows >= rows);
}

#[test]
fn a_lost_connection_shows_in_readiness_and_heals() {
    let tape = Tape::start(1.0, None);
    let pod = Pod::new(PROGRAM, &tape.url());
    let trader = pod.start();
    trader.wait_for("readiness", |status| status["ready"] == json!(true));
    let resyncs =
        |status: &serde_json::Value| status["marketData"]["instruments"][0]["resyncs"].as_u64();
    assert_eq!(tape.handle.cut_all(), 1);
    trader.wait_for("the rebuilt book", |status| {
        resyncs(status) == Some(1) && status["ready"] == json!(true)
    });
    assert_eq!(count(&trader, "triptych_market_data_connections_total"), 2);
}

#[test]
fn without_market_data_it_is_alive_but_not_ready_and_still_stops_in_order() {
    let pod = Pod::new(PROGRAM, "ws://127.0.0.1:9");
    let trader = pod.start();
    assert_eq!(trader.get("/healthz").0, 200);
    let (code, reason) = trader.get("/readyz");
    assert_eq!((code, &*reason), (503, "market data: not connected"));
    let (exit, log) = trader.terminate();
    assert!(exit.success(), "{log:?}");
}

#[test]
fn a_second_writer_on_the_same_dataset_is_refused_with_74() {
    let pod = Pod::new(PROGRAM, "ws://127.0.0.1:9");
    let first = pod.start();
    let (code, stderr) = pod.run_to_refusal();
    assert_eq!(code, Some(74), "{stderr}");
    assert!(first.terminate().0.success());
}
