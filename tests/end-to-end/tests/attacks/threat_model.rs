//! What of the threat model's catalogue is attacked, row by row, and with how many attacks.

use std::{env, fs};

use anyhow::{Context, Result, ensure};
use triptych_end_to_end::installation::workspace;

use crate::{
    lab::catalogue,
    rows::{self, Row},
};

/// Where the page has the table.
const BEGIN: &str = "| What is attempted | Attacks |\n|---|---|\n";

#[test]
fn every_attack_belongs_to_a_row_of_the_catalogue_and_the_page_lists_them() -> Result<()> {
    let rows = rows::all();
    let mut counts = vec![0; rows.len()];
    let mut elsewhere = Vec::new();
    for attack in catalogue() {
        let belongs = |row: &&Row| row.1.iter().any(|words| attack.what.contains(words));
        match rows.iter().position(belongs) {
            Some(index) => counts[index] += 1,
            None => elsewhere.push(attack.what),
        }
    }
    ensure!(elsewhere.is_empty(), "in no row: {elsewhere:#?}");
    let table: String = rows
        .iter()
        .zip(&counts)
        .map(|(row, count)| format!("| {} | {count} |\n", row.0))
        .collect();
    println!(
        "{BEGIN}{table}{} rows, {} attacks",
        rows.len(),
        counts.iter().sum::<usize>()
    );
    let unshown: Vec<&str> = rows
        .iter()
        .zip(&counts)
        .filter(|(_, count)| **count == 0)
        .map(|(row, _)| row.0)
        .collect();
    ensure!(unshown.is_empty(), "no attack shows {unshown:?}");
    ensure!(rows.len() >= 40, "{} rows", rows.len());
    hold_page_against(&table)
}

/// With `UPDATE_GOLDEN` in the environment the page's table is replaced.
fn hold_page_against(table: &str) -> Result<()> {
    let path = workspace().join("docs/admission-policies.md");
    let page = fs::read_to_string(&path)?;
    let (before, rest) = page
        .split_once(BEGIN)
        .context("the page has no table of attacks")?;
    let (found, after) = rest.split_once("\n\n").unwrap_or((rest, ""));
    if env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&path, format!("{before}{BEGIN}{table}\n{after}"))?;
        return Ok(());
    }
    ensure!(
        found.trim_end() == table.trim_end(),
        "docs/admission-policies.md lists other attacks; run `UPDATE_GOLDEN=1 make attacks` and review the difference"
    );
    Ok(())
}
