//! `ConfigRevision`: everything that decides what a trader does, immutable.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{CustomResource, KubeSchema};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use crate::{
    risk_rules::{RULES_ON_PORTFOLIOS, RiskRule},
    strategies::Strategy,
    text::{Asset, Decimal, FileName, ImageByDigest, Sha256Hex, Symbol},
};

/// A portfolio is stated, or no rule looks at one.
fn has_portfolio_where_rules_need_one() -> String {
    let looking = RULES_ON_PORTFOLIOS.map(|name| format!("has(rule.{name})"));
    format!(
        "has(self.portfolio) || !self.riskRules.exists(rule, {})",
        looking.join(" || ")
    )
}

/// Most bytes of all `files` together: 700 KiB. Larger artefacts belong in the image.
pub const MAX_FILES_BYTES: usize = 700 * 1024;

/// Everything that decides what a trader does: the build, the instruments, the strategies and the
/// risk rules. It never changes after it is created; a change is a new revision. Two revisions are
/// the same when the SHA-256 of the canonical JSON (RFC 8785) of their specs is the same.
#[derive(CustomResource, Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[kube(
    group = "triptych.trading",
    version = "v1alpha1",
    kind = "ConfigRevision",
    plural = "configrevisions",
    shortname = "cr",
    category = "triptych",
    namespaced,
    status = "ConfigRevisionStatus",
    derive = "PartialEq",
    doc = "An immutable configuration of a trader: build, instruments, strategies, risk rules.",
    printcolumn(
        name = "Hash",
        type_ = "string",
        json_path = ".status.shortHash",
        description = "First 12 characters of the configuration's hash."
    ),
    printcolumn(
        name = "Rendered",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Ready\")].status",
        description = "Whether the configuration can be used."
    ),
    printcolumn(
        name = "Used by",
        type_ = "integer",
        json_path = ".status.usedBy",
        description = "Number of TradingInstances that declare or run it."
    ),
    printcolumn(
        name = "Age",
        type_ = "date",
        json_path = ".metadata.creationTimestamp"
    )
)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[x_kube(
    validation = Rule::new("self == oldSelf").message("a ConfigRevision is immutable: create a new one with another name and point configRevision at it"),
    validation = Rule::new("[self.instruments.map(i, i.symbol)].all(known, self.strategies.all(s, s.instruments.all(symbol, symbol in known)))").message("every symbol in strategies[].instruments must stand in spec.instruments").field_path(".strategies"),
    validation = Rule::new("!has(self.portfolio) || !has(self.portfolio.baseBalances) || [self.instruments.map(i, i.symbol)].all(known, self.portfolio.baseBalances.all(balance, balance.symbol in known))").message("every symbol in portfolio.baseBalances must stand in spec.instruments").field_path(".portfolio"),
    validation = Rule::new(has_portfolio_where_rules_need_one()).message("portfolio is required where a risk rule looks at balance, order rates, results or exposure: say what the stated portfolios begin with").field_path(".portfolio").reason(Reason::FieldValueRequired),
    validation = Rule::new("!has(self.portfolio) || has(self.portfolio.quoteAsset) || self.instruments.size() == 1").message("quoteAsset is required where there are several instruments: the portfolio counts all of them in one asset").field_path(".portfolio.quoteAsset").reason(Reason::FieldValueRequired),
    validation = Rule::new("!has(self.portfolio) || !has(self.portfolio.quoteAsset) || self.instruments.all(i, i.symbol.endsWith(self.portfolio.quoteAsset) && i.symbol != self.portfolio.quoteAsset)").message("every symbol in spec.instruments must end with portfolio.quoteAsset: the portfolio counts all of them in one asset").field_path(".portfolio.quoteAsset")
)]
pub struct ConfigRevisionSpec {
    /// The trader's image, by digest only: a tag can be moved, a digest cannot. Because the build is
    /// part of the revision, equal hashes mean equal builds.
    pub image: ImageByDigest,
    /// The venue whose market is traded. An account that runs this revision must be of this venue.
    pub venue: Venue,
    /// The instruments, by symbol. 1 to 256.
    #[schemars(length(min = 1, max = 256))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["symbol".into()]))]
    pub instruments: Vec<Instrument>,
    /// The strategies, by name. 1 to 32.
    #[schemars(length(min = 1, max = 32))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub strategies: Vec<Strategy>,
    /// The risk rules, each at most once. All are evaluated for every candidate trade, in this
    /// order; W and R enforce them, ABH does not. At most 32.
    #[schemars(length(max = 32))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub risk_rules: Vec<RiskRule>,
    /// What the stated portfolios begin with, and what their trades cost. The risk rules on balance,
    /// order rates, results and exposure need it; without it no portfolio is kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub portfolio: Option<Portfolio>,
    /// What happens to resting orders when trading halts or the pod stops. Without it they are
    /// cancelled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resting_orders: Option<RestingOrders>,
    /// Further small files by name, as text; the trader finds them beside its configuration. At
    /// most 32, 700 KiB in all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "files_schema")]
    pub files: Option<BTreeMap<FileName, String>>,
}

