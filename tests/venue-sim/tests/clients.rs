//! Other people's clients, unmodified, trade a scripted session on both personas. Their logs stay in
//! `target/venue-sim-clients`.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::{Path, PathBuf};
use std::process::Command;

use triptych_market_data::instruments::Instruments;
use triptych_market_data::recording::Pace;
use triptych_venue_sim::{Addresses, Crowd, CrowdSettings, Personas, RunningVenue, start};

const CRATE: &str = env!("CARGO_MANIFEST_DIR");

fn scripts() -> PathBuf {
    Path::new(CRATE).join("tests/clients")
}

/// A Python that has the clients, pinned.
fn interpreter() -> String {
    let environment = Command::new(Path::new(CRATE).join("../../.ci/python-env"))
        .arg(scripts().join("requirements.txt"))
        .output()
        .expect("a shell");
    let errors = String::from_utf8_lossy(&environment.stderr);
    assert!(
        environment.status.success(),
        "no Python environment: {errors}"
    );
    String::from_utf8(environment.stdout)
        .unwrap()
        .trim()
        .to_owned()
}

/// The folder of this build's artefacts, found from the test's own executable.
fn logs() -> PathBuf {
    let executable = std::env::current_exe().unwrap();
    let target = executable
        .ancestors()
        .find(|folder| folder.file_name().is_some_and(|name| name == "target"))
        .expect("a test runs inside the folder target");
    let folder = target.join("venue-sim-clients");
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

async fn venue(personas: &Personas) -> RunningVenue {
    let settings = CrowdSettings {
        crowd: Crowd::Generator {
            seed: 7,
            instruments: Instruments::parse(["BTCUSDT"]).unwrap(),
        },
        pace: Pace::RECORDED,
        most_events: None,
    };
    start(Addresses::local(), personas, &settings)
        .await
        .unwrap()
}

/// Runs a client's session against both personas.
fn trade(client: &str) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let personas = Personas::documented();
    let venue = runtime.block_on(venue(&personas));
    let interpreter = interpreter();
    let addresses = venue.addresses();
    for (persona, address, settings) in [
        ("live", addresses.live, &personas.live),
        ("demo", addresses.demo, &personas.demo),
    ] {
        let account = &settings.accounts[0];
        let log = logs().join(format!("{client}-{persona}.jsonl"));
        let output = Command::new(&interpreter)
            .arg(scripts().join(format!("{client}_session.py")))
            .args([format!("http://{address}"), format!("ws://{address}")])
            .args([&account.api_key, &account.secret])
            .arg(&log)
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .output()
            .expect("Python");
        assert!(
            output.status.success(),
            "{client} on {persona}; its steps are in {}: {}{}",
            log.display(),
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
    }
}

#[test]
fn ccxt_trades_on_both_personas() {
    trade("ccxt");
}

#[test]
fn python_binance_trades_on_both_personas() {
    trade("python_binance");
}

#[test]
fn the_venues_own_sdk_trades_on_both_personas() {
    trade("binance_sdk");
}
