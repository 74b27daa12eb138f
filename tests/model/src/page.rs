//! The generated parts of docs/mirror.md.

use std::thread::{self, ScopedJoinHandle};

use crate::check::{self, Checked};
use crate::convergence::{self, Convergence, Divergence};
use crate::desk::{Desk, Scope};
use crate::diagram;
use crate::scopes;

/// A scope, and what its check found.
#[derive(Clone, Debug)]
pub struct Checks {
    /// The scope.
    pub scope: Scope,
    /// Safety, and what is possible.
    pub checked: Checked,
    /// L1.
    pub convergence: Result<Convergence, Divergence>,
}

/// Checks every scope, all at once.
///
/// # Panics
///
/// Where a check itself does.
pub fn check_all() -> Vec<Checks> {
    let check = |scope: Scope| Checks {
        checked: check::every_state(&scope),
        convergence: convergence::check(&desk(scope.clone())),
        scope,
    };
    thread::scope(|threads| {
        let running: Vec<_> = scopes::all()
            .into_iter()
            .map(|scope| threads.spawn(move || check(scope)))
            .collect();
        let ended = running.into_iter().map(ScopedJoinHandle::join);
        ended.map(|result| result.expect("a check ends")).collect()
    })
}

fn desk(scope: Scope) -> Desk {
    Desk {
        scope,
        without: None,
    }
}

/// The table of scopes.
pub fn table(results: &[Checks]) -> String {
    let mut text = String::from(
        "| What happens | States | Steps | Farthest state | Ends | Longest way to an end |\n|---|---:|---:|---:|---:|---:|\n",
    );
    let mut states = 0;
    for Checks {
        scope,
        checked,
        convergence,
    } in results
    {
        let (ends, way) = convergence
            .as_ref()
            .map_or((0, 0), |found| (found.ends, found.longest_way));
        states += checked.states;
        text += &format!(
            "| {} | {} | {} | {} | {ends} | {way} |\n",
            scope.name, checked.states, checked.steps, checked.depth
        );
    }
    text + &format!("\nTogether {states} states.\n")
}

/// The diagrams.
pub fn diagrams() -> String {
    let all = scopes::all();
    let desks = |names: &[&str]| -> Vec<Desk> {
        let chosen = all.iter().filter(|scope| names.contains(&scope.name));
        chosen.cloned().map(desk).collect()
    };
    let phases = diagram::phases(&desk(scopes::for_diagrams()));
    let trading = diagram::trading_states(&desks(&[scopes::HALTS, scopes::GLASS]));
    format!(
        "W, while nobody halts it:\n\n{}\nR, likewise:\n\n{}\nThe trading state in force, of either:\n\n{}",
        diagram::mermaid("Pending", &phases.w),
        diagram::mermaid("Pending", &phases.r),
        diagram::mermaid("Halted", &trading)
    )
}

/// The page with its generated parts renewed; the error names a marker that is not there.
pub fn renewed(page: &str, results: &[Checks]) -> Result<String, String> {
    let page = replaced(page, "diagrams", &diagrams())?;
    replaced(&page, "scopes", &table(results))
}

fn replaced(page: &str, part: &str, content: &str) -> Result<String, String> {
    let begin = format!("<!-- generated: {part} -->\n");
    let end = format!("<!-- end of generated: {part} -->");
    let missing = |marker: &str| format!("there is no line '{}'", marker.trim_end());
    let (before, rest) = page.split_once(&begin).ok_or_else(|| missing(&begin))?;
    let (_, after) = rest.split_once(&end).ok_or_else(|| missing(&end))?;
    Ok(format!("{before}{begin}\n{content}\n{end}{after}"))
}
