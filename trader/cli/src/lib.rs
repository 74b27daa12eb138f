//! The command `trader`: run W and R, hash and validate configurations, replay recordings, serve
//! tapes, and look into datasets.

mod arguments;
mod backtest;
mod bench;
mod build_check;
mod dataset;
mod execution_table;
mod failure;
mod hash;
mod label;
mod manifests;
mod money;
mod object_store;
mod output;
mod parity;
mod query;
mod recorder;
mod recordings;
mod replay;
mod report;
mod summary;
mod summary_table;
mod table;
mod tape;
mod trading_report;
mod validate;
mod verdict_table;

use std::process::ExitCode;

use clap::Parser;
use clap::error::ErrorKind;
use triptych_engine::strategies::custom::Algorithms;

use arguments::{Command, DatasetCommand, TapeCommand, Trader};
use failure::Failure;

/// Runs the command. A revision may name these algorithms besides the engine's own: an executable of
/// yours links its strategies here.
pub fn main_with(algorithms: &Algorithms) -> ExitCode {
    let arguments = match Trader::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return usage(&error),
    };
    match run(arguments.command, algorithms) {
        Ok(code) => code,
        Err(failure) => {
            eprintln!("trader: {failure}");
            ExitCode::from(failure.code())
        }
    }
}

fn run(command: Command, algorithms: &Algorithms) -> Result<ExitCode, Failure> {
    match command {
        // It says itself why it ends, also where Kubernetes looks for a container's last words.
        Command::Run => return Ok(triptych_trader_run::run(algorithms)),
        Command::Hash(arguments) => hash::run(&arguments),
        Command::Validate(arguments) => validate::run(&arguments, algorithms),
        Command::Replay(arguments) => replay::run(&arguments, algorithms),
        Command::Backtest(arguments) => backtest::run(&arguments, algorithms),
        Command::Bench(arguments) => bench::run(&arguments, algorithms),
        Command::Parity(arguments) => parity::run(&arguments),
        Command::Report(arguments) => trading_report::run(&arguments),
        Command::Tape {
            command: TapeCommand::Serve(arguments),
        } => tape::serve(&arguments),
        Command::Tape {
            command: TapeCommand::Record(arguments),
        } => tape::record(&arguments),
        Command::Dataset {
            command: DatasetCommand::Verify(arguments),
        } => dataset::verify(&arguments),
        Command::Dataset {
            command: DatasetCommand::Show(arguments),
        } => dataset::show(&arguments),
        Command::Dataset {
            command: DatasetCommand::Compact(arguments),
        } => dataset::compact(&arguments),
        Command::Dataset {
            command: DatasetCommand::Label(arguments),
        } => label::run(&arguments),
        Command::Dataset {
            command: DatasetCommand::Query(arguments),
        } => query::run(&arguments),
        Command::Dataset {
            command: DatasetCommand::Summary(arguments),
        } => summary::run(&arguments),
        Command::Dataset {
            command: DatasetCommand::Push(arguments),
        } => object_store::push(&arguments),
        Command::Dataset {
            command: DatasetCommand::Pull(arguments),
        } => object_store::pull(&arguments),
    }?;
    Ok(ExitCode::SUCCESS)
}

fn usage(error: &clap::Error) -> ExitCode {
    // Nobody can be told where printing fails.
    let _ = error.print();
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => ExitCode::SUCCESS,
        _ => ExitCode::from(failure::USAGE),
    }
}
