//! Failures, sorted by who can end them: time, or a person.

use std::time::Duration;

use kube::core::Status;
use thiserror::Error;
use triptych_decide::text;

use crate::client::NotLeading;

/// Why a reconciliation did not reach its end.
#[derive(Debug, Error)]
pub enum Failure {
    /// It goes away by itself: a conflict, an overloaded or unreachable API server. Tried again
    /// with backoff.
    #[error("{attempt}: {reason}")]
    Transient {
        /// What was attempted.
        attempt: String,
        /// What went wrong.
        reason: String,
        /// The shortest wait that the API server asks for.
        retry_after: Option<Duration>,
    },
    /// The API server refuses it until somebody changes something: a quota, a policy, a right, an
    /// invalid value. Shown on the object, and tried again with backoff.
    #[error("{attempt}: {reason}")]
    Refused {
        /// What was attempted.
        attempt: String,
        /// What the API server said.
        reason: String,
    },
    /// The object, or its whole namespace, is going or gone. Nothing is left to do.
    #[error("{attempt}: gone")]
    Gone {
        /// What was attempted.
        attempt: String,
    },
    /// This process may not write: another may be the leader.
    #[error("{attempt}: this process is not the leader")]
    NotLeading {
        /// What was attempted.
        attempt: String,
    },
}

impl Failure {
    /// Sorts an error of the API.
    pub fn sort(attempt: impl Into<String>, error: &kube::Error) -> Self {
        let attempt = attempt.into();
        match error {
            kube::Error::Api(status) => Self::sort_answer(attempt, status),
            kube::Error::Service(error) if error.is::<NotLeading>() => Self::NotLeading { attempt },
            error => Self::Transient {
                attempt,
                reason: chain(error),
                retry_after: None,
            },
        }
    }

    /// What went wrong, in as few words as say it.
    pub fn words(error: &(dyn std::error::Error + 'static)) -> String {
        match error.downcast_ref() {
            Some(kube::Error::Api(status)) => words(status),
            _ => chain(error),
        }
    }

    fn sort_answer(attempt: String, status: &Status) -> Self {
        let reason = words(status);
        match status.code {
            404 => Self::Gone { attempt },
            403 if namespace_is_terminating(status) => Self::Gone { attempt },
            400 | 403 | 405 | 413 | 415 | 422 => Self::Refused { attempt, reason },
            _ => Self::Transient {
                attempt,
                reason,
                retry_after: retry_after(status),
            },
        }
    }
}

/// The API server's message, with its status code.
fn words(status: &Status) -> String {
    let message = format!("{} ({})", status.message.trim(), status.code);
    text::at_most(&text::one_line(&message), text::MAX_MESSAGE)
}

fn namespace_is_terminating(status: &Status) -> bool {
    let details = status.details.as_ref();
    let mut causes = details.into_iter().flat_map(|details| &details.causes);
    causes.any(|cause| cause.reason == "NamespaceTerminating")
}

fn retry_after(status: &Status) -> Option<Duration> {
    let seconds = status.details.as_ref()?.retry_after_seconds;
    (seconds > 0).then(|| Duration::from_secs(u64::from(seconds)))
}

/// An error with its causes: "request failed: connection refused".
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        source = cause.source();
    }
    text::at_most(&text::one_line(&text), text::MAX_MESSAGE)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn sorted(code: u16, details: &Value) -> Failure {
        let status: Status = serde_json::from_value(json!({
            "status": "Failure", "code": code, "message": "the server's words", "details": details,
        }))
        .expect("a status");
        Failure::sort("apply ConfigMap team/a", &kube::Error::Api(status.boxed()))
    }

    #[test]
    fn answers_are_sorted_by_who_can_end_them() {
        let cases = [
            (400, "refused"),
            (403, "refused"),
            (404, "gone"),
            (408, "transient"),
            (409, "transient"),
            (413, "refused"),
            (422, "refused"),
            (429, "transient"),
            (500, "transient"),
            (503, "transient"),
            (504, "transient"),
        ];
        for (code, expected) in cases {
            let kind = match sorted(code, &json!({})) {
                Failure::Transient { .. } => "transient",
                Failure::Refused { .. } => "refused",
                Failure::Gone { .. } => "gone",
                Failure::NotLeading { .. } => "not leading",
            };
            assert_eq!(kind, expected, "{code}");
        }
    }

    #[test]
    fn a_namespace_on_its_way_out_is_nobodys_mistake() {
        let details = json!({ "causes": [{ "reason": "NamespaceTerminating" }] });
        assert!(matches!(sorted(403, &details), Failure::Gone { .. }));
    }

    #[test]
    fn the_servers_advice_when_to_come_back_is_kept() {
        let advice = sorted(429, &json!({ "retryAfterSeconds": 7 }));
        assert!(
            matches!(advice, Failure::Transient { retry_after: Some(after), .. } if after.as_secs() == 7)
        );
    }

    #[test]
    fn a_failure_says_what_was_attempted_and_what_the_server_said() {
        let text = sorted(422, &json!({})).to_string();
        assert_eq!(text, "apply ConfigMap team/a: the server's words (422)");
    }

    #[test]
    fn a_write_that_was_held_back_is_no_fault_of_the_api_server() {
        let error = kube::Error::Service(Box::new(NotLeading));
        assert!(matches!(
            Failure::sort("x", &error),
            Failure::NotLeading { .. }
        ));
    }
}
