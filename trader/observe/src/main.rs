//! `trader-observe`: the observing tier (ABH). It follows a market and writes every potential trade
//! with every rule's verdict; it holds no key and has no order path.
//!
//! docs/trader-contract.md describes what it reads, serves and writes.

mod configuration;
mod decisions;
mod environment;
mod exit;
mod http;
mod identity;
mod logging;
mod metrics;
mod recorder;
mod run;
mod status;

use std::process::ExitCode;

use clap::Parser;
use clap::error::ErrorKind;

use environment::Environment;
use exit::Failure;

/// Follows a market, evaluates every strategy and every risk rule, and writes each potential trade to
/// the dataset. It trades nothing: it has no key and no order path.
///
/// Everything is read from the environment; there are no options.
#[derive(Debug, Parser)]
#[command(name = "trader-observe", version, after_help = environment::HELP)]
struct Arguments {}

fn main() -> ExitCode {
    if let Err(error) = Arguments::try_parse() {
        let _ = error.print();
        return match error.kind() {
            ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => ExitCode::SUCCESS,
            _ => ExitCode::from(exit::USAGE),
        };
    }
    match start() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => exit::report(&failure),
    }
}

fn start() -> Result<(), Failure> {
    let environment = Environment::read(|name| std::env::var_os(name))?;
    logging::start(&environment)?;
    let configuration = configuration::load(&environment)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| Failure::Internal(format!("asynchronous runtime: {error}")))?;
    runtime.block_on(run::run(environment, configuration))
}
