//! What a store answered, in words that say what to do.

use std::error::Error;
use std::path::PathBuf;

use thiserror::Error;

use crate::credentials::CredentialsError;

/// A store cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{place}: {reason}")]
pub struct StoreError {
    /// What was asked for.
    pub place: String,
    /// Why it cannot be had.
    pub reason: Reason,
}

impl StoreError {
    /// The store has another size than was sent.
    pub(crate) fn wrong_size(place: String, found: Option<u64>, sent: u64) -> Self {
        let found = found.map_or("nothing".to_owned(), |found| format!("{found} bytes"));
        Self {
            place,
            reason: Reason::Refused(format!("{sent} bytes were sent, and it has {found}")),
        }
    }
}

/// What a store says to two who write at once.
const CONFLICTS: [&str; 2] = ["ConditionalRequestConflict", "OperationAborted"];

/// Why a store cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Reason {
    /// The bucket is not there.
    #[error("there is no such bucket; create it, or correct the name or --endpoint")]
    NoBucket,
    /// The key or its secret is wrong.
    #[error("the store does not accept the key of {} ({code}); compare it with what the store issued", credentials.display())]
    Key {
        /// The file that the key comes from.
        credentials: PathBuf,
        /// The store's word.
        code: String,
    },
    /// The key may not do this.
    #[error("the key of {} may not do this ({code}); it needs to list, read, write and delete under the prefix", credentials.display())]
    NotAllowed {
        /// The file that the key comes from.
        credentials: PathBuf,
        /// The store's word.
        code: String,
    },
    /// The clocks of store and machine differ.
    #[error(
        "the clocks of this machine and of the store differ by more than the store allows ({0}); set this machine's clock"
    )]
    Clock(String),
    /// The bucket is in another region.
    #[error("the bucket is in another region ({0}); name it with --region")]
    Region(String),
    /// The credentials cannot be read.
    #[error(transparent)]
    Credentials(#[from] CredentialsError),
    /// The store does not keep the conditions of a write.
    #[error(
        "the store does not keep If-None-Match on writes, so that two who write at once would lose what one wrote; use one that does, as AWS since 2024"
    )]
    Conditions,
    /// The store does not answer, or only that it cannot now.
    #[error("the store is away: {0}")]
    Away(String),
    /// The store refuses, or answers what nobody understands.
    #[error("the store refuses: {0}")]
    Refused(String),
}

impl Reason {
    /// Whether asking again later may help.
    pub(crate) const fn may_pass(&self) -> bool {
        matches!(self, Self::Away(_))
    }

    /// Whether two wrote at once, and the store let neither decide.
    pub(crate) fn is_a_conflict(&self) -> bool {
        matches!(self, Self::Away(code) if CONFLICTS.contains(&&**code))
    }

    /// The reason of a failed request with the key of that file.
    pub(crate) fn of(error: &object_store::Error, credentials: &std::path::Path) -> Self {
        if let Some(error) = cause::<CredentialsError>(error) {
            return Self::Credentials(error.clone());
        }
        let text = error.to_string();
        Self::of_text(&text, credentials)
    }

    fn of_text(text: &str, credentials: &std::path::Path) -> Self {
        let credentials = credentials.to_owned();
        let Some(code) = element(text, "Code") else {
            return Self::without_a_code(text, credentials);
        };
        let code = code.to_owned();
        match &*code {
            "NoSuchBucket" => Self::NoBucket,
            "InvalidAccessKeyId"
            | "SignatureDoesNotMatch"
            | "XAdminUserNotFound"
            | "InvalidToken"
            | "ExpiredToken"
            | "TokenRefreshRequired" => Self::Key { credentials, code },
            "AccessDenied" | "AllAccessDisabled" | "AccountProblem" => {
                Self::NotAllowed { credentials, code }
            }
            "RequestTimeTooSkewed" => Self::Clock(code),
            "PermanentRedirect"
            | "TemporaryRedirect"
            | "AuthorizationHeaderMalformed"
            | "IllegalLocationConstraintException" => {
                Self::Region(element(text, "Region").map_or(code, str::to_owned))
            }
            // What was sent had been compared with the manifest: it changed on the way.
            "BadDigest"
            | "XAmzContentSHA256Mismatch"
            | "XAmzContentChecksumMismatch"
            | "IncompleteBody"
            | "InvalidDigest" => Self::Away(format!("what was sent arrived changed ({code})")),
            // Every request but those with conditions is one that each store knows.
            "NotImplemented" => Self::Conditions,
            "SlowDown" | "InternalError" | "ServiceUnavailable" | "RequestTimeout" => {
                Self::Away(code)
            }
            code_of_conflict if CONFLICTS.contains(&code_of_conflict) => Self::Away(code),
            _ if is_busy(text) => Self::Away(code),
            _ => {
                let message = element(text, "Message").unwrap_or_default();
                Self::Refused(format!("{code}: {message}"))
            }
        }
    }

