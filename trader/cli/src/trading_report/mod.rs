//! `trader report`: W and its mirror side by side, where they differ and why, and what ABH saw that risk denied.

mod page;
mod plot;

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use clap::Args;
use serde::Serialize;
use triptych_dataset::labels::Definition;
use triptych_dataset::labels::definition::DefinitionName;
use triptych_dataset::parity::{Parity, ParityError, Span, parity};
use triptych_dataset::performance::outcomes::{OutcomeComparison, compare};
use triptych_dataset::performance::{InstrumentPerformance, Performance, performance};

use crate::failure::Failure;
use crate::money::rounded;
use crate::object_store::{Place, StoreOptions};
use crate::output::{self, Format};
use crate::summary::{DatasetSummary, optional, summarise};
use crate::table::{Align, Table};

#[derive(Debug, Args)]
#[command(after_help = "\
The page is one file without links. Profit is what the fills in the dataset came to, from nothing held: it
is no balance of the account. A fee in a third asset is told and not taken off.

Examples:
  trader report ./writer ./mirror --html report.html
  trader report ./writer ./mirror --hypothesis ./observer --html report.html
  trader report s3://desk/live s3://desk/demo -o json | jq .orders")]
pub(crate) struct ReportArguments {
    /// W's dataset: a directory, or s3://BUCKET/PREFIX.
    pub(crate) live: Place,
    /// The dataset of its mirror, R.
    pub(crate) demo: Place,
    /// The dataset of ABH, for what it saw that risk denied.
    #[arg(long, value_name = "DATASET")]
    pub(crate) hypothesis: Option<Place>,
    /// Writes the page there.
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,
    /// Name of ABH's labels.
    #[arg(long, value_name = "NAME", default_value_t = Definition::standard().name)]
    pub(crate) definition: DefinitionName,
    #[command(flatten)]
    pub(crate) store: StoreOptions,
    /// How results are printed.
    #[arg(short, long, value_enum, default_value_t)]
    pub(crate) output: Format,
}

/// Everything that a report says.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TradingReport {
    /// What W did.
    pub(crate) live: Performance,
    /// What R did.
    pub(crate) demo: Performance,
    /// Whether they decided the same; nothing where they cannot be compared.
    pub(crate) parity: Option<Parity>,
    /// Why they cannot be compared.
    pub(crate) no_parity: Option<String>,
    /// What became of the same decisions.
    pub(crate) orders: OutcomeComparison,
    /// What ABH saw; nothing where its dataset is not given.
    pub(crate) hypothesis: Option<DatasetSummary>,
}

/// Reads the datasets, writes the page, and prints the numbers.
pub(crate) fn run(arguments: &ReportArguments) -> Result<(), Failure> {
    let report = read(arguments)?;
    if let Some(path) = &arguments.html {
        fs::write(path, page::html(&report)).map_err(|source| Failure::Unwritable {
            path: path.clone(),
            source,
        })?;
    }
    output::print(arguments.output, &report, text)
}

fn read(arguments: &ReportArguments) -> Result<TradingReport, Failure> {
    let store = &arguments.store;
    let (live_folder, demo_folder) = (
        store.readable(&arguments.live)?,
        store.readable(&arguments.demo)?,
    );
    let (live, demo) = (performance(&live_folder)?, performance(&demo_folder)?);
    let (parity, no_parity) = match parity(&live_folder, &demo_folder, Span::Common) {
        Ok(parity) => (Some(parity), None),
        Err(ParityError::Read(error)) => return Err(Failure::Read(error)),
        Err(reason) => (None, Some(reason.to_string())),
    };
    let hypothesis = match &arguments.hypothesis {
        Some(place) => Some(summarise(&store.readable(place)?, &arguments.definition)?),
        None => None,
    };
    Ok(TradingReport {
        orders: compare(&live, &demo),
        live,
        demo,
        parity,
        no_parity,
        hypothesis,
    })
}

/// Names of the numbers of an instrument, in the order of [`numbers`].
const NUMBERS: [&str; 7] = [
    "Orders",
    "Fills",
    "Traded",
    "Fees",
    "Held at the end",
    "Largest exposure",
    "Profit",
];

/// What a trader did on an instrument, for people.
fn numbers(of: &InstrumentPerformance) -> [String; 7] {
    let fees: Vec<String> = of
        .fees
        .iter()
        .map(|(asset, paid)| format!("{} {asset}", rounded(*paid)))
        .collect();
    [
        of.orders.to_string(),
        of.fills.to_string(),
        rounded(of.traded),
        if fees.is_empty() {
            "-".to_owned()
        } else {
            fees.join(" + ")
        },
        of.position.to_string(),
        rounded(of.largest_exposure),
        rounded(of.profit),
    ]
}

/// Symbols of either, in order.
fn symbols(report: &TradingReport) -> BTreeSet<&String> {
    let [live, demo] = [&report.live, &report.demo].map(|trader| trader.instruments.keys());
    live.chain(demo).collect()
}

/// Both traders on an instrument.
fn pair(report: &TradingReport, symbol: &str) -> [InstrumentPerformance; 2] {
    [&report.live, &report.demo]
        .map(|trader| trader.instruments.get(symbol).cloned().unwrap_or_default())
}

fn text(report: &TradingReport) -> String {
    let columns = [
        ("", Align::Left),
        ("", Align::Left),
        ("LIVE", Align::Right),
        ("DEMO", Align::Right),
    ];
    let mut table = Table::new(columns.map(|(title, align)| (title.to_owned(), align)));
    for symbol in symbols(report) {
        let [live, demo] = pair(report, symbol).map(|of| numbers(&of));
        for (place, name) in NUMBERS.iter().enumerate() {
            let symbol = if place == 0 {
                symbol.clone()
            } else {
                String::new()
            };
            table.row(vec![
                symbol,
                name.to_lowercase(),
                live[place].clone(),
                demo[place].clone(),
            ]);
        }
    }
    let decisions = match (&report.parity, &report.no_parity) {
        (Some(parity), _) => format!(
            "decisions: {} the same, {} different, {} only live, {} only demo\n",
            parity.same, parity.different, parity.left.alone, parity.right.alone
        ),
        (None, reason) => format!(
            "decisions: not compared: {}\n",
            reason.as_deref().unwrap_or_default()
        ),
    };
    let orders = &report.orders;
    let mut text = table.render()
        + "\n"
        + &decisions
        + &format!(
            "orders: {} filled by both, at a price {} basis points worse for live\n",
            orders.both_filled,
            optional(orders.mean_disadvantage_basis_points)
        );
    for (only, reasons) in [("live", &orders.only_left), ("demo", &orders.only_right)] {
        for (reason, count) in reasons {
            text += &format!("  {count} filled by {only} alone; the other: {reason}\n");
        }
    }
    text
}
