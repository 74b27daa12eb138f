//! `POST /v1/halt`: it can halt with the token, and nothing else.

use std::fs;

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::api_server::ApiServer;
use crate::process::Trader;
use crate::{HALT_TOKEN, NOWHERE, latch, pod, wait_for_halt, wait_for_state};

const REASON: &str = r#"{"reason":"quotes look wrong"}"#;

fn post(trader: &Trader, authorization: &str, body: &str) -> (u16, String) {
    let headers = [("authorization", authorization)];
    trader.request("POST", "/v1/halt", &headers, body)
}

#[test]
fn s1_the_endpoint_halts_with_the_token_latches_before_it_answers_and_cannot_clear() {
    let api_server = ApiServer::start();
    let pod = pod(NOWHERE, &api_server);
    let trader = pod.start();
    wait_for_state(&trader, "Active");
    let bearer = format!("Bearer {HALT_TOKEN}");
    let (code, answer) = post(&trader, &bearer, REASON);
    assert_eq!(code, 200, "{answer}");
    trader.signal(Signal::KILL);
    trader.wait();
    let answer: Value = serde_json::from_str(&answer).unwrap();
    let id = answer["halt"]["id"].as_str().unwrap();
    let on_disk: Value = serde_json::from_slice(&fs::read(latch(&pod)).unwrap()).unwrap();
    assert_eq!(on_disk["halt"]["id"], json!(id));
    assert_eq!(answer["state"], json!("Halted"));
    assert_eq!(answer["halt"]["reason"], json!("quotes look wrong"));

    let next = pod.start();
    assert_eq!(wait_for_halt(&next, "Endpoint"), id);
    for method in ["GET", "DELETE", "PUT", "PATCH"] {
        let headers = [("authorization", &*bearer)];
        assert_eq!(next.request(method, "/v1/halt", &headers, REASON).0, 405);
    }
    assert_eq!(next.status()["halt"]["id"], json!(id));
    api_server.apply(&json!({ "resume": id }));
    wait_for_state(&next, "Active");
}

#[test]
fn s1_the_endpoint_halts_while_the_api_server_is_away() {
    let api_server = ApiServer::start();
    let pod = pod(NOWHERE, &api_server);
    let trader = pod.start();
    wait_for_state(&trader, "Active");
    drop(api_server);
    let (code, answer) = post(&trader, &format!("bearer {HALT_TOKEN}"), REASON);
    assert_eq!(code, 200, "{answer}");
    assert_eq!(trader.status()["state"], json!("Halted"));
}

#[test]
fn what_is_not_authentic_or_no_request_is_refused_and_does_nothing() {
    let api_server = ApiServer::start();
    let pod = pod(NOWHERE, &api_server);
    let trader = pod.start();
    wait_for_state(&trader, "Active");
    let good = format!("Bearer {HALT_TOKEN}");
    let long = format!("{{\"reason\":\"{}\"}}", "x".repeat(501));
    let huge = "x".repeat(9_000);
    for (authorization, body, expected) in [
        ("", REASON, 401),
        ("Bearer", REASON, 401),
        ("Bearer ", REASON, 401),
        (&*format!("Basic {HALT_TOKEN}"), REASON, 401),
        (&*format!("Bearer {HALT_TOKEN}0"), REASON, 401),
        (&*format!("Bearer {}", &HALT_TOKEN[1..]), REASON, 401),
        ("Bearer an-api-key", REASON, 401),
        (&*good, "", 400),
        (&*good, "halt!", 400),
        (&*good, "{}", 400),
        (&*good, r#"{"reason":""}"#, 400),
        (&*good, r#"{"reason":7}"#, 400),
        (&*good, r#"{"reason":"a","resume":"b"}"#, 400),
        (&*good, &*long, 400),
        (&*good, &*huge, 413),
    ] {
        let (code, answer) = post(&trader, authorization, body);
        assert_eq!(code, expected, "{authorization}: {answer}");
    }
    assert_eq!(trader.status()["state"], json!("Active"));
    assert!(!latch(&pod).exists());
}

#[test]
fn without_a_token_there_is_no_endpoint() {
    let api_server = ApiServer::start();
    let pod = pod(NOWHERE, &api_server);
    fs::remove_file(pod.path("keys").join("halt-token")).unwrap();
    let trader = pod.start();
    wait_for_state(&trader, "Active");
    assert_eq!(
        post(&trader, &format!("Bearer {HALT_TOKEN}"), REASON).0,
        404
    );
    assert_eq!(trader.status()["state"], json!("Active"));
}
