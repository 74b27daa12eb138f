//! Accepted intents: what enforced rules, trading state and live ratio let through. Nothing takes them
//! any further as long as there is no order path.

use std::sync::atomic::{AtomicU64, Ordering};

use triptych_crds::TradingState;
use triptych_engine::stage::{NotTaken, StageRecord};

/// What became of candidates since the start.
#[derive(Debug, Default)]
pub struct Intents {
    accepted: AtomicU64,
    denied: AtomicU64,
    refused_halted: AtomicU64,
    refused_reducing: AtomicU64,
    cut: AtomicU64,
}

impl Intents {
    /// Counts what the stage made of a candidate.
    ///
    /// While the state is Reducing, what only makes a position smaller is accepted, and everything
    /// else that the rules pass is refused; while it is Halted, everything is.
    pub fn count(&self, stage: &StageRecord) {
        let counter = match stage.not_taken {
            None => &self.accepted,
            Some(NotTaken::Denied) => &self.denied,
            Some(NotTaken::State(TradingState::Reducing)) => &self.refused_reducing,
            Some(NotTaken::State(_)) => &self.refused_halted,
            Some(
                NotTaken::Count
                | NotTaken::BelowIncrement
                | NotTaken::NothingToReduce
                | NotTaken::Rule(_),
            ) => &self.cut,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// Candidates that rules, trading state and live ratio let through.
    pub fn accepted(&self) -> u64 {
        self.accepted.load(Ordering::Relaxed)
    }

    /// Candidates that a rule denied.
    pub fn denied(&self) -> u64 {
        self.denied.load(Ordering::Relaxed)
    }

    /// Candidates that every rule passed and of which the live ratio left nothing.
    pub fn cut(&self) -> u64 {
        self.cut.load(Ordering::Relaxed)
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
