//! What one tier adds to the trader that all tiers share: [`TierPart`] for everybody who asks, and [`Deciding`] for the
//! decision thread alone.

use std::fmt;
use std::sync::Arc;

use axum::Router;
use prometheus_client::encoding::DescriptorEncoder;
use serde_json::{Map, Value};
use triptych_crds::TradingState;
use triptych_engine::event::Event;
use triptych_engine::risk::Breach;
use triptych_engine::stage::TierControl;
use triptych_engine::{Candidate, Engine};

/// What one tier adds. A tier that only observes adds nothing.
pub trait TierPart: Send + Sync + 'static {
    /// The trading state in force, as the status shows it.
    fn state(&self) -> TradingState {
        TradingState::Active
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

/// What one tier adds on the decision thread, which owns it. Nothing in it may wait. The default adds nothing.
pub trait Deciding: Send + 'static {
    /// What the tier allows at the next event; `None` for a tier that takes nothing. Asked before each event.
    fn control(&mut self) -> Option<TierControl> {
        None
    }

    /// Learns of a candidate that was decided on.
    fn decided(&mut self, _candidate: &Candidate) {}

    /// Acts upon a limit of losses that broke. On return [`Self::control`] allows no more than the breach does.
    fn breached(&mut self, _breach: &Breach) {}

    /// The engine took the event: every candidate and every breach that it caused was told.
    fn followed(&mut self, _event: &Event, _engine: &Engine) {}
}

/// A tier that only observes.
#[derive(Debug, Clone, Copy)]
pub struct ObservesOnly;

impl Deciding for ObservesOnly {}
