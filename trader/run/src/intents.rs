//! Accepted intents: what enforced rules and the trading state let through. Nothing takes them any
//! further as long as there is no order path.

use std::sync::atomic::{AtomicU64, Ordering};

use triptych_crds::TradingState;
use triptych_engine::Candidate;
use triptych_engine::candidate::Enforcement;

/// What became of candidates since the start.
#[derive(Debug, Default)]
pub struct Intents {
    accepted: AtomicU64,
    denied: AtomicU64,
    refused_halted: AtomicU64,
    refused_reducing: AtomicU64,
}

impl Intents {
    /// Decides on a candidate in a trading state.
    ///
    /// A candidate that every rule passes is refused while the state is not Active. Reducing refuses
    /// all of them too: without orders there is no position, and so nothing that a trade could
    /// reduce.
    pub fn decide(&self, candidate: &Candidate, state: TradingState) {
        let counter = match (candidate.enforcement, state) {
            (Enforcement::Deny(_), _) => &self.denied,
            (_, TradingState::Active) => &self.accepted,
            (_, TradingState::Reducing) => &self.refused_reducing,
            (_, TradingState::Halted) => &self.refused_halted,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// Candidates that every rule passed while the state was Active.
    pub fn accepted(&self) -> u64 {
        self.accepted.load(Ordering::Relaxed)
    }

    /// Candidates that a rule denied.
    pub fn denied(&self) -> u64 {
        self.denied.load(Ordering::Relaxed)
    }

    /// Candidates that every rule passed and the state refused, by state.
    pub fn refused(&self) -> [(TradingState, u64); 2] {
        [
            (TradingState::Halted, &self.refused_halted),
            (TradingState::Reducing, &self.refused_reducing),
        ]
        .map(|(state, count)| (state, count.load(Ordering::Relaxed)))
    }
}
