//! S1 while the API server is lost, slow or talks nonsense: nothing halts by it, nothing un-halts.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::api_server::{ApiServer, Fault};
use crate::process::until;
use crate::{NOWHERE, pod, wait_for_halt, wait_for_state};

/// Nothing can be read.
const LOST: [Fault; 6] = [
    Fault::InternalError,
    Fault::Forbidden,
    Fault::Garbage,
    Fault::OtherObject,
    Fault::Silence,
    Fault::UnknownPath,
];

/// Readings work, watches do not.
const NO_WATCH: [Fault; 5] = [
    Fault::NoWatch,
    Fault::WatchTooOld,
    Fault::WatchGarbage,
    Fault::WatchHangs,
    Fault::WatchSilence,
];

#[test]
fn s1_a_lost_api_server_neither_halts_nor_un_halts() {
    std::thread::scope(|threads| {
        for fault in LOST {
            threads.spawn(move || {
                let api_server = ApiServer::start();
                let pod = pod(NOWHERE, &api_server);
                let trader = pod.start();
                wait_for_state(&trader, "Active");
                api_server.fail(Some(fault));
                trader.wait_for("the failure", |status| {
                    status["tradingInstance"]["failure"].is_string()
                });
                assert_eq!(trader.status()["state"], json!("Active"), "{fault:?}");

                api_server.apply(&json!({ "tradingState": "Halted" }));
                api_server.fail(None);
                let id = wait_for_halt(&trader, "Spec");
                api_server.fail(Some(fault));
                trader.wait_for("the failure", |status| {
                    status["tradingInstance"]["failure"].is_string()
                });
                assert_eq!(trader.status()["halt"]["id"], json!(id), "{fault:?}");

                api_server.apply(&json!({ "resume": id }));
                api_server.fail(None);
                let status = wait_for_state(&trader, "Active");
                assert_eq!(status["halt"], json!(null));
                assert!(trader.terminate().0.success(), "{fault:?}");
            });
        }
    });
}

#[test]
fn s1_without_a_watch_the_poll_halts() {
    std::thread::scope(|threads| {
        for fault in NO_WATCH {
            threads.spawn(move || {
                let api_server = ApiServer::start();
                api_server.fail(Some(fault));
                let pod = pod(NOWHERE, &api_server);
                let trader = pod.start();
                wait_for_state(&trader, "Active");
                let mut took = Vec::new();
                for _ in 0..3 {
                    let began = Instant::now();
                    api_server.apply(&json!({ "tradingState": "Halted" }));
                    let id = wait_for_halt(&trader, "Spec");
                    took.push(began.elapsed());
                    api_server.apply(&json!({ "resume": id }));
                    wait_for_state(&trader, "Active");
                }
                println!("{fault:?}: halted, latched and shown after {took:?}");
                // A watch that is there and silent is found out by the seldom reading.
                let limit = if fault == Fault::WatchSilence { 6 } else { 1 };
                let best = took.iter().min().unwrap();
                assert!(*best < Duration::from_secs(limit), "{fault:?}: {took:?}");
            });
        }
    });
}

#[test]
fn a_failing_api_server_is_asked_at_most_a_few_times_a_second() {
    let api_server = ApiServer::start();
    let pod = pod(NOWHERE, &api_server);
    let trader = pod.start();
    wait_for_state(&trader, "Active");
    for fault in [Fault::InternalError, Fault::WatchTooOld] {
        api_server.fail(Some(fault));
        let (began, readings, watches) =
            (Instant::now(), api_server.readings(), api_server.watches());
        until("ten more readings", || {
            (api_server.readings() >= readings + 10).then_some(())
        });
        let seconds = began.elapsed().as_secs_f64();
        #[allow(clippy::cast_precision_loss)]
        let rate = |count: usize, before: usize| (count - before) as f64 / seconds;
        let readings = rate(api_server.readings(), readings);
        let watches = rate(api_server.watches(), watches);
        println!("{fault:?}: {readings:.1} readings and {watches:.1} watches a second");
        assert!(
            readings < 6.0 && watches < 3.0,
            "{fault:?}: {readings} {watches}"
        );
    }
}

#[test]
fn a_watch_that_is_cut_begins_again_and_nothing_is_missed() {
    let api_server = ApiServer::start();
    let pod = pod(NOWHERE, &api_server);
    let trader = pod.start();
    trader.wait_for("the watch", |status| {
        status["tradingInstance"]["watching"] == json!(true)
    });
    for _ in 0..5 {
        let watches = api_server.watches();
        api_server.cut_watches();
        api_server.apply(&json!({ "tradingState": "Halted" }));
        let id = wait_for_halt(&trader, "Spec");
        api_server.apply(&json!({ "resume": id }));
        wait_for_state(&trader, "Active");
        until("another watch", || {
            (api_server.watches() > watches).then_some(())
        });
    }
}
