//! What bounds a trader beside its declaration: a revocation of what it runs, and a configuration that W
//! takes by breaking the glass.

use serde_json::json;
use triptych_crds::{
    TradingState,
    trading_instance::{Ceiling, CeilingReason},
};

use super::desk::{Desk, hash};
use crate::{
    cluster::Cluster,
    examples::{in_short, message, says},
};

/// The account says that a configuration must not run any more.
fn revoke(cluster: &mut Cluster, configuration: char) {
    let account = cluster.trading.account.as_mut().expect("an account");
    let revoked = json!([{ "configHash": hash(configuration), "reason": "it buys tops" }]);
    account.spec.revoked = serde_json::from_value(revoked).expect("a revocation");
}

/// Somebody breaks the glass for a configuration, for an hour from the beginning of time.
fn break_glass(desk: &mut Desk, configuration: char) {
    let promotion = json!({ "breakGlass": {
        "configHash": hash(configuration),
        "reason": "the demo venue is down",
        "expiresAt": "1970-01-01T01:00:00Z"
    }});
    desk.writer.edit(|spec| {
        spec.promotion = Some(serde_json::from_value(promotion).expect("a promotion"));
    });
}

fn ceiling(cluster: &Cluster) -> Option<(TradingState, CeilingReason, String)> {
    let stored = cluster.instance.status.as_ref()?.ceiling.clone()?;
    let Ceiling {
        state,
        config_hash,
        reason,
        ..
    } = stored;
    Some((state, reason, config_hash))
}

fn is_reducing_on(cluster: &Cluster, configuration: char) -> bool {
    let reason = CeilingReason::Unproven;
    ceiling(cluster) == Some((TradingState::Reducing, reason, hash(configuration)))
}

#[test]
fn a_revoked_configuration_is_taken_by_nobody_even_where_it_is_proven() {
    let mut desk = Desk::running();
    desk.commit("r2");
    desk.settle();
    desk.wait(300);
    desk.settle();
    revoke(&mut desk.writer, 'a');
    revoke(&mut desk.mirror, 'a');
    desk.commit("r1");
    desk.settle();
    desk.wait(3_600);
    desk.settle();
    assert_eq!(desk.hashes(), (Some(hash('B')), Some(hash('B'))));
    let plan = desk.writer.plan();
    assert_eq!(says(&plan, "Degraded"), "True ConfigurationRevoked");
    assert!(message(&plan, "Degraded").contains("it buys tops"));
    assert_eq!(ceiling(&desk.writer), None, "what runs is not revoked");
}

#[test]
fn a_revoked_configuration_that_runs_keeps_its_pod_and_is_halted_on_both_sides() {
    let mut desk = Desk::running();
    revoke(&mut desk.writer, 'a');
    revoke(&mut desk.mirror, 'a');
    let plan = desk.writer.plan();
    assert_eq!(in_short(&plan.actions), Vec::<String>::new());
    assert_eq!(says(&plan, "Degraded"), "True ConfigurationRevoked");
    desk.settle();
    let halted = Some((
        TradingState::Halted,
        CeilingReason::ConfigurationRevoked,
        hash('a'),
    ));
    assert_eq!(ceiling(&desk.writer), halted);
    assert_eq!(ceiling(&desk.mirror), halted);
    assert!(desk.writer.events.contains(&"ConfigurationRevoked"));
    assert_eq!(desk.hashes(), (Some(hash('a')), Some(hash('a'))));
}

#[test]
fn another_configuration_ends_the_ceiling_of_the_revoked_one() {
    let mut desk = Desk::running();
    revoke(&mut desk.writer, 'a');
    revoke(&mut desk.mirror, 'a');
    desk.commit("r2");
    desk.settle();
    desk.wait(300);
    desk.settle();
    assert_eq!(desk.hashes(), (Some(hash('B')), Some(hash('B'))));
    assert_eq!(ceiling(&desk.writer), None);
    assert!(desk.writer.events.contains(&"CeilingLifted"));
}

#[test]
fn an_account_that_cannot_be_seen_loosens_no_ceiling() {
    let mut desk = Desk::running();
    revoke(&mut desk.writer, 'a');
    desk.settle();
    desk.writer.trading.account = None;
    desk.writer.settle();
    assert!(ceiling(&desk.writer).is_some());
}

#[test]
fn m2_broken_glass_takes_a_configuration_without_its_gates_reducing_and_unproven() {
    let mut desk = Desk::running();
    desk.commit("r2");
    desk.mirror.pod = None;
    break_glass(&mut desk, 'B');
    desk.look();
    let plan = desk.writer.plan();
    assert_eq!(says(&plan, "Promoted"), "False BreakingGlass");
    assert_eq!(in_short(&plan.actions), Vec::<String>::new());
    desk.writer.round();
    assert!(is_reducing_on(&desk.writer, 'B'));
    let set = desk.writer.stateful_set.as_ref().expect("it runs a");
    let annotations = set.spec.as_ref().and_then(|spec| {
        let metadata = spec.template.metadata.as_ref()?;
        metadata.annotations.clone()
    });
    assert_eq!(
        annotations.expect("annotations")["triptych.trading/config-hash"],
        hash('a'),
        "the ceiling comes before the template"
    );
    desk.writer.settle();
    let plan = desk.writer.plan();
    assert_eq!(
        plan.status.running.as_ref().map(|runs| runs.hash.clone()),
        Some(hash('B'))
    );
    assert!(is_reducing_on(&desk.writer, 'B'));
    assert_eq!(says(&plan, "Promoted"), "False Unproven");
    assert!(message(&plan, "Promoted").contains("the demo venue is down"));
    assert!(desk.writer.events.contains(&"Unproven"));
    let proven = plan.status.proven.iter();
    assert!(
        !proven
            .map(|proven| proven.config_hash.clone())
            .any(|proven| proven == hash('B')),
        "what passed no gate is not proven"
    );
}

