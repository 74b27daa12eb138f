//! `trader-observe`: the observing tier (ABH). It follows a market and writes every potential trade
//! with every rule's verdict; it holds no key and has no order path.
//!
//! docs/trader-contract.md describes what it reads, serves and writes.

use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;
use clap::error::ErrorKind;
use triptych_crds::Tier;
use triptych_engine::strategies::custom::Algorithms;
use triptych_trader_runtime::environment::{OPTIONAL_HELP, REQUIRED_HELP, Tiers};
use triptych_trader_runtime::variables::Variables;
use triptych_trader_runtime::{
    Environment, Failure, ObservesOnly, Prepared, TierPart, exit, logging, run,
};

/// Follows a market, evaluates every strategy and every risk rule, and writes each potential trade to
/// the dataset. It trades nothing: it has no key and no order path.
///
/// Everything is read from the environment; there are no options.
#[derive(Debug, Parser)]
#[command(name = "trader-observe", version, after_help = help())]
struct Arguments {}

fn help() -> String {
    format!(
        "\
Environment (required):
  TRIPTYCH_TIER            ABH; this program runs no other tier
{REQUIRED_HELP}

Environment (optional):
{OPTIONAL_HELP}

{}

Example, against a tape that plays on this machine:
  trader tape serve --listen 127.0.0.1:9443 --generate 42 &
  TRIPTYCH_TIER=ABH TRIPTYCH_NAMESPACE=desk TRIPTYCH_INSTANCE=lab TRIPTYCH_INSTANCE_UID=1 \\
  TRIPTYCH_CONFIG_PATH=config.json TRIPTYCH_CONFIG_HASH=$(sha256sum < config.json | cut -d' ' -f1) \\
  TRIPTYCH_DATA_DIR=data TRIPTYCH_MARKET_DATA_URL=ws://127.0.0.1:9443 TRIPTYCH_LISTEN=127.0.0.1:8080 \\
  trader-observe",
        exit::HELP
    )
}

const TIERS: Tiers = Tiers {
    known: &[Tier::Abh],
    expected: "ABH; W and R are run by `trader run`",
};

/// An observer adds nothing to what all tiers do.
struct Observing;

impl TierPart for Observing {}

/// Runs the observing tier until it is asked to stop. A revision may name these algorithms besides the
/// engine's own: an executable of yours links its strategies here.
pub fn main_with(algorithms: &Algorithms) -> ExitCode {
    if let Err(error) = Arguments::try_parse() {
        let _ = error.print();
        return match error.kind() {
            ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => ExitCode::SUCCESS,
            _ => ExitCode::from(exit::USAGE),
        };
    }
    match observe(algorithms) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => exit::report("trader-observe", &failure),
    }
}

fn observe(algorithms: &Algorithms) -> Result<(), Failure> {
    let environment = Environment::read(&Variables::of_process(), TIERS)?;
    logging::start(&environment)?;
    let prepared = Prepared::open(environment, algorithms)?;
    run::block_on(prepared.run(Arc::new(Observing), Box::new(ObservesOnly)))
}
