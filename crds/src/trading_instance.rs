//! `TradingInstance`: one trader of one tier, the team's.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{CustomResource, KubeSchema};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use crate::{
    promotion::{GateVerdict, Promotion, ProvenConfiguration},
    text::{AccountName, ClassName, HaltId, ObjectName, Ratio, ResourceQuantity, WebSocketUrl},
};

/// One trader of one tier: which configuration it runs, on which account, and whether it may trade.
#[derive(CustomResource, Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[kube(
    group = "triptych.trading",
    version = "v1alpha1",
    kind = "TradingInstance",
    plural = "tradinginstances",
    shortname = "ti",
    category = "triptych",
    namespaced,
    status = "TradingInstanceStatus",
    derive = "PartialEq",
    doc = "One trader of one tier: W (live), R (demo) or ABH (intelligence).",
    printcolumn(name = "Tier", type_ = "string", json_path = ".spec.tier", description = "W trades live, R on the demo API, ABH never."),
    printcolumn(name = "Revision", type_ = "string", json_path = ".spec.configRevision", description = "The declared ConfigRevision."),
    printcolumn(name = "State", type_ = "string", json_path = ".status.tradingState", description = "Active, Reducing or Halted, as it is in force."),
    printcolumn(name = "Phase", type_ = "string", json_path = ".status.phase", description = "What the instance is doing."),
    printcolumn(name = "Running", type_ = "string", json_path = ".status.running.shortHash", description = "First 12 characters of the hash that the running pod attests."),
    printcolumn(name = "In sync", type_ = "string", json_path = ".status.inSync", description = "Whether what runs is what is declared; for W and R the mirror's hash counts too."),
    printcolumn(name = "Waiting for", type_ = "string", json_path = ".status.waitingFor", description = "What the next step waits for."),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    validation = Rule::new("self.metadata.name.size() <= 45").message("the name of a TradingInstance has at most 45 characters: the names of its objects are made of it"),
    validation = Rule::new("self.metadata.name.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$')").message("the name of a TradingInstance is a DNS label: lowercase letters, digits and '-'"),
    validation = Rule::new("!has(self.spec.mirrorOf) || self.spec.mirrorOf != self.metadata.name").message("mirrorOf names a W, not the instance itself").field_path(".spec.mirrorOf")
)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[x_kube(
    validation = Rule::new("self.tier == oldSelf.tier").message("tier cannot be changed: create another TradingInstance").field_path(".tier"),
    validation = Rule::new("self.tier == 'W' || !has(self.liveRatio)").message("liveRatio belongs to tier W only: R and ABH trade no real funds").field_path(".liveRatio").reason(Reason::FieldValueForbidden),
    validation = Rule::new("self.tier != 'W' || has(self.liveRatio)").message("liveRatio is required on W: say which part of the configured exposure may trade real funds").field_path(".liveRatio").reason(Reason::FieldValueRequired),
    validation = Rule::new("self.tier == 'W' || !has(self.liveRatioMode)").message("liveRatioMode belongs to tier W only").field_path(".liveRatioMode").reason(Reason::FieldValueForbidden),
    validation = Rule::new("self.tier == 'W' || !has(self.promotion)").message("promotion belongs to tier W only: its gates look at the mirror and at ABH").field_path(".promotion").reason(Reason::FieldValueForbidden),
    validation = Rule::new("self.tier == 'ABH' || has(self.account)").message("account is required on W and R: the tier picks its live or its demo side").field_path(".account").reason(Reason::FieldValueRequired),
    validation = Rule::new("self.tier != 'ABH' || !has(self.account)").message("account is forbidden on ABH: it never trades and holds no key").field_path(".account").reason(Reason::FieldValueForbidden),
    validation = Rule::new("!has(self.account) || !has(oldSelf.account) || self.account == oldSelf.account").message("account cannot be changed: create another TradingInstance").field_path(".account"),
    validation = Rule::new("self.tier == 'R' || !has(self.mirrorOf)").message("mirrorOf belongs to tier R only: it names the W that this R mirrors").field_path(".mirrorOf").reason(Reason::FieldValueForbidden),
    validation = Rule::new("self.tier == 'ABH' || !has(self.storage)").message("storage belongs to tier ABH only: W and R have their volume from the account's side").field_path(".storage").reason(Reason::FieldValueForbidden),
    validation = Rule::new("self.tier != 'ABH' || has(self.storage)").message("storage is required on ABH: its dataset needs a volume").field_path(".storage").reason(Reason::FieldValueRequired),
    validation = Rule::new("self.tier == 'ABH' || !has(self.marketData)").message("marketData belongs to tier ABH only: W and R have their endpoints from the account's side").field_path(".marketData").reason(Reason::FieldValueForbidden),
    validation = Rule::new("self.tier != 'ABH' || !has(self.ledger)").message("ledger belongs to W and R: ABH has no orders").field_path(".ledger").reason(Reason::FieldValueForbidden),
    validation = Rule::new("self.tier != 'ABH' || !has(self.resume)").message("resume belongs to W and R: ABH has no halt to clear, set tradingState to Active").field_path(".resume").reason(Reason::FieldValueForbidden),
    validation = Rule::new("self.tier != 'ABH' || !has(self.tradingState) || self.tradingState != 'Reducing'").message("Reducing is refused on ABH: it has no positions to reduce; use Active or Halted").field_path(".tradingState").reason(Reason::FieldValueForbidden)
)]
pub struct TradingInstanceSpec {
    /// W trades real funds, R trades on the venue's demo API, ABH records and never trades. It
    /// cannot be changed.
    pub tier: Tier,
    /// Name of the ConfigRevision in the same namespace.
    pub config_revision: ObjectName,
    /// Name of the TradingAccount (W and R). The tier picks its live or its demo side. It cannot be
    /// changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<AccountName>,
    /// Name of the W in the same namespace that this R mirrors. An R without it is a free-standing
    /// candidate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mirror_of: Option<ObjectName>,
    /// Ceiling of W's exposure as a part of what the configuration allows, 0 to 1; required on W.
    /// Lowering it acts at once; the promotion's ramp can only stay below it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub live_ratio: Option<Ratio>,
    /// How liveRatio acts (W). Without it: Size.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub live_ratio_mode: Option<LiveRatioMode>,
    /// Whether the trader may trade. Without it: Active. On ABH, Halted takes the pod away and
    /// Active brings it back as a new run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trading_state: Option<TradingState>,
    /// Identifier of the halt that a person clears (W and R), as `status.halt.id` shows it. Nothing
    /// else clears a halt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resume: Option<HaltId>,
    /// A text of your own; a change of it restarts the pod once with its newest template, the mirror
    /// first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 64))]
    pub restart: Option<String>,
    /// What W waits for before it takes a new configuration, and how its exposure rises afterwards.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub promotion: Option<Promotion>,
    /// Where intents, orders and fills are recorded (W and R). Without it: Embedded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ledger: Option<Ledger>,
    /// The dataset's volume (ABH).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub storage: Option<Storage>,
    /// Where public market data comes from (ABH) when it is not the venue's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub market_data: Option<MarketData>,
    /// Requests and limits of the trader's container. Without it: 100m and 128Mi requested, 512Mi
    /// as the limit of memory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resources: Option<Resources>,
    /// Least severe level of the trader's log lines. Without it: Info.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log_level: Option<LogLevel>,
    /// Time that the pod has for an orderly stop, in seconds. Without it: 30.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 5, max = 600))]
    pub termination_grace_period_seconds: Option<i64>,
    /// Labels that a node must have, beside those by which the operator places the tiers. At most 16.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "node_selector_schema")]
    pub node_selector: Option<BTreeMap<String, String>>,
    /// PriorityClass of the pod.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority_class_name: Option<ClassName>,
}

