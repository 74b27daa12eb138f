//! The observing tier with this desk's strategies.

use std::process::ExitCode;

fn main() -> ExitCode {
    triptych_trader_observe::main_with(&triptych_example_custom_strategy::algorithms())
}
