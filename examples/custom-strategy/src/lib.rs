//! A strategy outside the engine: it follows the flow of public trades.
//!
//! docs/engine.md walks through this crate. `src/bin` has the two executables that make up an image:
//! they are the project's own traders with [`algorithms`] linked.

mod trade_flow;

use triptych_engine::strategies::custom::Algorithms;

pub use trade_flow::TradeFlow;

/// What the executables of this desk have besides the engine's own algorithms.
pub fn algorithms() -> Algorithms {
    Algorithms::default().with::<TradeFlow>()
}