fn node_selector_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object", "maxProperties": 16,
        "additionalProperties": {
            "type": "string", "maxLength": 63, "pattern": "^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$"
        },
        "x-kubernetes-validations": [
            {
                "rule": "self.all(label, label.size() <= 316 && label.matches('^([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$'))",
                "message": "names of labels are letters, digits, '-', '_' and '.', with an optional DNS prefix and '/': kubernetes.io/arch"
            },
            {
                "rule": "!self.exists(label, label.startsWith('node-restriction.kubernetes.io/'))",
                "message": "nodeSelector may not name labels of node-restriction.kubernetes.io/: the operator places the tiers"
            }
        ]
    })
}

/// The tier of a trader.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
pub enum Tier {
    /// Live, writer: trades real funds.
    W,
    /// Demo, reader: a mirror of W on the venue's demo API.
    R,
    /// Intelligence, hypothesis: records every potential trade, never trades.
    #[serde(rename = "ABH")]
    Abh,
}

impl Tier {
    /// The tier as it is written in manifests, labels and the trader's environment.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::W => "W",
            Self::R => "R",
            Self::Abh => "ABH",
        }
    }
}

/// Whether a trader may trade.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum TradingState {
    /// Trades as configured.
    #[default]
    Active,
    /// Positions may only get smaller.
    Reducing,
    /// No new orders.
    Halted,
}

