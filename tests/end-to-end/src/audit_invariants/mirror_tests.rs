//! Logs that break M, each by one write.

use serde_json::{Value, json};
use triptych_crds::hash::canonical_config;

use super::*;
use crate::audit_invariants::testing::{CONTROLLER, Log, OPERATOR, assert_only, parties};

const LIVE: &str = "trading-live-alpha";
const DEMO: &str = "trading-demo-alpha";

/// A revision that differs from the others by its name alone.
fn spec(revision: &str) -> Value {
    json!({ "name": revision })
}

fn hash(revision: &str) -> String {
    canonical_config(&spec(revision)).unwrap().hash.to_string()
}

fn annotated(revision: &str) -> Value {
    json!({ "annotations": { CONFIG_HASH: hash(revision) } })
}

/// A system whose people declare `first` on both, and nothing runs yet.
fn declared() -> Log {
    let mut log = Log::default();
    for name in ["first", "second"] {
        log.put(
            "alice",
            "configrevisions",
            "team",
            name,
            json!({ "spec": spec(name) }),
        );
    }
    declare(&mut log, "writer", "first");
    declare(&mut log, "mirror", "first");
    log
}

fn declare(log: &mut Log, name: &str, revision: &str) {
    let spec = if name == "writer" {
        json!({ "tier": "W", "configRevision": revision, "promotion": { "minimumReadySeconds": 3 } })
    } else {
        json!({ "tier": "R", "configRevision": revision, "mirrorOf": "writer" })
    };
    log.put(
        "alice",
        "tradinginstances",
        "team",
        name,
        json!({ "spec": spec }),
    );
}

/// A side's template takes a revision, and its pod is made.
fn roll(log: &mut Log, side: &str, revision: &str) {
    let template = json!({ "spec": { "template": { "metadata": annotated(revision) } } });
    log.put(OPERATOR, "statefulsets", side, "trader", template);
    let mut pod = json!({ "metadata": annotated(revision) });
    pod["metadata"]["uid"] = format!("pod-of-{revision}").into();
    log.put(CONTROLLER, "pods", side, "trader-0", pod);
    log.last().verb = "create".into();
}

/// The mirror's pod is ready since so many seconds after the log began.
fn ready(log: &mut Log, revision: &str, status: &str, since: u64) {
    let mut pod = json!({ "metadata": annotated(revision), "status": { "conditions": [{
        "type": "Ready", "status": status, "lastTransitionTime": format!("2026-01-01T00:00:{since:02}Z")
    }] } });
    pod["metadata"]["uid"] = format!("pod-of-{revision}").into();
    log.put("system:node:r", "pods/status", DEMO, "trader-0", pod);
}

/// R runs `first` and is ready, and W followed.
fn running() -> Log {
    let mut log = declared();
    roll(&mut log, DEMO, "first");
    ready(&mut log, "first", "True", 0);
    roll(&mut log, LIVE, "first");
    log
}

/// W's status says that it proved these.
fn prove(log: &mut Log, declares: &str, proven: &[&str]) {
    let proven: Vec<Value> = proven
        .iter()
        .map(|one| json!({ "configHash": hash(one) }))
        .collect();
    let object = json!({
        "spec": { "tier": "W", "configRevision": declares, "promotion": { "minimumReadySeconds": 3 } },
        "status": { "proven": proven }
    });
    log.put(
        OPERATOR,
        "tradinginstances/status",
        "team",
        "writer",
        object,
    );
}

fn found(log: Log) -> Vec<String> {
    let entries = log.entries();
    super::breaches(&History::of(&entries), &parties())
}

#[test]
fn m_holds_where_r_goes_first_and_w_follows_and_both_go_back_to_what_is_proven() {
    let mut log = running();
    declare(&mut log, "writer", "second");
    declare(&mut log, "mirror", "second");
    roll(&mut log, DEMO, "second");
    ready(&mut log, "second", "True", 2);
    roll(&mut log, LIVE, "second");
    prove(&mut log, "second", &["second", "first"]);
    declare(&mut log, "writer", "first");
    declare(&mut log, "mirror", "first");
    roll(&mut log, LIVE, "first");
    roll(&mut log, DEMO, "first");
    assert_eq!(found(log), Vec::<String>::new());
}

