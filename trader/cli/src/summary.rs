//! `trader dataset summary`: what each rule denied, and what that earned or saved.

use std::fs;
use std::path::Path;

use serde::Serialize;
use triptych_dataset::executions::summary::{ExecutionSummary, execution_summary};
use triptych_dataset::files::while_compacted;
use triptych_dataset::labels::HORIZONS;
use triptych_dataset::labels::definition::DefinitionName;
use triptych_dataset::read::{self, ReadError};
use triptych_dataset::rule_outcomes::{Outcome, RuleOutcomes, rule_outcomes};
use triptych_dataset::summary::Summary;

use crate::arguments::{Measure, SummaryArguments};
use crate::failure::Failure;
use crate::output;
use crate::table::{Align, Table};
use crate::{execution_table, report, summary_table};

/// Everything that a summary says.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DatasetSummary {
    /// Counts by strategy and by rule.
    #[serde(flatten)]
    pub(crate) counts: Summary,
    /// Time of the first decision, nanoseconds since the Unix epoch.
    pub(crate) first_ts_decision_ns: Option<i64>,
    /// Time of the last decision.
    pub(crate) last_ts_decision_ns: Option<i64>,
    /// What denied and accepted trades earned; nothing where they were not labelled.
    pub(crate) outcomes: Option<RuleOutcomes>,
    /// What orders came to, by strategy and instrument; empty where there are none.
    pub(crate) executions: ExecutionSummary,
}

/// Counts every row, joins it with its label, and prints or draws what came out.
pub(crate) fn run(arguments: &SummaryArguments) -> Result<(), Failure> {
    let directory = &arguments.store.readable(&arguments.dataset)?;
    let summary = summarise(directory, &arguments.definition)?;
    if let Some(path) = &arguments.html {
        write_page(path, &summary)?;
    }
    output::print(arguments.output, &summary, |summary| {
        text(summary, arguments)
    })
}

/// Sums up a dataset, with its labels of this name where there are some.
pub(crate) fn summarise(
    directory: &Path,
    labels: &DefinitionName,
) -> Result<DatasetSummary, Failure> {
    let mut summary = DatasetSummary {
        counts: Summary::default(),
        first_ts_decision_ns: None,
        last_ts_decision_ns: None,
        outcomes: rule_outcomes(directory, labels)?,
        executions: execution_summary(directory)?,
    };
    while_compacted(|| count(&mut summary, directory))?;
    Ok(summary)
}

/// Writes the page.
pub(crate) fn write_page(path: &Path, summary: &DatasetSummary) -> Result<(), Failure> {
    fs::write(path, report::html(summary)).map_err(|source| Failure::Unwritable {
        path: path.to_owned(),
        source,
    })
}

fn count(summary: &mut DatasetSummary, directory: &Path) -> Result<(), ReadError> {
    summary.counts = Summary::default();
    for path in read::listed_files(directory)? {
        for row in read::rows_of(&path)? {
            summary.add(row.ts_decision_ns);
            summary.counts.add_row(&row);
        }
    }
    Ok(())
}

impl DatasetSummary {
    fn add(&mut self, at: i64) {
        let first = self.first_ts_decision_ns.get_or_insert(at);
        *first = (*first).min(at);
        let last = self.last_ts_decision_ns.get_or_insert(at);
        *last = (*last).max(at);
    }
}

fn text(summary: &DatasetSummary, arguments: &SummaryArguments) -> String {
    let counts = summary_table::text(&summary.counts) + &execution_table::text(&summary.executions);
    let Some(outcomes) = &summary.outcomes else {
        return format!(
            "{counts}\nno labels {}: `trader dataset label` says what denied trades would have earned\n",
            arguments.definition
        );
    };
    let measure = arguments.measure.name();
    let of_measure = |all: &[Outcome]| all.iter().find(|found| found.measure == measure).cloned();
    let mut table = Table::new(
        [("TRADES", Align::Left)]
            .into_iter()
            .chain(
                [
                    "NUMBER",
                    "LABELLED",
                    "MEAN NET",
                    "95 % FROM",
                    "TO",
                    "EARNED",
                ]
                .map(|title| (title, Align::Right)),
            )
            .map(|(title, align)| (title.to_owned(), align)),
    );
    let mut row = |name: String, outcome: Option<Outcome>| {
        if let Some(outcome) = outcome {
            table.row(cells(name, &outcome));
        }
    };
    row("accepted".to_owned(), of_measure(&outcomes.accepted));
    for rule in &outcomes.rules {
        row(format!("{} denied", rule.rule), of_measure(&rule.denied));
        row(
            format!("{} alone denied", rule.rule),
            of_measure(&rule.denied_alone),
        );
    }
    format!(
        "{counts}\nIf they had been made: mean return after {measure} in basis points, net of {} a trade\n{}",
        outcomes.definition.fee_basis_points,
        table.render()
    )
}

fn cells(name: String, outcome: &Outcome) -> Vec<String> {
    let earned: Vec<_> = outcome
        .earned
        .values()
        .map(|earned| number(*earned))
        .collect();
    vec![
        name,
        outcome.trades.to_string(),
        outcome.labelled.to_string(),
        optional(outcome.mean_basis_points),
        optional(outcome.low_basis_points),
        optional(outcome.high_basis_points),
        earned.join(" + "),
    ]
}

/// With two decimals; a dash where there is none.
pub(crate) fn optional(value: Option<f64>) -> String {
    value.map_or_else(|| "-".to_owned(), number)
}

/// With two decimals, and no sign where that is zero.
pub(crate) fn number(value: f64) -> String {
    let text = format!("{value:.2}");
    if text == "-0.00" {
        "0.00".to_owned()
    } else {
        text
    }
}

impl Measure {
    /// The name in labels.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::OneMinute => HORIZONS[0].0,
            Self::FiveMinutes => HORIZONS[1].0,
            Self::OneHour => HORIZONS[2].0,
            Self::OneDay => HORIZONS[3].0,
            Self::Barrier => triptych_dataset::rule_outcomes::BARRIER,
        }
    }
}
