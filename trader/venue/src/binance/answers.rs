//! What an answer means. Pure.
//!
//! Codes are those of the venue's
//! [list](https://github.com/binance/binance-spot-api-docs/blob/master/errors.md). A refusal is believed only
//! where a whole answer of the 4xx kind has a code that says that nothing was done. Of 5xx the documentation
//! says that it is no failure: the request may have been carried out.

use std::time::Duration;

use http::HeaderMap;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::allowance::{Pause, Used};
use crate::outcome::Refusal;
use crate::sender::Answer;

/// Most characters of an answer that an error repeats.
const LONGEST_EXCERPT: usize = 200;

/// Timestamp outside of the window: our idea of the venue's clock is wrong.
pub(super) const WRONG_TIME: i64 = -1021;
/// The venue knows no such order.
pub(super) const NO_SUCH_ORDER: i64 = -2013;
/// More than the venue grants, or a ban.
pub(super) const TOO_MANY_REQUESTS: i64 = -1003;
const TOO_MANY_ORDERS: i64 = -1015;

/// What the venue answers instead of what was asked for.
#[derive(Debug, PartialEq, Eq, Deserialize)]
struct ErrorBody {
    code: i64,
    msg: String,
}

/// What an answer means.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Meaning<T> {
    /// What was asked for.
    Done(T),
    /// Refused, and nothing was done.
    Refused(Refusal),
    /// Turned away unread.
    Pause(Pause, Option<Duration>),
    /// Neither yes nor no.
    Unclear(String),
    /// A yes that cannot be read.
    Unreadable(String),
}

pub(super) fn meaning<T: DeserializeOwned>(answer: &Answer) -> Meaning<T> {
    if (200..300).contains(&answer.status) {
        return match serde_json::from_slice(&answer.body) {
            Ok(value) => Meaning::Done(value),
            Err(error) => Meaning::Unreadable(format!("{error}: {}", excerpt(answer))),
        };
    }
    let error: Option<ErrorBody> = serde_json::from_slice(&answer.body).ok();
    let code = error.as_ref().map(|error| error.code);
    if let Some(pause) = pause_of(answer.status, code) {
        return Meaning::Pause(pause, retry_after(&answer.headers));
    }
    match error {
        Some(error) if (400..500).contains(&answer.status) && is_definite(&error) => {
            Meaning::Refused(Refusal {
                code: error.code,
                message: error.msg.chars().take(LONGEST_EXCERPT).collect(),
            })
        }
        _ => Meaning::Unclear(excerpt(answer)),
    }
}

const fn pause_of(status: u16, code: Option<i64>) -> Option<Pause> {
    match (status, code) {
        (418, _) => Some(Pause::Banned),
        (400..500, Some(TOO_MANY_ORDERS)) => Some(Pause::TooManyOrders),
        (429, _) | (400..500, Some(TOO_MANY_REQUESTS)) => Some(Pause::TooMuch),
        _ => None,
    }
}

/// Whether the code says that nothing was done.
fn is_definite(error: &ErrorBody) -> bool {
    match error.code {
        // An order of that name is there: perhaps the very one that was sent.
        -2010 | -1010 => !error.msg.to_ascii_lowercase().contains("duplicate"),
        // Not allowed, invalid, no longer served, wrong time, wrong signature; every fault of a parameter; a
        // refused cancellation, no such order, a wrong key, an archived order.
        -1002
        | -1013
        | -1014
        | -1016
        | -1020
        | WRONG_TIME
        | -1022
        | -1199..=-1100
        | -2011
        | NO_SUCH_ORDER
        | -2014
        | -2015
        | -2026 => true,
        _ => false,
    }
}

/// What was used, by the headers.
pub(super) fn used(headers: &HeaderMap) -> Used {
    Used {
        weight: number(headers, "x-mbx-used-weight-1m"),
        orders_in_ten_seconds: number(headers, "x-mbx-order-count-10s"),
        orders_in_a_day: number(headers, "x-mbx-order-count-1d"),
    }
}

fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    number(headers, "retry-after").map(Duration::from_secs)
}

fn number<T: std::str::FromStr>(headers: &HeaderMap, name: &str) -> Option<T> {
    headers.get(name)?.to_str().ok()?.trim().parse().ok()
}

