//! Conditions: what is reported, and how it meets what was reported before.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

use crate::text;

/// Types of conditions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ConditionType {
    /// The pod is ready and attests the configuration that it was made for.
    Ready,
    /// The operator is on the way to what is declared.
    Progressing,
    /// Something is wrong that does not go away by waiting.
    Degraded,
    /// The pod runs an older template of the same configuration.
    RestartRequired,
    /// W and its mirror declare and run the same configuration (invariant M1).
    MirrorInSync,
    /// The seal of the side's namespace is whole (invariant K1).
    KeyIsolated,
    /// W runs what it declares, every gate passed (invariant M2).
    Promoted,
    /// Orders reach the venue.
    Execution,
    /// The account's venue is a simulated one.
    Simulated,
}

impl ConditionType {
    /// The type as it stands in the status.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ready => "Ready",
            Self::Progressing => "Progressing",
            Self::Degraded => "Degraded",
            Self::RestartRequired => "RestartRequired",
            Self::MirrorInSync => "MirrorInSync",
            Self::KeyIsolated => "KeyIsolated",
            Self::Promoted => "Promoted",
            Self::Execution => "Execution",
            Self::Simulated => "Simulated",
        }
    }
}

/// Whether a condition holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holds {
    /// It does.
    True,
    /// It does not.
    False,
    /// Nobody knows.
    Unknown,
}

impl Holds {
    /// The value as it stands in the status.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::True => "True",
            Self::False => "False",
            Self::Unknown => "Unknown",
        }
    }
}

/// A condition without times.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConditionReport {
    /// Type.
    pub kind: ConditionType,
    /// Whether it holds.
    pub holds: Holds,
    /// One word in CamelCase.
    pub reason: &'static str,
    /// A sentence for a person, on one line.
    pub message: String,
}

impl ConditionReport {
    /// A condition with a message that is cut to one readable line.
    pub fn new(
        kind: ConditionType,
        holds: Holds,
        reason: &'static str,
        message: impl AsRef<str>,
    ) -> Self {
        let message = text::at_most(&text::one_line(message.as_ref()), text::MAX_MESSAGE);
        Self {
            kind,
            holds,
            reason,
            message,
        }
    }
}

/// The conditions to be stored. Types that are not reported stay as they are; a transition time
/// changes with the status of its condition only.
pub fn merge(
    previous: &[Condition],
    reports: &[ConditionReport],
    generation: Option<i64>,
    now: &Time,
) -> Vec<Condition> {
    let mut merged = previous.to_vec();
    for report in reports {
        let known = merged
            .iter()
            .position(|condition| condition.type_ == report.kind.as_str());
        let since = known
            .map(|at| &merged[at])
            .filter(|condition| condition.status == report.holds.as_str())
            .map_or_else(
                || now.clone(),
                |condition| condition.last_transition_time.clone(),
            );
        let condition = Condition {
            type_: report.kind.as_str().to_owned(),
            status: report.holds.as_str().to_owned(),
            reason: report.reason.to_owned(),
            message: report.message.clone(),
            observed_generation: generation,
            last_transition_time: since,
        };
        match known {
            Some(at) => merged[at] = condition,
            None => merged.push(condition),
        }
    }
    merged
}
