//! `trader-observe`: the observing tier (ABH).

use std::process::ExitCode;

use triptych_engine::strategies::custom::Algorithms;

fn main() -> ExitCode {
    triptych_trader_observe::main_with(&Algorithms::default())
}
