//! The account's own stream at servers that end it in every way.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::time::{Duration, Instant};

use futures::{SinkExt as _, StreamExt as _};
use serde_json::Value;
use support::stream::{CONFIRMATION, Follower, Line, event, hasty, orders, serve};
use tokio::io::AsyncWriteExt as _;
use tokio_tungstenite::tungstenite::Message;
use triptych_venue::{AccountStreamSettings, Notice, QueryError, Venue as _};

const SHORT: Duration = Duration::from_millis(30);

#[tokio::test]
async fn each_connection_is_subscribed_anew_and_what_comes_right_behind_the_confirmation_is_told() {
    let address = serve(|index, mut line: Line| async move {
        let symbol = format!("S{index}");
        line.confirm(&[&event(&symbol), &event("LAST")]).await;
        // Cut without a word.
    })
    .await;
    let mut follower = Follower::at(address, hasty());
    for index in 0..5 {
        assert_eq!(follower.next().await, Notice::Subscribed);
        assert_eq!(follower.next().await, orders(&format!("S{index}")));
        assert_eq!(follower.next().await, orders("LAST"));
        follower.lost().await;
    }
}

#[tokio::test]
async fn an_event_before_the_confirmation_is_covered_by_it() {
    let address = serve(|_, mut line: Line| async move {
        line.request().await;
        line.say(&[&*event("EARLY"), CONFIRMATION, &event("LATE")])
            .await;
        line.stay().await;
    })
    .await;
    let mut follower = Follower::at(address, hasty());
    assert_eq!(follower.next().await, Notice::Subscribed);
    assert_eq!(follower.next().await, orders("LATE"));
}

#[tokio::test]
async fn a_subscription_is_told_only_when_the_venue_confirmed_it() {
    let address = serve(|index, mut line: Line| async move {
        if index == 0 {
            line.request().await;
            line.say(&[&*event("BTCUSDT")]).await;
        } else {
            line.confirm(&[]).await;
        }
        line.stay().await;
    })
    .await;
    let settings = AccountStreamSettings {
        answer_timeout: SHORT,
        ..hasty()
    };
    let mut follower = Follower::at(address, settings);
    let reason = follower.lost().await;
    assert!(reason.contains("not confirmed within 30ms"), "{reason}");
    assert_eq!(follower.next().await, Notice::Subscribed);
}