/// How liveRatio acts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum LiveRatioMode {
    /// Scales the quantity of each order and every exposure limit.
    #[default]
    Size,
    /// Of the L trades recommended in a decision round takes floor(L x ratio), the best first.
    Count,
}

/// Where intents, orders and fills are recorded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Ledger {
    /// SQLite on the trader's volume.
    #[default]
    Embedded,
    /// PostgreSQL; the connection string comes from the account's side.
    Postgres,
}

/// The dataset's volume.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[x_kube(
    validation = Rule::new("!isQuantity(self.size) || quantity(self.size).compareTo(quantity(oldSelf.size)) >= 0").message("size cannot shrink: a volume only grows").field_path(".size"),
    validation = Rule::new("(has(self.storageClassName) ? self.storageClassName : '') == (has(oldSelf.storageClassName) ? oldSelf.storageClassName : '')").message("storageClassName cannot be changed: the volume exists").field_path(".storageClassName")
)]
pub struct Storage {
    /// Size of the volume. It may grow where the StorageClass allows expansion.
    pub size: ResourceQuantity,
    /// StorageClass of the volume; the cluster's default where it is absent. It cannot be changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub storage_class_name: Option<ClassName>,
    /// What happens to the volume when the TradingInstance is deleted. Without it: Retain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when_deleted: Option<WhenDeleted>,
}

/// What happens to a dataset's volume.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum WhenDeleted {
    /// The PersistentVolumeClaim stays; an instance of the same name takes it up again.
    #[default]
    Retain,
    /// The PersistentVolumeClaim is deleted with the instance.
    Delete,
}

/// Where public market data comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MarketData {
    /// Base URL of the market streams, `ws://` or `wss://`. Snapshots come from the same host over
    /// `http://` or `https://`.
    pub url: WebSocketUrl,
}

/// Requests and limits of a container.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[x_kube(
    validation = Rule::new("!has(self.requests) || !has(self.limits) || !has(self.requests.cpu) || !has(self.limits.cpu) || !isQuantity(self.requests.cpu) || !isQuantity(self.limits.cpu) || quantity(self.requests.cpu).compareTo(quantity(self.limits.cpu)) <= 0").message("requests.cpu must be at most limits.cpu").field_path(".requests.cpu"),
    validation = Rule::new("!has(self.requests) || !has(self.limits) || !has(self.requests.memory) || !has(self.limits.memory) || !isQuantity(self.requests.memory) || !isQuantity(self.limits.memory) || quantity(self.requests.memory).compareTo(quantity(self.limits.memory)) <= 0").message("requests.memory must be at most limits.memory").field_path(".requests.memory")
)]
pub struct Resources {
    /// What the scheduler reserves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requests: Option<ComputeResources>,
    /// What the container may not exceed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limits: Option<ComputeResources>,
}

/// Amounts of processor time and memory.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ComputeResources {
    /// Processor time in cores: `500m` is half a core.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu: Option<ResourceQuantity>,
    /// Memory in bytes: `512Mi`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<ResourceQuantity>,
}

/// Severity of log lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum LogLevel {
    /// Errors only.
    Error,
    /// Warnings and errors.
    Warn,
    /// What an operations team wants to read.
    #[default]
    Info,
    /// What a developer wants to read.
    Debug,
}

