//! `TradingAccount`: an account at a venue with a live and a demo side, the platform team's.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    config_revision::Venue,
    text::{ClassName, HttpUrl, ObjectName, Reason, ResourceQuantity, Sha256Hex, WebSocketUrl},
};

/// An account at a venue. Its live side belongs to tier W, its demo side to tier R: the tier of an
/// instance picks the side, and no field names a Secret. Each side owns one sealed namespace,
/// `trading-live-<name>` and `trading-demo-<name>`.
#[derive(CustomResource, Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[kube(
    group = "triptych.trading",
    version = "v1alpha1",
    kind = "TradingAccount",
    plural = "tradingaccounts",
    shortname = "ta",
    category = "triptych",
    status = "TradingAccountStatus",
    derive = "PartialEq",
    doc = "An account at a venue with a live and a demo side.",
    printcolumn(name = "Venue", type_ = "string", json_path = ".spec.venue", description = "The venue."),
    printcolumn(name = "Live writer", type_ = "string", json_path = ".status.live.writer.name", description = "The one W instance that may trade the live side."),
    printcolumn(name = "Demo writer", type_ = "string", json_path = ".status.demo.writer.name", description = "The one R instance that may trade the demo side."),
    printcolumn(name = "Key isolated", type_ = "string", json_path = ".status.conditions[?(@.type==\"KeyIsolated\")].status", description = "Whether the seal of the live namespace is whole."),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    validation = Rule::new("self.metadata.name.size() <= 50").message("the name of a TradingAccount has at most 50 characters: its sealed namespaces are trading-live-<name> and trading-demo-<name>"),
    validation = Rule::new("self.metadata.name.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$')").message("the name of a TradingAccount is a DNS label: lowercase letters, digits and '-', it becomes part of namespace names")
)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[x_kube(
    validation = Rule::new("has(self.live) || has(self.demo)").message("an account has a live side, a demo side, or both"),
    validation = Rule::new("!has(self.simulated) || !self.simulated || ((!has(self.live) || has(self.live.endpoints)) && (!has(self.demo) || has(self.demo.endpoints)))").message("a simulated account names the endpoints of each of its sides: it never connects to the venue itself").field_path(".simulated"),
    validation = Rule::new("(has(self.simulated) && self.simulated) == (has(oldSelf.simulated) && oldSelf.simulated)").message("simulated cannot be changed: create another account").field_path(".simulated"),
    validation = Rule::new("self.venue == oldSelf.venue").message("venue cannot be changed: create another account").field_path(".venue")
)]
pub struct TradingAccountSpec {
    /// The venue. It cannot be changed.
    pub venue: Venue,
    /// The live side: real funds, traded by W only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub live: Option<AccountSide>,
    /// The demo side: the venue's demo API, traded by R only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub demo: Option<AccountSide>,
    /// Whether all endpoints belong to a simulated venue (demonstrations, tests). It cannot be
    /// changed, and a W on such an account says `Simulated=True` for good.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub simulated: Option<bool>,
    /// Namespaces whose TradingInstances may name this account. At most 64.
    #[schemars(length(max = 64))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub allowed_namespaces: Vec<ObjectName>,
    /// Configurations that must not run any more on this account. At most 256.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 256))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["configHash".into()]))]
    pub revoked: Vec<Revocation>,
}

/// One side of an account.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AccountSide {
    /// Endpoints where they are not the venue's own. Only a simulated account may name hosts that
    /// the venue does not own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoints: Option<Endpoints>,
    /// The volume for journal, ledger and halt latch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub journal: Option<Journal>,
}

/// Where a side of an account is reached.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Endpoints {
    /// Base URL of the REST interface for orders and queries.
    pub rest: HttpUrl,
    /// Base URL of the public market streams.
    pub market_streams: WebSocketUrl,
    /// Base URL of the user streams or the WebSocket API that carries them.
    pub user_streams: WebSocketUrl,
}

/// The volume of a trader that places orders.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Journal {
    /// Size of the volume.
    pub size: ResourceQuantity,
    /// StorageClass of the volume; the cluster's default where it is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub storage_class_name: Option<ClassName>,
}

/// A configuration that must not run any more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Revocation {
    /// Hash of the configuration, 64 hexadecimal digits.
    pub config_hash: Sha256Hex,
    /// Why, in 1 to 500 characters.
    pub reason: Reason,
}

/// What the operator knows of an account.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TradingAccountStatus {
    /// The generation that this status describes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// The live side.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub live: Option<SideStatus>,
    /// The demo side.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub demo: Option<SideStatus>,
    /// `Ready`, `KeyIsolated`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "crate::definitions::conditions_schema")]
    pub conditions: Vec<Condition>,
}

/// What the operator knows of one side of an account.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SideStatus {
    /// The side's sealed namespace.
    #[schemars(length(max = 63))]
    pub namespace: String,
    /// The one instance that may trade this side.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub writer: Option<Writer>,
    /// What the inspector found of the namespace's seal. Absent while it has not looked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seal: Option<SealStatus>,
}

/// The seal of a sealed namespace, as the inspector found it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SealStatus {
    /// Whether every piece is there and as it should be.
    pub whole: bool,
    /// What is missing or altered, each in a few words. At most 32.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32), inner(length(max = 256)))]
    pub problems: Vec<String>,
}

/// The instance that holds a side of an account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Writer {
    /// Namespace of the TradingInstance.
    #[schemars(length(max = 63))]
    pub namespace: String,
    /// Name of the TradingInstance.
    #[schemars(length(max = 63))]
    pub name: String,
    /// UID of the TradingInstance.
    #[schemars(length(max = 64))]
    pub uid: String,
}
