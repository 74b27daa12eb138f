//! A candidate trade: a proposal, the market it was made in, and every verdict on it. One becomes
//! one row of the dataset.

use std::fmt::{self, Write};
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest, Sha256};
use thiserror::Error;

use crate::decimal::Quantity;
use crate::event::{Side, Timestamp};
use crate::market::Top;
use crate::portfolio::PortfolioSnapshot;
use crate::proposal::Proposal;
use crate::risk::{DenyCode, Verdict};
use crate::stage::StageRecord;
use crate::strategies::{Features, Trigger};

/// Identity of a candidate: equal for every trader that decides from the same feed with the same
/// configuration, so that rows of W, R and ABH join on it.
///
/// The first 16 bytes of the SHA-256 of these lines, joined with `\n` and without one at the end:
/// `triptych-candidate-v1`, the strategy's name, its algorithm and version (`orderBookImbalance/1`),
/// the configuration hash (64 hexadecimal digits), the symbol, the trigger (`depth:50093239207`),
/// and the side (`Buy` or `Sell`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CandidateId([u8; 16]);

impl CandidateId {
    /// The 16 bytes.
    pub const fn bytes(self) -> [u8; 16] {
        self.0
    }
}

impl fmt::Display for CandidateId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl Serialize for CandidateId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A text that names no candidate.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("candidate {0:?}: expected 32 lowercase hexadecimal digits")]
pub struct CandidateIdError(String);

impl FromStr for CandidateId {
    type Err = CandidateIdError;

    fn from_str(text: &str) -> Result<Self, CandidateIdError> {
        let digits = text.len() == 32
            && text
                .bytes()
                .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        let value = u128::from_str_radix(text, 16).ok().filter(|_| digits);
        value
            .map(|value| Self(value.to_be_bytes()))
            .ok_or_else(|| CandidateIdError(text.to_owned()))
    }
}

impl<'de> Deserialize<'de> for CandidateId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        crate::text::deserialize(deserializer)
    }
}

/// The part of the identity that is the same for all candidates of a strategy on an instrument,
/// hashed once.
#[derive(Debug, Clone)]
pub struct IdentityPrefix(Sha256);

impl IdentityPrefix {
    /// The prefix of a strategy on an instrument. `strategy_version` is algorithm and version.
    pub fn new(strategy: &str, strategy_version: &str, config_hash: &str, symbol: &str) -> Self {
        let lines = [
            "triptych-candidate-v1",
            strategy,
            strategy_version,
            config_hash,
            symbol,
        ];
        let mut hasher = Sha256::new();
        for line in lines {
            hasher.update(line);
            hasher.update("\n");
        }
        Self(hasher)
    }

    /// The identity of a candidate.
    pub fn candidate_id(&self, trigger: Trigger, side: Side) -> CandidateId {
        let mut hashing = Hashing(self.0.clone());
        // Writing into a hash never fails.
        let _ = write!(hashing, "{trigger}\n{side}");
        let digest = hashing.0.finalize();
        let mut id = [0; 16];
        id.copy_from_slice(&digest[..16]);
        CandidateId(id)
    }
}

struct Hashing(Sha256);

impl fmt::Write for Hashing {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.update(text);
        Ok(())
    }
}

/// What enforcing every rule would have made of a candidate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Enforcement {
    /// Every rule passes it as proposed.
    Accept,
    /// Every rule passes it with this smaller quantity.
    Resize(Quantity),
    /// A rule denies it.
    Deny(Denial),
}

/// The first denial, in the order of `spec.riskRules`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Denial {
    /// Name of the rule.
    pub rule: &'static str,
    /// Why.
    pub code: DenyCode,
}

impl Enforcement {
    /// The word in the dataset: `Accept`, `Resize` or `Deny`.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Accept => "Accept",
            Self::Resize(_) => "Resize",
            Self::Deny(_) => "Deny",
        }
    }

    /// The quantity of the proposal that it lets through; zero where it denies.
    pub const fn quantity_of(&self, proposal: &Proposal) -> Quantity {
        match self {
            Self::Accept => proposal.quantity,
            Self::Resize(quantity) => *quantity,
            Self::Deny(_) => Quantity::ZERO,
        }
    }

    /// The first denial.
    pub const fn denial(&self) -> Option<Denial> {
        match self {
            Self::Deny(denial) => Some(*denial),
            Self::Accept | Self::Resize(_) => None,
        }
    }
}

