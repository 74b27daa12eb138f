//! What is said of an instance: phase, what the next step waits for, and the conditions.

use triptych_crds::trading_instance::{Phase, Running};

use crate::{
    attestation::{self, Attested},
    conditions::{ConditionReport, ConditionType, Holds},
    objects::config_map::Step,
    plan::{InstancePlan, InstanceReport},
    template_difference, text,
    world::{InstanceWorld, PodView},
};

use super::{
    events, pod,
    problem::Problem,
    situation::{Situation, declared_hash},
    subject::{InvalidSpec, Wanted},
    target::Obstacle,
    template::{self, Taken},
    trading_report,
};

impl From<InvalidSpec> for Problem {
    fn from(InvalidSpec(message): InvalidSpec) -> Self {
        Self::new("InvalidSpec", message, "a correction of the spec")
    }
}

/// An instance that is being deleted.
pub(super) fn terminating(world: &InstanceWorld) -> InstancePlan {
    let message =
        "the instance is being deleted; its pod and, where so declared, its dataset go with it";
    let ready = ConditionReport::new(ConditionType::Ready, Holds::False, "Terminating", message);
    let report = InstanceReport {
        phase: Phase::Terminating,
        ..bare(world, vec![ready])
    };
    InstancePlan {
        actions: Vec::new(),
        status: report,
        events: Vec::new(),
        check_again: None,
    }
}

/// An instance for which nothing is done, and what is the matter.
pub(super) fn refused(world: &InstanceWorld, problem: &Problem) -> InstancePlan {
    let condition =
        |kind, holds| ConditionReport::new(kind, holds, problem.reason, &problem.message);
    let conditions = vec![
        condition(ConditionType::Ready, Holds::False),
        condition(ConditionType::Progressing, Holds::False),
        condition(ConditionType::Degraded, Holds::True),
    ];
    let mut status = bare(world, conditions);
    status.waiting_for = Some(text::at_most(&problem.waiting_for, text::MAX_WAITING_FOR));
    status.phase = if status.running.is_some() {
        Phase::Degraded
    } else {
        Phase::Pending
    };
    let in_sync = is_same(status.running.as_ref(), status.declared_hash.as_ref());
    status.in_sync = Some(in_sync);
    let events = events::transitions(world, &status);
    InstancePlan {
        actions: Vec::new(),
        status,
        events,
        check_again: None,
    }
}

/// What is known without looking at the spec any further.
fn bare(world: &InstanceWorld, conditions: Vec<ConditionReport>) -> InstanceReport {
    let metadata = &world.instance.metadata;
    let uid = metadata.uid.as_deref().unwrap_or_default();
    let set = world.stateful_set.as_ref().map(|set| &set.metadata);
    let pod = set.and_then(|set| {
        let name = set.name.as_deref().unwrap_or_default();
        pod::of_trader(&world.pods, name, set.uid.as_deref())
    });
    let attested = pod.map(|pod| attestation::verify(pod, world.instance.spec.tier, uid, None));
    let previous = world.instance.status.as_ref();
    InstanceReport {
        generation: metadata.generation,
        phase: Phase::Pending,
        trading_state: None,
        declared_hash: declared_hash(world),
        running: attested.as_ref().and_then(Attested::running).cloned(),
        in_sync: None,
        waiting_for: None,
        restarted: previous.and_then(|status| status.restarted.clone()),
        halt: previous.and_then(|status| status.halt.clone()),
        ceiling: previous.and_then(|status| status.ceiling.clone()),
        gates: Vec::new(),
        proven: previous.map_or_else(Vec::new, |status| status.proven.clone()),
        conditions,
    }
}

fn is_same(running: Option<&Running>, declared: Option<&String>) -> bool {
    running.is_some_and(|running| Some(&running.hash) == declared)
}

