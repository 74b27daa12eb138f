//! `trader parity`: whether two traders of one configuration decided the same.

use triptych_dataset::parity::{
    Difference, Divergence, DivergenceKind, Parity, ParityError, Side, Span, moment, parity,
};

use crate::arguments::ParityArguments;
use crate::failure::Failure;
use crate::output;
use crate::table::{Align, Table};

/// Compares two datasets and prints what came out; a divergence ends with 1.
pub(crate) fn run(arguments: &ParityArguments) -> Result<(), Failure> {
    let left = arguments.store.readable(&arguments.left)?;
    let right = arguments.store.readable(&arguments.right)?;
    let span = if arguments.whole {
        Span::Whole
    } else {
        Span::Common
    };
    let parity = parity(&left, &right, span).map_err(|error| match error {
        ParityError::Read(error) => Failure::Read(error),
        error => Failure::Usage(error.to_string()),
    })?;
    output::print(arguments.output, &parity, text)?;
    if parity.equal {
        return Ok(());
    }
    let alone = parity.left.alone + parity.right.alone;
    Err(Failure::FoundWrong(format!(
        "they diverge: {} candidates were decided differently, {alone} have no partner",
        parity.different
    )))
}

fn text(parity: &Parity) -> String {
    let mut text = sides(parity).render();
    text += &format!("\ncompared {}\n", parity.window);
    text += &format!("decided the same       {:>10}\n", parity.same);
    if parity.observed_otherwise > 0 {
        text += &format!(
            "  from other numbers   {:>10}  a rule observed another number, and said the same\n",
            parity.observed_otherwise
        );
    }
    text += &format!("decided differently    {:>10}\n", parity.different);
    for (field, count) in &parity.fields {
        text += &format!("  {field:<28} {count:>8}\n");
    }
    match &parity.first {
        None => text += "every decision is the same\n",
        Some(first) => text += &divergence(first),
    }
    text
}

fn sides(parity: &Parity) -> Table {
    let mut table = Table::new([
        (String::new(), Align::Left),
        ("TIER".into(), Align::Left),
        ("INSTANCE".into(), Align::Left),
        ("RUNS".into(), Align::Right),
        ("CANDIDATES".into(), Align::Right),
        ("OUTSIDE".into(), Align::Right),
        ("ALONE".into(), Align::Right),
    ]);
    for (name, side) in [("left", &parity.left), ("right", &parity.right)] {
        let Side {
            tiers,
            instances,
            runs,
            candidates,
            outside,
            alone,
        } = side;
        let joined = |names: &std::collections::BTreeSet<String>| {
            names.iter().cloned().collect::<Vec<_>>().join(",")
        };
        table.row(vec![
            name.to_owned(),
            joined(tiers),
            joined(instances),
            runs.to_string(),
            candidates.to_string(),
            outside.to_string(),
            alone.to_string(),
        ]);
    }
    table
}

fn divergence(first: &Divergence) -> String {
    let Divergence {
        candidate_id,
        trigger,
        at_ns,
        strategy,
        instrument,
        side,
        kind,
    } = first;
    let head = format!(
        "\nfirst divergence at {trigger}, {}\n{strategy} on {instrument}, {side}, candidate {candidate_id}\n",
        moment(*at_ns)
    );
    head + &match kind {
        DivergenceKind::OnlyLeft => "only the left one proposed it\n".to_owned(),
        DivergenceKind::OnlyRight => "only the right one proposed it\n".to_owned(),
        DivergenceKind::Decided(differences) => decided(differences).render(),
    }
}

fn decided(differences: &[Difference]) -> Table {
    let columns = ["FIELD", "LEFT", "RIGHT"];
    let mut table = Table::new(columns.map(|title| (title.to_owned(), Align::Left)));
    for difference in differences {
        let Difference { field, left, right } = difference;
        table.row(vec![field.clone(), left.clone(), right.clone()]);
    }
    table
}
