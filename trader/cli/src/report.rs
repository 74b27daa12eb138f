//! The summary as a page: one file with inline plots, without links, for phone and desk, light and dark.

use triptych_dataset::executions::summary::ExecutionSummary;
use triptych_dataset::layout::Date;
use triptych_dataset::rule_outcomes::{Outcome, RuleOutcomes};
use triptych_dataset::summary::Summary;
use triptych_engine::event::Timestamp;

use crate::execution_table::{NUMBERS, cells};
use crate::summary::{DatasetSummary, number, optional};
use crate::summary_table::percent;

/// The name of what no rule denied, to compare with.
const ACCEPTED: &str = "accepted";
pub(crate) const STYLE: &str = include_str!("report.css");

/// The whole page.
pub(crate) fn html(summary: &DatasetSummary) -> String {
    let candidates: u64 = summary
        .counts
        .strategies
        .values()
        .flat_map(|instruments| instruments.values())
        .map(|counts| counts.candidates)
        .sum();
    let body = [
        heading(summary, candidates),
        what_risk_denied(summary),
        strategies(&summary.counts),
        orders(&summary.executions),
    ]
    .concat();
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>Rules: what they denied, and what that earned or saved</title>\n\
         <style>\n{STYLE}</style>\n</head>\n<body>\n{body}</body>\n</html>\n"
    )
}

/// How often each rule denied, and what that earned or saved.
pub(crate) fn what_risk_denied(summary: &DatasetSummary) -> String {
    let outcomes = summary.outcomes.as_ref();
    denials(&summary.counts) + &outcomes.map_or_else(unlabelled, outcomes_of)
}

fn heading(summary: &DatasetSummary, candidates: u64) -> String {
    let day = |at: i64| Date::of(Timestamp::from_nanoseconds(at)).to_string();
    let days = match (summary.first_ts_decision_ns, summary.last_ts_decision_ns) {
        (Some(first), Some(last)) if day(first) == day(last) => format!(" on {}", day(first)),
        (Some(first), Some(last)) => format!(" from {} to {}", day(first), day(last)),
        _ => String::new(),
    };
    format!(
        "<h1>What each rule denied, and what that earned or saved</h1>\n\
         <p class=\"soft\">{candidates} potential trades{days} (UTC).</p>\n"
    )
}

fn denials(counts: &Summary) -> String {
    let rows: String = counts
        .rules
        .iter()
        .map(|rule| {
            let share = |part: u64| fraction(part, rule.evaluated);
            let plot = format!(
                "<svg role=\"img\" aria-label=\"{share} denied\"><rect class=\"bar\" x=\"0\" y=\"25%\" height=\"50%\" width=\"{all:.2}%\"/>\
                 <rect class=\"alone\" x=\"0\" y=\"25%\" height=\"50%\" width=\"{alone:.2}%\"/></svg>",
                share = percent(rule.denied, rule.evaluated),
                all = 100.0 * share(rule.denied),
                alone = 100.0 * share(rule.denied_alone),
            );
            let value = format!(
                "{} of {} ({}), alone {}",
                rule.denied,
                rule.evaluated,
                percent(rule.denied, rule.evaluated),
                rule.denied_alone
            );
            row("row", &escape(&rule.rule), &plot, &value)
        })
        .collect();
    format!(
        "<h2>How often each rule denied</h2>\n<p class=\"soft\"><span class=\"key bar\"></span>denied\
         <span class=\"key alone\"></span>denied, and no other rule did</p>\n{rows}"
    )
}

fn unlabelled() -> String {
    "<h2>What that earned or saved</h2>\n<p>Not known: these candidates have no labels yet. \
     <code>trader dataset label</code> writes them.</p>\n"
        .to_owned()
}