#[tokio::test]
async fn what_cannot_be_read_ends_a_connection() {
    let bad = [
        Message::text("{"),
        Message::text("[]"),
        Message::text("{}"),
        Message::text(r#"{"subscriptionId":0,"event":{"e":"executionReport"}}"#),
        Message::text(r#"{"subscriptionId":0,"event":"executionReport"}"#),
        Message::binary(vec![1, 2, 3]),
    ];
    let count = bad.len();
    let address = serve(move |index, mut line: Line| {
        let message = bad.get(index).cloned();
        async move {
            line.confirm(&[]).await;
            if let Some(message) = message {
                line.0.send(message).await.unwrap();
            }
            line.stay().await;
        }
    })
    .await;
    let mut follower = Follower::at(address, hasty());
    for _ in 0..count {
        assert_eq!(follower.next().await, Notice::Subscribed);
        let reason = follower.lost().await;
        assert!(reason.starts_with("a message that"), "{reason}");
    }
    assert_eq!(follower.next().await, Notice::Subscribed);
}

#[tokio::test]
async fn frames_that_are_none_end_a_connection() {
    // A reserved opcode, a masked frame, a length beyond every bound, half a frame.
    let bad: [&[u8]; 4] = [
        b"\x83\x00",
        b"\x81\x81\x00\x00\x00\x00a",
        b"\x81\x7f\x7f\xff\xff\xff\xff\xff\xff\xff",
        b"\x81\x7d{",
    ];
    let address = serve(move |index, mut line: Line| async move {
        line.confirm(&[]).await;
        if let Some(bytes) = bad.get(index) {
            line.0.get_mut().write_all(bytes).await.unwrap();
        } else {
            line.stay().await;
        }
    })
    .await;
    let mut follower = Follower::at(address, hasty());
    for _ in bad {
        assert_eq!(follower.next().await, Notice::Subscribed);
        follower.lost().await;
    }
    assert_eq!(follower.next().await, Notice::Subscribed);
}

#[tokio::test]
async fn silence_is_asked_about_and_silence_again_is_the_end() {
    let address = serve(|index, mut line: Line| async move {
        line.confirm(&[]).await;
        if index == 0 {
            // It reads nothing, so it answers no ping.
            std::future::pending::<()>().await;
        }
        line.stay().await;
    })
    .await;
    let settings = AccountStreamSettings {
        ping_after: SHORT,
        answer_timeout: SHORT,
        ..hasty()
    };
    let mut follower = Follower::at(address, settings);
    assert_eq!(follower.next().await, Notice::Subscribed);
    let reason = follower.lost().await;
    assert!(reason.contains("no answer to a ping"), "{reason}");
    assert_eq!(follower.next().await, Notice::Subscribed);
}

#[tokio::test]
async fn a_quiet_account_whose_venue_answers_pings_stays_subscribed() {
    let address = serve(|_, mut line: Line| async move {
        line.confirm(&[]).await;
        let mut pings = 0;
        while pings < 3 {
            if let Some(Ok(Message::Ping(_))) = line.0.next().await {
                pings += 1;
            }
        }
        line.say(&[&*event("BTCUSDT")]).await;
        line.stay().await;
    })
    .await;
    let settings = AccountStreamSettings {
        ping_after: SHORT,
        ..hasty()
    };
    let mut follower = Follower::at(address, settings);
    assert_eq!(follower.next().await, Notice::Subscribed);
    assert_eq!(follower.next().await, orders("BTCUSDT"));
}

#[tokio::test]
async fn a_refusal_is_told_with_its_code_and_without_the_key() {
    let refusal = r#"{"id":"subscribe","status":401,"error":{"code":-2015,"msg":"Invalid API-key the-api-key-of-the-account or the-secret-of-the-account."}}"#;
    let address = serve(move |_, mut line: Line| async move {
        let request: Value = serde_json::from_str(&line.request().await).unwrap();
        assert_eq!(request["method"], "userDataStream.subscribe.signature");
        assert_eq!(request["params"]["apiKey"], "the-api-key-of-the-account");
        line.say(&[refusal]).await;
        line.stay().await;
    })
    .await;
    let mut follower = Follower::at(address, hasty());
    for _ in 0..3 {
        assert_eq!(
            follower.lost().await,
            "the venue refuses it with -2015: Invalid API-key [redacted] or [redacted]."
        );
    }
}

#[tokio::test]
async fn a_pause_that_the_venue_asks_for_holds_for_the_stream_and_for_questions() {
    let refusal = r#"{"id":"subscribe","status":429,"error":{"code":-1003,"msg":"Too much","data":{"serverTime":1000,"retryAfter":3601000}}}"#;
    let address = serve(move |index, mut line: Line| async move {
        assert_eq!(index, 0, "it came again within an hour");
        line.request().await;
        line.say(&[refusal]).await;
        line.stay().await;
    })
    .await;
    let mut follower = Follower::at(address, hasty());
    assert!(follower.lost().await.contains("-1003"));
    let question = follower.client.balances().await;
    assert!(
        matches!(question, Err(QueryError::Throttled { retry_after }) if retry_after > Duration::from_mins(59)),
        "{question:?}"
    );
}

#[tokio::test]
async fn what_the_venue_ends_is_subscribed_anew() {
    let address = serve(|index, mut line: Line| async move {
        line.confirm(&[]).await;
        match index {
            0 => {
                let ended = r#"{"subscriptionId":0,"event":{"e":"eventStreamTerminated","E":1}}"#;
                line.say(&[ended]).await;
            }
            1 => {
                line.say(&[r#"{"event":{"e":"serverShutdown","E":1}}"#])
                    .await;
            }
            2 => line.0.close(None).await.unwrap(),
            _ => {}
        }
        line.stay().await;
    })
    .await;
    let mut follower = Follower::at(address, hasty());
    for reason in ["eventStreamTerminated", "serverShutdown", "closed"] {
        assert_eq!(follower.next().await, Notice::Subscribed);
        let told = follower.lost().await;
        assert!(told.contains(reason), "{told}");
    }
    assert_eq!(follower.next().await, Notice::Subscribed);
}

#[tokio::test]
async fn a_connection_is_renewed_before_the_venue_ends_it() {
    let address = serve(|_, mut line: Line| async move {
        line.confirm(&[]).await;
        line.stay().await;
    })
    .await;
    let settings = AccountStreamSettings {
        renew_after: SHORT,
        ..hasty()
    };
    let mut follower = Follower::at(address, settings);
    for _ in 0..3 {
        assert_eq!(follower.next().await, Notice::Subscribed);
        let reason = follower.lost().await;
        assert!(reason.contains("renewed after 30ms"), "{reason}");
    }
}

#[tokio::test]
async fn a_venue_that_ends_every_connection_is_asked_less_and_less_often() {
    let address = serve(|_, mut line: Line| async move {
        line.confirm(&[]).await;
    })
    .await;
    let settings = AccountStreamSettings {
        first_wait: Duration::from_millis(20),
        longest_wait: Duration::from_secs(10),
        ..AccountStreamSettings::default()
    };
    let mut follower = Follower::at(address, settings);
    let begun = Instant::now();
    for _ in 0..6 {
        assert_eq!(follower.next().await, Notice::Subscribed);
        follower.lost().await;
    }
    // Five waits, of which each is at least the half of 20, 40, 80, 160 and 320 ms.
    assert!(begun.elapsed() >= Duration::from_millis(310));
}

#[tokio::test]
async fn a_venue_that_is_away_is_waited_for() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut follower = Follower::at(listener.local_addr().unwrap(), hasty());
    let (mut stream, _) = listener.accept().await.unwrap();
    stream
        .write_all(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n")
        .await
        .unwrap();
    let reason = follower.lost().await;
    assert!(reason.contains("503"), "{reason}");
    drop((stream, listener));
    let reason = follower.lost().await;
    assert!(
        reason.contains("no connection to ws://127.0.0.1"),
        "{reason}"
    );
}
