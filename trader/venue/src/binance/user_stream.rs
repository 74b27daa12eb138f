//! The account's own stream, on a connection to the WebSocket API.
//!
//! [Subscribed](https://github.com/binance/binance-spot-api-docs/blob/master/web-socket-api.md#user-data-stream-requests)
//! with a signature on each connection anew: a subscription ends with its connection.

use std::convert::Infallible;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Deserialize;
use triptych_engine::event::Timestamp;
use triptych_market_data::clock::now as wall_clock;
use zeroize::Zeroizing;

use super::allowance::Pause;
use super::answers::{TOO_MANY_REQUESTS, WRONG_TIME};
use super::{Binance, QUESTION_WINDOW};
use crate::account_stream::{Dialogue, Ended, Socket};
use crate::allowance::{Use, Withheld};
use crate::credentials::Credentials;
use crate::lock::lock;
use crate::outcome::Refusal;
use crate::venue::Notice;

/// Without the limits that each answer would repeat.
const PATH: &str = "/ws-api/v3?returnRateLimits=false";

/// A connection's weight, and the subscription's.
const WEIGHT: u32 = 4;

/// A message, whatever it is.
#[derive(Debug, Deserialize)]
struct AnyMessage {
    #[serde(default)]
    status: Option<u16>,
    #[serde(default)]
    error: Option<ErrorMessage>,
    #[serde(default)]
    event: Option<EventMessage>,
}

#[derive(Debug, Deserialize)]
struct ErrorMessage {
    code: i64,
    msg: String,
    #[serde(default)]
    data: Option<PauseMessage>,
}

/// Until when the venue answers nothing, by its own clock, in milliseconds.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "camelCase")]
struct PauseMessage {
    server_time: i64,
    retry_after: i64,
}

impl PauseMessage {
    fn length(self) -> Duration {
        let wait = self.retry_after.saturating_sub(self.server_time);
        Duration::from_millis(u64::try_from(wait).unwrap_or(0))
    }
}

#[derive(Debug, Deserialize)]
struct EventMessage {
    #[serde(rename = "e")]
    kind: String,
    #[serde(rename = "s", default)]
    symbol: Option<Arc<str>>,
}

/// What a message says.
#[derive(Debug, PartialEq, Eq)]
enum Heard {
    /// The venue took the request.
    Confirmed,
    /// Something of the account changed.
    Changed(Notice),
}

/// Why nothing more is to be heard.
#[derive(Debug, PartialEq, Eq)]
enum Over {
    /// The venue refused the request.
    Refused {
        status: u16,
        refusal: Refusal,
        pause: Option<Duration>,
    },
    /// The stream ends, or says what the documentation does not name.
    Ended(String),
}

fn heard(text: &str) -> Result<Heard, Over> {
    let message: AnyMessage = serde_json::from_str(text)
        .map_err(|error| Over::Ended(format!("a message that cannot be read: {error}")))?;
    if let Some(event) = message.event {
        return of_event(event);
    }
    if let Some(error) = message.error {
        return Err(Over::Refused {
            status: message.status.unwrap_or_default(),
            pause: error.data.map(PauseMessage::length),
            refusal: Refusal {
                code: error.code,
                message: error.msg,
            },
        });
    }
    match message.status {
        Some(200) => Ok(Heard::Confirmed),
        _ => Err(Over::Ended(
            "a message that is neither an event nor an answer".to_owned(),
        )),
    }
}

/// An event of a kind that is not known yet is asked about as well.
fn of_event(event: EventMessage) -> Result<Heard, Over> {
    match (event.kind.as_str(), event.symbol) {
        ("eventStreamTerminated" | "serverShutdown", _) => {
            Err(Over::Ended(format!("the venue ends it: {}", event.kind)))
        }
        ("executionReport" | "listStatus", None) => Err(Over::Ended(format!(
            "a message that cannot be read: {} without a symbol",
            event.kind
        ))),
        (_, Some(symbol)) => Ok(Heard::Changed(Notice::Orders { symbol })),
        (_, None) => Ok(Heard::Changed(Notice::Balances)),
    }
}

