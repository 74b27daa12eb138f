//! S1: stop always wins, and only the halt's own identifier clears it.

use std::fs;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::api_server::{ApiServer, listener};
use crate::process::Trader;
use crate::{NOWHERE, latch, pod, pod_that_asks, wait_for_halt, wait_for_state};

#[test]
fn s1_a_halt_of_the_api_is_in_force_within_a_second() {
    let api_server = ApiServer::start();
    let pod = pod(NOWHERE, &api_server);
    let trader = pod.start();
    trader.wait_for("the watch", |status| {
        status["state"] == "Active" && status["tradingInstance"]["watching"] == json!(true)
    });
    let mut took = Vec::new();
    for _ in 0..20 {
        let began = Instant::now();
        api_server.apply(&json!({ "tradingState": "Halted" }));
        let id = wait_for_halt(&trader, "Spec");
        took.push(began.elapsed());
        let on_disk: Value = serde_json::from_slice(&fs::read(latch(&pod)).unwrap()).unwrap();
        assert_eq!(
            on_disk["halt"]["id"],
            json!(id),
            "latched before it is shown"
        );
        api_server.apply(&json!({ "resume": id }));
        wait_for_state(&trader, "Active");
    }
    took.sort();
    println!(
        "halted, latched and shown after {:?} (median), {:?} (worst)",
        took[10], took[19]
    );
    assert!(took[10] < Duration::from_secs(1), "{took:?}");
    assert!((trader.metric("triptych_trader_halts_total{source=\"Spec\"}") - 20.0).abs() < 0.5);
}

#[test]
fn s1_a_sync_of_old_manifests_never_un_halts() {
    let api_server = ApiServer::start();
    let pod = pod(NOWHERE, &api_server);
    let trader = pod.start();
    wait_for_state(&trader, "Active");
    api_server.apply(&json!({ "tradingState": "Halted" }));
    let first = wait_for_halt(&trader, "Spec");
    for old in [
        json!({}),
        json!({ "tradingState": "Active" }),
        json!({ "resume": "halt-of-last-year" }),
        json!({ "tradingState": "Halted", "resume": first }),
    ] {
        api_server.apply(&old);
        seen(&api_server, &trader);
        assert_eq!(trader.status()["halt"]["id"], json!(first), "{old}");
    }
    api_server.apply(&json!({ "resume": first }));
    wait_for_state(&trader, "Active");
    let (_, text) = trader.get("/metrics");
    assert!(text.contains("triptych_trader_halted 0"), "{text}");

    api_server.apply(&json!({ "tradingState": "Halted", "resume": first }));
    let second = wait_for_halt(&trader, "Spec");
    assert_ne!(first, second);
    api_server.apply(&json!({ "resume": first }));
    seen(&api_server, &trader);
    assert_eq!(trader.status()["halt"]["id"], json!(second));
}

/// Waits until the trader has seen the object as it is now: it shows the ratio that is set for that.
fn seen(api_server: &ApiServer, trader: &Trader) {
    let mut object = api_server.object();
    let before = trader.status()["liveRatio"].clone();
    let mark = if before == "0.25" { "0.5" } else { "0.25" };
    object["spec"]["liveRatio"] = json!(mark);
    api_server.put(object);
    trader.wait_for("the change", |status| status["liveRatio"] == mark);
}

#[test]
fn s1_the_annotation_halts_and_its_removal_alone_does_not_clear() {
    let api_server = ApiServer::start();
    let pod = pod(NOWHERE, &api_server);
    let trader = pod.start();
    wait_for_state(&trader, "Active");
    let plain = api_server.object();
    let mut annotated = plain.clone();
    annotated["metadata"]["annotations"] = json!({ "triptych.trading/halt": "quotes look wrong" });
    api_server.put(annotated.clone());
    let id = wait_for_halt(&trader, "Annotation");
    assert_eq!(
        trader.status()["halt"]["reason"],
        json!("quotes look wrong")
    );
    annotated["spec"]["resume"] = json!(id);
    api_server.put(annotated);
    seen(&api_server, &trader);
    assert_eq!(
        trader.status()["state"],
        json!("Halted"),
        "it still asks for it"
    );
    api_server.put(plain);
    seen(&api_server, &trader);
    assert_eq!(trader.status()["halt"]["id"], json!(id));
    api_server.apply(&json!({ "resume": id }));
    wait_for_state(&trader, "Active");
}

