//! Faults on purpose: what goes wrong, where, and how often.

use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};

/// The scope of messages of public streams; a stream's own name means that stream alone.
pub const MARKET_STREAMS: &str = "marketStreams";
/// The scope of events of accounts.
pub const USER_EVENTS: &str = "userEvents";

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum FaultKind {
    /// A request or a message is late.
    Delay {
        /// By so many milliseconds.
        milliseconds: u64,
    },
    /// The connection is cut instead of an answer.
    Cut {
        /// Whether the request is carried out first.
        carried_out: bool,
    },
    /// Half of an answer or a message arrives; after half an answer the connection is cut.
    Truncate,
    /// The answer -1007: the venue does not know what became of the request.
    Timeout {
        /// Whether the request is carried out.
        carried_out: bool,
    },
    /// The answer 429.
    TooManyRequests {
        /// Seconds to wait.
        retry_after: u64,
    },
    /// The answer 418.
    Banned {
        /// Seconds to wait.
        retry_after: u64,
    },
    /// A message does not arrive: a gap in the sequence.
    Drop,
    /// A message arrives twice.
    Duplicate,
    /// A message arrives after the next one.
    Reorder,
}

impl FaultKind {
    /// Whether it can befall a message.
    pub const fn is_of_messages(self) -> bool {
        matches!(
            self,
            Self::Delay { .. } | Self::Truncate | Self::Drop | Self::Duplicate | Self::Reorder
        )
    }

    /// Whether it can befall a request.
    pub const fn is_of_requests(self) -> bool {
        !matches!(self, Self::Drop | Self::Duplicate | Self::Reorder)
    }
}

/// A fault that waits for its occasion.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Fault {
    /// What goes wrong.
    pub fault: FaultKind,
    /// A request as `POST /api/v3/order` or `order.place`, [`MARKET_STREAMS`], [`USER_EVENTS`] or the
    /// name of a stream; where it is missing, every request.
    #[serde(default)]
    pub endpoint: Option<String>,
    /// How often it still happens; without end where it is missing.
    #[serde(default)]
    pub count: Option<u32>,
}

impl Fault {
    /// Why it can never happen, where that is so.
    pub fn problem(&self) -> Option<String> {
        let endpoint = self.endpoint.as_deref().unwrap_or_default();
        let is_of_messages =
            endpoint == MARKET_STREAMS || endpoint == USER_EVENTS || endpoint.contains('@');
        let is_possible = if is_of_messages {
            self.fault.is_of_messages()
        } else {
            self.fault.is_of_requests()
        };
        (!is_possible).then(|| {
            format!(
                "fault {:?} at endpoint {endpoint:?}: requests take delay, cut, truncate, timeout, tooManyRequests and banned; messages ({MARKET_STREAMS}, {USER_EVENTS} or a stream such as btcusdt@trade) take delay, truncate, drop, duplicate and reorder",
                self.fault
            )
        })
    }

    fn is_of_any_request(&self) -> bool {
        self.endpoint.is_none()
    }
}

/// Every fault that waits, first armed first.
#[derive(Debug, Default)]
pub(crate) struct Faults(Mutex<Vec<Fault>>);

impl Faults {
    pub(crate) fn arm(&self, fault: Fault) {
        self.lock().push(fault);
    }

    pub(crate) fn clear(&self) {
        self.lock().clear();
    }

    pub(crate) fn list(&self) -> Vec<Fault> {
        self.lock().clone()
    }

    /// What befalls this request.
    pub(crate) fn on_request(&self, endpoint: &str) -> Option<FaultKind> {
        self.take(|fault| fault.is_of_any_request() || fault.endpoint.as_deref() == Some(endpoint))
    }

    /// What befalls this message.
    pub(crate) fn on_message(&self, scope: &str, stream: &str) -> Option<FaultKind> {
        self.take(|fault| {
            fault
                .endpoint
                .as_deref()
                .is_some_and(|endpoint| endpoint == scope || endpoint == stream)
        })
    }

    fn take(&self, is_meant: impl Fn(&Fault) -> bool) -> Option<FaultKind> {
        let mut faults = self.lock();
        let index = faults.iter().position(is_meant)?;
        let fault = &mut faults[index];
        let kind = fault.fault;
        if let Some(count) = &mut fault.count {
            *count = count.saturating_sub(1);
            if *count == 0 {
                faults.remove(index);
            }
        }
        Some(kind)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Fault>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_happens_where_and_as_often_as_asked() {
        let faults = Faults::default();
        let fault: Fault = serde_json::from_str(
            r#"{ "endpoint": "order.place", "count": 2, "fault": { "cut": { "carriedOut": true } } }"#,
        )
        .unwrap();
        assert_eq!(fault.problem(), None);
        faults.arm(fault);
        let cut = Some(FaultKind::Cut { carried_out: true });
        let happened = ["time", "order.place", "order.place", "order.place"]
            .map(|endpoint| faults.on_request(endpoint));
        assert_eq!(happened, [None, cut, cut, None]);
    }

    #[test]
    fn a_fault_that_can_never_happen_is_refused() {
        for (text, is_possible) in [
            (r#"{ "fault": "drop" }"#, false),
            (
                r#"{ "fault": "drop", "endpoint": "btcusdt@depth@100ms" }"#,
                true,
            ),
            (
                r#"{ "fault": { "banned": { "retryAfter": 1 } }, "endpoint": "userEvents" }"#,
                false,
            ),
            (r#"{ "fault": { "banned": { "retryAfter": 1 } } }"#, true),
        ] {
            let fault: Fault = serde_json::from_str(text).unwrap();
            assert_eq!(fault.problem().is_none(), is_possible, "{text}");
        }
    }
}
