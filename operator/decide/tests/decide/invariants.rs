//! What no plan may ever do, whatever the world looks like. The checks know the invariants and not
//! the code that keeps them.

use k8s_openapi::api::{apps::v1::StatefulSet, core::v1::PodTemplateSpec};
use serde_json::Value;
use triptych_crds::{ConfigHash, Tier, TradingState, trading_instance::Ledger};
use triptych_decide::{
    image::digest,
    plan::{Action, InstancePlan, PodDeletion, RevisionPlan},
    pod_template::{Environment, Side},
    template_bounds,
    world::{Attestation, InstanceWorld, PodView},
};

use crate::{cluster::Cluster, examples::INSTANCE};

/// Words that would give an ABH a credential, its node, or a way around its confinement.
const FORBIDDEN: [&str; 14] = [
    "secret",
    "serviceAccountToken",
    "imagePullSecrets",
    "projected",
    "csi",
    "hostPath",
    "envFrom",
    "initContainers",
    "ephemeralContainers",
    "secretKeyRef",
    "nodeName",
    "lifecycle",
    "shareProcessNamespace",
    "resourceClaims",
];

/// Checks a plan on a simulated cluster.
pub(crate) fn check(world: &InstanceWorld, plan: &InstancePlan, cluster: &Cluster) {
    check_plan(world, plan);
    for action in &plan.actions {
        if let Action::DeleteConfigMap { target, .. } = action {
            let live = cluster
                .config_maps
                .get(&target.name)
                .expect("the ConfigMap is there");
            let view = triptych_decide::view::config_map(live);
            let right = view
                .content
                .is_some_and(|hash| hash.config_map_name() == target.name);
            assert!(
                !right,
                "an instance deletes a ConfigMap that holds what its name says"
            );
        }
    }
}

/// A ConfigMap goes only when its content is wrong, or nothing names it.
pub(crate) fn check_revision(plan: &RevisionPlan, cluster: &Cluster) {
    for action in &plan.actions {
        match action {
            Action::DeleteConfigMap { target, .. } => {
                let live = cluster
                    .config_maps
                    .get(&target.name)
                    .expect("the ConfigMap is there");
                assert_eq!(live.metadata.uid.as_deref(), Some(target.uid.as_str()));
                let view = triptych_decide::view::config_map(live);
                let right = view
                    .content
                    .is_some_and(|hash| hash.config_map_name() == target.name);
                let named = cluster.mounted().contains(&target.name);
                assert!(
                    !(right && named),
                    "a ConfigMap in use is deleted: {target:?}"
                );
            }
            Action::ApplyConfigMap(_) => {}
            other => panic!("a revision's controller writes something else: {other:?}"),
        }
    }
}

/// Checks a plan by its world alone.
pub(crate) fn check_plan(world: &InstanceWorld, plan: &InstancePlan) {
    for action in &plan.actions {
        match action {
            Action::ApplyStatefulSet(set) => {
                match world.instance.spec.tier {
                    Tier::Abh => a1_cannot_trade(set),
                    Tier::R | Tier::W => k1_holds_only_its_own_key(world, set),
                }
                one_pod_on_delete(set);
                u1_template_changes_for_a_reason(world, set);
            }
            Action::DeletePod { target, reason } => {
                let pod = trader_pod(world).expect("a deleted pod is there");
                assert_eq!(target.uid, pod.uid, "a deletion is pinned to the pod's UID");
                assert!(!target.uid.is_empty());
                let halted = world.instance.spec.trading_state == Some(TradingState::Halted);
                assert!(!halted || world.instance.spec.tier != Tier::Abh);
                u1_pod_goes_for_a_reason(world, plan, pod, *reason);
            }
            Action::DeleteConfigMap { target, .. } => {
                let live = world
                    .config_map
                    .as_ref()
                    .expect("a deleted ConfigMap is there");
                assert_eq!((&target.name, &target.uid), (&live.name, &live.uid));
                let right = live.content.as_ref().map(ConfigHash::config_map_name);
                assert_ne!(right.as_ref(), Some(&live.name), "its bytes are right");
            }
            Action::ApplyConfigMap(map) => {
                assert_eq!(map.immutable, Some(true));
                assert_eq!(
                    map.metadata.owner_references, None,
                    "it outlives its revision"
                );
            }
            Action::DeleteStatefulSet { .. } => panic!("an instance never deletes a StatefulSet"),
            Action::ApplyClaim(claim) => {
                assert!(world.claim.is_none() || claim.metadata.name.is_some());
            }
        }
    }
    m3_running_is_attested(world, plan);
    status_keeps_its_lengths(plan);
}

