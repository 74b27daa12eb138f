//! Counts by strategy and by rule, for people.

use triptych_dataset::summary::Summary;

use crate::table::{Align, Table};

/// Two tables: strategies, and rules.
pub(crate) fn text(summary: &Summary) -> String {
    if summary.strategies.is_empty() {
        return "no candidates\n".to_owned();
    }
    format!(
        "{}\n{}",
        strategies(summary).render(),
        rules(summary).render()
    )
}

fn strategies(summary: &Summary) -> Table {
    let mut table = with_numbers(
        &["STRATEGY", "INSTRUMENT"],
        &["CANDIDATES", "ACCEPTED", "RESIZED", "DENIED"],
    );
    for (strategy, instruments) in &summary.strategies {
        for (instrument, counts) in instruments {
            let numbers = [
                counts.candidates,
                counts.accepted,
                counts.resized,
                counts.denied,
            ];
            let names = [strategy.clone(), instrument.clone()];
            table.row(
                names
                    .into_iter()
                    .chain(numbers.map(|number| number.to_string()))
                    .collect(),
            );
        }
    }
    table
}

fn rules(summary: &Summary) -> Table {
    let mut table = with_numbers(
        &["RULE"],
        &["EVALUATED", "DENIED", "SHARE", "DENIED ALONE", "RESIZED"],
    );
    for rule in &summary.rules {
        table.row(vec![
            rule.rule.clone(),
            rule.evaluated.to_string(),
            rule.denied.to_string(),
            percent(rule.denied, rule.evaluated),
            rule.denied_alone.to_string(),
            rule.resized.to_string(),
        ]);
    }
    table
}

pub(crate) fn with_numbers(names: &[&str], numbers: &[&str]) -> Table {
    let names = names.iter().map(|title| ((*title).to_owned(), Align::Left));
    let numbers = numbers
        .iter()
        .map(|title| ((*title).to_owned(), Align::Right));
    Table::new(names.chain(numbers))
}

/// With one decimal, rounded down.
pub(crate) fn percent(part: impl Into<u128>, whole: impl Into<u128>) -> String {
    let thousandths = part
        .into()
        .saturating_mul(1_000)
        .checked_div(whole.into())
        .unwrap_or_default();
    format!("{}.{} %", thousandths / 10, thousandths % 10)
}
