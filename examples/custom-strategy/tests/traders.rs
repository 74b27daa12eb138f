//! The executables of this crate: its strategy runs in every tier as the engine's own do.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(
    dead_code,
    reason = "the shared files serve the tests of other executables too"
)]

#[path = "../../../trader/cli/tests/run/api_server.rs"]
mod api_server;
#[path = "../../../trader/observe/tests/support/mod.rs"]
mod process;
#[path = "../../../trader/cli/tests/run/trading_pod.rs"]
mod trading_pod;

use std::collections::BTreeSet;
use std::process::Command;

use api_server::ApiServer;
use process::{Pod, Program, Tape, parquet_files};
use serde_json::{Value, json};
use triptych_dataset::read::rows_of;
use triptych_dataset::verify;

const COMMAND: &str = env!("CARGO_BIN_EXE_desk-trader");

const OBSERVING: Program = Program {
    path: env!("CARGO_BIN_EXE_desk-trader-observe"),
    arguments: &[],
};

const TRADING: Program = Program {
    path: COMMAND,
    arguments: &["run"],
};

/// The engine's own strategies and this crate's, side by side.
fn revision(parameters: &Value) -> Value {
    let mut revision = process::revision();
    revision["strategies"].as_array_mut().unwrap().push(json!({
        "name": "flow", "instruments": ["BTCUSDT", "ETHUSDT"], "orderQuantity": "0.001", "orderType": "Limit",
        "algorithm": { "custom": { "name": "trade-flow", "parameters": parameters } }
    }));
    revision
}

fn right_parameters() -> Value {
    json!({ "trades": "5", "threshold": "0.8" })
}

/// The manifest of a revision, as a file.
fn manifest(folder: &std::path::Path, parameters: &Value) -> String {
    let path = folder.join("revision.yaml");
    let manifest = json!({
        "apiVersion": "triptych.trading/v1alpha1", "kind": "ConfigRevision",
        "metadata": { "name": "flow-1", "namespace": "research" },
        "spec": revision(parameters),
    });
    std::fs::write(&path, manifest.to_string()).unwrap();
    path.display().to_string()
}

fn trader(words: &[&str]) -> (Option<i32>, String) {
    let output = Command::new(COMMAND).args(words).output().unwrap();
    let printed =
        String::from_utf8(output.stdout).unwrap() + &String::from_utf8_lossy(&output.stderr);
    (output.status.code(), printed)
}

#[test]
fn the_command_validates_and_replays_it() {
    let folder = tempfile::tempdir().unwrap();
    let manifest = manifest(folder.path(), &right_parameters());
    let (code, printed) = trader(&["validate", &manifest]);
    assert_eq!(code, Some(0), "{printed}");
    let replay = || {
        let (code, printed) =
            trader(&["replay", &manifest, "--generate", "7", "--events", "20000"]);
        assert_eq!(code, Some(0), "{printed}");
        let decisions = printed
            .lines()
            .find(|line| line.starts_with("decisions"))
            .unwrap()
            .to_owned();
        assert!(printed.contains("flow"), "{printed}");
        decisions
    };
    assert_eq!(replay(), replay());
}

#[test]
fn wrong_parameters_are_named_with_their_path() {
    let folder = tempfile::tempdir().unwrap();
    let wrong = json!({ "trades": "0", "treshold": "0.8" });
    let (code, printed) = trader(&["validate", &manifest(folder.path(), &wrong)]);
    assert_eq!(code, Some(65), "{printed}");
    let path = "spec.strategies[2].algorithm.custom.parameters";
    for expected in [
        format!("{path}.trades: \"0\" is not valid: expected a whole number from 1 to 10000"),
        format!("{path}.threshold: is missing: expected a decimal from 0.00000001 to 1"),
        format!(
            "{path}.treshold: \"treshold\" is not valid: expected a parameter of this algorithm: trades, threshold"
        ),
    ] {
        assert_eq!(
            printed.matches(&expected).count(),
            1,
            "{expected}\n{printed}"
        );
    }
}

/// Identities of the candidates of this crate's strategy that a pod wrote until it was stopped.
fn candidates_of(pod: &Pod) -> BTreeSet<String> {
    let trader = pod.start();
    trader.wait_for("rows of a minute", |status| {
        status["dataset"]["rowsWritten"].as_u64() > Some(400)
    });
    let (exit, log) = trader.terminate();
    assert!(exit.success(), "{log:?}");
    assert!(verify(&pod.data()).unwrap().ok);
    let files = parquet_files(&pod.data().join("candidates"));
    let of_flow = files
        .iter()
        .filter(|path| path.display().to_string().contains("/strategy=flow/"));
    let rows = of_flow.flat_map(|path| rows_of(path).unwrap_or_else(|error| panic!("{error}")));
    rows.map(|row| row.candidate_id).collect()
}

#[test]
fn every_tier_runs_it_and_finds_the_same_candidates() {
    let revision = revision(&right_parameters());
    let observed = {
        let tape = Tape::start(50.0, None);
        candidates_of(&Pod::with_revision(OBSERVING, &tape.url(), &revision))
    };
    assert!(
        observed.len() > 20,
        "{} candidates say little",
        observed.len()
    );
    for tier in ["W", "R"] {
        let (tape, api_server) = (Tape::start(50.0, None), ApiServer::start());
        let pod = Pod::with_revision(TRADING, &tape.url(), &revision);
        let mut pod = trading_pod::trading(pod, api_server.address());
        pod.environment.insert("TRIPTYCH_TIER", tier.to_owned());
        let traded = candidates_of(&pod);
        let both = observed.intersection(&traded).count();
        // Each started and stopped at another moment of the same market.
        assert!(
            2 * both > observed.len().min(traded.len()),
            "{tier}: {both} of {} and {}",
            observed.len(),
            traded.len()
        );
    }
}