/// A1: no token, no Secret, no part of the node, and only the observing executable.
pub(crate) fn a1_cannot_trade(set: &StatefulSet) {
    let template = &set
        .spec
        .as_ref()
        .expect("a StatefulSet has a spec")
        .template;
    let value = serde_json::to_value(template).expect("a template is plain data");
    each_field(&value, &mut |name, value| {
        assert!(
            !FORBIDDEN.contains(&name),
            "A1: the template has {name}: {value}"
        );
        if [
            "hostNetwork",
            "hostPID",
            "hostIPC",
            "privileged",
            "allowPrivilegeEscalation",
        ]
        .contains(&name)
        {
            assert_eq!(value, &Value::Bool(false), "A1: {name}");
        }
    });
    let spec = template.spec.as_ref().expect("a template has a spec");
    assert_eq!(
        spec.automount_service_account_token,
        Some(false),
        "A1: no API token"
    );
    assert_eq!(spec.containers.len(), 1, "A1: one container");
    let command = spec.containers[0].command.clone().unwrap_or_default();
    assert_eq!(
        command,
        ["/usr/local/bin/trader-observe"],
        "A1: it only observes"
    );
    let image = spec.containers[0].image.as_deref().unwrap_or_default();
    assert!(
        digest(image).is_some(),
        "the image is named by digest: {image}"
    );
}

fn one_pod_on_delete(set: &StatefulSet) {
    let spec = set.spec.as_ref().expect("a StatefulSet has a spec");
    assert!(matches!(spec.replicas, Some(0 | 1)));
    assert_eq!(spec.pod_management_policy.as_deref(), Some("Parallel"));
    let strategy = spec
        .update_strategy
        .as_ref()
        .and_then(|strategy| strategy.type_.as_deref());
    assert_eq!(strategy, Some("OnDelete"));
    let owner = set.metadata.owner_references.iter().flatten().next();
    let is_sealed = set
        .metadata
        .namespace
        .as_deref()
        .is_some_and(|namespace| namespace.starts_with("trading-"));
    let expected = (!is_sealed).then_some(true);
    assert_eq!(owner.and_then(|owner| owner.controller), expected);
}

/// U1: another template is written for another configuration, on request, without a pod, or in the
/// place of one that was edited.
fn u1_template_changes_for_a_reason(world: &InstanceWorld, set: &StatefulSet) {
    let Some(live) = &world.stateful_set else {
        return;
    };
    let Some(kept) = kept_template(live) else {
        return;
    };
    let new = &set
        .spec
        .as_ref()
        .expect("a StatefulSet has a spec")
        .template;
    if *new == kept {
        return;
    }
    let annotation = |template: &PodTemplateSpec, key: &str| {
        let annotations = template
            .metadata
            .as_ref()
            .and_then(|metadata| metadata.annotations.as_ref());
        annotations
            .and_then(|annotations| annotations.get(key))
            .cloned()
    };
    let hash = "triptych.trading/config-hash";
    let restart = "triptych.trading/restart";
    let halted = world.instance.spec.trading_state == Some(TradingState::Halted);
    let requested = world.instance.spec.restart.is_some()
        && annotation(&kept, restart) != world.instance.spec.restart;
    let edited = !template_bounds::is_within(&kept, &environment(world))
        || same_hash_other_image(&kept, new);
    assert!(
        annotation(&kept, hash) != annotation(new, hash)
            || requested
            || (halted && trader_pod(world).is_none())
            || edited,
        "U1: the template changes without a reason"
    );
}

