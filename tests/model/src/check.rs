//! The exhaustive check of one scope.

use stateright::{Checker as _, HasDiscoveries, Model as _};

use crate::desk::{Action, Desk, Rule, Scope};

/// What the checker found.
#[derive(Clone, Debug)]
pub struct Checked {
    /// Different states that can be reached.
    pub states: usize,
    /// Steps between them.
    pub steps: usize,
    /// Steps on the shortest way to the state that is farthest away.
    pub depth: usize,
    /// What must not be, and the shortest way to it.
    pub violated: Vec<(&'static str, Vec<Action>)>,
    /// What must be possible, and is not.
    pub impossible: Vec<&'static str>,
}

/// Visits every state of a scope.
pub fn every_state(scope: &Scope) -> Checked {
    let desk = Desk {
        scope: scope.clone(),
        without: None,
    };
    check(desk, HasDiscoveries::AnyFailures)
}

/// Looks for the first property that breaks where a rule is left out.
pub fn without(rule: Rule, scope: &Scope) -> Checked {
    let desk = Desk {
        scope: scope.clone(),
        without: Some(rule),
    };
    check(desk, HasDiscoveries::AnyFailures)
}

fn check(desk: Desk, finish_when: HasDiscoveries) -> Checked {
    let properties = desk.properties();
    let checker = desk.checker().finish_when(finish_when).spawn_bfs().join();
    let found = checker.discoveries();
    let is_failure = |name: &str| {
        let property = properties.iter().find(|property| property.name == name);
        property.is_some_and(|property| property.expectation.discovery_is_failure())
    };
    let violated = found
        .iter()
        .filter(|(name, _)| is_failure(name))
        .map(|(name, path)| (*name, path.clone().into_actions()))
        .collect();
    let impossible = properties
        .iter()
        .filter(|property| !property.expectation.discovery_is_failure())
        .map(|property| property.name)
        .filter(|name| !found.contains_key(name))
        .collect();
    Checked {
        states: checker.unique_state_count(),
        steps: checker.state_count(),
        depth: checker.max_depth(),
        violated,
        impossible,
    }
}
