//! The halt: what stops the trader, and the one way back.
//!
//! [`machine`] decides and knows no clock, no disk and no network; [`latch`] keeps a halt on the
//! volume; [`control`] ties both together and holds the gate that every candidate passes;
//! [`endpoint`] is the way in that needs no API server.

pub mod control;
pub mod endpoint;
pub mod latch;
pub mod machine;

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use triptych_crds::TradingState;
use triptych_crds::text::HaltId;

use machine::HaltInForce;

/// Longest reason, in characters.
pub const LONGEST_REASON: usize = 500;

/// Where a halt came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Source {
    /// `spec.tradingState` of the TradingInstance.
    Spec,
    /// The annotation `triptych.trading/halt` of the TradingInstance.
    Annotation,
    /// A breaker of the trader.
    Breaker,
    /// `POST /v1/halt`.
    Endpoint,
    /// `status.ceiling` of the TradingInstance: the operator bounds what this configuration may do.
    Ceiling,
    /// What was in the latch is none.
    Latch,
    /// The TradingInstance is gone, or another one has its name.
    InstanceGone,
    /// Since its start, the trader has not read both its latch and its TradingInstance.
    Start,
}

impl Source {
    /// Those that are latched: all but the start, which ends by itself.
    pub const LATCHED: [Self; 7] = [
        Self::Spec,
        Self::Annotation,
        Self::Breaker,
        Self::Endpoint,
        Self::Ceiling,
        Self::Latch,
        Self::InstanceGone,
    ];

    /// The source of a latched halt by its name.
    pub(crate) fn latched(name: &str) -> Option<Self> {
        Self::LATCHED
            .into_iter()
            .find(|source| source.name() == name)
    }

    /// The name in status, latch and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Spec => "Spec",
            Self::Annotation => "Annotation",
            Self::Breaker => "Breaker",
            Self::Endpoint => "Endpoint",
            Self::Ceiling => "Ceiling",
            Self::Latch => "Latch",
            Self::InstanceGone => "InstanceGone",
            Self::Start => "Start",
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A halt as it is latched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Halt {
    /// Its identifier: `spec.resume` with this value clears it.
    pub id: HaltId,
    /// `Halted`, or `Reducing`.
    pub state: TradingState,
    /// Where it came from.
    pub source: Source,
    /// Why, as far as it is known; at most [`LONGEST_REASON`] characters.
    pub reason: String,
    /// When it began.
    #[serde(with = "rfc_3339")]
    pub since: Timestamp,
}

/// A halt in force as status and endpoint show it.
pub(crate) fn document(halt: &HaltInForce) -> Value {
    json!({
        "id": halt.id.as_deref(),
        "source": halt.source.name(),
        "reason": halt.reason,
        "since": halt.since.to_string(),
    })
}

/// How much a state forbids: 0 for Active, 2 for Halted.
pub(crate) const fn severity(state: TradingState) -> u8 {
    match state {
        TradingState::Active => 0,
        TradingState::Reducing => 1,
        TradingState::Halted => 2,
    }
}

/// A reason as it is kept: one line, bounded.
pub(crate) fn bounded(reason: &str) -> String {
    reason
        .chars()
        .take(LONGEST_REASON)
        .map(|letter| if letter.is_control() { ' ' } else { letter })
        .collect()
}

/// Times as text, such as `2026-01-01T00:00:00Z`.
mod rfc_3339 {
    use jiff::Timestamp;
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    pub(super) fn serialize<S: Serializer>(
        time: &Timestamp,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_str(time)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Timestamp, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(D::Error::custom)
    }
}