/// The environment of the tier, as far as it says what a template may hold.
fn environment(world: &InstanceWorld) -> Environment<'_> {
    let spec = &world.instance.spec;
    let side = Side {
        account: spec.account.as_deref().map_or("", |account| account),
        venue: triptych_crds::config_revision::Venue::BinanceSpot,
        is_simulated: false,
        endpoints: None,
        ledger: Ledger::Embedded,
    };
    match spec.tier {
        Tier::W => Environment::Live(side),
        Tier::R => Environment::Demo(side),
        Tier::Abh => Environment::Observe {
            claim: String::new(),
            market_data_url: None,
        },
    }
}

/// K1: the one Secret of the tier, as files; W on its nodes, R never there, both in their own sealed
/// namespace.
fn k1_holds_only_its_own_key(world: &InstanceWorld, set: &StatefulSet) {
    let spec = &world.instance.spec;
    let account = spec.account.as_deref().expect("W and R have an account");
    let side = if spec.tier == Tier::W { "live" } else { "demo" };
    assert_eq!(
        set.metadata.namespace.as_deref(),
        Some(format!("trading-{side}-{account}").as_str())
    );
    let template = &set
        .spec
        .as_ref()
        .expect("a StatefulSet has a spec")
        .template;
    let pod = template.spec.as_ref().expect("a template has a spec");
    let secrets: Vec<&str> = pod
        .volumes
        .iter()
        .flatten()
        .filter_map(|volume| volume.secret.as_ref()?.secret_name.as_deref())
        .collect();
    assert_eq!(secrets, [format!("{side}-{account}")], "K1: one Secret");
    let value = serde_json::to_value(template).expect("a template is plain data");
    each_field(&value, &mut |name, value| {
        let forbidden = FORBIDDEN.contains(&name) && name != "secret";
        assert!(!forbidden, "K1: the template has {name}: {value}");
    });
    let selected = pod
        .node_selector
        .as_ref()
        .and_then(|labels| labels.get("node-restriction.kubernetes.io/trading-tier"))
        .map(String::as_str);
    assert_eq!(selected, (spec.tier == Tier::W).then_some("W"), "K1: nodes");
    assert_eq!(pod.tolerations.is_some(), spec.tier == Tier::W, "K1: taint");
    assert_eq!(
        pod.affinity.is_some(),
        spec.tier == Tier::R,
        "K1: elsewhere"
    );
    assert_eq!(
        pod.containers[0].command.clone().unwrap_or_default(),
        ["/usr/local/bin/trader", "run"]
    );
}

fn same_hash_other_image(kept: &PodTemplateSpec, new: &PodTemplateSpec) -> bool {
    let image = |template: &PodTemplateSpec| {
        template
            .spec
            .as_ref()
            .and_then(|spec| spec.containers.first()?.image.clone())
    };
    image(kept) != image(new)
}

/// U1: a pod is deleted for another configuration, a requested restart, a wrong image, or because it
/// refused a file that was rendered anew since.
fn u1_pod_goes_for_a_reason(
    world: &InstanceWorld,
    plan: &InstancePlan,
    pod: &PodView,
    reason: PodDeletion,
) {
    let template = template_after(world, plan).expect("the StatefulSet has a template");
    let annotations = template
        .metadata
        .as_ref()
        .and_then(|metadata| metadata.annotations.clone());
    let annotations = annotations.unwrap_or_default();
    let image = template
        .spec
        .as_ref()
        .and_then(|spec| spec.containers[0].image.clone());
    let same_image = pod.image.as_deref().and_then(digest) == image.as_deref().and_then(digest);
    let holds = match reason {
        PodDeletion::ConfigurationChanged => {
            pod.config_hash.as_ref() != annotations.get("triptych.trading/config-hash")
        }
        PodDeletion::ImageMismatch => !same_image || image.as_deref().and_then(digest).is_none(),
        PodDeletion::RestartRequested => {
            pod.restart.as_ref() != annotations.get("triptych.trading/restart")
        }
        PodDeletion::ConfigurationRestored => {
            let exit = pod.container.last_exit.as_ref().map(|exit| exit.code);
            let config_map = world
                .config_map
                .as_ref()
                .and_then(|map| map.created_at.clone());
            matches!(exit, Some(66 | 78)) && pod.created_at <= config_map && !pod.ready
        }
    };
    assert!(holds, "U1: a pod is deleted without a reason: {reason:?}");
    assert!(!pod.deleting, "a pod that stops already is deleted again");
}

