//! Random pods, with whatever a kubelet or a stranger in the trader's place may say.

use proptest::prelude::*;
use triptych_decide::world::{
    Attestation, Build, ContainerView, Exit, PodView, TraderStatus, Waiting,
};

use super::{hash_text, image_text, text, uid};
use crate::examples::{INSTANCE, INSTANCE_UID, at};

fn attestation() -> impl Strategy<Value = Attestation> {
    let answer = (
        prop_oneof![9 => Just("v1".to_owned()), 1 => text()],
        prop_oneof![9 => Just("ABH".to_owned()), 1 => Just("W".to_owned())],
        uid(INSTANCE_UID),
        uid("pod-uid"),
        hash_text(),
        (text(), text(), prop::option::of(text())),
    );
    let answered = answer.prop_map(
        |(contract, tier, instance_uid, pod_uid, config_hash, rest)| {
            let (run_id, version, not_ready_reason) = rest;
            let ready = not_ready_reason.is_none();
            let build = Build { version };
            Attestation::Answered(Box::new(TraderStatus {
                contract,
                tier,
                instance_uid,
                pod_uid,
                run_id,
                config_hash,
                build,
                ready,
                not_ready_reason,
                state: None,
                halt: None,
                execution: None,
                execution_message: None,
            }))
        },
    );
    let unreachable = text().prop_map(|reason| Attestation::Unreachable { reason });
    prop_oneof![6 => answered, 1 => unreachable, 1 => Just(Attestation::NotAsked)]
}

fn container() -> impl Strategy<Value = ContainerView> {
    let waiting = (
        prop::sample::select(vec![
            "CrashLoopBackOff",
            "ImagePullBackOff",
            "ErrImagePull",
            "CreateContainerConfigError",
            "PodInitializing",
        ]),
        text(),
    )
        .prop_map(|(reason, message)| Waiting {
            reason: reason.to_owned(),
            message,
        });
    let code = prop::sample::select(vec![0, 64, 65, 66, 70, 74, 78, 137]);
    let exit = (code, text()).prop_map(|(code, message)| Exit { code, message });
    (
        prop::option::of(image_text()),
        any::<bool>(),
        prop::option::of(waiting),
        prop::option::of(exit),
        0..1_000,
    )
        .prop_map(
            |(image_id, running, waiting, last_exit, restarts)| ContainerView {
                image_id,
                container_id: None,
                restarts,
                running,
                waiting,
                last_exit,
            },
        )
}

pub(super) fn pod() -> impl Strategy<Value = PodView> {
    let identity = (
        prop_oneof![8 => Just(format!("{INSTANCE}-0")), 1 => Just(format!("{INSTANCE}-1")), 1 => text()],
        prop::option::of(uid("set-uid")),
        any::<bool>(),
    );
    let made_for = (
        prop::option::of(hash_text()),
        prop::option::of(prop::sample::select(vec![
            "one".to_owned(),
            "two".to_owned(),
        ])),
        prop::option::of(image_text()),
    );
    let state = (
        prop::bool::weighted(0.2),
        any::<bool>(),
        prop::option::of(text()),
        prop::bool::weighted(0.1),
    );
    (
        identity,
        made_for,
        state,
        container(),
        attestation(),
        0_i64..3,
    )
        .prop_map(
            |(
                (name, controller, bound),
                (config_hash, restart, image),
                state,
                container,
                attestation,
                second,
            )| {
                let (deleting, ready, unschedulable, finished) = state;
                PodView {
                    name,
                    uid: "pod-uid".to_owned(),
                    controller,
                    created_at: Some(at(second)),
                    deleting,
                    config_hash,
                    restart,
                    image,
                    node: bound.then(|| "node-1".to_owned()),
                    ip: bound.then(|| "10.0.0.7".to_owned()),
                    finished,
                    ready,
                    ready_since: ready.then(|| at(second)),
                    unschedulable,
                    container,
                    attestation,
                }
            },
        )
}
