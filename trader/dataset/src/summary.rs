//! Sums up candidates: how many of each strategy, and what each rule said.

use std::collections::BTreeMap;

use serde::Serialize;
use triptych_engine::Candidate;

/// Counts over candidates.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    /// By strategy and instrument.
    pub strategies: BTreeMap<String, BTreeMap<String, StrategyCounts>>,
    /// By rule, in the order of the revision.
    pub rules: Vec<RuleCounts>,
}

/// Candidates of a strategy on an instrument.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StrategyCounts {
    /// All.
    pub candidates: u64,
    /// Those that every rule passes as they are.
    pub accepted: u64,
    /// Those that pass with a smaller quantity.
    pub resized: u64,
    /// Those that some rule denies.
    pub denied: u64,
}

/// Verdicts of a rule.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RuleCounts {
    /// Name of the rule.
    pub rule: String,
    /// Candidates that it judged.
    pub evaluated: u64,
    /// Candidates that it denied.
    pub denied: u64,
    /// Candidates that it denied and no other rule did: what the rule alone is for.
    pub denied_alone: u64,
    /// Candidates that it shrank.
    pub resized: u64,
}

/// What a summary needs of a candidate.
struct Judged<'a> {
    strategy: &'a str,
    instrument: &'a str,
    outcome: &'a str,
    verdicts: Vec<(&'a str, bool, bool)>,
}

impl Summary {
    /// Counts a candidate.
    pub fn add(&mut self, candidate: &Candidate) {
        self.count(&Judged {
            strategy: &candidate.strategy,
            instrument: &candidate.symbol,
            outcome: candidate.enforcement.name(),
            verdicts: candidate
                .verdicts
                .iter()
                .map(|verdict| {
                    (
                        verdict.rule,
                        verdict.passes(),
                        verdict.resized_quantity().is_some(),
                    )
                })
                .collect(),
        });
    }

    /// Counts a row.
    pub fn add_row(&mut self, row: &crate::read::Row) {
        self.count(&Judged {
            strategy: &row.strategy,
            instrument: &row.instrument,
            outcome: &row.final_if_enforced,
            verdicts: row
                .verdicts
                .iter()
                .map(|verdict| (&*verdict.rule, verdict.pass, verdict.resized_qty.is_some()))
                .collect(),
        });
    }

    fn count(&mut self, judged: &Judged<'_>) {
        let of_strategy = self
            .strategies
            .entry(judged.strategy.to_owned())
            .or_default();
        let counts = of_strategy.entry(judged.instrument.to_owned()).or_default();
        counts.candidates += 1;
        match judged.outcome {
            "Accept" => counts.accepted += 1,
            "Resize" => counts.resized += 1,
            _ => counts.denied += 1,
        }
        let denials = judged.verdicts.iter().filter(|(_, pass, _)| !pass).count();
        for &(rule, pass, resized) in &judged.verdicts {
            let counts = self.rule(rule);
            counts.evaluated += 1;
            counts.denied += u64::from(!pass);
            counts.denied_alone += u64::from(!pass && denials == 1);
            counts.resized += u64::from(resized);
        }
    }

    fn rule(&mut self, rule: &str) -> &mut RuleCounts {
        let place = self
            .rules
            .iter()
            .position(|known| known.rule == rule)
            .unwrap_or_else(|| {
                self.rules.push(RuleCounts {
                    rule: rule.to_owned(),
                    ..RuleCounts::default()
                });
                self.rules.len() - 1
            });
        &mut self.rules[place]
    }
}