fn outcomes_of(outcomes: &RuleOutcomes) -> String {
    let definition = &outcomes.definition;
    let mut text = format!(
        "<h2>What the denied trades would have earned</h2>\n\
         <p>Mean return of the trades as proposed, in basis points of their value, net of a fee of {fee} for each \
         of the two trades, with 95 % intervals. Left of zero the rule saved money, right of it the rule cost some; an \
         interval that holds zero says neither.</p>\n\
         <p class=\"soft\"><span class=\"key saved\"></span>saved<span class=\"key cost\"></span>cost\
         <span class=\"key open\"></span>not decided\
         <span class=\"key taken\"></span>accepted, to compare</p>\n",
        fee = definition.fee_basis_points
    );
    for (place, of_accepted) in outcomes.accepted.iter().enumerate() {
        let of_rules = outcomes
            .rules
            .iter()
            .map(|rule| (escape(&rule.rule), &rule.denied[place]));
        let rows: Vec<(String, &Outcome)> = of_rules
            .chain([(ACCEPTED.to_owned(), of_accepted)])
            .filter(|(_, outcome)| outcome.labelled > 0)
            .collect();
        let title = match of_accepted.measure {
            "barrier" => format!(
                "At the first barrier, or after {} seconds",
                definition.barrier_seconds
            ),
            horizon => format!("After {horizon}"),
        };
        text += &format!("<h3>{title}</h3>\n");
        text += &if rows.is_empty() {
            "<p class=\"soft\">No trade has this label yet.</p>\n".to_owned()
        } else {
            forest(&rows)
        };
    }
    text + &numbers(outcomes) + &method(outcomes)
}

/// Means and intervals under each other, on one axis that shows zero.
fn forest(rows: &[(String, &Outcome)]) -> String {
    let ends = rows.iter().flat_map(|(_, outcome)| {
        [
            outcome.low_basis_points,
            outcome.mean_basis_points,
            outcome.high_basis_points,
        ]
    });
    let (low, high) = ends.flatten().fold((0.0_f64, 0.0_f64), |(low, high), end| {
        (low.min(end), high.max(end))
    });
    let room = ((high - low) * 0.06).max(0.01);
    let axis = Axis {
        low: low - room,
        high: high + room,
    };
    let plots = rows.iter().map(|(name, outcome)| {
        let interval = match (outcome.low_basis_points, outcome.high_basis_points) {
            (Some(low), Some(high)) => format!("from {} to {}", number(low), number(high)),
            _ => "no interval".to_owned(),
        };
        let value = format!(
            "{}, {interval}, {} trades",
            optional(outcome.mean_basis_points),
            outcome.labelled
        );
        row("row", name, &axis.plot(outcome, name == ACCEPTED), &value)
    });
    plots.collect::<String>() + &row("row axis", "", &axis.ends(low, high), "")
}

struct Axis {
    low: f64,
    high: f64,
}

impl Axis {
    /// Percent of the width.
    fn at(&self, value: f64) -> f64 {
        100.0 * (value - self.low) / (self.high - self.low)
    }

    fn plot(&self, outcome: &Outcome, taken: bool) -> String {
        let Some(mean) = outcome.mean_basis_points else {
            return String::new();
        };
        let interval = outcome.low_basis_points.zip(outcome.high_basis_points);
        let class = match interval {
            _ if taken => "taken",
            Some((_, high)) if high < 0.0 => "saved",
            Some((low, _)) if low > 0.0 => "cost",
            _ => "open",
        };
        let range = interval.map_or_else(String::new, |(low, high)| {
            format!(
                "<line class=\"range {class}\" x1=\"{:.2}%\" x2=\"{:.2}%\" y1=\"50%\" y2=\"50%\"/>",
                self.at(low),
                self.at(high)
            )
        });
        format!(
            "<svg role=\"img\" aria-label=\"mean {}\">{}{range}<circle class=\"{class}\" cx=\"{:.2}%\" cy=\"50%\" r=\"5\"/></svg>",
            number(mean),
            self.zero(),
            self.at(mean)
        )
    }

    fn zero(&self) -> String {
        format!(
            "<line class=\"zero\" x1=\"{zero:.2}%\" x2=\"{zero:.2}%\" y1=\"0\" y2=\"100%\"/>",
            zero = self.at(0.0)
        )
    }

    fn ends(&self, low: f64, high: f64) -> String {
        let label = |value: f64| {
            let anchor = match self.at(value) {
                ..15.0 => "start",
                85.0.. => "end",
                _ => "middle",
            };
            format!(
                "<text x=\"{:.2}%\" y=\"70%\" text-anchor=\"{anchor}\">{}</text>",
                self.at(value),
                number(value)
            )
        };
        // Beside zero an end would be written over it.
        let apart = |value: f64| (self.at(value) - self.at(0.0)).abs() > 20.0;
        let shown: String = [low, high]
            .into_iter()
            .filter(|end| apart(*end))
            .chain([0.0])
            .map(label)
            .collect();
        format!("<svg aria-hidden=\"true\">{shown}</svg>")
    }
}

