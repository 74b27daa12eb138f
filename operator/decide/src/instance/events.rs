//! Events: what a plan does, and what changed since the status that was reported last. A settled
//! instance has none.

use triptych_crds::{TradingState, trading_instance::Ceiling};

use crate::{
    conditions::{ConditionReport, ConditionType, Holds},
    objects::config_map::Step,
    plan::{EventReport, InstanceReport, PodDeletion, Severity},
    template_difference::{self, Difference},
    text,
    world::InstanceWorld,
};

use super::{situation::Situation, subject::Wanted, template::Taken};

/// Leaf of the StatefulSet that says which revision its template stands for.
const REVISION_LEAF: &str = "metadata.annotations.triptych.trading/revision";
/// Leaf of the StatefulSet that says whether there is a pod.
const REPLICAS_LEAF: &str = "spec.replicas";

/// All events of a plan.
pub(super) fn of(situation: &Situation<'_>, status: &InstanceReport) -> Vec<EventReport> {
    [
        config_map_tampered(situation),
        taken_template(situation),
        trading_state(situation),
        halt(situation, status),
        ceiling(situation, status),
        repaired(situation),
        pod_replaced(situation),
    ]
    .into_iter()
    .flatten()
    .chain(transitions(situation.world, status))
    .collect()
}

fn event(
    severity: Severity,
    reason: &'static str,
    action: &'static str,
    note: &str,
) -> EventReport {
    let note = text::at_most_bytes(&text::one_line(note), text::MAX_EVENT_NOTE);
    EventReport {
        severity,
        reason,
        action,
        note,
    }
}

fn config_map_tampered(situation: &Situation<'_>) -> Option<EventReport> {
    let live = situation.world.config_map.as_ref()?;
    (situation.config_map == Step::Delete).then(|| {
        let note = format!(
            "ConfigMap {} does not hold the bytes of the hash in its name: it is deleted and rendered anew",
            live.name
        );
        event(Severity::Warning, "ConfigMapTampered", "DeleteConfigMap", &note)
    })
}

fn taken_template(situation: &Situation<'_>) -> Option<EventReport> {
    situation.stateful_set.as_ref()?;
    let configuration = situation.target.configuration()?;
    let (revision, hash) = (&configuration.revision, configuration.hash.short());
    let normal =
        |reason, note: &str| Some(event(Severity::Normal, reason, "ApplyStatefulSet", note));
    match &situation.choice.as_ref()?.taken {
        Taken::First => normal(
            "Created",
            &format!("starts on configuration {hash} of revision {revision}"),
        ),
        Taken::Configuration { from } => {
            let from = from.as_ref().map_or("(unknown)", |from| from.short());
            normal(
                "RollStarted",
                &format!("configuration {from} -> {hash} of revision {revision}"),
            )
        }
        Taken::Restart => normal("RestartStarted", "spec.restart asks for a new pod"),
        Taken::WithoutPod => normal(
            "TemplateTaken",
            "the newest template was taken while halted",
        ),
        Taken::Repaired | Taken::Unchanged { .. } | Taken::Held => None,
    }
}

/// An ABH has a pod or none. W and R tell of their halts.
fn trading_state(situation: &Situation<'_>) -> Option<EventReport> {
    if situation.trader.station().is_some() {
        return None;
    }
    let before = situation.world.instance.status.as_ref()?.trading_state?;
    let (reason, note) = match (before, situation.trader.wanted) {
        (TradingState::Active | TradingState::Reducing, Wanted::Halted) => (
            "Halted",
            "halted: the pod is taken away after an orderly stop",
        ),
        (TradingState::Halted, Wanted::Active) => ("Activated", "active again: a new run begins"),
        _ => return None,
    };
    Some(event(Severity::Normal, reason, "ApplyStatefulSet", note))
}

fn halt(situation: &Situation<'_>, status: &InstanceReport) -> Option<EventReport> {
    situation.trader.station()?;
    let before = situation.world.instance.status.as_ref();
    let before = before.and_then(|status| status.halt.as_ref());
    if before == status.halt.as_ref() {
        return None;
    }
    Some(match &status.halt {
        Some(halt) => {
            let note = format!(
                "halted by {:?}: {}; spec.resume: {} clears it",
                halt.source, halt.reason, &*halt.id
            );
            event(Severity::Warning, "Halted", "Report", &note)
        }
        None => event(
            Severity::Normal,
            "Resumed",
            "Report",
            "no halt is in force any more",
        ),
    })
}

