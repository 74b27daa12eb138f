//! What can be asked of `trader backtest`.

use std::num::NonZeroU32;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use triptych_backtest::grid::Axis;
use triptych_engine::decimal::Ratio;
use triptych_fill_model::QueueModel;

use crate::output::Format;

#[derive(Debug, Args)]
#[command(after_help = "\
Decides as W, R and ABH would have decided on the same messages, at a ratio of 1; what becomes of the orders
is a model, which docs/backtest.md states. The same arguments give the same result.

With --out the tables of docs/dataset.md are written: candidates as ABH would write them, executions (what the
model made of each order) and labels, for which the recordings are read once more. --html sums them up on a page.

PAPER is the equity of filling each accepted intent whole, at once and at its touch; COST is what latency,
queues and partial fills take from it.

Examples:
  trader backtest revision.yaml monday.gz tuesday.gz
  trader backtest revision.yaml monday.gz --out ./dataset --html report.html
  trader parity ./observer ./dataset
  trader dataset query ./dataset \"select strategy, sum(fee) from executions group by all\"
  trader backtest revision.yaml monday.gz \\
    --vary strategies.lean.algorithm.orderBookImbalance.threshold=0.5,0.6,0.7 \\
    --vary riskRules.maxSpread.basisPoints=1,2,5")]
pub(crate) struct BacktestArguments {
    /// The ConfigRevision, in YAML or JSON, with `spec.portfolio`; `-` reads standard input.
    pub(crate) revision: PathBuf,
    /// Recordings that follow each other: `<nanoseconds> <message of the venue>` a line, plain or
    /// gzipped.
    #[arg(required = true)]
    pub(crate) recordings: Vec<PathBuf>,
    /// Which of several ConfigRevisions in the file, by name.
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// Runs a variant for each of these values of a field of `spec`, and for each combination where
    /// it is given several times. Lists are walked by name or by place.
    #[arg(long, value_name = "PATH=VALUE,...")]
    pub(crate) vary: Vec<Axis>,
    /// Time from a decision until the order meets the market, and back.
    #[arg(long, value_name = "MILLISECONDS", default_value_t = 50)]
    pub(crate) latency: u32,
    /// Time after which the rest of a limit order is cancelled.
    #[arg(long, value_name = "SECONDS", default_value = "60")]
    pub(crate) rest: NonZeroU32,
    /// Whose quantity was cancelled in the queue of an order that waits.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) queue: Queue,
    /// Fee of a fill that waited in the book, in basis points; without it
    /// spec.portfolio.takerFeeBasisPoints.
    #[arg(long, value_name = "BASIS_POINTS", value_parser = fee)]
    pub(crate) maker_fee: Option<Ratio>,
    /// Fee of a fill that took from the book, likewise.
    #[arg(long, value_name = "BASIS_POINTS", value_parser = fee)]
    pub(crate) taker_fee: Option<Ratio>,
    /// Writes the tables of a single run into this directory: candidates, executions, and the
    /// standard labels from the same recordings.
    #[arg(long, value_name = "DIRECTORY", conflicts_with = "vary")]
    pub(crate) out: Option<PathBuf>,
    /// Writes the page of `trader dataset summary` about these tables to this file: one file with
    /// plots, without links.
    #[arg(long, value_name = "FILE", requires = "out")]
    pub(crate) html: Option<PathBuf>,
    /// How results are printed.
    #[arg(short, long, value_enum, default_value_t)]
    pub(crate) output: Format,
}

/// Whose quantity was cancelled in the queue of an order that waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum Queue {
    /// That of those behind it: the harshest of what the data allow.
    #[default]
    RiskAverse,
    /// Everybody's, evenly.
    Proportional,
}

impl From<Queue> for QueueModel {
    fn from(queue: Queue) -> Self {
        match queue {
            Queue::RiskAverse => Self::RiskAverse,
            Queue::Proportional => Self::Proportional,
        }
    }
}

fn fee(text: &str) -> Result<Ratio, String> {
    let most = Ratio::from_units(10_000 * triptych_engine::decimal::UNITS_PER_WHOLE);
    match text.parse::<Ratio>() {
        Ok(fee) if (Ratio::ZERO..=most).contains(&fee) => Ok(fee),
        _ => Err("expected a plain decimal from 0 to 10000, such as 7.5".to_owned()),
    }
}