/// What is said of an instance that is acted on.
pub(super) fn of(situation: &Situation<'_>) -> InstanceReport {
    let world = situation.world;
    let previous = world.instance.status.as_ref();
    let phase = phase(situation);
    let waiting_for = waiting_for(situation);
    InstanceReport {
        generation: world.instance.metadata.generation,
        phase,
        trading_state: Some(trading_report::trading_state(situation)),
        declared_hash: situation.declared_hash(),
        running: situation
            .attested
            .as_ref()
            .and_then(Attested::running)
            .cloned(),
        in_sync: Some(situation.is_in_sync()),
        restarted: situation
            .pod
            .filter(|pod| !pod.deleting)
            .and_then(|pod| pod.restart.clone())
            .or_else(|| previous.and_then(|status| status.restarted.clone())),
        halt: trading_report::halt(situation),
        ceiling: situation.ceiling.clone(),
        gates: trading_report::gates(situation),
        proven: trading_report::proven(situation),
        conditions: [
            ready(situation),
            progressing(situation, waiting_for.as_deref()),
            degraded(situation),
            restart_required(situation),
        ]
        .into_iter()
        .chain(trading_report::conditions(situation))
        .collect(),
        waiting_for: waiting_for.map(|text| text::at_most(&text, text::MAX_WAITING_FOR)),
    }
}

fn phase(situation: &Situation<'_>) -> Phase {
    let missing_other_name = matches!(
        situation.target.obstacle(),
        Some(Obstacle::NotFound {
            runs_same_name: false,
            ..
        })
    );
    if situation.trader.wanted == Wanted::Halted || trading_report::halt(situation).is_some() {
        Phase::Halted
    } else if situation.problem.is_none() && situation.is_held() && situation.pod.is_some() {
        Phase::Promoting
    } else if situation.problem.is_some() {
        if situation.pod.is_some() {
            Phase::Degraded
        } else {
            Phase::Pending
        }
    } else if missing_other_name {
        Phase::Pending
    } else if situation.is_rolling() {
        Phase::Rolling
    } else if situation.is_attested_ready() {
        Phase::Running
    } else if situation.choice.is_none() || unschedulable(situation).is_some() {
        Phase::Pending
    } else {
        Phase::Starting
    }
}

/// What the next step waits for, in words that the condition may say longer.
fn waiting_for(situation: &Situation<'_>) -> Option<String> {
    let obstacle = situation.target.obstacle().map(Obstacle::waiting_for);
    if situation.trader.wanted == Wanted::Halted {
        let stopping = situation.pod.map(|_| "the pod's orderly stop".to_owned());
        return stopping.or(obstacle);
    }
    obstacle
        .or_else(|| {
            situation
                .problem
                .as_ref()
                .map(|problem| problem.waiting_for.clone())
        })
        .or_else(|| objects(situation))
        .or_else(|| pod_state(situation))
}

fn objects(situation: &Situation<'_>) -> Option<String> {
    let held = situation
        .choice
        .as_ref()
        .is_none_or(|choice| choice.taken == Taken::Held);
    if held && matches!(situation.config_map, Step::Delete | Step::Wait) {
        return Some("its ConfigMap to be rendered anew".to_owned());
    }
    let set = situation.world.stateful_set.as_ref();
    set.filter(|set| set.metadata.deletion_timestamp.is_some())
        .map(|_| "the end of the former StatefulSet".to_owned())
}

fn pod_state(situation: &Situation<'_>) -> Option<String> {
    let Some(pod) = situation.pod else {
        return Some("a pod".to_owned());
    };
    if pod.deleting || situation.replacement.is_some() {
        Some("the former pod's orderly stop".to_owned())
    } else if unschedulable(situation).is_some() {
        Some("a node that fits".to_owned())
    } else if !pod.ready {
        Some("the pod to become ready".to_owned())
    } else if matches!(situation.attested, Some(Attested::Unknown(_))) {
        Some("an answer of the pod".to_owned())
    } else {
        None
    }
}

