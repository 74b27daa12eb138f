//! Log lines on standard error.

use tracing_subscriber::EnvFilter;

use crate::environment::{Environment, LogFormat};
use crate::exit::Failure;
use crate::variables::invalid;

/// Sends log lines to standard error, as JSON or for people.
pub fn start(environment: &Environment) -> Result<(), Failure> {
    let filter = EnvFilter::try_new(&environment.log_filter).map_err(|error| {
        let expected = format!("a log filter such as info or triptych_market_data=debug ({error})");
        invalid("TRIPTYCH_LOG", &environment.log_filter, &expected)
    })?;
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    match environment.log_format {
        LogFormat::Json => lines.json().init(),
        LogFormat::Text => lines.init(),
    }
    Ok(())
}
