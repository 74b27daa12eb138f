//! Promotion of a configuration to W: gates, ramp, break-glass, and what status shows of them.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::text::{HttpUrl, ObjectName, Ratio, Reason, Sha256Hex};

/// What W waits for before it takes a new configuration, and how its exposure rises afterwards.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Promotion {
    /// How long the mirror must have been Ready on the new configuration, in seconds. Without it:
    /// 300.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 31_536_000))]
    pub minimum_ready_seconds: Option<u32>,
    /// Gates that must all pass for the new hash, by name. At most 32.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub gates: Vec<Gate>,
    /// Steps in which the effective ratio rises after the promotion, in order. Without them it is
    /// `liveRatio` at once. At most 16.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    #[x_kube(
        merge_strategy = ListMerge::Atomic,
        validation = Rule::new("[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15].all(i, i >= self.size() || !isQuantity(self[i - 1].ratio) || !isQuantity(self[i].ratio) || quantity(self[i - 1].ratio).compareTo(quantity(self[i].ratio)) <= 0)").message("the ratio must not fall from one step of the ramp to the next")
    )]
    pub ramp: Vec<RampStep>,
    /// Starts W on a configuration whose gates have not passed, `Reducing` and `Unproven`. Needs a
    /// right of its own and raises an alert.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub break_glass: Option<BreakGlass>,
}

/// A gate of the promotion.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Gate {
    /// Name within the promotion, unique.
    pub name: ObjectName,
    /// What the gate asks for. Exactly one.
    pub requires: GateRequirement,
}

/// What a gate asks for: exactly one of these.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum GateRequirement {
    /// Enough data of an ABH instance on the same configuration. Advisory where ABH runs in a
    /// team's namespace.
    AbhCoverage(AbhCoverage),
    /// Continuous healthy time of the mirror, by the trader's monotonic clock.
    Soak(Soak),
    /// Equal decisions of mirror and ABH from equal input.
    Parity(Parity),
    /// Approval of the hash by a person.
    Approval(Approval),
    /// A time of the week.
    Window(Window),
    /// A Prometheus query whose result is a true value.
    Prometheus(PrometheusQuery),
}

/// Enough data of an ABH instance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AbhCoverage {
    /// Name of the ABH instance in the same namespace.
    pub instance: ObjectName,
    /// Fewest candidates that it recorded.
    #[schemars(range(min = 0, max = 1_000_000_000))]
    pub minimum_candidates: u32,
    /// Shortest market time that it covered, in seconds.
    #[schemars(range(min = 0, max = 31_536_000))]
    pub minimum_seconds: u32,
}

/// Continuous healthy time of the mirror.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Soak {
    /// Shortest healthy time, in seconds. A graceful restart or an outage of the venue pauses it; a
    /// crash, a gap in the feed or a breach resets it.
    #[schemars(range(min = 1, max = 31_536_000))]
    pub seconds: u32,
}

/// Equal decisions from equal input.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Parity {
    /// Name of the instance in the same namespace with which the mirror is compared.
    pub instance: ObjectName,
    /// Fewest candidates that were compared.
    #[schemars(range(min = 1, max = 1_000_000_000))]
    pub minimum_candidates: u32,
    /// Most candidates that may differ.
    #[schemars(range(min = 0, max = 1_000_000_000))]
    pub maximum_differences: u32,
}

/// Approval of the hash by a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Approval {
    /// The approved hash, 64 hexadecimal digits. Absent: the gate waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config_hash: Option<Sha256Hex>,
}

/// A time of the week, in UTC.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Window {
    /// Days on which the window opens. 1 to 7.
    #[schemars(length(min = 1, max = 7))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub days: Vec<Weekday>,
    /// Minute of the day at which it opens, 0 to 1439.
    #[schemars(range(min = 0, max = 1439))]
    pub opens_at_minute: u32,
    /// How long it stays open, in minutes.
    #[schemars(range(min = 1, max = 10_080))]
    pub minutes: u32,
}

/// A day of the week.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Weekday {
    Monday,
    Tuesday,
    Wednesday,
    Thursday,
    Friday,
    Saturday,
    Sunday,
}

/// A Prometheus query.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PrometheusQuery {
    /// Base URL of the Prometheus server.
    pub url: HttpUrl,
    /// PromQL expression; the gate passes while it yields at least one sample and every sample is
    /// not 0.
    #[schemars(length(min = 1, max = 2000))]
    pub query: String,
}

/// A step of the ramp.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RampStep {
    /// The ratio during this step, 0 to 1.
    pub ratio: Ratio,
    /// Fewest fills before the next step.
    #[schemars(range(min = 0, max = 1_000_000))]
    pub minimum_fills: u32,
    /// Shortest time before the next step, in seconds.
    #[schemars(range(min = 0, max = 31_536_000))]
    pub minimum_seconds: u32,
}

/// Starts W on a configuration whose gates have not passed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BreakGlass {
    /// The configuration that it is meant for.
    pub config_hash: Sha256Hex,
    /// Why, in 1 to 500 characters.
    pub reason: Reason,
    /// When it ends, RFC 3339 in UTC: `2026-01-31T12:00:00Z`.
    #[schemars(
        length(min = 20, max = 20),
        regex(pattern = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$"),
        extend("format" = "date-time")
    )]
    pub expires_at: String,
}

/// What a gate says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GateVerdict {
    /// Name of the gate.
    #[schemars(length(max = 63))]
    pub name: String,
    /// The hash that was judged.
    #[schemars(length(max = 64))]
    pub config_hash: String,
    /// What the gate says.
    pub verdict: Verdict,
    /// One word in CamelCase.
    #[schemars(length(max = 64))]
    pub reason: String,
    /// A sentence for a person.
    #[schemars(length(max = 1024))]
    pub message: String,
}

/// The outcome of a gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Verdict {
    /// Passed.
    Pass,
    /// Not yet.
    Pending,
    /// Failed for this hash.
    Fail,
}

/// A configuration that completed its ramp.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProvenConfiguration {
    /// Hash of the configuration, 64 hexadecimal digits.
    #[schemars(length(max = 64))]
    pub config_hash: String,
    /// The image that completed it.
    #[schemars(length(max = 512))]
    pub image: String,
}
