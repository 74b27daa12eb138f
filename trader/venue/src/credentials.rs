//! The key of an account and what its requests are signed with.

use std::fmt::{self, Write as _};

use ring::hmac;
use thiserror::Error;
use zeroize::Zeroizing;

/// Longest key or secret, in bytes.
const LONGEST: usize = 512;

/// Bytes that are no key or no secret. It says which, and nothing of the content.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "the {which} of the account: expected 1 to {LONGEST} printable ASCII characters without a space"
)]
pub struct CredentialsError {
    which: &'static str,
}

/// An HMAC key of an account. Its memory is overwritten when it is given back, and nothing prints it.
///
/// Binance's Ed25519 and RSA keys are not supported.
pub struct Credentials {
    key: Zeroizing<Box<[u8]>>,
    secret: Zeroizing<Box<[u8]>>,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials")
    }
}

impl Credentials {
    /// The key that names the account, and the secret that signs for it, as their files hold them.
    pub fn new(key: &[u8], secret: &[u8]) -> Result<Self, CredentialsError> {
        let checked = |bytes: &[u8], which| {
            let is_plain = bytes.iter().all(u8::is_ascii_graphic);
            if is_plain && (1..=LONGEST).contains(&bytes.len()) {
                Ok(Zeroizing::new(bytes.into()))
            } else {
                Err(CredentialsError { which })
            }
        };
        Ok(Self {
            key: checked(key, "API key")?,
            secret: checked(secret, "secret")?,
        })
    }

    pub(crate) fn key(&self) -> &[u8] {
        &self.key
    }

    /// HMAC-SHA256 of a text, in hexadecimal digits.
    pub(crate) fn sign(&self, text: &str) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &self.secret);
        let mut digits = String::with_capacity(64);
        for byte in hmac::sign(&key, text.as_bytes()).as_ref() {
            // Writing to a string cannot fail.
            let _ = write!(digits, "{byte:02x}");
        }
        digits
    }

    /// A text of somebody else without the key or the secret that it may repeat.
    pub(crate) fn redact(&self, text: &str) -> String {
        [&self.key, &self.secret]
            .iter()
            .filter_map(|hidden| std::str::from_utf8(hidden).ok())
            .fold(text.to_owned(), |text, hidden| {
                text.replace(hidden, "[redacted]")
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_is_that_of_the_venues_documentation() {
        let credentials = Credentials::new(
            b"vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zvsw0MuIgwCIPy6utIco14y7Ju91duEh8A",
            b"NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j",
        )
        .unwrap();
        let text = "symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=0.1&recvWindow=5000&timestamp=1499827319559";
        assert_eq!(
            credentials.sign(text),
            "c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71"
        );
    }

    #[test]
    fn nothing_shows_a_key() {
        let credentials = Credentials::new(b"the-key", b"the-secret").unwrap();
        assert_eq!(format!("{credentials:?}"), "Credentials");
        assert_eq!(
            credentials.redact("the-key, the-secret and the-keys"),
            "[redacted], [redacted] and [redacted]s"
        );
        for (key, secret) in [
            (&b"a b"[..], &b"secret"[..]),
            (b"", b"secret"),
            (b"key", b"sec\nret"),
            (b"key", &[b'x'; LONGEST + 1]),
        ] {
            let error = Credentials::new(key, secret).unwrap_err().to_string();
            assert!(
                !error.contains("sec\nret") && error.contains("printable"),
                "{error}"
            );
        }
    }
}
