//! M1 and M2 as far as the operator decides them.

use triptych_crds::trading_instance::Phase;
use triptych_decide::world::{MirrorView, Pairing};

use super::desk::{Desk, MIRROR, WRITER, hash};
use crate::examples::{in_short, message, says};

#[test]
fn m2_w_starts_once_its_mirror_has_been_ready_on_the_configuration_for_five_minutes() {
    let mut desk = Desk::new();
    desk.settle();
    assert_eq!(desk.hashes(), (None, Some(hash('a'))));
    assert!(desk.writer.stateful_set.is_none() && desk.writer.claim.is_none());
    let plan = desk.writer.plan();
    assert_eq!(says(&plan, "Promoted"), "False GatesNotPassed");
    assert_eq!(plan.status.gates[0].reason, "MirrorProvesItself");
    let remaining = plan.check_again.expect("the gate opens with time");

    desk.wait(i64::try_from(remaining.as_secs()).expect("minutes") - 1);
    assert_eq!(in_short(&desk.writer.plan().actions), Vec::<String>::new());
    desk.wait(1);
    assert_eq!(
        in_short(&desk.writer.plan().actions),
        ["apply claim", "apply StatefulSet"]
    );
    desk.settle();
    assert_eq!(desk.hashes(), (Some(hash('a')), Some(hash('a'))));
    assert_eq!(desk.phases(), (Phase::Running, Phase::Running));
}

#[test]
fn m2_a_declared_time_takes_the_place_of_the_default() {
    let mut desk = Desk::new();
    desk.writer.edit(|spec| {
        spec.promotion = serde_json::from_value(serde_json::json!({ "minimumReadySeconds": 0 }))
            .expect("a promotion");
    });
    desk.settle();
    assert_eq!(desk.hashes(), (Some(hash('a')), Some(hash('a'))));
}

#[test]
fn m2_a_mirror_that_was_not_ready_in_between_begins_anew() {
    let mut desk = Desk::new();
    desk.settle();
    desk.wait(290);
    desk.mirror.delete_pod();
    desk.settle();
    desk.wait(20);
    assert_eq!(in_short(&desk.writer.plan().actions), Vec::<String>::new());
    desk.wait(300);
    desk.settle();
    assert_eq!(desk.hashes(), (Some(hash('a')), Some(hash('a'))));
}

#[test]
fn m1_while_the_declared_hashes_differ_neither_rolls_and_both_are_named() {
    for (ahead, behind) in [(WRITER, MIRROR), (MIRROR, WRITER)] {
        let mut desk = Desk::running();
        let edited = if ahead == WRITER {
            &mut desk.writer
        } else {
            &mut desk.mirror
        };
        edited.edit(|spec| spec.config_revision = "r2".into());
        desk.settle();
        desk.wait(3_600);
        desk.settle();
        assert_eq!(
            desk.hashes(),
            (Some(hash('a')), Some(hash('a'))),
            "{ahead} ahead of {behind}"
        );
        for plan in [desk.writer.plan(), desk.mirror.plan()] {
            assert_eq!(says(&plan, "MirrorInSync"), "False HashesDiffer");
            let words = message(&plan, "MirrorInSync");
            assert!(
                words.contains(&hash('a')) && words.contains(&hash('B')),
                "{words}"
            );
        }
    }
}

#[test]
fn one_commit_moves_r_and_then_w() {
    let mut desk = Desk::running();
    desk.commit("r2");
    desk.settle();
    assert_eq!(desk.hashes(), (Some(hash('a')), Some(hash('B'))), "R first");
    assert_eq!(desk.phases().0, Phase::Promoting);
    assert_eq!(says(&desk.writer.plan(), "MirrorInSync"), "False Promoting");
    desk.wait(300);
    desk.settle();
    assert_eq!(desk.hashes(), (Some(hash('B')), Some(hash('B'))));
    assert_eq!(says(&desk.writer.plan(), "MirrorInSync"), "True InSync");
    assert_eq!(desk.writer.plan().status.in_sync, Some(true));
}

#[test]
fn m2_going_back_to_a_proven_configuration_waits_for_no_gate() {
    let mut desk = Desk::running();
    desk.commit("r2");
    desk.settle();
    desk.wait(300);
    desk.settle();
    assert_eq!(desk.writer.plan().status.proven.len(), 2);
    desk.commit("r1");
    desk.settle();
    assert_eq!(desk.hashes(), (Some(hash('a')), Some(hash('a'))));
}

#[test]
fn without_exactly_one_mirror_nothing_changes_and_the_reason_is_named() {
    let mirror = |name: &str| MirrorView {
        name: name.to_owned(),
        declares: Some(crate::examples::hash('B')),
        evidence: None,
    };
    let table = [
        (vec![], "False NoMirror"),
        (vec![mirror("m1"), mirror("m2")], "False AmbiguousMirror"),
    ];
    for (mirrors, expected) in table {
        let mut desk = Desk::running();
        desk.commit("r2");
        desk.writer.trading.pairing = Pairing::Writer { mirrors };
        let plan = desk.writer.plan();
        assert_eq!(says(&plan, "MirrorInSync"), expected);
        assert_eq!(in_short(&plan.actions), Vec::<String>::new());
        assert_eq!(
            plan.status.running.map(|running| running.hash),
            Some(hash('a'))
        );
    }
    let pairings = [
        (
            Pairing::Mirror {
                writer: None,
                others: vec![],
            },
            "False WriterNotFound",
        ),
        (
            Pairing::Mirror {
                writer: None,
                others: vec!["m2".into()],
            },
            "False AmbiguousMirror",
        ),
    ];
    for (pairing, expected) in pairings {
        let mut desk = Desk::running();
        desk.commit("r2");
        desk.mirror.trading.pairing = pairing;
        let plan = desk.mirror.plan();
        assert_eq!(says(&plan, "MirrorInSync"), expected);
        assert_eq!(in_short(&plan.actions), Vec::<String>::new());
    }
}

#[test]
fn an_r_without_mirror_of_is_a_candidate_and_waits_for_nobody() {
    let mut desk = Desk::new();
    desk.mirror.edit(|spec| spec.mirror_of = None);
    desk.mirror.trading.pairing = Pairing::Alone;
    desk.mirror.settle();
    let plan = desk.mirror.plan();
    assert_eq!(plan.status.in_sync, Some(true));
    assert_eq!(says(&plan, "MirrorInSync"), "-");
}

#[test]
fn u1_a_restart_of_w_waits_until_its_mirror_runs_the_newest_template() {
    let mut desk = Desk::running();
    for cluster in [&mut desk.writer, &mut desk.mirror] {
        cluster
            .edit(|spec| spec.log_level = Some(triptych_crds::trading_instance::LogLevel::Debug));
    }
    desk.settle();
    assert_eq!(
        says(&desk.writer.plan(), "RestartRequired"),
        "True TemplateChanged"
    );
    desk.writer.edit(|spec| spec.restart = Some("now".into()));
    desk.settle();
    assert_eq!(
        desk.writer.plan().status.restarted,
        None,
        "the mirror first"
    );
    desk.mirror.edit(|spec| spec.restart = Some("now".into()));
    desk.settle();
    for plan in [desk.mirror.plan(), desk.writer.plan()] {
        assert_eq!(plan.status.restarted.as_deref(), Some("now"));
        assert_eq!(says(&plan, "RestartRequired"), "False UpToDate");
    }
}
