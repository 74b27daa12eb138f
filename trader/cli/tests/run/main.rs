//! `trader run` as a process: a tape as its market, and a small HTTP server in the place of the API
//! server, because an API server that fails on demand is what these tests need.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod api_server;
mod deaf;
mod endpoint;
mod halts;
mod intents;
mod parity;
#[path = "../../../observe/tests/support/mod.rs"]
mod process;
mod refusals;
mod secrecy;

use std::fs::{self, Permissions};
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use serde_json::Value;

use api_server::{ApiServer, kubeconfig};
use process::{Pod, Program, Trader};

const PROGRAM: Program = Program {
    path: env!("CARGO_BIN_EXE_trader"),
    arguments: &["run"],
};

/// Nothing listens there.
const NOWHERE: &str = "ws://127.0.0.1:9";

const HALT_TOKEN: &str = "0123456789abcdef0123456789abcdef";

/// A pod of tier W with the account's keys, which follows a market and an API server.
fn pod(market_data: &str, api_server: &ApiServer) -> Pod {
    pod_that_asks(api_server.address(), market_data)
}

fn pod_that_asks(api_server: SocketAddr, market_data: &str) -> Pod {
    trading(Pod::new(PROGRAM, market_data), api_server)
}

/// Gives a pod what belongs to tier W.
fn trading(mut pod: Pod, api_server: SocketAddr) -> Pod {
    fs::create_dir(pod.path("keys")).unwrap();
    for (name, content) in [
        ("api-key", "an-api-key"),
        ("api-secret", "an-api-secret"),
        ("halt-token", HALT_TOKEN),
    ] {
        put_key(&pod, name, content, 0o440);
    }
    let kubeconfig = kubeconfig(api_server, &pod.path("."));
    for (name, value) in [
        ("TRIPTYCH_TIER", "W".to_owned()),
        ("TRIPTYCH_INSTANCE", "live".to_owned()),
        ("TRIPTYCH_INSTANCE_UID", api_server::UID.to_owned()),
        ("TRIPTYCH_ACCOUNT", "alpha".to_owned()),
        ("TRIPTYCH_KEYS_DIR", pod.path("keys").display().to_string()),
        ("KUBECONFIG", kubeconfig.display().to_string()),
    ] {
        pod.environment.insert(name, value);
    }
    pod
}

fn put_key(pod: &Pod, name: &str, content: &str, mode: u32) {
    let path = pod.path("keys").join(name);
    // A file that only its group may read cannot be written again.
    let _ = fs::remove_file(&path);
    fs::write(&path, content).unwrap();
    fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
}

fn latch(pod: &Pod) -> PathBuf {
    pod.data().join("halt.json")
}

/// Waits until the trading state is in force.
fn wait_for_state(trader: &Trader, state: &str) -> Value {
    trader.wait_for(state, |status| status["state"] == state)
}

/// Waits until a halt of this source is in force and latched; its identifier.
fn wait_for_halt(trader: &Trader, source: &str) -> String {
    let status = trader.wait_for(source, |status| {
        status["halt"]["source"] == source && status["halt"]["id"].is_string()
    });
    status["halt"]["id"].as_str().unwrap().to_owned()
}

/// How many intents were accepted so far, and how many the trading state refused.
fn intents(trader: &Trader) -> (u64, u64) {
    let intents = &trader.status()["intents"];
    let count = |name: &str| intents[name].as_u64().unwrap();
    (count("accepted"), count("refusedByState"))
}