/// The request. Its signature is over the parameters in the order of their names.
fn subscription(at: Timestamp, credentials: &Credentials) -> Zeroizing<String> {
    let window = QUESTION_WINDOW.as_millis();
    let at = at.nanoseconds().div_euclid(1_000_000);
    let key = String::from_utf8_lossy(credentials.key());
    // Long enough for both: a text that grows leaves copies of the key behind.
    let room = || Zeroizing::new(String::with_capacity(2 * key.len() + 512));
    let mut signed = room();
    // Writing to a string cannot fail.
    let _ = write!(signed, "apiKey={key}&recvWindow={window}&timestamp={at}");
    let signature = credentials.sign(&signed);
    let mut request = room();
    request.push_str(
        r#"{"id":"subscribe","method":"userDataStream.subscribe.signature","params":{"apiKey":""#,
    );
    for character in key.chars() {
        if matches!(character, '"' | '\\') {
            request.push('\\');
        }
        request.push(character);
    }
    let _ = write!(
        request,
        r#"","recvWindow":{window},"timestamp":{at},"signature":"{signature}"}}}}"#
    );
    request
}

impl Binance {
    async fn subscribed(&self) -> Result<Socket, Ended> {
        self.take_connection()?;
        let settings = self.stream;
        let mut socket = Socket::open(self.sender.endpoints(), PATH, &self.tls, settings).await?;
        let at = lock(&self.clock).at_venue(wall_clock());
        socket.say(subscription(at, &self.credentials)).await?;
        tokio::time::timeout(settings.answer_timeout, self.confirmed(&mut socket))
            .await
            .unwrap_or_else(|_| {
                Err(Ended::because(format!(
                    "the subscription was not confirmed within {:?}",
                    settings.answer_timeout
                )))
            })?;
        Ok(socket)
    }

    fn take_connection(&self) -> Result<(), Ended> {
        let mut allowance = lock(&self.allowance);
        match allowance.take(Use::Question, WEIGHT, Instant::now()) {
            Ok(()) => {
                allowance.ended(WEIGHT);
                Ok(())
            }
            Err(Withheld::Paused(pause) | Withheld::Kept(pause)) => Err(Ended {
                reason: format!("the venue's allowance has no room for {pause:?}"),
                pause,
            }),
        }
    }

    /// What comes before the confirmation needs no telling: it has everything asked for.
    async fn confirmed(&self, socket: &mut Socket) -> Result<(), Ended> {
        loop {
            let text = socket.next_text().await?;
            if heard(&text).map_err(|over| self.end(over))? == Heard::Confirmed {
                return Ok(());
            }
        }
    }

    async fn pass_on(
        &self,
        socket: &mut Socket,
        tell: &(impl Fn(Notice) + Sync),
    ) -> Result<Infallible, Ended> {
        loop {
            let text = socket.next_text().await?;
            if let Heard::Changed(notice) = heard(&text).map_err(|over| self.end(over))? {
                tell(notice);
            }
        }
    }

    /// What a refusal says of the clock and of a pause is acted upon.
    fn end(&self, over: Over) -> Ended {
        let (status, refusal, pause) = match over {
            Over::Refused {
                status,
                refusal,
                pause,
            } => (status, refusal, pause),
            Over::Ended(reason) => return Ended::because(reason),
        };
        if refusal.code == WRONG_TIME {
            self.clock_was_wrong();
        }
        let kind = match (status, refusal.code) {
            (418, _) => Some(Pause::Banned),
            (429, _) | (_, TOO_MANY_REQUESTS) => Some(Pause::TooMuch),
            _ => None,
        };
        let pause = kind.map(|kind| lock(&self.allowance).pause(kind, pause, Instant::now()));
        Ended {
            reason: refusal.to_string(),
            pause: pause.unwrap_or_default(),
        }
    }
}

