//! Whether this build can run a configuration.

use serde_json::Value;
use triptych_crds::config_revision::{ConfigRevisionSpec, Venue};
use triptych_crds::validate::config_of;
use triptych_engine::Engine;
use triptych_engine::strategies::custom::Algorithms;

/// The engine of a ConfigRevision that the API server would take, or what keeps this build from
/// running it, a line each.
pub(crate) fn engine_of(document: &Value, algorithms: &Algorithms) -> Result<Engine, Vec<String>> {
    let config = config_of(document)
        .map_err(|problems| problems.iter().map(ToString::to_string).collect::<Vec<_>>())?;
    let spec: ConfigRevisionSpec =
        serde_json::from_slice(&config.bytes).map_err(|error| vec![format!("spec: {error}")])?;
    let mut problems = Vec::new();
    if spec.venue != Venue::BinanceSpot {
        problems.push(format!(
            "spec.venue: this build has no market data of {:?}; it implements BinanceSpot",
            spec.venue
        ));
    }
    match Engine::with_algorithms(&spec, config.hash, algorithms) {
        Ok(engine) if problems.is_empty() => return Ok(engine),
        Ok(_) => {}
        Err(error) => problems.extend(error.problems.iter().map(ToString::to_string)),
    }
    Err(problems)
}