/// Status and beginning of an answer, in characters that harm no log.
fn excerpt(answer: &Answer) -> String {
    let text: String = String::from_utf8_lossy(&answer.body)
        .chars()
        .take(LONGEST_EXCERPT)
        .collect();
    format!("status {}, {text:?}", answer.status)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn answer(status: u16, body: &str) -> Answer {
        Answer {
            status,
            headers: HeaderMap::new(),
            body: Bytes::copy_from_slice(body.as_bytes()),
        }
    }

    fn refusal(code: i64, message: &str) -> String {
        format!(r#"{{"code":{code},"msg":"{message}"}}"#)
    }

    #[test]
    fn a_refusal_is_believed_only_where_it_says_that_nothing_was_done() {
        for (status, code, message, is_refused) in [
            (
                400,
                -2010,
                "Account has insufficient balance for requested action.",
                true,
            ),
            (400, -2010, "Duplicate order sent.", false),
            (400, -1010, "DUPLICATE ORDER SENT.", false),
            (400, -1013, "Filter failure: LOT_SIZE", true),
            (
                400,
                -1021,
                "Timestamp for this request is outside of the recvWindow.",
                true,
            ),
            (400, -1022, "Signature for this request is not valid.", true),
            (400, -1100, "Illegal characters found in a parameter.", true),
            (400, -1121, "Invalid symbol.", true),
            (400, -2011, "Unknown order sent.", true),
            (
                401,
                -2015,
                "Invalid API-key, IP, or permissions for action.",
                true,
            ),
            (400, -1000, "An unknown error occurred", false),
            (400, -1001, "Internal error", false),
            (400, -1006, "An unexpected response was received", false),
            (400, -1007, "Timeout", false),
            (400, -1008, "Server is currently overloaded", false),
            (400, -9999, "something new", false),
            (500, -2010, "Account has insufficient balance", false),
            (503, -1008, "Server is currently overloaded", false),
            (504, -1007, "Timeout", false),
            (301, -1121, "Invalid symbol.", false),
        ] {
            let meaning = meaning::<()>(&answer(status, &refusal(code, message)));
            match (is_refused, &meaning) {
                (true, Meaning::Refused(found)) => assert_eq!(found.code, code),
                (false, Meaning::Unclear(_)) => {}
                _ => panic!("{status} {code}: {meaning:?}"),
            }
        }
    }

    #[test]
    fn what_is_no_whole_answer_of_the_venue_decides_nothing() {
        for (status, body) in [
            (400, ""),
            (400, "Bad Request"),
            (400, r#"{"code":-1121}"#),
            (400, r#"{"code":"-1121","msg":"Invalid symbol."}"#),
            (400, r#"{"code":-1121,"msg":"Invalid symbol."} trailing"#),
            (403, "<html>WAF</html>"),
            (302, ""),
            (100, ""),
            (502, "<html>Bad gateway</html>"),
        ] {
            let meaning = meaning::<()>(&answer(status, body));
            assert!(
                matches!(meaning, Meaning::Unclear(_)),
                "{status} {body}: {meaning:?}"
            );
        }
        for body in ["", "null,", "{", "[1", "\u{fffd}"] {
            let meaning = meaning::<u64>(&answer(200, body));
            assert!(
                matches!(meaning, Meaning::Unreadable(_)),
                "{body}: {meaning:?}"
            );
        }
    }

    #[test]
    fn requests_for_a_pause_are_told_apart() {
        for (status, code, expected) in [
            (429, -1003, Some(Pause::TooMuch)),
            (429, 0, Some(Pause::TooMuch)),
            (400, -1003, Some(Pause::TooMuch)),
            (418, -1003, Some(Pause::Banned)),
            (429, -1015, Some(Pause::TooManyOrders)),
            (400, -1015, Some(Pause::TooManyOrders)),
            (503, -1003, None),
        ] {
            let mut answer = answer(status, &refusal(code, "x"));
            answer.headers.insert("retry-after", "7".parse().unwrap());
            let found = match meaning::<()>(&answer) {
                Meaning::Pause(pause, after) => {
                    assert_eq!(after, Some(Duration::from_secs(7)));
                    Some(pause)
                }
                _ => None,
            };
            assert_eq!(found, expected, "{status} {code}");
        }
    }

    #[test]
    fn headers_that_are_no_numbers_say_nothing() {
        let mut headers = HeaderMap::new();
        for (text, expected) in [
            ("17", Some(17)),
            (" 17 ", Some(17)),
            ("-1", None),
            ("99999999999999999999", None),
            ("1e3", None),
            ("", None),
        ] {
            headers.insert("x-mbx-used-weight-1m", text.parse().unwrap());
            assert_eq!(used(&headers).weight, expected, "{text}");
        }
    }
}
