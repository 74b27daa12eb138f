//! Loads the mounted configuration and refuses one that is not the declared one.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use triptych_crds::config_revision::{ConfigRevisionSpec, Venue};
use triptych_crds::hash::{ConfigHash, MAX_CANONICAL_BYTES};
use triptych_engine::Engine;
use triptych_engine::strategies::custom::Algorithms;
use triptych_market_data::instruments::Instruments;

use crate::environment::Environment;
use crate::exit::Failure;

/// A configuration whose bytes have the declared hash and that this build can run.
pub struct Configuration {
    /// Hash of the bytes that were loaded.
    pub hash: ConfigHash,
    /// Instruments in the order of the configuration.
    pub instruments: Instruments,
    /// The engine that runs it.
    pub engine: Engine,
    /// The revision itself.
    pub revision: ConfigRevisionSpec,
}

/// Reads, hashes, and only then interprets.
pub fn load(environment: &Environment, algorithms: &Algorithms) -> Result<Configuration, Failure> {
    let bytes = read(&environment.config_path)?;
    let hash = ConfigHash::of_canonical_bytes(&bytes);
    if hash != environment.config_hash {
        return Err(Failure::HashMismatch {
            declared: environment.config_hash.to_string(),
            loaded: hash.to_string(),
        });
    }
    interpret(&bytes, hash, algorithms)
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    let unreadable = |reason: String| Failure::UnreadableConfiguration {
        path: path.to_owned(),
        reason,
    };
    let file = File::open(path).map_err(|error| unreadable(error.to_string()))?;
    let mut bytes = Vec::new();
    let most = MAX_CANONICAL_BYTES as u64;
    file.take(most + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| unreadable(error.to_string()))?;
    if bytes.len() as u64 > most {
        return Err(unreadable(format!("larger than {most} bytes")));
    }
    Ok(bytes)
}

fn interpret(
    bytes: &[u8],
    hash: ConfigHash,
    algorithms: &Algorithms,
) -> Result<Configuration, Failure> {
    let spec: ConfigRevisionSpec = serde_json::from_slice(bytes)
        .map_err(|error| Failure::InvalidConfiguration(format!("spec: {error}")))?;
    if spec.venue != Venue::BinanceSpot {
        return Err(Failure::InvalidConfiguration(format!(
            "spec.venue: this build has no market data of {:?}; it implements BinanceSpot",
            spec.venue
        )));
    }
    let instruments = Instruments::parse(spec.instruments.iter().map(|known| &*known.symbol))
        .map_err(|error| Failure::InvalidConfiguration(format!("spec.instruments: {error}")))?;
    let engine = Engine::with_algorithms(&spec, hash.clone(), algorithms)
        .map_err(|error| Failure::InvalidConfiguration(error.to_string()))?;
    Ok(Configuration {
        hash,
        instruments,
        engine,
        revision: spec,
    })
}