impl Dialogue for Binance {
    async fn listen(&self, tell: &(impl Fn(Notice) + Sync)) -> Ended {
        match self.subscribed().await {
            Ok(mut socket) => {
                tell(Notice::Subscribed);
                let Err(ended) = self.pass_on(&mut socket, tell).await;
                ended
            }
            Err(ended) => ended,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn orders(symbol: &str) -> Heard {
        let symbol = symbol.into();
        Heard::Changed(Notice::Orders { symbol })
    }

    #[test]
    fn a_message_says_what_is_to_be_asked_or_why_the_stream_is_over() {
        let over = |reason: &str| Err(Over::Ended(reason.to_owned()));
        for (text, expected) in [
            (
                r#"{"id":"subscribe","status":200,"result":{"subscriptionId":0}}"#,
                Ok(Heard::Confirmed),
            ),
            (
                r#"{"subscriptionId":0,"event":{"e":"executionReport","E":1,"s":"BTCUSDT","c":"t"}}"#,
                Ok(orders("BTCUSDT")),
            ),
            (
                r#"{"subscriptionId":0,"event":{"e":"listStatus","E":1,"s":"ETHUSDT"}}"#,
                Ok(orders("ETHUSDT")),
            ),
            (
                r#"{"subscriptionId":0,"event":{"e":"outboundAccountPosition","E":1,"B":[]}}"#,
                Ok(Heard::Changed(Notice::Balances)),
            ),
            (
                r#"{"subscriptionId":0,"event":{"e":"balanceUpdate","E":1,"a":"BTC","d":"1"}}"#,
                Ok(Heard::Changed(Notice::Balances)),
            ),
            (
                r#"{"subscriptionId":0,"event":{"e":"externalLockUpdate","E":1}}"#,
                Ok(Heard::Changed(Notice::Balances)),
            ),
            (
                r#"{"subscriptionId":0,"event":{"e":"notKnownYet","s":"BTCUSDT"}}"#,
                Ok(orders("BTCUSDT")),
            ),
            (
                r#"{"subscriptionId":0,"event":{"e":"eventStreamTerminated","E":1}}"#,
                over("the venue ends it: eventStreamTerminated"),
            ),
            (
                r#"{"event":{"e":"serverShutdown","E":1}}"#,
                over("the venue ends it: serverShutdown"),
            ),
            (
                r#"{"event":{"e":"executionReport"}}"#,
                over("a message that cannot be read: executionReport without a symbol"),
            ),
            (
                r#"{"status":500}"#,
                over("a message that is neither an event nor an answer"),
            ),
            (
                "{}",
                over("a message that is neither an event nor an answer"),
            ),
        ] {
            assert_eq!(heard(text), expected, "{text}");
        }
        for text in [
            "",
            "[",
            r#"{"event":{"s":"BTCUSDT"}}"#,
            r#"{"status":"200"}"#,
        ] {
            assert!(matches!(heard(text), Err(Over::Ended(_))), "{text}");
        }
    }

    #[test]
    fn a_refusal_says_for_how_long_the_venue_wants_to_hear_nothing() {
        let text = r#"{"id":"subscribe","status":418,"error":{"code":-1003,"msg":"banned","data":{"serverTime":1000,"retryAfter":61000}}}"#;
        let expected = Over::Refused {
            status: 418,
            refusal: Refusal {
                code: -1003,
                message: "banned".to_owned(),
            },
            pause: Some(Duration::from_mins(1)),
        };
        assert_eq!(heard(text), Err(expected));
    }

    #[test]
    fn a_subscription_is_json_whatever_the_key_is() {
        let key = br#"a"b\c"#;
        let credentials = Credentials::new(key, b"secret").unwrap();
        let request = subscription(Timestamp::from_milliseconds(7), &credentials);
        let request: serde_json::Value = serde_json::from_str(&request).unwrap();
        let signature = credentials.sign(r#"apiKey=a"b\c&recvWindow=5000&timestamp=7"#);
        let expected = serde_json::json!({
            "id": "subscribe", "method": "userDataStream.subscribe.signature",
            "params": {
                "apiKey": r#"a"b\c"#, "recvWindow": 5000, "timestamp": 7, "signature": signature,
            },
        });
        assert_eq!(request, expected);
    }
}
