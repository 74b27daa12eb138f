//! What one tier adds to the trader that all tiers share.

use std::fmt;
use std::sync::Arc;

use axum::Router;
use prometheus_client::encoding::DescriptorEncoder;
use serde_json::{Map, Value};
use triptych_crds::TradingState;
use triptych_engine::Candidate;

/// What one tier adds. A tier that only observes adds nothing.
pub trait TierPart: Send + Sync + 'static {
    /// The trading state in force, as the status shows it.
    fn state(&self) -> TradingState {
        TradingState::Active
    }

    /// Decides on a candidate, on the decision thread: it must not wait.
    ///
    /// Returns the trading state that it was decided in, for the dataset; `None` where no trading
    /// state counts.
    fn decide(&self, _candidate: &Candidate) -> Option<TradingState> {
        None
    }

    /// Fields that the status document gains.
    fn status(&self) -> Map<String, Value> {
        Map::new()
    }

    /// Writes the metrics that the tier adds.
    fn encode_metrics(&self, _encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        Ok(())
    }

    /// Routes that the tier adds.
    fn routes(self: Arc<Self>) -> Router {
        Router::new()
    }
}
