//! Candidates with each rule's verdict, for people.

use triptych_dataset::layout::Date;
use triptych_dataset::read::{Row, VerdictRow};
use triptych_engine::event::Timestamp;

use crate::table::{Align, Table};

/// Width of a terminal that the table fits into, as far as names allow.
const WIDTH: usize = 120;

/// A row a candidate, a column a rule; in several tables where the rules do not fit beside each other.
pub(crate) fn compact(rows: &[Row]) -> String {
    let Some(first) = rows.first() else {
        return "no candidates\n".to_owned();
    };
    let mut text = caption(rows, first);
    let rules: Vec<&str> = rule_names(rows);
    let mut from = 0;
    loop {
        let fits = |to: &usize| table(rows, &rules[from..*to]).width() <= WIDTH;
        let to = (from + 1..=rules.len())
            .rev()
            .find(fits)
            .unwrap_or((from + 1).min(rules.len()));
        text += "\n";
        text += &table(rows, &rules[from..to]).render();
        from = to;
        if from >= rules.len() {
            return text;
        }
    }
}

fn caption(rows: &[Row], first: &Row) -> String {
    let all_same = |field: fn(&Row) -> &str| rows.iter().all(|row| field(row) == field(first));
    let configuration = if all_same(|row| &row.config_hash) {
        format!(
            "configuration {}",
            first.config_hash.get(..12).unwrap_or(&first.config_hash)
        )
    } else {
        "several configurations".to_owned()
    };
    let instrument = if all_same(|row| &row.instrument) {
        &*first.instrument
    } else {
        "several instruments"
    };
    let date = Date::of(Timestamp::from_nanoseconds(first.ts_decision_ns));
    format!(
        "{instrument}, {}, {configuration}, from {date} on (UTC)\n",
        first.tier
    )
}

/// Every rule that judged one of the rows, in the order of their verdicts.
fn rule_names(rows: &[Row]) -> Vec<&str> {
    let mut names: Vec<&str> = Vec::new();
    for verdict in rows.iter().flat_map(|row| &row.verdicts) {
        if !names.contains(&&*verdict.rule) {
            names.push(&verdict.rule);
        }
    }
    names
}

fn table(rows: &[Row], rules: &[&str]) -> Table {
    let several = rows.iter().any(|row| row.instrument != rows[0].instrument);
    let mut columns = vec![
        ("TIME".to_owned(), Align::Left),
        ("STRATEGY".to_owned(), Align::Left),
    ];
    if several {
        columns.push(("INSTRUMENT".to_owned(), Align::Left));
    }
    columns.push(("SIDE".to_owned(), Align::Left));
    columns.push(("SIZE".to_owned(), Align::Right));
    columns.push(("PRICE".to_owned(), Align::Right));
    columns.extend(rules.iter().map(|rule| (in_lines(rule), Align::Left)));
    columns.push(("FINAL".to_owned(), Align::Left));
    let mut table = Table::new(columns);
    for row in rows {
        let mut cells = vec![time(row.ts_decision_ns), row.strategy.clone()];
        if several {
            cells.push(row.instrument.clone());
        }
        cells.extend([
            row.side.clone(),
            row.quantity.to_string(),
            row.touch.to_string(),
        ]);
        cells.extend(rules.iter().map(|rule| cell(row, rule)));
        cells.push(outcome(row));
        table.row(cells);
    }
    table
}

/// `notionalLimits` as `notional` above `Limits`.
fn in_lines(rule: &str) -> String {
    let mut lines = String::with_capacity(rule.len() + 2);
    for character in rule.chars() {
        if character.is_ascii_uppercase() {
            lines.push('\n');
        }
        lines.push(character);
    }
    lines
}

fn cell(row: &Row, rule: &str) -> String {
    let Some(verdict) = row.verdicts.iter().find(|verdict| verdict.rule == rule) else {
        return "-".to_owned();
    };
    match verdict.resized_qty {
        _ if !verdict.pass => "DENY".to_owned(),
        Some(quantity) => quantity.to_string(),
        None => "pass".to_owned(),
    }
}

fn outcome(row: &Row) -> String {
    if row.final_if_enforced == "Resize" {
        return row.final_quantity.to_string();
    }
    row.final_if_enforced.clone()
}

/// A block a candidate, a line a verdict with what the rule saw and allows.
pub(crate) fn detailed(rows: &[Row]) -> String {
    let Some(first) = rows.first() else {
        return "no candidates\n".to_owned();
    };
    let mut text = caption(rows, first);
    for row in rows {
        text += &format!(
            "\n{} {} {} {} {} {} at {} (bid {} ask {}): {}\n",
            time(row.ts_decision_ns),
            row.strategy,
            row.side,
            row.order_type,
            row.quantity,
            row.instrument,
            row.touch,
            row.bid,
            row.ask,
            row.final_if_enforced,
        );
        text += &verdict_lines(&row.verdicts);
    }
    text
}

