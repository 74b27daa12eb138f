//! `trader run` as a process: a tape as its market, and a small HTTP server in the place of the API
//! server, because an API server that fails on demand is what these tests need.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod api_server;
mod backtest_of_live;
mod breakers;
mod deaf;
mod endpoint;
mod halts;
mod intents;
mod orders;
mod parity;
#[path = "../../../observe/tests/support/mod.rs"]
mod process;
mod receiver;
mod refusals;
mod report;
mod secrecy;
mod simulated_venue;
mod trading_pod;

use std::net::SocketAddr;
use std::path::PathBuf;

use serde_json::Value;

use api_server::ApiServer;
use process::{Pod, Program, Trader};
use trading_pod::{HALT_TOKEN, put_key, trading};

const PROGRAM: Program = Program {
    path: env!("CARGO_BIN_EXE_trader"),
    arguments: &["run"],
};

/// Nothing listens there.
const NOWHERE: &str = "ws://127.0.0.1:9";

/// A pod of tier W with the account's keys, which follows a market and an API server.
fn pod(market_data: &str, api_server: &ApiServer) -> Pod {
    pod_that_asks(api_server.address(), market_data)
}

fn pod_that_asks(api_server: SocketAddr, market_data: &str) -> Pod {
    trading(Pod::new(PROGRAM, market_data), api_server)
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