/// The template that the StatefulSet has once the plan is carried out.
fn template_after(world: &InstanceWorld, plan: &InstancePlan) -> Option<PodTemplateSpec> {
    let applied = plan.actions.iter().find_map(|action| match action {
        Action::ApplyStatefulSet(set) => set.spec.as_ref().map(|spec| spec.template.clone()),
        _ => None,
    });
    applied.or_else(|| Some(world.stateful_set.as_ref()?.spec.as_ref()?.template.clone()))
}

fn kept_template(live: &StatefulSet) -> Option<PodTemplateSpec> {
    let text = live
        .metadata
        .annotations
        .as_ref()?
        .get("triptych.trading/rendered-template")?;
    serde_json::from_str(text).ok()
}

/// M3: what is shown as running was answered by this very pod, about what the API server has.
fn m3_running_is_attested(world: &InstanceWorld, plan: &InstancePlan) {
    let Some(running) = &plan.status.running else {
        assert_ne!(
            plan.status.in_sync,
            Some(true),
            "M3: in sync without an answer"
        );
        return;
    };
    let pod = trader_pod(world).expect("M3: what runs is a pod");
    let Attestation::Answered(answer) = &pod.attestation else {
        panic!("M3: {running:?} runs without an answer");
    };
    assert_eq!(answer.pod_uid, pod.uid, "M3: another pod answered");
    assert_eq!(running.pod_uid, pod.uid);
    assert_eq!(
        Some(&answer.instance_uid),
        world.instance.metadata.uid.as_ref(),
        "M3: another instance"
    );
    assert_eq!(
        Some(&answer.config_hash),
        pod.config_hash.as_ref(),
        "M3: another configuration"
    );
    assert_eq!(running.hash, answer.config_hash);
    let runs = pod.container.image_id.as_deref().and_then(digest);
    assert!(
        runs.is_some() && runs == pod.image.as_deref().and_then(digest),
        "M3: another image"
    );
    let declared = world.revision.hash().map(ConfigHash::as_str);
    let runs_declared = declared == Some(running.hash.as_str());
    match world.instance.spec.tier {
        // Nothing is said of one that is being deleted.
        Tier::Abh => assert_eq!(plan.status.in_sync.unwrap_or(runs_declared), runs_declared),
        // The mirror's hash counts too.
        Tier::R | Tier::W => assert!(runs_declared || plan.status.in_sync != Some(true)),
    }
}

fn status_keeps_its_lengths(plan: &InstancePlan) {
    let fits = |text: &str, max: usize| assert!(text.chars().count() <= max, "{max}: {text}");
    fits(plan.status.waiting_for.as_deref().unwrap_or_default(), 64);
    if let Some(running) = &plan.status.running {
        fits(&running.hash, 64);
        fits(&running.short_hash, 12);
        fits(&running.run_id, 64);
        fits(&running.image, 512);
        fits(&running.version, 64);
    }
    for condition in &plan.status.conditions {
        fits(&condition.message, 32_768);
        assert!(
            !condition.message.chars().any(char::is_control),
            "{:?}",
            condition.message
        );
    }
    for event in &plan.events {
        assert!(event.note.len() <= 1_024, "{}", event.note);
    }
}

/// The pod of the StatefulSet's name that no other controller owns.
pub(crate) fn trader_pod(world: &InstanceWorld) -> Option<&PodView> {
    let set = world
        .stateful_set
        .as_ref()
        .and_then(|set| set.metadata.uid.clone());
    let name = match world.instance.spec.tier {
        Tier::Abh => format!("{INSTANCE}-0"),
        Tier::R | Tier::W => "trader-0".to_owned(),
    };
    world
        .pods
        .iter()
        .find(|pod| pod.name == name && (pod.controller.is_none() || pod.controller == set))
}

fn each_field(value: &Value, check: &mut impl FnMut(&str, &Value)) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                check(name, value);
                each_field(value, check);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| each_field(item, check)),
        _ => {}
    }
}
