//! The tape server speaks as the venue's public endpoints do.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::time::Duration;

use futures::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use support::{BTC, PATIENCE, Tape, generated};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};
use triptych_market_data::recording::Pace;
use triptych_market_data::tape::TapeOptions;

type Client = WebSocketStream<MaybeTlsStream<TcpStream>>;

fn endless(pace: f64) -> TapeOptions {
    TapeOptions {
        pace: Pace::Times(pace),
        wait_for_clients: 0,
        most_events: None,
        ..generated(0)
    }
}

async fn connect(tape: &Tape, path: &str) -> Client {
    let url = format!("ws://{}{path}", tape.address);
    connect_async(url).await.expect("connect").0
}

async fn next_json(client: &mut Client) -> Value {
    let next = async {
        loop {
            match client.next().await.expect("open").expect("readable") {
                Message::Text(text) => return serde_json::from_str(&text).expect("JSON"),
                Message::Close(frame) => panic!("closed: {frame:?}"),
                _ => {}
            }
        }
    };
    tokio::time::timeout(PATIENCE, next)
        .await
        .expect("a message in time")
}

async fn reply(client: &mut Client, request: Value) -> Value {
    let id = request["id"].clone();
    client
        .send(Message::text(request.to_string()))
        .await
        .unwrap();
    loop {
        let message = next_json(client).await;
        if message.get("id").is_some_and(|found| *found == id) {
            return message;
        }
    }
}

