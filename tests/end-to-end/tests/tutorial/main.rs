//! docs/tutorial.md and `make demo` keep their word.

use std::process::Command;

use anyhow::{Result, ensure};

/// Plays the page with the executable of `make demo`, which fails where a command does something else than
/// the page says, or prints something else than it shows.
#[test]
fn the_tutorial_does_and_prints_what_it_shows() -> Result<()> {
    let cluster =
        std::env::var("TRIPTYCH_TUTORIAL_CLUSTER").unwrap_or_else(|_| "tutorial".to_owned());
    let played = Command::new(env!("CARGO_BIN_EXE_demo"))
        .args(["up", "--cluster", &cluster])
        .output()?;
    let story = String::from_utf8_lossy(&played.stdout);
    let said = String::from_utf8_lossy(&played.stderr);
    println!("{said}\n{story}");
    ensure!(played.status.success(), "{}: {said}", played.status);
    ensure!(!story.contains('\x1b'), "colours without a terminal");
    Ok(())
}
