//! Strategies of a revision: a typed union, one algorithm each, with its documented parameters.

use std::collections::BTreeMap;

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::text::{Decimal, ObjectName, Ratio, StrategyName, Symbol};

/// A strategy: an algorithm on some instruments, and the shape of the trades that it recommends.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Strategy {
    /// Name within the revision, unique. It is a path segment of the dataset.
    pub name: StrategyName,
    /// Symbols that the strategy looks at; each has to stand in `spec.instruments`. 1 to 64.
    #[schemars(length(min = 1, max = 64))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub instruments: Vec<Symbol>,
    /// Quantity of each recommended trade, in units of the instrument's base asset. Greater than 0.
    #[x_kube(validation = Rule::new(crate::text::GREATER_THAN_ZERO).message("must be greater than 0"))]
    pub order_quantity: Decimal,
    /// Order type of each recommended trade. A limit order is priced at the touch: the best bid
    /// for a sale and the best ask for a purchase.
    pub order_type: OrderType,
    /// Distance of the protective stop from the entry price, in basis points (1/100 of a percent).
    /// Without it a candidate has no stop.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 10_000))]
    pub stop_basis_points: Option<u32>,
    /// Distance of the profit target from the entry price, in basis points. Without it a candidate
    /// has no target.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 10_000))]
    pub target_basis_points: Option<u32>,
    /// What decides when to trade. Exactly one.
    pub algorithm: Algorithm,
}

/// Order types that strategies recommend.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum OrderType {
    /// At a price or better.
    Limit,
    /// At whatever price the book has.
    Market,
}

/// What decides when to trade: exactly one of these.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Algorithm {
    /// Buys when a fast exponential moving average rises above a slow one, and sells when it falls
    /// below.
    MovingAverageCrossover(MovingAverageCrossover),
    /// Buys when the price rises above the highest of the past, and sells when it falls below the
    /// lowest.
    DonchianBreakout(DonchianBreakout),
    /// Trades against a price that is far from its mean, measured in standard deviations.
    ZScoreMeanReversion(ZScoreMeanReversion),
    /// Trades in the direction in which the best levels of the order book lean.
    OrderBookImbalance(OrderBookImbalance),
    /// An algorithm that the image brings in a crate of its own.
    Custom(CustomAlgorithm),
}

/// Which price a strategy samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum SampledPrice {
    /// The middle between best bid and best ask.
    Mid,
    /// The price of the last trade.
    LastTrade,
    /// The mean of best bid and best ask, each weighted with the quantity of the other side.
    Microprice,
}

/// Parameters of the exponential-moving-average crossover.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[x_kube(validation = Rule::new("self.fastPeriod < self.slowPeriod").message("fastPeriod must be less than slowPeriod").field_path(".fastPeriod"))]
pub struct MovingAverageCrossover {
    /// Length of the fast average, in samples; its weight is 2 / (fastPeriod + 1). Less than
    /// slowPeriod.
    #[schemars(range(min = 1, max = 100_000))]
    pub fast_period: u32,
    /// Length of the slow average, in samples. No trade is recommended before as many samples.
    #[schemars(range(min = 2, max = 100_000))]
    pub slow_period: u32,
    /// Time between samples, in milliseconds of market time.
    #[schemars(range(min = 1, max = 86_400_000))]
    pub sample_interval_milliseconds: u32,
    /// The price that is sampled.
    pub price: SampledPrice,
}

/// Parameters of the Donchian breakout.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DonchianBreakout {
    /// Number of past samples whose highest and lowest price form the entry channel.
    #[schemars(range(min = 2, max = 100_000))]
    pub entry_period: u32,
    /// Number of past samples whose opposite extreme ends the trade.
    #[schemars(range(min = 1, max = 100_000))]
    pub exit_period: u32,
    /// Time between samples, in milliseconds of market time.
    #[schemars(range(min = 1, max = 86_400_000))]
    pub sample_interval_milliseconds: u32,
    /// The price that is sampled.
    pub price: SampledPrice,
}

/// Parameters of the z-score mean reversion.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[x_kube(validation = Rule::new("!isQuantity(self.exitThreshold) || !isQuantity(self.entryThreshold) || quantity(self.exitThreshold).isLessThan(quantity(self.entryThreshold))").message("exitThreshold must be less than entryThreshold").field_path(".exitThreshold"))]
pub struct ZScoreMeanReversion {
    /// Number of samples for mean and standard deviation, the current one among them.
    #[schemars(range(min = 2, max = 100_000))]
    pub period: u32,
    /// Distance from the mean at which a trade is recommended, in standard deviations. No sample is
    /// farther away than (period - 1) / sqrt(period).
    pub entry_threshold: Decimal,
    /// Distance from the mean at which the trade ends, in standard deviations. Less than
    /// entryThreshold.
    pub exit_threshold: Decimal,
    /// Time between samples, in milliseconds of market time.
    #[schemars(range(min = 1, max = 86_400_000))]
    pub sample_interval_milliseconds: u32,
    /// The price that is sampled.
    pub price: SampledPrice,
}

/// Parameters of the order-book imbalance.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OrderBookImbalance {
    /// Number of best levels of each side that are summed up.
    #[schemars(range(min = 1, max = 50))]
    pub levels: u32,
    /// Size of the imbalance (bids - asks) / (bids + asks) at which a trade is recommended, greater
    /// than 0 and at most 1: a purchase where it is at or above the threshold, a sale where it is at
    /// or below minus the threshold.
    #[x_kube(validation = Rule::new(crate::text::GREATER_THAN_ZERO).message("must be greater than 0"))]
    pub threshold: Ratio,
    /// Shortest time between two recommendations for one instrument, in milliseconds of market time.
    #[schemars(range(min = 0, max = 86_400_000))]
    pub cooldown_milliseconds: u32,
}

/// An algorithm that is not one of the engine's own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CustomAlgorithm {
    /// The name under which the image registers the algorithm.
    pub name: ObjectName,
    /// Its parameters as text; the algorithm documents and checks them. At most 64 of 1,000
    /// characters each.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "parameters_schema")]
    pub parameters: BTreeMap<String, String>,
}

fn parameters_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({
        "type": "object", "maxProperties": 64,
        "additionalProperties": { "type": "string", "maxLength": 1000 },
        "x-kubernetes-validations": [{
            "rule": "self.all(name, name.size() <= 64 && name.matches('^[A-Za-z][A-Za-z0-9_]*$'))",
            "message": "names of parameters are 1 to 64 letters, digits and '_', and start with a letter"
        }]
    })
}
