//! Whatever a server answers, a request is sent once and no answer is taken for another.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use support::{HostileServer, PATIENCE, Reply, accepted, answer, just_now, order};
use tokio::net::TcpListener;
use triptych_venue::binance::{Binance, BinanceSettings};
use triptych_venue::{ClientOrderId, NotSent, OrderReport, QueryError, Sent, Unclear, Venue};

const NAME: &str = "t-1";

/// More orders than the venue takes of an account in ten seconds.
fn without_order_limits() -> BinanceSettings {
    let mut settings = BinanceSettings::default();
    settings.allowance.orders_per_ten_seconds = u32::MAX;
    settings
}

async fn place(client: &Binance) -> Sent<OrderReport> {
    let order = order(NAME);
    tokio::time::timeout(PATIENCE, client.place(&order, just_now()))
        .await
        .unwrap()
}

async fn cancel(client: &Binance) -> Sent<OrderReport> {
    let name = ClientOrderId::new(NAME).unwrap();
    client.cancel("BTCUSDT", &name, just_now()).await
}

/// The forms in which an answer says how long it is: by a number, in chunks, and by its end.
fn forms(body: &str) -> [Vec<u8>; 3] {
    let chunked = format!(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n{body}\r\n0\r\n\r\n",
        body.len()
    );
    let until_end = format!("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{body}");
    [
        answer("200 OK", "", body),
        chunked.into_bytes(),
        until_end.into_bytes(),
    ]
}

#[tokio::test]
async fn a_reply_cut_at_any_byte_is_one_order_whose_fate_is_unknown() {
    for whole in forms(&accepted(NAME)) {
        let length = whole.len();
        let cut = whole.clone();
        let server =
            HostileServer::start(move |index, _| Reply::Close(cut[..index].to_vec())).await;
        let client = server.client(without_order_limits()).await;
        for bytes in 0..=length {
            let sent = place(&client).await;
            assert_eq!(server.requests().len(), bytes + 1, "cut at {bytes}");
            match sent {
                Sent::Accepted(report) => {
                    assert_eq!(bytes, length, "accepted, cut at {bytes}");
                    assert_eq!(*report.client_order_id, *NAME);
                }
                Sent::Unknown(_) => assert!(bytes < length, "a whole answer is unknown"),
                other => panic!("cut at {bytes}: {other:?}"),
            }
        }
    }
}

#[tokio::test]
async fn a_cut_reply_to_a_cancellation_is_one_cancellation_whose_fate_is_unknown() {
    let whole = answer(
        "200 OK",
        "",
        &accepted("another").replace(
            "\"orderId\"",
            &format!("\"origClientOrderId\":\"{NAME}\",\"orderId\""),
        ),
    );
    let length = whole.len();
    let server =
        HostileServer::start(move |index, _| Reply::Close(whole[..index * 16].to_vec())).await;
    let client = server.client(BinanceSettings::default()).await;
    for (count, bytes) in (0..length).step_by(16).enumerate() {
        let sent = cancel(&client).await;
        assert!(matches!(sent, Sent::Unknown(_)), "cut at {bytes}: {sent:?}");
        assert_eq!(server.requests().len(), count + 1);
    }
}

#[tokio::test]
async fn what_decides_nothing_is_unknown_and_sent_once() {
    let timeout = r#"{"code":-1007,"msg":"Timeout waiting for response from backend server."}"#;
    let duplicate = r#"{"code":-2010,"msg":"Duplicate order sent."}"#;
    let invalid = r#"{"code":-1121,"msg":"Invalid symbol."}"#;
    let other_order = accepted("t-2");
    let other_symbol = accepted(NAME).replace("BTCUSDT", "ETHUSDT");
    let half = accepted(NAME).replace("\"status\":\"NEW\",", "");
    let huge = format!("{}{}", accepted(NAME), " ".repeat(5 * 1024 * 1024));
    let elsewhere = "Location: /api/v3/order?again\r\n";
    let replies = [
        answer("504 Gateway Timeout", "", timeout),
        answer("400 Bad Request", "", timeout),
        answer("400 Bad Request", "", duplicate),
        answer("500 Internal Server Error", "", ""),
        answer("502 Bad Gateway", "", "<html>"),
        answer("503 Service Unavailable", "Retry-After: 1\r\n", invalid),
        answer("400 Bad Request", "", "{\"code\":-1121"),
        answer("403 Forbidden", "", "<html>firewall</html>"),
        answer("301 Moved Permanently", elsewhere, ""),
        answer("307 Temporary Redirect", elsewhere, ""),
        answer("308 Permanent Redirect", elsewhere, invalid),
        answer("200 OK", "", ""),
        answer("200 OK", "", "{}"),
        answer("200 OK", "", "[]"),
        answer("200 OK", "", &other_order),
        answer("200 OK", "", &other_symbol),
        answer("200 OK", "", &half),
        answer("200 OK", "", &huge),
        answer("204 No Content", "", ""),
        b"\x00\x16\x03\x01garbage\r\n\r\n".to_vec(),
        b"HTTP/1.1 999999 What\r\n\r\n".to_vec(),
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 7\r\n\r\n{}".to_vec(),
        b"HTTP/1.1 200 OK\r\nbroken header\r\n\r\n{}".to_vec(),
        b"HTTP/2 200\r\n\r\n".to_vec(),
    ];
    for reply in replies {
        let shown = String::from_utf8_lossy(&reply[..reply.len().min(120)]).into_owned();
        let server = HostileServer::start(move |_, _| Reply::Close(reply.clone())).await;
        let client = server.client(BinanceSettings::default()).await;
        let sent = place(&client).await;
        assert!(matches!(sent, Sent::Unknown(_)), "{shown}: {sent:?}");
        assert_eq!(server.requests().len(), 1, "{shown}");
    }
}

