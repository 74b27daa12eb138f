//! The scopes in which the model is checked: together they cover what people and misfortune do to W
//! and its mirror, each without a bound on how often.

use crate::desk::{Action, Rule, Scope};
use crate::state::{Configuration, Half, Revision, State};

use Action::{
    ActiveBySpec, Allow, BreakGlass, Commit, Declare, GlassExpires, HaltByAnnotation,
    HaltByEndpoint, HaltBySpec, OperatorCrashes, PodFails, PodLost, RemoveAnnotation, RemoveMirror,
    ResumeById, ReturnMirror, ReuseName, Revoke, StatusLost, SyncOldManifests, TraderRestarts,
};

/// The mirror alone.
pub const MIRROR: &str = "first start, roll, rollback, mirror removed";
/// The same, with old news.
pub const STALE: &str = "roll and rollback while the operator's watches lag behind";
/// Revisions that are replaced.
pub const NAMES: &str = "a revision's name used again for another configuration";
/// Broken glass.
pub const GLASS: &str = "the glass broken, and W held to Reducing";
/// Revocations.
pub const REVOCATION: &str = "a configuration revoked while it runs";
/// Halts alone.
pub const HALTS: &str = "every way to halt and to go on, with only the volume to remember it";
/// Halts and rolls.
pub const HALT_IN_ROLL: &str = "a halt in the middle of rolls";

/// Every way of naming a revision.
fn commits() -> Vec<Action> {
    let mut commits = Vec::new();
    for revision in [Revision::First, Revision::Second] {
        commits.push(Commit(revision));
        commits.extend(Half::BOTH.map(|half| Declare(half, revision)));
    }
    commits
}

fn with(mut actions: Vec<Action>, more: &[Action]) -> Vec<Action> {
    actions.extend(more);
    actions
}

/// All of them.
pub fn all() -> Vec<Scope> {
    vec![
        mirror(),
        stale(),
        names(),
        glass(),
        revocation(),
        halts(),
        halt_in_roll(),
    ]
}

fn mirror() -> Scope {
    Scope {
        name: MIRROR,
        start: State::new(),
        people: with(commits(), &[RemoveMirror, ReturnMirror]),
        faults: vec![OperatorCrashes, PodLost(Half::W), PodFails(Half::R)],
        watches_lag: false,
        mirror_rolls_at_once: false,
        writes_at_once: false,
        reaches: vec![
            "W starts",
            "W rolls to what its mirror has shown",
            "W goes back without waiting for its mirror",
            "both are held by different hashes",
            "W is held by a missing mirror",
            "the operator acts on what is not so any more",
        ],
    }
}

/// What the diagrams show: ordinary life, in which the operator does at once what it decides.
pub(crate) fn for_diagrams() -> Scope {
    Scope {
        faults: vec![PodLost(Half::W), PodLost(Half::R), PodFails(Half::R)],
        writes_at_once: true,
        ..mirror()
    }
}

fn stale() -> Scope {
    Scope {
        name: STALE,
        start: State::running(),
        people: commits(),
        faults: vec![OperatorCrashes, PodLost(Half::W), PodFails(Half::R)],
        watches_lag: true,
        mirror_rolls_at_once: true,
        writes_at_once: false,
        reaches: vec![
            "W rolls to what its mirror has shown",
            "the operator acts on what is not so any more",
        ],
    }
}

fn names() -> Scope {
    Scope {
        name: NAMES,
        start: State::running(),
        people: vec![Commit(Revision::First), Commit(Revision::Second), ReuseName],
        faults: vec![OperatorCrashes],
        watches_lag: false,
        mirror_rolls_at_once: true,
        writes_at_once: false,
        reaches: vec!["both are held by a reused name"],
    }
}

fn glass() -> Scope {
    Scope {
        name: GLASS,
        start: State::running(),
        people: vec![
            Commit(Revision::First),
            Commit(Revision::Second),
            Declare(Half::R, Revision::First),
            BreakGlass(Configuration::B),
            GlassExpires,
            ResumeById,
        ],
        faults: vec![OperatorCrashes, PodLost(Half::W)],
        watches_lag: false,
        mirror_rolls_at_once: true,
        writes_at_once: false,
        reaches: vec![
            "W runs what came through the glass, Reducing",
            "the glass has expired, and W stays Reducing",
            "what came through the glass is proven later, and trades",
        ],
    }
}

fn revocation() -> Scope {
    Scope {
        name: REVOCATION,
        start: State::running(),
        people: vec![
            Commit(Revision::First),
            Commit(Revision::Second),
            Revoke(Configuration::A),
            Revoke(Configuration::B),
            Allow(Configuration::B),
            BreakGlass(Configuration::B),
            ResumeById,
        ],
        faults: vec![OperatorCrashes],
        watches_lag: false,
        mirror_rolls_at_once: true,
        writes_at_once: false,
        reaches: vec!["a revoked configuration runs, Halted"],
    }
}

fn halts() -> Scope {
    Scope {
        name: HALTS,
        start: State::running(),
        people: vec![
            HaltBySpec,
            ActiveBySpec,
            HaltByAnnotation,
            RemoveAnnotation,
            HaltByEndpoint,
            ResumeById,
            SyncOldManifests,
        ],
        faults: vec![
            TraderRestarts,
            PodLost(Half::W),
            OperatorCrashes,
            StatusLost,
        ],
        watches_lag: true,
        mirror_rolls_at_once: true,
        writes_at_once: false,
        reaches: vec![
            "W is halted",
            "W is halted, and nothing asks for it any more",
            "W trades again after its halt was resumed",
        ],
    }
}

fn halt_in_roll() -> Scope {
    Scope {
        name: HALT_IN_ROLL,
        start: State::running(),
        people: vec![
            Commit(Revision::First),
            Commit(Revision::Second),
            HaltBySpec,
            HaltByEndpoint,
            SyncOldManifests,
            ResumeById,
        ],
        faults: vec![OperatorCrashes, PodLost(Half::W)],
        watches_lag: false,
        mirror_rolls_at_once: true,
        writes_at_once: false,
        reaches: vec!["W is halted in the middle of a roll"],
    }
}

/// A rule, the scope in which its absence shows, and the property that it breaks.
pub fn omissions() -> Vec<(Rule, Scope, &'static str)> {
    use crate::properties::{M1, M2, M2_REDUCING, REPLACED, REVOKED, S1};
    vec![
        (Rule::EqualHashes, mirror(), M1),
        (Rule::Gates, mirror(), M2),
        (Rule::Revocation, revocation(), REVOKED),
        (Rule::CeilingFirst, glass(), M2),
        (Rule::OneCeilingAtATime, revocation(), M2_REDUCING),
        (Rule::BoundToTheEnd, glass(), M2_REDUCING),
        (Rule::GlassProvesNothing, glass(), M2_REDUCING),
        (Rule::OneNameOneHash, names(), REPLACED),
        (Rule::Latch, halts(), S1),
        (Rule::OnlyById, halts(), S1),
        (Rule::LatchBeforeTrading, halts(), S1),
    ]
}
