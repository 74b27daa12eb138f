//! `triptych-operator`.

use std::process::ExitCode;

use clap::Parser;
use triptych_operator::{
    command::{Command, CommandLine, InspectArguments, RunArguments},
    inspector, run,
};

/// Something that must not end has ended, or could not start (EX_SOFTWARE).
const INTERNAL: u8 = 70;

/// Bad usage (EX_USAGE).
const USAGE: u8 = 64;

fn main() -> ExitCode {
    let command_line = match CommandLine::try_parse() {
        Ok(command_line) => command_line,
        Err(error) => {
            // Where the output is closed there is nobody to tell.
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { USAGE } else { 0 });
        }
    };
    match command_line.chosen() {
        Command::Run(arguments) => operate(*arguments),
        Command::Inspect(arguments) => inspect(arguments),
        Command::Crds => print_definitions(),
    }
}

#[tokio::main]
async fn operate(arguments: RunArguments) -> ExitCode {
    exit_code(run::run(arguments).await)
}

#[tokio::main(flavor = "current_thread")]
async fn inspect(arguments: InspectArguments) -> ExitCode {
    exit_code(inspector::run(arguments).await)
}

fn exit_code(ended: anyhow::Result<()>) -> ExitCode {
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("triptych-operator: {error:#}");
            ExitCode::from(INTERNAL)
        }
    }
}

fn print_definitions() -> ExitCode {
    for (_, definition) in triptych_crds::definitions::all() {
        println!(
            "---\n{}",
            triptych_crds::definitions::yaml(&definition).trim_end()
        );
    }
    ExitCode::SUCCESS
}