fn unschedulable<'a>(situation: &Situation<'a>) -> Option<&'a str> {
    situation
        .pod
        .filter(|pod| pod.node.is_none())
        .and_then(|pod| pod.unschedulable.as_deref())
}

fn ready(situation: &Situation<'_>) -> ConditionReport {
    let condition = |holds, reason, message: &str| {
        ConditionReport::new(ConditionType::Ready, holds, reason, message)
    };
    let Some(pod) = situation.pod else {
        return match situation.trader.wanted {
            Wanted::Halted => condition(Holds::False, "Halted", "halted: there is no pod"),
            Wanted::Active => condition(Holds::False, "NoPod", "there is no pod yet"),
        };
    };
    match &situation.attested {
        Some(Attested::Mismatch(contradiction)) => {
            condition(Holds::False, "AttestationMismatch", contradiction)
        }
        _ if pod.deleting => condition(Holds::False, "PodStopping", "the pod is stopping"),
        _ if !pod.ready => condition(Holds::False, "PodNotReady", &not_ready(pod, situation)),
        Some(Attested::Runs(running)) => {
            let message = format!(
                "pod {} is ready and attests configuration {}",
                running.pod, running.short_hash
            );
            condition(Holds::True, "PodReady", &message)
        }
        Some(Attested::Unknown(why)) => condition(
            Holds::Unknown,
            "NotAttested",
            &format!("pod {} is ready; {why}", pod.name),
        ),
        None => condition(Holds::Unknown, "NotAttested", "the pod was not asked yet"),
    }
}

fn not_ready(pod: &PodView, situation: &Situation<'_>) -> String {
    let said = match &pod.attestation {
        crate::world::Attestation::Answered(answer) => answer.not_ready_reason.as_deref(),
        _ => None,
    };
    let waiting = pod
        .container
        .waiting
        .as_ref()
        .map(|waiting| waiting.reason.as_str());
    let why = unschedulable(situation).or(said).or(waiting);
    let name = &pod.name;
    why.map_or_else(
        || format!("pod {name} is not ready"),
        |why| format!("pod {name}: {why}"),
    )
}

fn progressing(situation: &Situation<'_>, waiting_for: Option<&str>) -> ConditionReport {
    let condition = |holds, reason, message: &str| {
        ConditionReport::new(ConditionType::Progressing, holds, reason, message)
    };
    if let Some(obstacle) = situation.target.obstacle() {
        return condition(Holds::False, obstacle.reason(), &obstacle.message());
    }
    let waiting = waiting_for
        .map(|what| format!("waiting for {what}"))
        .unwrap_or_default();
    match phase(situation) {
        Phase::Halted if waiting_for.is_some() => condition(Holds::True, "Halting", &waiting),
        Phase::Halted => condition(Holds::False, "Halted", "halted, and nothing is on its way"),
        Phase::Running => condition(Holds::False, "Settled", "what is declared runs"),
        Phase::Rolling => condition(Holds::True, "Rolling", &waiting),
        _ => match &situation.problem {
            Some(problem) => condition(Holds::False, problem.reason, &problem.message),
            None => condition(Holds::True, "Starting", &waiting),
        },
    }
}

fn degraded(situation: &Situation<'_>) -> ConditionReport {
    let kind = ConditionType::Degraded;
    match &situation.problem {
        Some(problem) => ConditionReport::new(kind, Holds::True, problem.reason, &problem.message),
        None => ConditionReport::new(
            kind,
            Holds::False,
            "NothingWrong",
            "nothing is known to be wrong",
        ),
    }
}

fn restart_required(situation: &Situation<'_>) -> ConditionReport {
    let kind = ConditionType::RestartRequired;
    let pending = situation.pending_differences();
    if pending.is_empty() {
        let message = "the StatefulSet has the newest template";
        return ConditionReport::new(kind, Holds::False, "UpToDate", message);
    }
    let message = template::restart_message(&template_difference::summary(pending));
    ConditionReport::new(kind, Holds::True, "TemplateChanged", message)
}
