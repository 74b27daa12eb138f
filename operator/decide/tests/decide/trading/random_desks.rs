//! Random lives of a desk: whatever people commit, and whenever pods end, no step breaks M1 or M2,
//! and at the end it settles (L1).

use proptest::prelude::*;

use super::desk::{Desk, declares, hash};

#[derive(Clone, Debug)]
enum Deed {
    WriterDeclares(&'static str),
    MirrorDeclares(&'static str),
    Commit(&'static str),
    Round,
    Wait(i64),
    MirrorPodEnds,
    WriterPodEnds,
    OperatorOfWriterCrashesAfter(usize),
    OperatorOfMirrorCrashesAfter(usize),
}

fn deed() -> impl Strategy<Value = Deed> {
    let revision = || prop::sample::select(vec!["r1", "r2", "r3"]);
    prop_oneof![
        2 => revision().prop_map(Deed::WriterDeclares),
        2 => revision().prop_map(Deed::MirrorDeclares),
        2 => revision().prop_map(Deed::Commit),
        8 => Just(Deed::Round),
        2 => (1_i64..400).prop_map(Deed::Wait),
        1 => Just(Deed::MirrorPodEnds),
        1 => Just(Deed::WriterPodEnds),
        1 => (0_usize..4).prop_map(Deed::OperatorOfWriterCrashesAfter),
        1 => (0_usize..4).prop_map(Deed::OperatorOfMirrorCrashesAfter),
    ]
}

/// The hash that W's StatefulSet is to run.
fn given_to_writer(desk: &Desk) -> Option<String> {
    let template = desk
        .writer
        .stateful_set
        .as_ref()?
        .spec
        .as_ref()?
        .template
        .clone();
    template
        .metadata?
        .annotations?
        .get("triptych.trading/config-hash")
        .cloned()
}

fn proven(desk: &Desk) -> Vec<String> {
    let status = desk.writer.instance.status.as_ref();
    let proven = status.map_or_else(Vec::new, |status| status.proven.clone());
    proven
        .into_iter()
        .map(|proven| proven.config_hash)
        .collect()
}

/// One round; when W takes another configuration in it, its mirror must have earned that.
fn round(desk: &mut Desk) {
    let before = given_to_writer(desk);
    let proven = proven(desk);
    desk.look();
    desk.mirror.round();
    desk.look();
    let evidence = match &desk.writer.trading.pairing {
        triptych_decide::world::Pairing::Writer { mirrors } => mirrors[0].clone(),
        _ => panic!("a writer"),
    };
    let now = desk.writer.now();
    desk.writer.round();
    let after = given_to_writer(desk);
    if after == before {
        return;
    }
    let taken = after.expect("a StatefulSet is never taken away");
    assert_eq!(
        declares(&desk.writer).map(|hash| hash.to_string()),
        Some(taken.clone())
    );
    assert_eq!(
        evidence.declares.map(|hash| hash.to_string()),
        Some(taken.clone()),
        "M1: the declared hashes differ"
    );
    let soaked = evidence.evidence.is_some_and(|evidence| {
        let ready = now.0.duration_since(evidence.ready_since.0).as_secs();
        evidence.hash == taken && ready >= 300
    });
    assert!(
        soaked || proven.contains(&taken),
        "M2: W took {taken} too early"
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    #[test]
    fn m1_m2_hold_at_each_step_and_l1_the_desk_settles(deeds in prop::collection::vec(deed(), 1..60)) {
        let mut desk = Desk::new();
        for cluster in [&mut desk.writer, &mut desk.mirror] {
            cluster.create_revision("r3", 'C');
        }
        for deed in deeds {
            match deed {
                Deed::WriterDeclares(revision) => {
                    desk.writer.edit(|spec| spec.config_revision = revision.into());
                }
                Deed::MirrorDeclares(revision) => {
                    desk.mirror.edit(|spec| spec.config_revision = revision.into());
                }
                Deed::Commit(revision) => desk.commit(revision),
                Deed::Round => round(&mut desk),
                Deed::Wait(seconds) => desk.wait(seconds),
                Deed::MirrorPodEnds => desk.mirror.delete_pod(),
                Deed::WriterPodEnds => desk.writer.delete_pod(),
                Deed::OperatorOfWriterCrashesAfter(writes) => {
                    desk.writer.writes_before_crash = Some(writes);
                }
                Deed::OperatorOfMirrorCrashesAfter(writes) => {
                    desk.mirror.writes_before_crash = Some(writes);
                }
            }
        }
        desk.commit("r1");
        for _ in 0..3 {
            for _ in 0..20 {
                round(&mut desk);
            }
            desk.wait(300);
        }
        desk.settle();
        prop_assert_eq!(desk.hashes(), (Some(hash('a')), Some(hash('a'))));
    }
}