#[test]
fn m_is_broken_by_each_w_that_goes_before_its_mirror() {
    type Before = fn(&mut Log);
    let cases: [(&str, Before, &str); 5] = [
        (
            "a mirror that runs nothing",
            |_| {},
            "no mirror is ready on it",
        ),
        (
            "a mirror that is not ready",
            |log| {
                roll(log, DEMO, "first");
                ready(log, "first", "False", 0);
            },
            "no mirror is ready on it",
        ),
        (
            "a mirror that is ready no more",
            |log| {
                roll(log, DEMO, "first");
                ready(log, "first", "True", 0);
                ready(log, "first", "False", 1);
            },
            "no mirror is ready on it",
        ),
        (
            "a mirror that is on its way out",
            |log| {
                roll(log, DEMO, "first");
                ready(log, "first", "True", 0);
                let entry = log.last();
                let object = entry.response_object.as_mut().expect("a pod");
                object["metadata"]["deletionTimestamp"] = "2026-01-01T00:01:00Z".into();
            },
            "no mirror is ready on it",
        ),
        (
            "a mirror that is ready for too short a time",
            |log| {
                roll(log, DEMO, "first");
                ready(log, "first", "True", 6);
            },
            "ready on it since",
        ),
    ];
    for (what, before, expected) in cases {
        let mut log = declared();
        before(&mut log);
        roll(&mut log, LIVE, "first");
        let found = found(log);
        assert_only(&found, expected, what);
    }
}

#[test]
fn m_is_broken_by_whoever_moves_while_the_hashes_differ() {
    for (side, proven) in [(LIVE, true), (LIVE, false), (DEMO, false)] {
        for moved in ["writer", "mirror"] {
            let mut log = running();
            if proven {
                prove(&mut log, "first", &["second"]);
            }
            declare(&mut log, moved, "second");
            roll(&mut log, side, "second");
            let found = found(log);
            assert_only(
                &found,
                "is taken while W and R declare",
                &format!("{side}, {moved}"),
            );
        }
    }
}

#[test]
fn m_is_broken_by_a_w_without_a_mirror_or_with_two() {
    let mut without = running();
    without.delete("alice", "tradinginstances", "team", "mirror");
    declare(&mut without, "writer", "second");
    roll(&mut without, LIVE, "second");
    let without = found(without);
    assert_only(&without, "0 mirrors", "no mirror");

    let mut with_two = running();
    declare(&mut with_two, "writer", "second");
    declare(&mut with_two, "mirror", "second");
    declare(&mut with_two, "other-mirror", "second");
    roll(&mut with_two, LIVE, "second");
    let with_two = found(with_two);
    assert_only(&with_two, "2 mirrors", "two mirrors");
}

#[test]
fn m_is_broken_by_a_revision_whose_content_is_another_than_its_name_said() {
    let mut log = running();
    log.put(
        "alice",
        "configrevisions",
        "team",
        "first",
        json!({ "spec": spec("replaced") }),
    );
    roll(&mut log, DEMO, "second");
    let found = found(log);
    assert_only(
        &found,
        "is taken while W and R declare",
        "content of the same name",
    );
}

#[test]
fn m_is_broken_by_a_pod_that_runs_what_no_template_said() {
    let mut log = running();
    let mut pod = json!({ "metadata": annotated("second") });
    pod["metadata"]["uid"] = "another".into();
    log.put(CONTROLLER, "pods", LIVE, "trader-0", pod);
    log.last().verb = "create".into();
    let found = found(log);
    assert_only(&found, "which no template said", "a pod of its own");
}

#[test]
fn a_pod_that_is_made_again_from_the_same_template_breaks_nothing() {
    let mut log = running();
    log.delete("alice", "tradinginstances", "team", "mirror");
    log.delete(OPERATOR, "statefulsets", DEMO, "trader");
    let mut pod = json!({ "metadata": annotated("first") });
    pod["metadata"]["uid"] = "again".into();
    log.put(CONTROLLER, "pods", LIVE, "trader-0", pod);
    log.last().verb = "create".into();
    assert_eq!(found(log), Vec::<String>::new());
}

#[test]
fn a_log_without_bodies_or_without_traders_proves_nothing() {
    let silences = |log: Log| {
        let entries = log.entries();
        super::silences(&History::of(&entries), &parties()).len()
    };
    assert_eq!(silences(running()), 0);
    assert_eq!(silences(declared()), 4);
    let mut without_bodies = running();
    without_bodies.forget_bodies();
    assert_eq!(silences(without_bodies), 6);
}
