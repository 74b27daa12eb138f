//! S1: what is known of a halt, whatever the trader's pod goes through.

use triptych_crds::{
    TradingState,
    trading_instance::{Halt, HaltSource, Phase},
};
use triptych_decide::world::HaltAnswer;

use super::desk::Desk;
use crate::{cluster::Lie, examples::says};

fn told() -> HaltAnswer {
    HaltAnswer {
        id: Some("halt-1".into()),
        source: "Breaker".into(),
        reason: "the venue refused three orders".into(),
    }
}

/// A desk whose W halted by itself, and whose status says so.
fn halted() -> Desk {
    let mut desk = Desk::running();
    desk.writer.pod.as_mut().expect("a pod").halt = Some(told());
    desk.settle();
    assert_eq!(
        known(&desk).map(|halt| halt.id.to_string()),
        Some("halt-1".into())
    );
    desk
}

fn known(desk: &Desk) -> Option<Halt> {
    desk.writer.plan().status.halt
}

#[test]
fn s1_a_halt_keeps_the_pod_and_is_shown_as_the_trader_tells_it() {
    let mut desk = Desk::running();
    desk.writer
        .edit(|spec| spec.trading_state = Some(TradingState::Halted));
    desk.settle();
    assert!(
        desk.writer.pod.is_some(),
        "a halted W watches its positions"
    );
    desk.writer.pod.as_mut().expect("a pod").halt = Some(HaltAnswer {
        id: Some("halt-1".into()),
        source: "Spec".into(),
        reason: "somebody\nsaid so".into(),
    });
    let plan = desk.writer.plan();
    assert_eq!(plan.status.phase, Phase::Halted);
    let halt = plan.status.halt.expect("it is shown");
    assert_eq!((&*halt.id, halt.source), ("halt-1", HaltSource::Spec));
    assert_eq!(halt.reason, "somebody said so");
}

#[test]
fn s1_an_identifier_that_no_resume_could_name_is_not_shown() {
    let mut desk = Desk::running();
    for id in ["", "a b", &"x".repeat(65), "über"] {
        desk.writer.pod.as_mut().expect("a pod").halt = Some(HaltAnswer {
            id: Some((*id).to_owned()),
            source: "Spec".into(),
            reason: String::new(),
        });
        assert_eq!(desk.writer.plan().status.halt, None, "{id}");
    }
}

#[test]
fn s1_a_halt_is_known_on_while_the_trader_is_silent_or_is_replaced() {
    let mut silent = halted();
    silent.writer.pod.as_mut().expect("a pod").lie = Some(Lie::Silence);
    let mut without_a_pod = halted();
    without_a_pod.writer.pod = None;
    for (what, desk) in [("silent", &silent), ("without a pod", &without_a_pod)] {
        let status = desk.writer.plan().status;
        assert_eq!(
            status.halt.map(|halt| halt.id.to_string()),
            Some("halt-1".into()),
            "{what}"
        );
        assert_eq!(status.trading_state, Some(TradingState::Halted), "{what}");
        assert_eq!(status.phase, Phase::Halted, "{what}");
    }
}

#[test]
fn s1_a_halt_is_gone_once_the_trader_says_that_it_trades() {
    let mut desk = halted();
    desk.writer.pod.as_mut().expect("a pod").halt = None;
    assert_eq!(known(&desk), None);
}

#[test]
fn a_halted_trader_that_runs_what_is_declared_is_on_its_way_to_nothing() {
    assert_eq!(says(&halted().writer.plan(), "Progressing"), "False Halted");
}
