//! The command `trader`.

use std::process::ExitCode;

use triptych_engine::strategies::custom::Algorithms;

fn main() -> ExitCode {
    triptych_trader::main_with(&Algorithms::default())
}