fn verdict_lines(verdicts: &[VerdictRow]) -> String {
    let titles = ["  RULE", "VERDICT", "OBSERVED", "LIMIT", "WHY"];
    let numbers = |title: &str| matches!(title, "OBSERVED" | "LIMIT");
    let align = |title| {
        if numbers(title) {
            Align::Right
        } else {
            Align::Left
        }
    };
    let mut table = Table::new(titles.map(|title| (title.to_owned(), align(title))));
    let number = |measure: Option<_>| {
        measure.map_or_else(
            || "-".to_owned(),
            |measure: triptych_engine::measure::Measure| measure.to_string(),
        )
    };
    for verdict in verdicts {
        let word = match verdict.resized_qty {
            _ if !verdict.pass => "DENY".to_owned(),
            Some(quantity) => format!("pass {quantity}"),
            None => "pass".to_owned(),
        };
        table.row(vec![
            format!("  {}", verdict.rule),
            word,
            number(verdict.observed),
            number(verdict.limit),
            verdict.deny_code.clone().unwrap_or_default(),
        ]);
    }
    table.render()
}

/// Time of day in UTC, to the millisecond.
fn time(nanoseconds: i64) -> String {
    let milliseconds = nanoseconds.div_euclid(1_000_000).rem_euclid(86_400_000);
    let (seconds, milliseconds) = (milliseconds / 1_000, milliseconds % 1_000);
    let (hours, minutes, seconds) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    format!("{hours:02}:{minutes:02}:{seconds:02}.{milliseconds:03}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(strategy: &str, rules: &[&str]) -> Row {
        let verdict = |(place, rule): (usize, &&str)| VerdictRow {
            rule: (*rule).to_owned(),
            version: 1,
            pass: place != 1,
            observed: None,
            limit: None,
            resized_qty: (place == 2).then(|| "0.00200000".parse().unwrap()),
            deny_code: (place == 1).then(|| "WHY".to_owned()),
            portfolio: None,
        };
        Row {
            candidate_id: "id".to_owned(),
            run_id: "run".to_owned(),
            tier: "ABH".to_owned(),
            instance: "desk/lab".to_owned(),
            config_hash: "0123456789abcdef".to_owned(),
            ts_event_ns: None,
            ts_recv_ns: 0,
            ts_decision_ns: 1_723_161_253_937_085_768,
            strategy: strategy.to_owned(),
            instrument: "BTCUSDT".to_owned(),
            trigger: "depth:1".to_owned(),
            side: "Sell".to_owned(),
            order_type: "Limit".to_owned(),
            bid: "61837.63".parse().unwrap(),
            ask: "61837.64".parse().unwrap(),
            touch: "61837.63".parse().unwrap(),
            quantity: "0.0025".parse().unwrap(),
            stop: None,
            target: None,
            confidence: None,
            verdicts: rules.iter().enumerate().map(verdict).collect(),
            first_deny: None,
            final_if_enforced: "Deny".to_owned(),
            final_quantity: "0".parse().unwrap(),
            trading_state: None,
            live_ratio: None,
            live_ratio_mode: None,
            taken_quantity: None,
            not_taken: None,
            verdicts_all_taken: Vec::new(),
        }
    }

    #[test]
    fn seven_rules_fit_into_120_columns() {
        let rules = [
            "precision",
            "quantityLimits",
            "notionalLimits",
            "priceCollar",
            "maxSpread",
            "staleData",
            "duplicateIntent",
        ];
        let text = compact(&[row("imbalance", &rules)]);
        assert!(
            text.lines().all(|line| line.chars().count() <= WIDTH),
            "{text}"
        );
        assert_eq!(
            text.lines()
                .filter(|line| line.contains("23:54:13.937"))
                .count(),
            1,
            "{text}"
        );
        for word in [
            "DENY",
            "0.002",
            "pass",
            "duplicate",
            "configuration 0123456789ab",
        ] {
            assert!(text.contains(word), "{word} is missing in\n{text}");
        }
    }

    #[test]
    fn more_rules_than_fit_stand_below_each_other() {
        let rules: Vec<String> = (0..20).map(|number| format!("someRule{number}")).collect();
        let rules: Vec<&str> = rules.iter().map(String::as_str).collect();
        let text = compact(&[row("a-strategy-with-a-name-of-forty-characters", &rules)]);
        assert!(
            text.lines().all(|line| line.chars().count() <= WIDTH),
            "{text}"
        );
        assert!(text.contains("Rule0") && text.contains("Rule19"));
    }

    #[test]
    fn nothing_is_said_to_be_nothing() {
        assert_eq!(compact(&[]), "no candidates\n");
        assert_eq!(detailed(&[]), "no candidates\n");
    }
}