fn ceiling(situation: &Situation<'_>, status: &InstanceReport) -> Option<EventReport> {
    situation.trader.station()?;
    let before = situation.world.instance.status.as_ref();
    let before = before.and_then(|status| status.ceiling.as_ref());
    let of = |ceiling: &Ceiling| (ceiling.reason, ceiling.config_hash.clone());
    if before.map(of) == status.ceiling.as_ref().map(of) {
        return None;
    }
    let Some(ceiling) = &status.ceiling else {
        let note = "no ceiling is in force any more; a halt that it caused is cleared by a person";
        return Some(event(Severity::Normal, "CeilingLifted", "Limit", note));
    };
    let reason = ceiling.reason.as_str();
    Some(event(Severity::Warning, reason, "Limit", &ceiling.message))
}

/// Somebody else changed the StatefulSet.
fn repaired(situation: &Situation<'_>) -> Option<EventReport> {
    let change = situation.stateful_set.as_ref()?;
    let by_others = matches!(
        situation.choice.as_ref()?.taken,
        Taken::Unchanged { .. } | Taken::Held | Taken::Repaired
    );
    // What the operator changes itself without taking another template.
    let declared_anew = trading_state(situation).is_some();
    let is_own = |path: &str| path == REVISION_LEAF || (path == REPLICAS_LEAF && declared_anew);
    let differences = change.differences.iter();
    let foreign: Vec<Difference> = differences
        .filter(|difference| !is_own(&difference.path))
        .cloned()
        .collect();
    (by_others && !foreign.is_empty()).then(|| {
        let note = format!(
            "somebody changed the StatefulSet; it is put back, which restarts nothing: {}",
            template_difference::summary(&foreign)
        );
        event(
            Severity::Warning,
            "StatefulSetRestored",
            "ApplyStatefulSet",
            &note,
        )
    })
}

fn pod_replaced(situation: &Situation<'_>) -> Option<EventReport> {
    let (pod, reason) = situation.pod.zip(situation.replacement)?;
    let (severity, name, why) = match reason {
        PodDeletion::ConfigurationChanged => (
            Severity::Normal,
            "PodReplaced",
            "it was made for another configuration",
        ),
        PodDeletion::RestartRequested => {
            (Severity::Normal, "PodReplaced", "spec.restart asks for it")
        }
        PodDeletion::ConfigurationRestored => (
            Severity::Normal,
            "PodReplaced",
            "it refused a file that was rendered anew since",
        ),
        PodDeletion::ImageMismatch => (
            Severity::Warning,
            "ImageMismatch",
            "its image is not its configuration's",
        ),
    };
    let note = format!("pod {} is replaced: {why}", pod.name);
    Some(event(severity, name, "DeletePod", &note))
}

/// What the conditions say that they did not say before.
pub(super) fn transitions(world: &InstanceWorld, status: &InstanceReport) -> Vec<EventReport> {
    let told = |report: &ConditionReport| {
        let previous = world.instance.status.as_ref();
        previous
            .iter()
            .flat_map(|status| &status.conditions)
            .any(|condition| {
                condition.type_ == report.kind.as_str()
                    && condition.status == report.holds.as_str()
                    && condition.reason == report.reason
            })
    };
    status
        .conditions
        .iter()
        .filter(|report| !told(report))
        .filter_map(worth_telling)
        .collect()
}

fn worth_telling(report: &ConditionReport) -> Option<EventReport> {
    let severity = match (report.kind, report.holds) {
        (ConditionType::Degraded, Holds::True) => Severity::Warning,
        (ConditionType::Progressing, Holds::False) if report.reason == "RevisionNotFound" => {
            Severity::Warning
        }
        (ConditionType::Ready | ConditionType::RestartRequired, Holds::True) => Severity::Normal,
        _ => return None,
    };
    Some(event(severity, report.reason, "Reconcile", &report.message))
}