/// A candidate trade.
#[derive(Debug, PartialEq)]
pub struct Candidate {
    /// Its identity.
    pub id: CandidateId,
    /// The decision round: the number of the event that caused it, counted from 1 in this run.
    pub round: u64,
    /// The strategy's name in the revision.
    pub strategy: Arc<str>,
    /// Algorithm and version, such as `orderBookImbalance/1`.
    pub strategy_version: Arc<str>,
    /// The instrument's symbol.
    pub symbol: Arc<str>,
    /// Time of the causing event by the venue's clock, where it carried one.
    pub ts_event: Option<Timestamp>,
    /// When the causing event was received.
    pub ts_recv: Timestamp,
    /// The engine's clock at the decision: the newest receive time so far. It differs from
    /// `ts_recv` only where the receiver's clock went back.
    pub ts_decision: Timestamp,
    /// Best bid and ask at the decision.
    pub top: Top,
    /// The proposed trade.
    pub proposal: Proposal,
    /// What caused it.
    pub trigger: Trigger,
    /// How sure the strategy is, from 0 to 1, where its formula says so.
    pub confidence: Option<f64>,
    /// The numbers on which the strategy decided.
    pub features: Features,
    /// Every rule's verdict on the trade as proposed, in the order of `spec.riskRules`, by the
    /// portfolio `Enforced`.
    pub verdicts: Vec<Verdict>,
    /// The verdicts that depend on a portfolio once more, by the portfolio `AllTaken`.
    pub verdicts_all_taken: Vec<Verdict>,
    /// What enforcing every rule would have made of it.
    pub enforcement: Enforcement,
    /// The portfolios before the trade; `None` where the revision states none.
    pub portfolios: Option<StatedPortfolios>,
    /// What trading state and live ratio left of it; `None` for a tier that takes nothing. No part of
    /// the decision that tiers have in common.
    pub stage: Option<StageRecord>,
}

/// The stated portfolios at a decision, before the trade.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StatedPortfolios {
    /// The one that takes what enforcement lets through.
    pub enforced: PortfolioSnapshot,
    /// The one that takes every candidate.
    pub all_taken: PortfolioSnapshot,
}

impl Clone for Candidate {
    fn clone(&self) -> Self {
        self.with_lists(self.verdicts.clone(), self.verdicts_all_taken.clone())
    }

    /// Uses the memory of the lists that are there.
    fn clone_from(&mut self, source: &Self) {
        let mut verdicts = std::mem::take(&mut self.verdicts);
        let mut verdicts_all_taken = std::mem::take(&mut self.verdicts_all_taken);
        verdicts.clone_from(&source.verdicts);
        verdicts_all_taken.clone_from(&source.verdicts_all_taken);
        *self = source.with_lists(verdicts, verdicts_all_taken);
    }
}

impl Candidate {
    fn with_lists(&self, verdicts: Vec<Verdict>, verdicts_all_taken: Vec<Verdict>) -> Self {
        Self {
            id: self.id,
            round: self.round,
            strategy: Arc::clone(&self.strategy),
            strategy_version: Arc::clone(&self.strategy_version),
            symbol: Arc::clone(&self.symbol),
            ts_event: self.ts_event,
            ts_recv: self.ts_recv,
            ts_decision: self.ts_decision,
            top: self.top,
            proposal: self.proposal,
            trigger: self.trigger,
            confidence: self.confidence,
            features: self.features,
            verdicts,
            verdicts_all_taken,
            enforcement: self.enforcement,
            portfolios: self.portfolios,
            stage: self.stage,
        }
    }

    /// The quantity that enforcing every rule would have let through; zero where one denies.
    pub const fn final_quantity(&self) -> Quantity {
        self.enforcement.quantity_of(&self.proposal)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(
        strategy: &str,
        version: &str,
        hash: &str,
        symbol: &str,
        trigger: Trigger,
        side: Side,
    ) -> String {
        IdentityPrefix::new(strategy, version, hash, symbol)
            .candidate_id(trigger, side)
            .to_string()
    }

    #[test]
    fn the_identity_is_the_documented_hash() {
        // printf 'triptych-candidate-v1\nlean\norderBookImbalance/1\nabc\nBTCUSDT\ndepth:7\nBuy' | sha256sum
        assert_eq!(
            id(
                "lean",
                "orderBookImbalance/1",
                "abc",
                "BTCUSDT",
                Trigger::Depth(7),
                Side::Buy
            ),
            "ce45eb80960cfeb2fb6c00068f0119c7"
        );
    }

    #[test]
    fn every_part_changes_the_identity() {
        let base = ("a", "v/1", "h", "S", Trigger::Depth(7), Side::Buy);
        let ids: std::collections::BTreeSet<_> = [
            base,
            ("b", "v/1", "h", "S", Trigger::Depth(7), Side::Buy),
            ("a", "v/2", "h", "S", Trigger::Depth(7), Side::Buy),
            ("a", "v/1", "i", "S", Trigger::Depth(7), Side::Buy),
            ("a", "v/1", "h", "T", Trigger::Depth(7), Side::Buy),
            ("a", "v/1", "h", "S", Trigger::Depth(8), Side::Buy),
            ("a", "v/1", "h", "S", Trigger::Trade(7), Side::Buy),
            ("a", "v/1", "h", "S", Trigger::Depth(7), Side::Sell),
        ]
        .into_iter()
        .map(|(name, version, hash, symbol, trigger, side)| {
            id(name, version, hash, symbol, trigger, side)
        })
        .collect();
        assert_eq!(ids.len(), 8);
    }
}