#[test]
fn s1_a_killed_trader_comes_back_with_the_same_halt() {
    let api_server = ApiServer::start();
    let pod = pod(NOWHERE, &api_server);
    let trader = pod.start();
    wait_for_state(&trader, "Active");
    api_server.apply(&json!({ "tradingState": "Halted" }));
    let id = wait_for_halt(&trader, "Spec");
    trader.signal(Signal::KILL);
    trader.wait();
    // An old manifest was applied meanwhile.
    api_server.apply(&json!({}));
    let next = pod.start();
    assert_eq!(wait_for_halt(&next, "Spec"), id);
    next.wait_for("the TradingInstance", |status| {
        status["tradingInstance"]["read"] == json!(true)
    });
    assert_eq!(next.status()["halt"]["id"], json!(id));
    api_server.apply(&json!({ "resume": id }));
    wait_for_state(&next, "Active");
    next.signal(Signal::KILL);
    next.wait();
    wait_for_state(&pod.start(), "Active");
}

#[test]
fn s1_without_its_instance_it_starts_halted_and_trades_once_it_was_read() {
    let listener = listener();
    let pod = pod_that_asks(listener.local_addr().unwrap(), NOWHERE);
    let trader = pod.start();
    let status = trader.wait_for("a failed reading", |status| {
        status["tradingInstance"]["failure"].is_string()
    });
    assert_eq!(status["state"], json!("Halted"));
    assert_eq!(status["halt"]["source"], json!("Start"));
    assert_eq!(status["halt"]["id"], json!(null));
    let api_server = ApiServer::start_on(listener);
    let status = wait_for_state(&trader, "Active");
    assert_eq!(status["tradingInstance"]["failure"], json!(null));
    assert!(api_server.readings() > 0);
    assert!(!latch(&pod).exists(), "a start is not latched");
}

#[test]
fn s1_an_instance_that_is_deleted_or_replaced_halts_for_good() {
    for replace in [false, true] {
        let api_server = ApiServer::start();
        let pod = pod(NOWHERE, &api_server);
        let trader = pod.start();
        wait_for_state(&trader, "Active");
        let before = api_server.object();
        if replace {
            let mut other = before.clone();
            other["metadata"]["uid"] = json!("99-99");
            api_server.put(other);
        } else {
            api_server.delete();
        }
        let id = wait_for_halt(&trader, "InstanceGone");
        // It comes back, from a backup for example, and asks for nothing.
        api_server.put(before);
        seen(&api_server, &trader);
        assert_eq!(trader.status()["halt"]["id"], json!(id));
        api_server.apply(&json!({ "resume": id }));
        wait_for_state(&trader, "Active");
    }
}

#[test]
fn s1_a_halt_holds_over_a_restored_store_that_knows_nothing_of_it() {
    let api_server = ApiServer::start();
    let pod = pod(NOWHERE, &api_server);
    let trader = pod.start();
    wait_for_state(&trader, "Active");
    let snapshot = api_server.object();
    for _ in 0..5 {
        seen(&api_server, &trader);
    }
    api_server.apply(&json!({ "tradingState": "Halted" }));
    let id = wait_for_halt(&trader, "Spec");
    api_server.restore(snapshot);
    seen(&api_server, &trader);
    assert_eq!(trader.status()["halt"]["id"], json!(id));
    // Versions are smaller than before, and what happens still counts.
    api_server.apply(&json!({ "resume": id }));
    wait_for_state(&trader, "Active");
    api_server.apply(&json!({ "tradingState": "Reducing" }));
    wait_for_state(&trader, "Reducing");
}

