//! Risk rules of a revision: a typed union, one rule each, with its documented parameters.
//!
//! W and R enforce every rule that is listed; ABH evaluates each and enforces none. Amounts of money
//! are in the instrument's quote asset unless a field says otherwise.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::text::{Decimal, Ratio};

macro_rules! risk_rules {
    ($($(#[$doc:meta])* $variant:ident => $field:literal),+ $(,)?) => {
        /// A risk rule: exactly one of these. Each may stand once in a revision.
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
        #[serde(rename_all = "camelCase")]
        pub enum RiskRule {
            $($(#[$doc])* $variant($variant),)+
        }

        impl RiskRule {
            /// The names of all rules, as they stand in a manifest.
            pub const NAMES: &'static [&'static str] = &[$($field),+];

            /// The rule's name, as it stands in a manifest and in each verdict.
            pub fn name(&self) -> &'static str {
                match self {
                    $(Self::$variant(_) => $field,)+
                }
            }
        }
    };
}

risk_rules! {
    /// Price and quantity are multiples of the instrument's increments.
    Precision => "precision",
    /// The quantity of one order lies within limits.
    QuantityLimits => "quantityLimits",
    /// Price times quantity of one order lies within limits.
    NotionalLimits => "notionalLimits",
    /// The price of an order is not far from the middle of the book.
    PriceCollar => "priceCollar",
    /// The spread of the book is not wide.
    MaxSpread => "maxSpread",
    /// The market data is not old.
    StaleData => "staleData",
    /// The same intent was not seen a moment ago.
    DuplicateIntent => "duplicateIntent",
    /// The account can pay for the order.
    Balance => "balance",
    /// A position only gets smaller.
    ReduceOnly => "reduceOnly",
    /// Few new orders in an interval.
    OrderRate => "orderRate",
    /// Few changes of resting orders in an interval.
    ModifyRate => "modifyRate",
    /// The loss of one day stays below a limit.
    DailyLoss => "dailyLoss",
    /// The fall of the equity from its highest point in a window stays below a limit.
    RollingDrawdown => "rollingDrawdown",
    /// Not too many losing trades in a row.
    LossStreak => "lossStreak",
    /// Pauses after several stop losses.
    StoplossGuard => "stoplossGuard",
    /// Pauses when the closed trades of a time lost too much.
    MaxDrawdown => "maxDrawdown",
    /// Pauses after each closed trade.
    CooldownPeriod => "cooldownPeriod",
    /// Pauses instruments that earned too little.
    LowProfitInstruments => "lowProfitInstruments",
    /// The sum of all positions' sizes stays below a limit.
    GrossExposure => "grossExposure",
    /// The signed sum of all positions stays below a limit.
    NetExposure => "netExposure",
}

/// The rules that look at a portfolio: a revision with one of them states `spec.portfolio`.
pub const RULES_ON_PORTFOLIOS: [&str; 13] = [
    "balance",
    "reduceOnly",
    "orderRate",
    "modifyRate",
    "dailyLoss",
    "rollingDrawdown",
    "lossStreak",
    "stoplossGuard",
    "maxDrawdown",
    "cooldownPeriod",
    "lowProfitInstruments",
    "grossExposure",
    "netExposure",
];

/// What happens beside the denial when a loss rule is breached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum OnBreach {
    /// The candidate is denied, nothing else.
    Deny,
    /// The trader goes to Reducing: positions may only get smaller.
    Reduce,
    /// The trader halts with an identifier, as a person's halt does.
    Halt,
}

/// Price and quantity are multiples of the instrument's increments. No parameters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Precision {}

/// Limits of one order's quantity, in units of the base asset. A larger quantity is resized to the
/// maximum, a smaller one denied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[x_kube(validation = Rule::new("!isQuantity(self.minimum) || !isQuantity(self.maximum) || quantity(self.minimum).compareTo(quantity(self.maximum)) <= 0").message("minimum must be at most maximum").field_path(".minimum"))]
pub struct QuantityLimits {
    /// Smallest quantity of an order.
    pub minimum: Decimal,
    /// Largest quantity of an order.
    pub maximum: Decimal,
}

/// Limits of one order's price times quantity, in the quote asset.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[x_kube(validation = Rule::new("!isQuantity(self.minimum) || !isQuantity(self.maximum) || quantity(self.minimum).compareTo(quantity(self.maximum)) <= 0").message("minimum must be at most maximum").field_path(".minimum"))]
pub struct NotionalLimits {
    /// Smallest notional of an order.
    pub minimum: Decimal,
    /// Largest notional of an order.
    pub maximum: Decimal,
}

/// Largest distance of an order's price from the middle of the book.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PriceCollar {
    /// In basis points (1/100 of a percent) of the middle, 0 to 10,000, decimals allowed.
    #[x_kube(validation = Rule::new("!isQuantity(self) || quantity(self).compareTo(quantity('10000')) <= 0").message("must be at most 10000 basis points, which is all of the price"))]
    pub basis_points: Decimal,
}