fn files_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object", "maxProperties": 32,
        "additionalProperties": { "type": "string", "maxLength": 716_800 },
        "x-kubernetes-validations": [
            {
                "rule": format!("self.all(name, name.size() <= {} && name.matches('{}'))", FileName::MAX_LENGTH, FileName::PATTERN),
                "message": "file names are 1 to 128 letters, digits, '.', '_' and '-', and do not start with '.'"
            },
            {
                "rule": format!("self.map(name, size(bytes(self[name]))).sum() <= {MAX_FILES_BYTES}"),
                "message": "all files together may have at most 716800 bytes (700 KiB) in UTF-8: larger artefacts belong in the image"
            }
        ]
    })
}

/// Venues that Triptych knows.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
pub enum Venue {
    /// Binance spot.
    BinanceSpot,
    /// Bybit, API version 5.
    BybitV5,
}

/// An instrument and the increments that the venue accepts for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Instrument {
    /// The venue's symbol, in capitals.
    pub symbol: Symbol,
    /// Smallest step of a price, in the quote asset: the venue's tick size. Greater than 0.
    #[x_kube(validation = Rule::new(crate::text::GREATER_THAN_ZERO).message("must be greater than 0"))]
    pub price_increment: Decimal,
    /// Smallest step of a quantity, in the base asset: the venue's step size. Greater than 0.
    #[x_kube(validation = Rule::new(crate::text::GREATER_THAN_ZERO).message("must be greater than 0"))]
    pub quantity_increment: Decimal,
}

/// The stated portfolio: the same for every tier, so that W, R and ABH judge a trade by the same
/// balances, positions and results. It counts in one quote asset, which all instruments share.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Portfolio {
    /// The quote asset of every instrument, `USDT`: their symbols end with it. Required where there are
    /// several instruments.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quote_asset: Option<Asset>,
    /// Quote asset at the start: the first equity. Greater than 0.
    #[x_kube(validation = Rule::new(crate::text::GREATER_THAN_ZERO).message("must be greater than 0"))]
    pub quote_balance: Decimal,
    /// What the venue takes of each trade's value, in basis points (1/100 of a percent), 0 to
    /// 10,000, decimals allowed. The stated portfolios trade at the touch, as a taker.
    #[x_kube(validation = Rule::new("!isQuantity(self) || quantity(self).compareTo(quantity('10000')) <= 0").message("must be at most 10000 basis points, which is all of the value"))]
    pub taker_fee_basis_points: Decimal,
    /// Base assets at the start, by the symbol of their instrument: what sales may be paid with.
    /// Positions count from zero beside them. At most 256.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["symbol".into()]))]
    pub base_balances: Option<Vec<BaseBalance>>,
}

/// An amount of an instrument's base asset.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BaseBalance {
    /// Symbol of the instrument.
    pub symbol: Symbol,
    /// The amount, in the base asset.
    pub quantity: Decimal,
}

/// What happens to resting orders.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RestingOrders {
    /// When trading halts.
    pub on_halt: RestingOrderPolicy,
    /// When the pod stops in an orderly way.
    pub on_stop: RestingOrderPolicy,
}

/// Cancel or keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum RestingOrderPolicy {
    /// The trader cancels its resting orders.
    Cancel,
    /// The trader leaves its resting orders at the venue.
    Keep,
}

/// What the operator made of a revision.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConfigRevisionStatus {
    /// The generation that this status describes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// SHA-256 of the canonical JSON of the spec, 64 hexadecimal digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hash: Option<Sha256Hex>,
    /// The first 12 characters of `hash`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 12))]
    pub short_hash: Option<String>,
    /// Name of the immutable ConfigMap that holds the canonical bytes, in each namespace where the
    /// revision runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253))]
    pub config_map: Option<String>,
    /// Number of TradingInstances that declare or run this revision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 100_000))]
    pub used_by: Option<i32>,
    /// `Ready`: the configuration is rendered and can be used.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "crate::definitions::conditions_schema")]
    pub conditions: Vec<Condition>,
}