fn numbers(outcomes: &RuleOutcomes) -> String {
    let mut rows = String::new();
    let mut add = |name: &str, of_trades: &[Outcome]| {
        for outcome in of_trades.iter().filter(|outcome| outcome.labelled > 0) {
            let earned: Vec<_> = outcome
                .earned
                .iter()
                .map(|(instrument, earned)| format!("{} ({})", number(*earned), escape(instrument)))
                .collect();
            rows += &format!(
                "<tr><td>{name}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>\n",
                outcome.measure,
                outcome.trades,
                outcome.labelled,
                optional(outcome.mean_basis_points),
                optional(outcome.low_basis_points),
                optional(outcome.high_basis_points),
                earned.join(", ")
            );
        }
    };
    for rule in &outcomes.rules {
        add(&format!("{} denied", escape(&rule.rule)), &rule.denied);
        let alone = format!("{} alone denied", escape(&rule.rule));
        add(&alone, &rule.denied_alone);
    }
    add(ACCEPTED, &outcomes.accepted);
    format!(
        "<h3>The numbers</h3>\n<p class=\"soft\">Earned: what these trades would have earned together, in the quote \
         asset of each instrument; denying them saved the opposite.</p>\n<div class=\"scroll\"><table>\n<tr><th>Trades</th><th>Measure</th><th>Number</th>\
         <th>Labelled</th><th>Mean</th><th>From</th><th>To</th><th>Earned</th></tr>\n{rows}</table></div>\n"
    )
}

fn method(outcomes: &RuleOutcomes) -> String {
    let method = &outcomes.method;
    format!(
        "<h3>How far to trust this</h3>\n<p>A trade is opened at the touch of its decision and closed at the touch of \
         the other side; size moves no price, and nothing is said about what else the account would have done. Returns \
         whose windows overlap move together: the intervals are drawn by a {} ({} resamples, seed {}) in blocks as long \
         as the densest window has decisions, and left out below {} blocks. They assume that the days recorded are like \
         those to come. Labels: {}.</p>\n",
        method.name,
        method.resamples,
        method.seed,
        method.fewest_blocks,
        escape(&outcomes.definition.name.to_string())
    )
}

fn strategies(counts: &Summary) -> String {
    let rows: String = counts
        .strategies
        .iter()
        .flat_map(|(strategy, instruments)| {
            instruments.iter().map(move |(instrument, counts)| {
                format!(
                    "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>\n",
                    escape(strategy),
                    escape(instrument),
                    counts.candidates,
                    counts.accepted,
                    counts.resized,
                    counts.denied
                )
            })
        })
        .collect();
    format!(
        "<h2>Strategies</h2>\n<div class=\"scroll\"><table>\n<tr><th>Strategy</th><th>Instrument</th><th>Candidates</th>\
         <th>Accepted</th><th>Resized</th><th>Denied</th></tr>\n{rows}</table></div>\n"
    )
}

fn orders(executions: &ExecutionSummary) -> String {
    if executions.is_empty() {
        return String::new();
    }
    let cell = |text: &str| format!("<td>{}</td>", escape(text));
    let mut rows = String::new();
    for (strategy, instruments) in executions {
        for (instrument, totals) in instruments {
            let numbers = cells(totals).map(|number| cell(&number)).concat();
            rows += &format!("<tr>{}{}{numbers}</tr>\n", cell(strategy), cell(instrument));
        }
    }
    let titles = ["Strategy", "Instrument"].iter().chain(&NUMBERS);
    let titles: String = titles.map(|title| format!("<th>{title}</th>")).collect();
    format!(
        "<h2>Orders</h2>\n<p>What became of the accepted trades, their stops and targets included. Filled: of the \
         quantity that was ordered. Cost against the touch: what the fills cost more than the best price of the other \
         side at the decision, fees apart; below zero they were better. Money is in the quote asset.</p>\n\
         <div class=\"scroll\"><table>\n<tr>{titles}</tr>\n{rows}</table></div>\n"
    )
}

fn row(class: &str, name: &str, plot: &str, value: &str) -> String {
    format!(
        "<div class=\"{class}\"><div class=\"name\">{name}</div><div class=\"plot\">{plot}</div>\
         <div class=\"value\">{value}</div></div>\n"
    )
}

#[allow(clippy::cast_precision_loss)]
fn fraction(part: u64, whole: u64) -> f64 {
    if whole == 0 {
        0.0
    } else {
        part as f64 / whole as f64
    }
}

pub(crate) fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}
