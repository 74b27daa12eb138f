//! The diagrams of docs/mirror.md: which phases follow each other, and why, in every state of the model
//! that can be reached.

use std::collections::{BTreeMap, BTreeSet};

use crate::convergence;
use crate::desk::{Action, Desk};
use crate::state::{Half, Pair, State};

/// Arrows from one name to another, with what causes them.
pub type Arrows = BTreeMap<(String, String), BTreeSet<String>>;

/// The phases of each half, as the status names them while nobody halts.
pub fn phases(desk: &Desk) -> Pair<Arrows> {
    let mut arrows = Pair::default();
    convergence::each_step(desk, |before, action, after| {
        for half in Half::BOTH {
            let names = [phase(before, half), phase(after, half)];
            add(arrows.of_mut(half), names, || cause(action, half, after));
        }
    });
    arrows
}

/// The trading state in force in W's trader.
pub fn trading_states(desks: &[Desk]) -> Arrows {
    let mut arrows = Arrows::new();
    for desk in desks {
        convergence::each_step(desk, |before, action, after| {
            let names = [trading_state(before), trading_state(after)];
            add(&mut arrows, names, || trading_cause(action, before));
        });
    }
    arrows
}

fn add(arrows: &mut Arrows, names: [Option<String>; 2], cause: impl FnOnce() -> String) {
    if let [Some(from), Some(to)] = names
        && from != to
    {
        arrows.entry((from, to)).or_default().insert(cause());
    }
}

/// A state diagram in Mermaid's words.
pub fn mermaid(start: &str, arrows: &Arrows) -> String {
    let mut text = format!("```mermaid\nstateDiagram-v2\n    [*] --> {start}\n");
    for ((from, to), causes) in arrows {
        let causes: Vec<&str> = causes.iter().map(String::as_str).collect();
        text += &format!("    {from} --> {to}: {}\n", causes.join("<br/>"));
    }
    text + "```\n"
}

fn phase(state: &State, half: Half) -> Option<String> {
    let is_there = half == Half::W || state.specs.has_mirror;
    is_there.then(|| format!("{:?}", state.view(half).phase(false)))
}

/// What happened, and what holds the half afterwards.
fn cause(action: Action, half: Half, after: &State) -> String {
    let is_own = |of: Half| of == half;
    let what = match action {
        Action::Declare(..) | Action::Commit(_) => "another revision is declared",
        Action::RemoveMirror => "the mirror is removed",
        Action::ReturnMirror => "a mirror is there again",
        Action::PodLost(of) if is_own(of) => "the pod is lost",
        Action::PodFails(of) if is_own(of) => "the pod is not ready any more",
        Action::PodReady(of) if is_own(of) => "the pod is ready",
        Action::PodMade(of) | Action::PodGone(of) if is_own(of) => "the former pod is gone",
        Action::MirrorSoaked => "the mirror has been ready for long enough",
        Action::PodLost(_) | Action::PodFails(_) => "the mirror is not ready any more",
        Action::Look(of) if !is_own(of) => "the mirror rolls",
        other => return format!("{other:?}"),
    };
    match after.view(half).target(None) {
        Err(hold) => format!("{what} ({hold:?})"),
        Ok(_) => what.to_owned(),
    }
}

fn trading_state(state: &State) -> Option<String> {
    let in_force = state.trader?.in_force(state.latch);
    Some(in_force.map_or_else(|| "Active".to_owned(), |level| format!("{level:?}")))
}

fn trading_cause(action: Action, before: &State) -> String {
    let starts = before
        .trader
        .is_some_and(|trader| !trader.knows_latch || trader.reading.is_none());
    let what = match action {
        Action::TraderReadsLatch | Action::TraderReadsInstance if starts => {
            "after its start it has read latch and TradingInstance"
        }
        Action::TraderReadsInstance => "specification, annotation or ceiling ask for it",
        Action::TraderLatches => "spec.resume named the halt, and nothing asks for as much",
        Action::HaltByEndpoint => "POST /v1/halt, or a breaker",
        Action::TraderRestarts => "it starts anew",
        other => return format!("{other:?}"),
    };
    what.to_owned()
}