    /// Answers to HEAD have no text, and those of what stands between have another.
    fn without_a_code(text: &str, credentials: PathBuf) -> Self {
        match status(text) {
            Some(status @ 403) => Self::NotAllowed {
                credentials,
                code: status.to_string(),
            },
            Some(status @ (301 | 307)) => Self::Region(status.to_string()),
            Some(status) if is_busy(text) => Self::Away(format!("it answers {status}")),
            Some(status) => Self::Refused(format!("it answers {status}")),
            None if text.contains("normally indicates an incorrectly configured region") => {
                Self::Region("it redirects".to_owned())
            }
            None => Self::Away(on_the_way(text)),
        }
    }
}

fn is_busy(text: &str) -> bool {
    matches!(status(text), Some(408 | 429 | 500..=599))
}

/// The HTTP status in the text of an error.
fn status(text: &str) -> Option<u16> {
    let (_, rest) = text.split_once("non-2xx status code: ")?;
    rest.get(..3)?.parse().ok()
}

/// The content of an element of the store's answer.
fn element<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(&format!("<{name}>"))?;
    let (content, _) = rest.split_once(&format!("</{name}>"))?;
    Some(content)
}

/// What the connection's error says, without the address that stands before it.
fn on_the_way(text: &str) -> String {
    text.rsplit_once("HTTP error: ")
        .map_or(text, |(_, cause)| cause)
        .to_owned()
}

/// The cause of a kind.
fn cause<'a, E: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a E> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        next = error.source();
    }
    None
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn answer(status: &str, code: &str) -> String {
        format!(
            "Generic S3 error: Error performing PUT http://s in 3ms - Server returned non-2xx status code: {status}: \
             <Error><Code>{code}</Code><Message>because</Message><StringToSign>AWS4</StringToSign></Error>"
        )
    }

    #[test]
    fn each_answer_says_what_to_do() {
        for (status, code, expected) in [
            ("404 Not Found", "NoSuchBucket", "create it"),
            (
                "403 Forbidden",
                "SignatureDoesNotMatch",
                "does not accept the key of /key (SignatureDoesNotMatch)",
            ),
            (
                "403 Forbidden",
                "InvalidAccessKeyId",
                "does not accept the key",
            ),
            ("403 Forbidden", "AccessDenied", "may not do this"),
            (
                "403 Forbidden",
                "RequestTimeTooSkewed",
                "set this machine's clock",
            ),
            ("301 Moved", "PermanentRedirect", "--region"),
            ("503 Slow Down", "SlowDown", "away: SlowDown"),
            ("400 Bad Request", "BadDigest", "arrived changed"),
            (
                "400 Bad Request",
                "InvalidBucketName",
                "InvalidBucketName: because",
            ),
        ] {
            let text = Reason::of_text(&answer(status, code), Path::new("/key")).to_string();
            assert!(text.contains(expected), "{text}");
            assert!(!text.contains("AWS4"), "{text}");
        }
    }

    #[test]
    fn what_may_pass_is_asked_for_again() {
        for (text, passes) in [
            (answer("503 Slow Down", "SlowDown"), true),
            (answer("500 Internal", "Whatever"), true),
            (answer("400 Bad Request", "XAmzContentSHA256Mismatch"), true),
            (answer("403 Forbidden", "AccessDenied"), false),
            (
                "x - Server returned non-2xx status code: 502 Bad Gateway: ".to_owned(),
                true,
            ),
            (
                "x - Server returned non-2xx status code: 403 Forbidden: ".to_owned(),
                false,
            ),
            (
                "x - HTTP error: client error (Connect): refused".to_owned(),
                true,
            ),
        ] {
            assert_eq!(
                Reason::of_text(&text, Path::new("/key")).may_pass(),
                passes,
                "{text}"
            );
        }
    }
}