#[test]
fn s1_a_latch_that_cannot_be_read_halts_with_the_reason() {
    let api_server = ApiServer::start();
    let pod = pod(NOWHERE, &api_server);
    fs::create_dir(pod.data()).unwrap();
    fs::create_dir(latch(&pod)).unwrap();
    let trader = pod.start();
    let status = trader.wait_for("the reason", |status| {
        let reason = status["halt"]["reason"].as_str();
        reason.is_some_and(|reason| reason.contains("halt.json cannot be read"))
    });
    assert_eq!(status["state"], json!("Halted"));
    assert_eq!(status["halt"]["id"], json!(null));
    assert!(trader.metric("triptych_trader_latch_failures_total") > 0.0);
    fs::remove_dir(latch(&pod)).unwrap();
    wait_for_state(&trader, "Active");
}

#[test]
fn s1_what_is_no_latch_is_a_halt_that_a_person_clears_by_its_id() {
    let api_server = ApiServer::start();
    let pod = pod(NOWHERE, &api_server);
    fs::create_dir(pod.data()).unwrap();
    let garbage = "{\"version\":1,\"ha";
    fs::write(latch(&pod), garbage).unwrap();
    let trader = pod.start();
    let id = wait_for_halt(&trader, "Latch");
    let kept = fs::read_to_string(pod.data().join("halt.json.unreadable")).unwrap();
    assert_eq!(kept, garbage);
    api_server.apply(&json!({ "resume": id }));
    wait_for_state(&trader, "Active");
}

#[test]
fn s1_the_ceiling_of_the_own_configuration_halts_and_its_end_resumes_nothing() {
    let api_server = ApiServer::start();
    let pod = pod(NOWHERE, &api_server);
    let trader = pod.start();
    wait_for_state(&trader, "Active");
    let ceiling = |hash: &Value| json!({ "ceiling": { "state": "Halted", "configHash": hash, "reason": "ConfigurationRevoked", "message": "it buys tops" } });
    api_server.apply_status(&ceiling(&json!("ab12")));
    seen(&api_server, &trader);
    assert_eq!(
        trader.status()["state"],
        json!("Active"),
        "of another configuration"
    );
    api_server.apply_status(&ceiling(&trader.status()["configHash"]));
    let id = wait_for_halt(&trader, "Ceiling");
    assert_eq!(trader.status()["halt"]["reason"], json!("it buys tops"));
    api_server.apply(&json!({ "resume": id }));
    seen(&api_server, &trader);
    assert_eq!(
        trader.status()["state"],
        json!("Halted"),
        "while the ceiling is there"
    );
    api_server.apply(&json!({}));
    api_server.apply_status(&json!({}));
    seen(&api_server, &trader);
    assert_eq!(trader.status()["halt"]["id"], json!(id));
    api_server.apply(&json!({ "resume": id }));
    wait_for_state(&trader, "Active");
}

#[test]
fn s1_a_volume_that_was_lost_does_not_end_the_halt_that_the_status_records() {
    let api_server = ApiServer::start();
    let first = pod(NOWHERE, &api_server);
    let trader = first.start();
    api_server.apply(&json!({ "tradingState": "Halted" }));
    let id = wait_for_halt(&trader, "Spec");
    trader.signal(Signal::KILL);
    trader.wait();
    api_server.apply(&json!({ "tradingState": "Active" }));
    api_server.apply_status(&json!({
        "tradingState": "Halted", "halt": { "id": id, "source": "Spec", "reason": "fire" }
    }));
    fs::remove_dir_all(first.data()).unwrap();
    let trader = first.start();
    assert_eq!(wait_for_halt(&trader, "Spec"), id);
    api_server.apply(&json!({ "resume": id }));
    wait_for_state(&trader, "Active");
}

#[test]
fn the_readiness_of_a_halted_trader_says_nothing_of_its_halt() {
    let api_server = ApiServer::start();
    let pod = pod(NOWHERE, &api_server);
    let trader = pod.start();
    wait_for_state(&trader, "Active");
    assert_eq!(trader.get("/readyz").1, "market data: not connected");
    api_server.apply(&json!({ "tradingState": "Halted" }));
    wait_for_halt(&trader, "Spec");
    assert_eq!(trader.get("/readyz").1, "market data: not connected");
    assert_eq!(trader.get("/healthz").0, 200);
}
