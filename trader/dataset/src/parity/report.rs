//! What a comparison came to.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::compare::Difference;
use super::window::Window;

/// One side of the comparison.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Side {
    /// Tiers that wrote it.
    pub tiers: BTreeSet<String>,
    /// Instances that wrote it.
    pub instances: BTreeSet<String>,
    /// Number of runs.
    pub runs: usize,
    /// Candidates within the compared time.
    pub candidates: u64,
    /// Candidates outside of it.
    pub outside: u64,
    /// Candidates without a partner.
    pub alone: u64,
}

/// A candidate on which the two diverge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Divergence {
    /// Identity of the candidate.
    pub candidate_id: String,
    /// What in the market caused it, such as `depth:50093239207`.
    pub trigger: String,
    /// When: the venue's time of the event, or the receipt where it carries none; nanoseconds since
    /// the Unix epoch.
    pub at_ns: i64,
    /// Name of the strategy.
    pub strategy: String,
    /// Symbol.
    pub instrument: String,
    /// `Buy` or `Sell`.
    pub side: String,
    /// How.
    pub kind: DivergenceKind,
}

/// How two traders diverge on a candidate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum DivergenceKind {
    /// Only the left one had it.
    OnlyLeft,
    /// Only the right one had it.
    OnlyRight,
    /// Both had it and decided differently.
    Decided(Vec<Difference>),
}

/// The result of a comparison.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Parity {
    /// Whether every candidate of the compared time has a partner that was decided the same.
    pub equal: bool,
    /// Hashes of the compared configurations.
    pub config_hashes: BTreeSet<String>,
    /// The compared time.
    pub window: Window,
    /// The first dataset.
    pub left: Side,
    /// The second.
    pub right: Side,
    /// Pairs that were decided the same.
    pub same: u64,
    /// Of these, pairs in which a rule observed another number.
    pub observed_otherwise: u64,
    /// Pairs that were decided differently, by what differs.
    pub different: u64,
    /// In how many pairs each field of the decision differs.
    pub fields: BTreeMap<String, u64>,
    /// The earliest divergence.
    pub first: Option<Divergence>,
}
