//! W, R and ABH decide the same from the same feed, each as its own executable.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::api_server::ApiServer;
use crate::process::{Pod, Program, Tape, Trader, revision, until};
use crate::{PROGRAM, trading};

/// Whose decisions begin with the tape: nothing in it waits for the first snapshot of a book, which
/// each trader has at a moment of its own.
fn revision_by_trades() -> Value {
    let mut revision = revision();
    revision["strategies"][0]["algorithm"]["movingAverageCrossover"]["price"] = json!("LastTrade");
    revision
}

pub(crate) fn observer() -> Program {
    let path = Path::new(PROGRAM.path).with_file_name("trader-observe");
    assert!(
        path.exists(),
        "{}: build the whole workspace",
        path.display()
    );
    Program {
        path: path.display().to_string().leak(),
        arguments: &[],
    }
}

fn decided(trader: &Trader) -> u64 {
    let instruments = trader.status()["marketData"]["instruments"].clone();
    let events = |index: usize| instruments[index]["events"].as_u64().unwrap();
    events(0) + events(1)
}

pub(crate) fn parity(left: &Path, right: &Path) -> (Option<i32>, Value) {
    let output = Command::new(PROGRAM.path)
        .args(["parity", "-o", "json"])
        .args([left, right])
        .output()
        .unwrap();
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    let printed = serde_json::from_str(&printed).unwrap_or_else(|error| {
        panic!(
            "{error}: {printed}{}",
            String::from_utf8_lossy(&output.stderr)
        )
    });
    (output.status.code(), printed)
}

#[test]
fn m4_w_r_and_abh_decide_the_same_from_the_same_feed() {
    let (tape, api_server) = (Tape::start_for(3, 20.0, Some(20_000)), ApiServer::start());
    let follow = |program| Pod::with_revision(program, &tape.url(), &revision_by_trades());
    let writer = trading(follow(PROGRAM), api_server.address());
    let mut mirror = trading(follow(PROGRAM), api_server.address());
    mirror.environment.insert("TRIPTYCH_TIER", "R".to_owned());
    let pods = [writer, mirror, follow(observer())];
    let traders: Vec<Trader> = pods.iter().map(Pod::start).collect();
    until("the end of the tape", || {
        tape.handle.has_ended().then_some(())
    });
    until("the last decision", || {
        let all: Vec<u64> = traders.iter().map(decided).collect();
        all.iter().all(|events| *events == all[0]).then_some(())
    });
    for trader in traders {
        let (exit, log) = trader.terminate();
        assert!(exit.success(), "{log:?}");
    }
    let [writer, mirror, observer] = pods.each_ref().map(Pod::data);
    for (left, right, tiers) in [
        (&writer, &mirror, ["W", "R"]),
        (&mirror, &observer, ["R", "ABH"]),
    ] {
        let (code, found) = parity(left, right);
        assert_eq!(
            (code, &found["equal"]),
            (Some(0), &json!(true)),
            "{tiers:?}: {found}"
        );
        assert!(found["same"].as_u64() > Some(100), "{tiers:?}: {found}");
        for (side, tier) in ["left", "right"].into_iter().zip(tiers) {
            assert_eq!(found[side]["tiers"], json!([tier]));
        }
    }
}
