//! The command `trader` and the traders of W and R, with this desk's strategies.

use std::process::ExitCode;

fn main() -> ExitCode {
    triptych_trader::main_with(&triptych_example_custom_strategy::algorithms())
}