#[tokio::test]
async fn a_server_that_says_nothing_leaves_one_order_unknown() {
    let server = HostileServer::start(|_, _| Reply::Silence).await;
    let wait = Duration::from_millis(200);
    let settings = BinanceSettings {
        answer_timeout: wait,
        ..BinanceSettings::default()
    };
    let client = server.client(settings).await;
    let sent = place(&client).await;
    assert_eq!(sent, Sent::Unknown(Unclear::TimedOut(wait)));
    assert_eq!(server.requests().len(), 1);
    let unanswered = client.balances().await;
    assert!(matches!(unanswered, Err(QueryError::Unavailable(_))));
    assert_eq!(server.requests().len(), 2);
}

/// The first answer keeps the connection open; whatever comes next on it is cut off without an answer, as by
/// a venue that closes it at that moment.
async fn server_that_cuts_used_connections() -> HostileServer {
    HostileServer::start(|index, _| match index {
        0 => Reply::Keep(answer("200 OK", "", &accepted(NAME))),
        _ => Reply::Close(Vec::new()),
    })
    .await
}

#[tokio::test]
async fn an_order_on_a_kept_connection_that_is_cut_is_sent_once() {
    let server = server_that_cuts_used_connections().await;
    let client = server.client(BinanceSettings::default()).await;
    assert!(matches!(place(&client).await, Sent::Accepted(_)));
    let sent = place(&client).await;
    assert!(matches!(sent, Sent::Unknown(_)), "{sent:?}");
    assert_eq!(server.requests().len(), 2);
}

#[tokio::test]
async fn where_nobody_listens_nothing_was_sent() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let nobody = support::client_of(
        address,
        triptych_venue::AccountSide::Demo,
        triptych_venue::Credentials::new(support::KEY, support::SECRET).unwrap(),
        BinanceSettings::default(),
    );
    let sent = cancel(&nobody).await;
    assert!(
        matches!(sent, Sent::NotSent(NotSent::NoConnection(_))),
        "{sent:?}"
    );
    let sent = place(&nobody).await;
    assert!(matches!(sent, Sent::NotSent(NotSent::Clock(_))), "{sent:?}");
}

#[tokio::test]
async fn a_pause_is_kept_without_another_request() {
    for (status, header, body, expected) in [
        (
            "429 Too Many Requests",
            "Retry-After: 7\r\n",
            r#"{"code":-1003,"msg":"x"}"#,
            7,
        ),
        (
            "418 I'm a teapot",
            "Retry-After: 300\r\n",
            r#"{"code":-1003,"msg":"x"}"#,
            300,
        ),
        ("418 I'm a teapot", "", "", 120),
        ("429 Too Many Requests", "Retry-After: -7\r\n", "", 60),
    ] {
        let reply = answer(status, header, body);
        let server = HostileServer::start(move |_, _| Reply::Keep(reply.clone())).await;
        let client = server.client(BinanceSettings::default()).await;
        let expected = Duration::from_secs(expected);
        let close_to_expected = |sent: &Sent<OrderReport>| match sent {
            Sent::NotSent(NotSent::Throttled { retry_after }) => {
                *retry_after <= expected && *retry_after + Duration::from_secs(5) > expected
            }
            _ => false,
        };
        let first = place(&client).await;
        assert!(close_to_expected(&first), "{status}: {first:?}");
        for sent in [place(&client).await, cancel(&client).await] {
            assert!(close_to_expected(&sent), "{status}: {sent:?}");
        }
        assert_eq!(server.requests().len(), 1, "{status}");
    }
}

