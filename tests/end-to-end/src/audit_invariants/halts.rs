//! S: once a trader is known to be halted, no write of the operator says otherwise until somebody resumes
//! that halt by its identifier, and the operator never touches what people declare.

use std::collections::BTreeMap;

use super::{
    Parties,
    history::{History, Write},
};

/// What is known of an instance.
#[derive(Clone, Debug, Default)]
struct Known {
    /// The halt in force.
    halt: Option<String>,
    /// What `spec.resume` says.
    resumes: Option<String>,
}

/// What breaks S.
pub(super) fn breaches(history: &History<'_>, parties: &Parties) -> Vec<String> {
    let mut instances: BTreeMap<&str, Known> = BTreeMap::new();
    let mut found = Vec::new();
    let of_team = |write: &Write<'_>| {
        write.resource() == "tradinginstances" && write.namespace() == parties.team
    };
    for write in history.writes().filter(of_team) {
        let by_operator = write.entry.user.username == parties.operator;
        if by_operator && write.subresource() != "status" {
            found.push(format!(
                "S: the operator wrote what is declared: {}",
                write.entry
            ));
        }
        if write.removes() {
            instances.remove(write.name());
            continue;
        }
        let known = instances.entry(write.name()).or_default();
        known.resumes = text(write, "/spec/resume");
        if let Some(lost) = known.take_in(write) {
            found.push(format!("S: {lost}: {}", write.entry));
        }
    }
    found
}

impl Known {
    /// Takes in a stored object; says what is lost by it.
    fn take_in(&mut self, write: Write<'_>) -> Option<String> {
        let told = text(write, "/status/halt/id");
        let state = text(write, "/status/tradingState");
        let before = std::mem::replace(&mut self.halt, told.clone());
        let held = before.filter(|held| self.resumes.as_ref() != Some(held));
        let lost = match (&held, &told) {
            (Some(held), None) => format!("halt {held} is gone and nobody resumed it"),
            (Some(held), Some(told)) if held != told => {
                format!("halt {held} became {told} and nobody resumed it")
            }
            (_, Some(told)) if state.as_deref() != Some("Halted") => {
                format!("halt {told} is in force and the trading state is {state:?}")
            }
            _ => return None,
        };
        // What was lost stays lost: one sentence is enough for it.
        Some(lost)
    }
}

fn text(write: Write<'_>, path: &str) -> Option<String> {
    let value = write.object.pointer(path)?;
    value.as_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::audit_invariants::testing::{Log, OPERATOR, assert_only, parties};

    fn found(log: Log) -> Vec<String> {
        let entries = log.entries();
        super::breaches(&History::of(&entries), &parties())
    }

    fn writer(resume: Option<&str>, halt: Option<&str>, state: &str) -> Value {
        let halt = halt.map(|id| json!({ "id": id, "source": "Spec" }));
        json!({
            "spec": { "tier": "W", "tradingState": "Halted", "resume": resume },
            "status": { "tradingState": state, "halt": halt }
        })
    }

    fn say(log: &mut Log, object: Value) {
        log.put(
            OPERATOR,
            "tradinginstances/status",
            "team",
            "writer",
            object,
        );
    }

    fn declare(log: &mut Log, object: Value) {
        log.put("alice", "tradinginstances", "team", "writer", object);
    }

    #[test]
    fn s_holds_from_the_halt_until_it_is_resumed() {
        let mut log = Log::default();
        say(&mut log, writer(None, None, "Active"));
        say(&mut log, writer(None, Some("a"), "Halted"));
        declare(&mut log, writer(None, Some("a"), "Halted"));
        say(&mut log, writer(None, Some("a"), "Halted"));
        declare(&mut log, writer(Some("a"), Some("a"), "Halted"));
        say(&mut log, writer(Some("a"), None, "Active"));
        say(&mut log, writer(Some("a"), Some("b"), "Halted"));
        assert_eq!(found(log), Vec::<String>::new());
    }

    #[test]
    fn s_is_broken_by_each_write_that_loses_a_halt() {
        let cases = [
            (
                "forgotten",
                writer(None, None, "Active"),
                "is gone and nobody resumed it",
            ),
            (
                "forgotten while halted",
                writer(None, None, "Halted"),
                "is gone and nobody resumed it",
            ),
            (
                "another in its place",
                writer(None, Some("b"), "Halted"),
                "became b",
            ),
            (
                "resumed by another id",
                writer(Some("b"), None, "Active"),
                "is gone and nobody resumed it",
            ),
            (
                "in force and active",
                writer(None, Some("a"), "Active"),
                "the trading state is",
            ),
            (
                "in force and reducing",
                writer(None, Some("a"), "Reducing"),
                "the trading state is",
            ),
        ];
        for (what, object, expected) in cases {
            let mut log = Log::default();
            say(&mut log, writer(None, Some("a"), "Halted"));
            say(&mut log, object);
            let found = found(log);
            assert_only(&found, expected, what);
        }
    }

    #[test]
    fn s_is_broken_by_an_operator_that_writes_a_spec() {
        let mut log = Log::default();
        log.put(
            OPERATOR,
            "tradinginstances",
            "team",
            "writer",
            writer(None, None, "Active"),
        );
        let found = found(log);
        assert_only(&found, "wrote what is declared", "a spec of the operator");
    }

    #[test]
    fn a_halt_goes_with_its_instance_and_concerns_no_other() {
        let mut log = Log::default();
        say(&mut log, writer(None, Some("a"), "Halted"));
        log.put(
            OPERATOR,
            "tradinginstances/status",
            "team",
            "mirror",
            writer(None, None, "Active"),
        );
        log.put(
            OPERATOR,
            "tradinginstances/status",
            "other",
            "writer",
            writer(None, None, "Active"),
        );
        log.delete("alice", "tradinginstances", "team", "writer");
        say(&mut log, writer(None, None, "Active"));
        assert_eq!(found(log), Vec::<String>::new());
    }
}