async fn get(tape: &Tape, path: &str) -> (u16, String, Value) {
    let mut stream = TcpStream::connect(tape.address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: tape\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut response = String::new();
    tokio::time::timeout(PATIENCE, stream.read_to_string(&mut response))
        .await
        .expect("an answer in time")
        .unwrap();
    let (head, body) = response.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    let body = serde_json::from_str(body).unwrap_or_else(|_| json!(body));
    (status, head.to_ascii_lowercase(), body)
}

#[tokio::test]
async fn a_raw_stream_carries_payloads_and_a_combined_one_envelopes() {
    let tape = Tape::start(endless(5.0)).await;
    let mut raw = connect(&tape, "/ws/btcusdt@trade").await;
    let payload = next_json(&mut raw).await;
    assert_eq!(
        (&payload["e"], &payload["s"]),
        (&json!("trade"), &json!("BTCUSDT"))
    );
    let mut combined = connect(
        &tape,
        "/stream?streams=ethusdt@bookTicker/ethusdt@depth@100ms",
    )
    .await;
    for _ in 0..20 {
        let message = next_json(&mut combined).await;
        let stream = message["stream"].as_str().unwrap();
        assert!(
            ["ethusdt@bookTicker", "ethusdt@depth@100ms"].contains(&stream),
            "{stream}"
        );
        assert_eq!(message["data"]["s"], json!("ETHUSDT"));
    }
}

#[tokio::test]
async fn subscriptions_change_while_connected() {
    let tape = Tape::start(endless(5.0)).await;
    let mut client = connect(&tape, "/stream").await;
    let subscribe = json!({"method": "SUBSCRIBE", "params": ["btcusdt@bookTicker"], "id": 1});
    assert_eq!(
        reply(&mut client, subscribe).await,
        json!({"result": null, "id": 1})
    );
    assert_eq!(
        next_json(&mut client).await["stream"],
        json!("btcusdt@bookTicker")
    );
    let list = json!({"method": "LIST_SUBSCRIPTIONS", "id": "two"});
    assert_eq!(
        reply(&mut client, list).await,
        json!({"result": ["btcusdt@bookTicker"], "id": "two"})
    );
    let unsubscribe = json!({"method": "UNSUBSCRIBE", "params": ["btcusdt@bookTicker"], "id": 3});
    assert_eq!(reply(&mut client, unsubscribe).await["result"], Value::Null);
    let wrong = reply(&mut client, json!({"method": "DANCE", "id": 4})).await;
    assert_eq!(wrong["error"]["code"], json!(2));
    client.send(Message::text("{garbage")).await.unwrap();
    let garbage = reply(
        &mut client,
        json!({"method": "LIST_SUBSCRIPTIONS", "id": 5}),
    )
    .await;
    assert_eq!(
        garbage["result"],
        json!([]),
        "garbage is refused, not fatal"
    );
}

#[tokio::test]
async fn event_times_are_now() {
    let tape = Tape::start(endless(1.0)).await;
    let mut client = connect(&tape, "/ws/btcusdt@depth@100ms").await;
    for _ in 0..5 {
        let time = next_json(&mut client).await["E"].as_i64().unwrap();
        let now = triptych_market_data::clock::now().nanoseconds() / 1_000_000;
        assert!(
            (now - 5_000..=now).contains(&time),
            "event time {time}, now {now}"
        );
    }
}

#[tokio::test]
async fn rest_answers_as_the_venue_does() {
    let tape = Tape::start(endless(1.0)).await;
    let mut client = connect(&tape, "/ws/btcusdt@depth@100ms").await;
    let diff = next_json(&mut client).await;
    let (status, head, depth) = get(&tape, "/api/v3/depth?symbol=BTCUSDT&limit=10").await;
    assert_eq!(status, 200);
    assert!(head.contains("x-mbx-used-weight-1m: 5"), "{head}");
    assert!(depth["lastUpdateId"].as_u64() >= diff["u"].as_u64());
    assert_eq!(depth["bids"].as_array().unwrap().len(), 10);
    let served = tape.handle.book(BTC).unwrap();
    assert!(served.levels.bids.len() > 10);
    for (path, code) in [
        ("/api/v3/depth", -1102),
        ("/api/v3/depth?symbol=", -1102),
        ("/api/v3/depth?symbol=DOGEUSDT", -1121),
    ] {
        let (status, _, body) = get(&tape, path).await;
        assert_eq!((status, &body["code"]), (400, &json!(code)), "{path}");
    }
    assert_eq!(get(&tape, "/api/v3/ping").await.2, json!({}));
    assert!(get(&tape, "/api/v3/time").await.2["serverTime"].as_i64() > Some(1_700_000_000_000));
    let (_, _, info) = get(&tape, "/api/v3/exchangeInfo").await;
    assert_eq!(info["symbols"][0]["symbol"], json!("BTCUSDT"));
    assert_eq!(info["symbols"][0]["filters"][0]["tickSize"], json!("0.01"));
    assert_eq!(info["symbols"][1]["baseAsset"], json!("ETH"));
    assert_eq!(get(&tape, "/healthz").await.0, 200);
    assert_eq!(get(&tape, "/readyz").await.0, 200);
    assert_eq!(
        get(&tape, "/api/v3/order").await.0,
        404,
        "there is no order path"
    );
}

#[tokio::test]
async fn too_many_depth_requests_are_refused_until_the_minute_ends() {
    let tape = Tape::start(endless(1.0)).await;
    let mut refused = None;
    // 250 a request: the 25th passes 6000, a new minute in between grants another 24.
    for _ in 0..49 {
        let (status, head, body) = get(&tape, "/api/v3/depth?symbol=BTCUSDT&limit=5000").await;
        if status == 429 {
            refused = Some((head, body));
            break;
        }
    }
    let (head, body) = refused.expect("a refusal");
    assert!(head.contains("retry-after: "), "{head}");
    assert_eq!(body["code"], json!(-1003));
}

#[tokio::test]
async fn a_client_that_does_not_read_is_disconnected_and_counted() {
    let tape = Tape::start(TapeOptions {
        client_queue: 64,
        ..endless(20_000.0)
    })
    .await;
    let _idle = connect(
        &tape,
        "/stream?streams=btcusdt@bookTicker/btcusdt@depth@100ms/ethusdt@bookTicker/ethusdt@depth@100ms",
    )
    .await;
    let counted = async {
        while tape.handle.counters().slow_clients == 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(PATIENCE, counted)
        .await
        .expect("the slow client is cut");
}

#[tokio::test]
async fn stopping_says_goodbye_to_clients_and_ends() {
    let tape = Tape::start(endless(1.0)).await;
    let mut client = connect(&tape, "/ws/btcusdt@bookTicker").await;
    next_json(&mut client).await;
    tape.stop.cancel();
    let goodbye = async {
        loop {
            match client.next().await {
                Some(Ok(Message::Close(frame))) => return frame.expect("a reason"),
                Some(Ok(_)) => {}
                other => panic!("no goodbye: {other:?}"),
            }
        }
    };
    let frame = tokio::time::timeout(PATIENCE, goodbye).await.unwrap();
    assert_eq!(u16::from(frame.code), 1001);
    drop(client);
    tokio::time::timeout(PATIENCE, tape.task)
        .await
        .expect("the server ends")
        .unwrap()
        .unwrap();
}