/// What the operator knows of an instance.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TradingInstanceStatus {
    /// The generation that this status describes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// What the instance is doing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<Phase>,
    /// The trading state that is in force: the declared one, or a tighter one after a halt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trading_state: Option<TradingState>,
    /// Hash of the declared ConfigRevision, 64 hexadecimal digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub declared_hash: Option<String>,
    /// What the running pod attests about itself. Absent while no pod has answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub running: Option<Running>,
    /// `True` where what runs is what is declared (and, for W and R, what the mirror runs), else
    /// `False`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 8))]
    pub in_sync: Option<String>,
    /// What the next step waits for, in a few words; absent when there is nothing to wait for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub waiting_for: Option<String>,
    /// The halt that is in force (W and R).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub halt: Option<Halt>,
    /// The most that the trader may do, beside what is declared: set while the configuration that it
    /// runs is revoked, or runs without its gates (W and R).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ceiling: Option<Ceiling>,
    /// The part of the configuration's exposure that W may use now: the smaller of `spec.liveRatio`
    /// and the ramp.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 10))]
    pub effective_ratio: Option<String>,
    /// The value of `spec.restart` that was carried out last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub restarted: Option<String>,
    /// What each gate of the promotion says (W).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32))]
    pub gates: Vec<GateVerdict>,
    /// Configurations that completed their ramp on this W: going back to one of them waits for no
    /// gate. At most 32, the newest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32))]
    pub proven: Vec<ProvenConfiguration>,
    /// `Ready`, `Progressing`, `Degraded`, `RestartRequired`, and on W and R `MirrorInSync`,
    /// `KeyIsolated`, `Promoted`, `Simulated`, `Execution`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "crate::definitions::conditions_schema")]
    pub conditions: Vec<Condition>,
}

/// What an instance is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Phase {
    /// Something that it needs is missing or wrong; the conditions say what.
    Pending,
    /// Its pod is on the way to readiness.
    Starting,
    /// Its pod is ready and attests the declared configuration.
    Running,
    /// Another configuration is declared than the one that runs, and it waits for its gates.
    Promoting,
    /// Its pod is being replaced.
    Rolling,
    /// It is halted.
    Halted,
    /// It runs, and something is wrong; the conditions say what.
    Degraded,
    /// It is being deleted.
    Terminating,
}

/// What the running pod attests about itself, tied to the pod as the API server has it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Running {
    /// Hash of the configuration that the pod loaded, 64 hexadecimal digits.
    #[schemars(length(max = 64))]
    pub hash: String,
    /// The first 12 characters of `hash`.
    #[schemars(length(max = 12))]
    pub short_hash: String,
    /// Identifier of the run: a new one each time the trader starts.
    #[schemars(length(max = 64))]
    pub run_id: String,
    /// Name of the pod.
    #[schemars(length(max = 253))]
    pub pod: String,
    /// UID of the pod.
    #[schemars(length(max = 64))]
    pub pod_uid: String,
    /// Node on which the pod runs.
    #[schemars(length(max = 253))]
    pub node: String,
    /// Image of the pod as the node resolved it.
    #[schemars(length(max = 512))]
    pub image: String,
    /// Version that the trader says of itself.
    #[schemars(length(max = 64))]
    pub version: String,
}

/// A halt that is in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Halt {
    /// Its identifier: `spec.resume` with this value clears it.
    pub id: HaltId,
    /// Where it came from.
    pub source: HaltSource,
    /// Why, as far as it is known.
    #[schemars(length(max = 500))]
    pub reason: String,
}

/// The most that a trader may do while it runs a certain configuration. The trader obeys it like a
/// declared trading state: it latches a halt, which a person clears once there is no ceiling.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Ceiling {
    /// `Reducing` or `Halted`.
    pub state: TradingState,
    /// Hash of the configuration to which it applies, 64 hexadecimal digits.
    #[schemars(length(max = 64))]
    pub config_hash: String,
    /// Why, in one word.
    pub reason: CeilingReason,
    /// Why, in a sentence for a person.
    #[schemars(length(max = 1024))]
    pub message: String,
}

/// Why there is a ceiling.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum CeilingReason {
    /// The account revokes the configuration.
    ConfigurationRevoked,
    /// W took the configuration by `spec.promotion.breakGlass`, and its gates have not passed.
    Unproven,
}

impl CeilingReason {
    /// Each reason.
    pub const ALL: [Self; 2] = [Self::ConfigurationRevoked, Self::Unproven];

    /// As conditions and metrics name it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ConfigurationRevoked => "ConfigurationRevoked",
            Self::Unproven => "Unproven",
        }
    }
}

/// Where a halt came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum HaltSource {
    /// `spec.tradingState`.
    Spec,
    /// The annotation `triptych.trading/halt`.
    Annotation,
    /// A breaker of the trader.
    Breaker,
    /// The trader's halt endpoint.
    Endpoint,
    /// `status.ceiling`.
    Ceiling,
    /// The trader itself: it cannot read what it must know, or its TradingInstance is gone.
    Trader,
}
