//! What becomes of candidates, and what is on record of them.

use std::collections::BTreeSet;

use serde_json::json;
use triptych_dataset::read::{Row, rows_of};
use triptych_dataset::verify;

use crate::api_server::ApiServer;
use crate::process::{Pod, Tape, parquet_files, until};
use crate::{intents, pod, wait_for_halt, wait_for_state};

fn rows(pod: &Pod) -> Vec<Row> {
    parquet_files(&pod.data().join("candidates"))
        .iter()
        .flat_map(|path| rows_of(path).unwrap())
        .collect()
}

#[test]
fn both_tiers_enforce_their_rules_whether_or_not_the_venue_is_there() {
    for tier in ["W", "R"] {
        let (tape, api_server) = (Tape::start(10.0, None), ApiServer::start());
        let mut pod = pod(&tape.url(), &api_server);
        pod.environment.insert("TRIPTYCH_TIER", tier.to_owned());
        let trader = pod.start();
        let status = trader.wait_for("accepted intents", |status| {
            status["intents"]["accepted"].as_u64() > Some(5)
                && status["intents"]["denied"].as_u64() > Some(0)
                && status["ready"] == json!(true)
                && status["tradingInstance"]["watching"] == json!(true)
        });
        for (pointer, expected) in [
            ("/contract", json!("v1")),
            ("/tier", json!(tier)),
            ("/state", json!("Active")),
            ("/account", json!("alpha")),
            ("/halt", json!(null)),
            ("/execution", json!("Connecting")),
            ("/simulated", json!(true)),
            ("/liveRatio", json!("0.25")),
            (
                "/configHash",
                json!(pod.environment["TRIPTYCH_CONFIG_HASH"]),
            ),
            ("/tradingInstance/read", json!(true)),
            ("/tradingInstance/failure", json!(null)),
        ] {
            assert_eq!(
                status.pointer(pointer),
                Some(&expected),
                "{pointer}: {status}"
            );
        }
        assert!(trader.metric("triptych_trader_halted").abs() < f64::EPSILON);
        assert!(trader.metric("triptych_trader_intents_accepted_total") > 5.0);
        let (exit, log) = trader.terminate();
        assert!(exit.success(), "{log:?}");

        let rows = rows(&pod);
        assert!(verify(&pod.data()).unwrap().ok);
        for row in &rows {
            assert_eq!((&*row.tier, row.verdicts.len()), (tier, 3));
        }
        let outcomes: BTreeSet<&str> = rows.iter().map(|row| &*row.final_if_enforced).collect();
        assert!(
            outcomes.contains("Deny") && outcomes.len() > 1,
            "{outcomes:?}"
        );
        let found: BTreeSet<_> = rows
            .iter()
            .map(|row| row.trading_state.as_deref())
            .collect();
        assert!(
            found.contains(&Some("Active")) && !found.contains(&None),
            "{found:?}"
        );
    }
}

#[test]
fn while_halted_or_reducing_nothing_is_accepted_and_everything_is_on_record() {
    let (tape, api_server) = (Tape::start(10.0, None), ApiServer::start());
    let pod = pod(&tape.url(), &api_server);
    let trader = pod.start();
    wait_for_state(&trader, "Active");
    for state in ["Reducing", "Halted"] {
        api_server.apply(&json!({ "tradingState": state }));
        wait_for_state(&trader, state);
        let (accepted, refused) = intents(&trader);
        until("refused intents", || {
            (intents(&trader).1 > refused + 5).then_some(())
        });
        assert_eq!(
            intents(&trader).0,
            accepted,
            "{state}: nothing more is accepted"
        );
    }
    let id = wait_for_halt(&trader, "Spec");
    api_server.apply(&json!({ "resume": id }));
    wait_for_state(&trader, "Active");
    let (accepted, _) = intents(&trader);
    until("accepted intents", || {
        (intents(&trader).0 > accepted).then_some(())
    });
    let refused = trader.metric("triptych_trader_intents_refused_total{state=\"Reducing\"}");
    assert!(refused > 5.0);
    assert!(trader.terminate().0.success());
    let states: BTreeSet<Option<String>> = rows(&pod)
        .into_iter()
        .map(|row| row.trading_state)
        .collect();
    for state in ["Active", "Reducing", "Halted"] {
        assert!(states.contains(&Some(state.to_owned())), "{states:?}");
    }
}
