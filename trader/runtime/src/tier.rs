//! What one tier adds to the trader that all tiers share.

use std::fmt;
use std::sync::Arc;

use axum::Router;
use prometheus_client::encoding::DescriptorEncoder;
use serde_json::{Map, Value};
use triptych_crds::TradingState;
use triptych_engine::Candidate;
use triptych_engine::risk::Breach;
use triptych_engine::stage::TierControl;

/// What one tier adds. A tier that only observes adds nothing.
pub trait TierPart: Send + Sync + 'static {
    /// The trading state in force, as the status shows it.
    fn state(&self) -> TradingState {
        TradingState::Active
    }

    /// What the tier allows at the next event; `None` for a tier that takes nothing. Asked before each
    /// event, on the decision thread: it must not wait.
    fn control(&self) -> Option<TierControl> {
        None
    }

    /// Learns of a candidate that was decided on, on the decision thread: it must not wait.
    fn decided(&self, _candidate: &Candidate) {}

    /// Acts upon a limit of losses that broke, on the decision thread: it must not wait. On return
    /// [`Self::control`] allows no more than the breach does.
    fn breached(&self, _breach: &Breach) {}

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