#[tokio::test]
async fn the_last_of_the_allowance_is_for_cancellations() {
    let server = HostileServer::start(|_, head| {
        let name = if head.starts_with("DELETE") {
            accepted("x").replace("\"orderId\"", "\"origClientOrderId\":\"t-1\",\"orderId\"")
        } else {
            accepted(NAME)
        };
        Reply::Keep(answer("200 OK", "X-MBX-USED-WEIGHT-1M: 5400\r\n", &name))
    })
    .await;
    let client = server.client(BinanceSettings::default()).await;
    assert!(matches!(place(&client).await, Sent::Accepted(_)));
    let kept = place(&client).await;
    assert!(
        matches!(kept, Sent::NotSent(NotSent::AllowanceKept { .. })),
        "{kept:?}"
    );
    assert!(matches!(
        client.balances().await,
        Err(QueryError::Throttled { .. })
    ));
    let cancelled = cancel(&client).await;
    assert!(matches!(cancelled, Sent::Accepted(_)), "{cancelled:?}");
    assert_eq!(server.requests().len(), 2);
}

#[tokio::test]
async fn no_value_of_ours_becomes_a_header_a_line_or_another_parameter() {
    let server = HostileServer::start(|_, _| Reply::Close(Vec::new())).await;
    let client = server.client(BinanceSettings::default()).await;
    let mut order = order(NAME);
    order.symbol = "BTC&side=SELL\r\nX-MBX-APIKEY: other\r\n\r\nPOST /api/v3/order# \u{e9}".into();
    let sent = client.place(&order, just_now()).await;
    assert!(matches!(sent, Sent::Unknown(_)), "{sent:?}");
    let requests = server.requests();
    let [head] = &requests[..] else {
        panic!("one request: {requests:?}");
    };
    let first = head.lines().next().unwrap();
    let encoded = "symbol=BTC%26side%3DSELL%0D%0AX-MBX-APIKEY%3A%20other%0D%0A%0D%0APOST%20%2Fapi%2Fv3%2Forder%23%20%C3%A9&side=BUY&";
    assert!(first.contains(encoded), "{first}");
    assert_eq!(
        head.to_lowercase()
            .matches("x-mbx-apikey: the-api-key")
            .count(),
        1
    );
    assert_eq!(
        head.lines().filter(|line| line.contains(": ")).count(),
        3,
        "{head}"
    );
}

#[tokio::test]
async fn no_error_repeats_a_key_that_the_server_repeats() {
    let echo = "the-api-key-of-the-account and the-secret-of-the-account";
    for (status, body) in [
        (
            "400 Bad Request",
            format!(r#"{{"code":-1121,"msg":"{echo}"}}"#),
        ),
        ("500 Internal Server Error", echo.to_owned()),
        ("200 OK", echo.to_owned()),
    ] {
        let reply = answer(status, "", &body);
        let server = HostileServer::start(move |_, _| Reply::Keep(reply.clone())).await;
        let client = server.client(BinanceSettings::default()).await;
        let shown = format!(
            "{:?} {:?} {client:?}",
            place(&client).await,
            client.balances().await
        );
        assert!(shown.contains("[redacted]"), "{shown}");
        for hidden in ["the-api-key", "the-secret"] {
            assert!(!shown.contains(hidden), "{shown}");
        }
    }
}

#[tokio::test]
async fn a_wrong_time_ends_orders_until_the_clock_is_measured_again() {
    let wrong =
        r#"{"code":-1021,"msg":"Timestamp for this request is outside of the recvWindow."}"#;
    let refusals = Arc::new(AtomicUsize::new(1));
    let left = Arc::clone(&refusals);
    let server = HostileServer::start(move |_, _| {
        let is_wrong = left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1));
        Reply::Keep(match is_wrong {
            Ok(_) => answer("400 Bad Request", "", wrong),
            Err(_) => answer("200 OK", "", &accepted(NAME)),
        })
    })
    .await;
    let client = server.client(BinanceSettings::default()).await;
    let sent = place(&client).await;
    assert!(
        matches!(&sent, Sent::Refused(refusal) if refusal.code == -1021),
        "{sent:?}"
    );
    let sent = place(&client).await;
    assert!(matches!(sent, Sent::NotSent(NotSent::Clock(_))), "{sent:?}");
    client.measure_clock().await.unwrap();
    assert!(matches!(place(&client).await, Sent::Accepted(_)));
    assert_eq!(server.requests().len(), 2);
}
