//! Long runs: W and R trade for an hour while everything around them fails at random times. In the end the books of
//! the venue, the ledger, the dataset and the trader are the same to the last digit.
//!
//! `TRIPTYCH_LONG_RUN_MINUTES` says how long (60); `TRIPTYCH_LONG_RUN_SEED` repeats the order of the disturbances.

mod books;
mod disturbance;
mod run;

use std::time::Duration;

use anyhow::{Context, Result};

#[tokio::test]
async fn after_an_hour_of_every_fault_venue_ledger_dataset_and_trader_agree_to_the_last_digit()
-> Result<()> {
    let minutes = number("TRIPTYCH_LONG_RUN_MINUTES", 60)?;
    let seed = number("TRIPTYCH_LONG_RUN_SEED", u64::from(std::process::id()))?;
    println!("{minutes} minutes, TRIPTYCH_LONG_RUN_SEED={seed}");
    run::run(Duration::from_mins(minutes), seed).await
}

fn number(variable: &str, usual: u64) -> Result<u64> {
    let Ok(text) = std::env::var(variable) else {
        return Ok(usual);
    };
    let expected = || format!("{variable}={text}: expected a whole number");
    text.parse().with_context(expected)
}
