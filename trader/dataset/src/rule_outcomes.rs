//! What the trades that a rule denied would have earned: candidates joined with their labels.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use serde::Serialize;

use crate::bootstrap::{self, RESAMPLES, SEED, block_length, interval, mean, most_within};
use crate::files::{listed_by_folder, while_compacted};
use crate::labels::definition::{Definition, DefinitionName, HORIZONS};
use crate::labels::outcome::{Exit, Label};
use crate::labels::store::{LabelError, definition_of, labels_of_folder};
use crate::read::{Row, rows_of};

/// The name of the triple barrier among the measures.
pub const BARRIER: &str = "barrier";

/// What denied and accepted trades earned, by each measure.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RuleOutcomes {
    /// With which fees and barriers.
    pub definition: Definition,
    /// How the intervals are drawn.
    pub method: Method,
    /// The trades that every rule lets pass, whole or smaller, as proposed.
    pub accepted: Vec<Outcome>,
    /// Each rule, in the order of the revision.
    pub rules: Vec<RuleOutcome>,
}

/// How the intervals are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Method {
    /// Always the circular block bootstrap.
    pub name: &'static str,
    /// Resamples drawn.
    pub resamples: usize,
    /// Seed of the draw.
    pub seed: u64,
    /// With fewer blocks there is no interval.
    pub fewest_blocks: usize,
}

/// What a rule denied.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RuleOutcome {
    /// Name of the rule.
    pub rule: String,
    /// Every trade that it denied.
    pub denied: Vec<Outcome>,
    /// The trades that it denied and no other rule did.
    pub denied_alone: Vec<Outcome>,
}

/// What some trades would have earned by one measure: a horizon, or the triple barrier.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Outcome {
    /// `1m`, `5m`, `1h`, `1d` or `barrier`.
    pub measure: &'static str,
    /// Trades.
    pub trades: u64,
    /// Trades whose label is known; the rest of the numbers are theirs.
    pub labelled: u64,
    /// Mean return net of fees in basis points of the entry's value.
    pub mean_basis_points: Option<f64>,
    /// Lower end of the mean's 95 % interval.
    pub low_basis_points: Option<f64>,
    /// Upper end.
    pub high_basis_points: Option<f64>,
    /// Neighbours that were drawn together.
    pub block: u64,
    /// What the trades would have earned together as proposed, in each instrument's quote asset; what
    /// denying them saved is its opposite.
    pub earned: BTreeMap<String, f64>,
}

/// Joins candidates and labels of a name; `None` where there are no such labels.
pub fn rule_outcomes(
    directory: &Path,
    name: &DefinitionName,
) -> Result<Option<RuleOutcomes>, LabelError> {
    while_compacted(|| of_listed_files(directory, name))
}

fn of_listed_files(
    directory: &Path,
    name: &DefinitionName,
) -> Result<Option<RuleOutcomes>, LabelError> {
    let Some(definition) = definition_of(directory, name)? else {
        return Ok(None);
    };
    let mut accepted = Trades::default();
    let mut rules = Rules::default();
    for (folder, files) in listed_by_folder(directory)? {
        let labels: HashMap<_, _> = labels_of_folder(directory, name, &folder)?
            .into_iter()
            .map(|label| {
                let subject = &label.subject;
                (
                    (subject.run_id.clone(), subject.candidate_id.clone()),
                    label,
                )
            })
            .collect();
        for file in files {
            for row in rows_of(&directory.join(&file.path))? {
                let label = labels.get(&(row.run_id.clone(), row.candidate_id.clone()));
                if row.final_if_enforced != "Deny" {
                    accepted.add(&row, label);
                }
                rules.add(&row, label);
            }
        }
    }
    let outcomes = |trades: &Trades| trades.outcomes(&definition);
    Ok(Some(RuleOutcomes {
        accepted: outcomes(&accepted),
        rules: rules
            .0
            .iter()
            .map(|(rule, denied, alone)| RuleOutcome {
                rule: rule.clone(),
                denied: outcomes(denied),
                denied_alone: outcomes(alone),
            })
            .collect(),
        method: Method {
            name: "circular block bootstrap",
            resamples: RESAMPLES,
            seed: SEED,
            fewest_blocks: bootstrap::FEWEST_BLOCKS,
        },
        definition,
    }))
}

/// Every rule with the trades that it denied, and those that it alone denied.
#[derive(Default)]
struct Rules(Vec<(String, Trades, Trades)>);

impl Rules {
    fn add(&mut self, row: &Row, label: Option<&Label>) {
        let denials = row.verdicts.iter().filter(|verdict| !verdict.pass).count();
        for verdict in &row.verdicts {
            let place = self.place(&verdict.rule);
            if !verdict.pass {
                self.0[place].1.add(row, label);
                if denials == 1 {
                    self.0[place].2.add(row, label);
                }
            }
        }
    }

    fn place(&mut self, rule: &str) -> usize {
        let known = self.0.iter().position(|(name, _, _)| name == rule);
        known.unwrap_or_else(|| {
            self.0
                .push((rule.to_owned(), Trades::default(), Trades::default()));
            self.0.len() - 1
        })
    }
}

/// Trades with what each would have earned by each measure.
#[derive(Default)]
struct Trades {
    count: u64,
    known: [Vec<Known>; HORIZONS.len() + 1],
}

struct Known {
    at: i64,
    basis_points: f64,
    instrument: String,
    value: f64,
}

impl Trades {
    fn add(&mut self, row: &Row, label: Option<&Label>) {
        self.count += 1;
        let Some(label) = label else { return };
        let exits = label
            .returns
            .iter()
            .map(|exit| exit.ok())
            .chain([label.barrier.ok().map(|met| met.exit)]);
        for (known, exit) in self.known.iter_mut().zip(exits) {
            if let Some(Exit {
                net_basis_points, ..
            }) = exit
            {
                known.push(Known {
                    at: row.ts_decision_ns,
                    basis_points: net_basis_points,
                    instrument: row.instrument.clone(),
                    value: row.touch.to_f64() * row.quantity.to_f64(),
                });
            }
        }
    }

    fn outcomes(&self, definition: &Definition) -> Vec<Outcome> {
        let measures = HORIZONS
            .into_iter()
            .chain([(BARRIER, definition.barrier_nanoseconds())]);
        measures
            .zip(&self.known)
            .map(|((measure, window), known)| self.outcome(measure, window, known))
            .collect()
    }

    fn outcome(&self, measure: &'static str, window: i64, known: &[Known]) -> Outcome {
        let mut in_order: Vec<&Known> = known.iter().collect();
        in_order.sort_by_key(|trade| trade.at);
        let times: Vec<i64> = in_order.iter().map(|trade| trade.at).collect();
        let returns: Vec<f64> = in_order.iter().map(|trade| trade.basis_points).collect();
        let block = block_length(returns.len(), most_within(&times, window));
        let interval = interval(&returns, block);
        let mut earned = BTreeMap::new();
        for trade in in_order {
            *earned.entry(trade.instrument.clone()).or_default() +=
                trade.value * trade.basis_points / 10_000.0;
        }
        Outcome {
            measure,
            trades: self.count,
            labelled: returns.len() as u64,
            mean_basis_points: mean(&returns),
            low_basis_points: interval.map(|interval| interval.low),
            high_basis_points: interval.map(|interval| interval.high),
            block: block as u64,
            earned,
        }
    }
}