#[test]
fn m2_the_ceiling_of_broken_glass_outlives_its_expiry_and_its_removal_until_the_gates_pass() {
    let mut desk = Desk::running();
    desk.commit("r2");
    break_glass(&mut desk, 'B');
    desk.settle();
    assert_eq!(desk.hashes(), (Some(hash('B')), Some(hash('B'))));
    assert!(is_reducing_on(&desk.writer, 'B'));
    desk.mirror.delete_pod();
    desk.wait(4_000);
    desk.writer.round();
    assert!(is_reducing_on(&desk.writer, 'B'), "expired");
    desk.writer.edit(|spec| spec.promotion = None);
    desk.writer.round();
    assert!(is_reducing_on(&desk.writer, 'B'), "removed");
    desk.settle();
    desk.wait(300);
    desk.settle();
    assert_eq!(ceiling(&desk.writer), None);
    let plan = desk.writer.plan();
    assert_eq!(says(&plan, "Promoted"), "True Promoted");
    assert_eq!(plan.status.proven[0].config_hash, hash('B'));
}

#[test]
fn m2_broken_glass_opens_nothing_for_another_configuration_after_its_expiry_or_against_m1() {
    type Change = fn(&mut Desk);
    let table: [(&str, Change, &str); 4] = [
        (
            "another configuration",
            |desk| break_glass(desk, 'a'),
            "False GatesNotPassed",
        ),
        (
            "expired",
            |desk| {
                desk.wait(3_600);
                desk.mirror.pod = None;
                break_glass(desk, 'B');
            },
            "False GatesNotPassed",
        ),
        (
            "the mirror declares another",
            |desk| {
                desk.mirror.edit(|spec| spec.config_revision = "r1".into());
                break_glass(desk, 'B');
            },
            "False HashesDiffer",
        ),
        (
            "revoked",
            |desk| {
                revoke(&mut desk.writer, 'B');
                break_glass(desk, 'B');
            },
            "False ConfigurationRevoked",
        ),
    ];
    for (case, change, expected) in table {
        let mut desk = Desk::running();
        desk.commit("r2");
        change(&mut desk);
        desk.look();
        for _ in 0..5 {
            desk.writer.round();
        }
        let plan = desk.writer.plan();
        assert_eq!(says(&plan, "Promoted"), expected, "{case}");
        assert_eq!(ceiling(&desk.writer), None, "{case}");
        let runs = plan.status.running.map(|running| running.hash);
        assert_eq!(runs, Some(hash('a')), "{case}");
    }
}

/// W has been told that the glass is broken for B, and runs a without a mirror on B.
fn about_to_go_through_glass() -> Desk {
    let mut desk = Desk::running();
    desk.commit("r2");
    desk.mirror.pod = None;
    break_glass(&mut desk, 'B');
    desk.look();
    desk.writer.round();
    assert!(is_reducing_on(&desk.writer, 'B'));
    desk
}

#[test]
fn m2_the_glass_stays_shut_while_another_ceiling_takes_the_place_of_its_own() {
    let mut desk = about_to_go_through_glass();
    revoke(&mut desk.writer, 'a');
    for _ in 0..5 {
        let plan = desk.writer.plan();
        assert_eq!(in_short(&plan.actions), Vec::<String>::new());
        assert_eq!(says(&plan, "Promoted"), "False BreakingGlass");
        desk.writer.round();
    }
    let halted = ceiling(&desk.writer).map(|(state, _, of)| (state, of));
    assert_eq!(halted, Some((TradingState::Halted, hash('a'))));
}

#[test]
fn m2_the_ceiling_of_broken_glass_holds_until_the_last_pod_that_it_bounds_is_gone() {
    let mut desk = about_to_go_through_glass();
    desk.writer.settle();
    let runs = desk.writer.plan().status.running.map(|runs| runs.hash);
    assert_eq!(runs, Some(hash('B')));
    desk.commit("r1");
    desk.look();
    assert!(desk.writer.reconcile().is_ok());
    let pod = desk.writer.pod.as_ref().expect("it stops in good order");
    assert!(pod.object.metadata.deletion_timestamp.is_some());
    assert!(desk.writer.reconcile().is_ok());
    assert!(is_reducing_on(&desk.writer, 'B'), "its pod is still there");
    desk.writer.settle();
    assert_eq!(ceiling(&desk.writer), None);
}

#[test]
fn m2_a_revocation_proves_nothing_that_came_through_the_glass() {
    let mut desk = about_to_go_through_glass();
    desk.writer.settle();
    revoke(&mut desk.writer, 'B');
    desk.writer.settle();
    let plan = desk.writer.plan();
    let proven = plan.status.proven.into_iter();
    let proven: Vec<String> = proven.map(|proven| proven.config_hash).collect();
    assert_eq!(proven, [hash('a')]);
}

#[test]
fn an_r_is_bounded_by_no_glass() {
    let mut desk = Desk::running();
    desk.commit("r2");
    break_glass(&mut desk, 'B');
    desk.settle();
    assert_eq!(ceiling(&desk.mirror), None);
}
