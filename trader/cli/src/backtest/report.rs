//! How the results of a backtest are printed.

use serde::Serialize;
use triptych_backtest::Outcome;

use crate::money::rounded;
use crate::table::{Align, Table};

/// What a backtest came to, a result a variant.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Report {
    /// The varied fields.
    pub(crate) fields: Vec<String>,
    /// In the order of the variants.
    pub(crate) results: Vec<VariantResult>,
}

/// The result of a variant.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct VariantResult {
    /// Hash of its configuration.
    pub(crate) config_hash: String,
    /// The value of each varied field.
    pub(crate) values: Vec<String>,
    #[serde(flatten)]
    pub(crate) outcome: Outcome,
}

/// One run as a list, several as a table.
pub(crate) fn text(report: &Report) -> String {
    match report.results.as_slice() {
        [only] if report.fields.is_empty() => list(only),
        _ => table(report),
    }
}

fn list(result: &VariantResult) -> String {
    let outcome = &result.outcome;
    let orders = &outcome.orders;
    let lines = [
        ("events", outcome.events.to_string()),
        ("candidates", outcome.candidates.to_string()),
        ("orders", orders.sent.to_string()),
        ("  filled whole", orders.filled.to_string()),
        ("  expired", orders.expired.to_string()),
        ("  beyond the book", orders.book_exhausted.to_string()),
        ("  at the end", orders.at_the_end.to_string()),
        ("fills", orders.fills.to_string()),
        ("  that waited", orders.maker_fills.to_string()),
        ("closed trades", outcome.closed_trades.to_string()),
        ("  that lost", outcome.losing_trades.to_string()),
        ("equity at the start", outcome.equity_at_start.to_string()),
        ("equity at the end", outcome.equity.to_string()),
        ("profit", outcome.profit().to_string()),
        ("turnover", outcome.turnover.to_string()),
        ("fees", outcome.fees.to_string()),
        ("deepest drawdown", outcome.max_drawdown.to_string()),
        ("on paper", outcome.equity_on_paper.to_string()),
        ("cost of execution", outcome.cost_of_execution().to_string()),
    ];
    let mut table = Table::new([(String::new(), Align::Left), (String::new(), Align::Right)]);
    for (name, value) in lines {
        table.row(vec![name.to_owned(), value]);
    }
    let halt = outcome.stopped.as_ref().map_or_else(String::new, |stop| {
        format!("{:?} by {}, as W would be\n", stop.state, stop.rule)
    });
    format!(
        "{}{halt}configuration {}\n",
        table.render().trim_start_matches('\n'),
        result.config_hash
    )
}

fn table(report: &Report) -> String {
    let fields = report.fields.iter().map(|field| {
        let last = field.rsplit('.').next().unwrap_or(field);
        (last.to_owned(), Align::Right)
    });
    let columns = [
        "CANDIDATES",
        "ORDERS",
        "FILLS",
        "TRADES",
        "PROFIT",
        "FEES",
        "DRAWDOWN",
        "COST",
        "STOPPED",
    ];
    let columns = columns.map(|title| (title.to_owned(), Align::Right));
    let mut table = Table::new(fields.chain(columns));
    for result in &report.results {
        let outcome = &result.outcome;
        let mut cells = result.values.clone();
        cells.extend([
            outcome.candidates.to_string(),
            outcome.orders.sent.to_string(),
            outcome.orders.fills.to_string(),
            outcome.closed_trades.to_string(),
            rounded(outcome.profit()),
            rounded(outcome.fees),
            rounded(outcome.max_drawdown),
            rounded(outcome.cost_of_execution()),
            outcome
                .stopped
                .as_ref()
                .map_or_else(|| "-".to_owned(), |stop| stop.rule.to_owned()),
        ]);
        table.row(cells);
    }
    table.render()
}