/// Largest spread between best bid and best ask.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MaxSpread {
    /// In basis points (1/100 of a percent) of the middle, 0 to 10,000, decimals allowed.
    #[x_kube(validation = Rule::new("!isQuantity(self) || quantity(self).compareTo(quantity('10000')) <= 0").message("must be at most 10000 basis points, which is all of the price"))]
    pub basis_points: Decimal,
}

/// Largest age of the market data on which a trade is decided.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StaleData {
    /// Receive time minus the venue's event time of the book, in milliseconds.
    #[schemars(range(min = 1, max = 3_600_000))]
    pub max_age_milliseconds: u32,
}

/// The same strategy, instrument and side within a window counts as the same intent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DuplicateIntent {
    /// Length of the window, in milliseconds of market time.
    #[schemars(range(min = 1, max = 86_400_000))]
    pub window_milliseconds: u32,
}

/// The account's free balance pays for the order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Balance {
    /// Part of the free balance that is never used, from 0 to 1.
    pub reserve: Ratio,
}

/// A position only gets smaller. No parameters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ReduceOnly {}

/// New orders in an interval.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OrderRate {
    /// Most new orders in the interval.
    #[schemars(range(min = 1, max = 100_000))]
    pub maximum: u32,
    /// Length of the sliding interval, in milliseconds.
    #[schemars(range(min = 1, max = 86_400_000))]
    pub interval_milliseconds: u32,
}

/// Changes of resting orders in an interval.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ModifyRate {
    /// Most changes in the interval.
    #[schemars(range(min = 1, max = 100_000))]
    pub maximum: u32,
    /// Length of the sliding interval, in milliseconds.
    #[schemars(range(min = 1, max = 86_400_000))]
    pub interval_milliseconds: u32,
}

/// Realised and unrealised loss since the start of the day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DailyLoss {
    /// Largest loss, in the quote asset.
    pub limit: Decimal,
    /// Hour at which the day starts, in UTC.
    #[schemars(range(min = 0, max = 23))]
    pub day_starts_at_hour: u32,
    /// What happens beside the denial.
    pub on_breach: OnBreach,
}

/// Fall of the equity from its highest point in a sliding window.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RollingDrawdown {
    /// Largest fall as a part of the highest equity, from 0 to 1.
    pub limit: Ratio,
    /// Length of the window, in seconds.
    #[schemars(range(min = 1, max = 31_536_000))]
    pub window_seconds: u32,
    /// What happens beside the denial.
    pub on_breach: OnBreach,
}

/// Losing trades in a row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LossStreak {
    /// Number of losing trades in a row that starts a pause.
    #[schemars(range(min = 1, max = 1_000))]
    pub maximum: u32,
    /// Length of the pause, in seconds.
    #[schemars(range(min = 1, max = 31_536_000))]
    pub pause_seconds: u32,
    /// What happens beside the denial.
    pub on_breach: OnBreach,
}

/// Stop losses in a time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StoplossGuard {
    /// How far back stop losses count, in seconds.
    #[schemars(range(min = 1, max = 31_536_000))]
    pub lookback_seconds: u32,
    /// Number of stop losses that starts a pause.
    #[schemars(range(min = 1, max = 1_000))]
    pub trade_limit: u32,
    /// Length of the pause, in seconds.
    #[schemars(range(min = 1, max = 31_536_000))]
    pub pause_seconds: u32,
    /// Whether an instrument is paused by its own stop losses only, instead of all by those of all.
    pub per_instrument: bool,
}

/// Fall of the result of closed trades in a time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MaxDrawdown {
    /// How far back closed trades count, in seconds.
    #[schemars(range(min = 1, max = 31_536_000))]
    pub lookback_seconds: u32,
    /// Fewest closed trades before the rule judges.
    #[schemars(range(min = 1, max = 10_000))]
    pub trade_limit: u32,
    /// Largest fall as a part of the highest equity, from 0 to 1.
    pub limit: Ratio,
    /// Length of the pause, in seconds.
    #[schemars(range(min = 1, max = 31_536_000))]
    pub pause_seconds: u32,
}

/// Pause of an instrument after each of its closed trades.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CooldownPeriod {
    /// Length of the pause, in seconds.
    #[schemars(range(min = 1, max = 31_536_000))]
    pub pause_seconds: u32,
}

/// Pause of instruments whose closed trades earned too little.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LowProfitInstruments {
    /// How far back closed trades count, in seconds.
    #[schemars(range(min = 1, max = 31_536_000))]
    pub lookback_seconds: u32,
    /// Fewest closed trades before the rule judges.
    #[schemars(range(min = 1, max = 10_000))]
    pub trade_limit: u32,
    /// Smallest sum of the trades' returns that avoids a pause, from 0 to 1.
    pub required_profit: Ratio,
    /// Length of the pause, in seconds.
    #[schemars(range(min = 1, max = 31_536_000))]
    pub pause_seconds: u32,
}

/// Sum of all positions' sizes, long and short added.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GrossExposure {
    /// Largest exposure, in the quote asset. On W it is scaled by `liveRatio`.
    pub limit: Decimal,
}

/// Sum of all positions, shorts subtracted from longs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NetExposure {
    /// Largest exposure in either direction, in the quote asset. On W it is scaled by `liveRatio`.
    pub limit: Decimal,
}
