//! Keys, signatures and the window of time in which a request is valid.

use std::fmt;

use ring::hmac;
use triptych_engine::event::Timestamp;

use crate::api::{Parameters, milliseconds};
use crate::core::{AccountId, Refusal};

/// Characters of an API key.
const KEY_LENGTH: usize = 64;

/// How long a request is valid where it does not say, and at most, in microseconds.
const DEFAULT_WINDOW: i64 = 5_000_000;
const LONGEST_WINDOW: i64 = 60_000_000;

/// How far a request's time may be ahead of the venue's, in microseconds.
const MOST_AHEAD: i64 = 1_000_000;

/// A key and whose it is.
pub(crate) struct ApiKey {
    pub(crate) account: AccountId,
    secret: hmac::Key,
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiKey")
            .field("account", &self.account)
            .finish_non_exhaustive()
    }
}

impl ApiKey {
    pub(crate) fn new(account: AccountId, secret: &str) -> Self {
        Self {
            account,
            secret: hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()),
        }
    }

    /// Whether `signature`, in hexadecimal digits of either case, is that of `payload`.
    pub(crate) fn verifies(&self, payload: &str, signature: &str) -> bool {
        from_hexadecimal(signature).is_some_and(|signature| {
            hmac::verify(&self.secret, payload.as_bytes(), &signature).is_ok()
        })
    }
}

fn from_hexadecimal(text: &str) -> Option<Vec<u8>> {
    if !text.is_ascii() || !text.len().is_multiple_of(2) {
        return None;
    }
    (0..text.len())
        .step_by(2)
        .map(|start| u8::from_str_radix(&text[start..start + 2], 16).ok())
        .collect()
}

/// Refuses what cannot be a key.
pub(crate) fn check_key_format(key: &str) -> Result<(), Refusal> {
    let is_plausible =
        key.len() == KEY_LENGTH && key.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if is_plausible {
        Ok(())
    } else {
        Err(Refusal::new(-2014, "API-key format invalid."))
    }
}

/// Refuses a key that nobody has, or that is another venue's.
pub(crate) const UNKNOWN_KEY: Refusal =
    Refusal::new(-2015, "Invalid API-key, IP, or permissions for action.");

/// Refuses a request that was not signed with its key's secret.
pub(crate) const BAD_SIGNATURE: Refusal =
    Refusal::new(-1022, "Signature for this request is not valid.");

/// What was signed of a query or a body: all of it but the signature, to the byte as it was sent.
pub(crate) fn without_signature(sent: &str) -> String {
    let parts: Vec<&str> = sent
        .split('&')
        .filter(|part| !part.starts_with("signature="))
        .collect();
    parts.join("&")
}

/// Refuses a request from another time.
pub(crate) fn check_time(parameters: &Parameters, now: Timestamp) -> Result<(), Refusal> {
    let sent = parameters
        .whole("timestamp")?
        .ok_or_else(|| Refusal::missing("timestamp"))?;
    // Sixteen digits are microseconds.
    let sent = if sent >= 1_000_000_000_000_000 {
        sent
    } else {
        sent * 1_000
    };
    let window = match parameters.price("recvWindow")? {
        None => DEFAULT_WINDOW,
        Some(window) => window.units() / 100_000,
    };
    if window > LONGEST_WINDOW {
        return Err(Refusal::new(-1131, "recvWindow must be less than 60000."));
    }
    let now = milliseconds(now) * 1_000;
    if sent >= now + MOST_AHEAD {
        return Err(Refusal::new(
            -1021,
            "Timestamp for this request was 1000ms ahead of the server's time.",
        ));
    }
    if now - sent > window {
        return Err(Refusal::new(
            -1021,
            "Timestamp for this request is outside of the recvWindow.",
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documented_example_verifies() {
        // The example of the venue's REST documentation, section HMAC Keys.
        let key = ApiKey::new(
            AccountId(0),
            "NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j",
        );
        let query = "symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=0.1&recvWindow=5000&timestamp=1499827319559";
        let signature = "c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71";
        assert!(key.verifies(query, signature));
        assert!(key.verifies(query, &signature.to_uppercase()));
        assert!(!key.verifies(&query.replace("BUY", "SELL"), signature));
        for damaged in ["", "c8", "zz", &signature[1..]] {
            assert!(!key.verifies(query, damaged), "{damaged:?}");
        }
        let sent = format!("{query}&signature={signature}");
        assert_eq!(without_signature(&sent), query);
    }

    #[test]
    fn a_request_is_valid_for_its_window() {
        let now = Timestamp::from_milliseconds(1_700_000_000_000);
        for (timestamp, window, code) in [
            ("1700000000000", "", None),
            ("1700000000999", "", None),
            ("1700000001000", "", Some(-1021)),
            ("1699999995000", "", None),
            ("1699999994999", "", Some(-1021)),
            ("1699999994999", "5001", None),
            ("1699999994999000", "5000.999", Some(-1021)),
            ("1700000000000000", "1", None),
            ("1700000000000", "60001", Some(-1131)),
            ("", "", Some(-1102)),
            ("yesterday", "", Some(-1100)),
        ] {
            let pairs = [("timestamp", timestamp), ("recvWindow", window)]
                .map(|(name, value)| (name.to_owned(), value.to_owned()));
            let parameters = Parameters::new(pairs).unwrap();
            let refused = check_time(&parameters, now)
                .err()
                .map(|refused| refused.code);
            assert_eq!(refused, code, "{timestamp} {window}");
        }
    }
}
