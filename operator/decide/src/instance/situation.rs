//! Everything that is decided about an instance, part by part: which configuration it may run, what its
//! objects need, which template is due, and whether its pod is to be replaced.

use std::time::Duration;

use triptych_crds::{ConfigHash, trading_instance::Ceiling};

use crate::{
    attestation::{self, Attested},
    objects::{
        config_map::{self, Step},
        stateful_set::{self, Kept, Placement},
    },
    plan::{Action, ConfigMapDeletion, PodDeletion},
    template_difference::Difference,
    world::{InstanceWorld, PodView},
};

use super::{
    ceiling,
    claim::{self, ClaimState},
    gates, permission, pod,
    problem::Problem,
    subject::{Trader, Wanted},
    target::{Obstacle, Target},
    template::{self, Choice, Taken},
    trading_report,
};

/// How soon a running trader that did not answer is asked again.
const ASK_AGAIN: Duration = Duration::from_secs(5);
/// How soon a trader of W or R is asked again for its trading state: it may halt by itself.
const ASK_FOR_HALT: Duration = Duration::from_secs(10);

pub(super) struct Situation<'a> {
    pub(super) world: &'a InstanceWorld,
    /// Where the trader's objects are.
    pub(super) namespace: String,
    pub(super) trader: Trader<'a>,
    pub(super) target: Target<'a>,
    pub(super) config_map: Step,
    pub(super) claim: Option<ClaimState>,
    pub(super) choice: Option<Choice>,
    pub(super) stateful_set: Option<StatefulSetChange>,
    pub(super) pod: Option<&'a PodView>,
    pub(super) attested: Option<Attested>,
    pub(super) replacement: Option<PodDeletion>,
    pub(super) ceiling: Option<Ceiling>,
    pub(super) problem: Option<Problem>,
}

/// What is written to the StatefulSet, and which fields that changes.
pub(super) struct StatefulSetChange {
    pub(super) action: Action,
    /// Empty for the first one.
    pub(super) differences: Vec<Difference>,
}

impl<'a> Situation<'a> {
    pub(super) fn of(world: &'a InstanceWorld, trader: Trader<'a>) -> Self {
        let placement = trader.placement();
        let kept = world.stateful_set.as_ref().and_then(Kept::of);
        let set_uid = world
            .stateful_set
            .as_ref()
            .and_then(|set| set.metadata.uid.as_deref());
        let pod = pod::of_trader(&world.pods, &placement.name, set_uid);
        let ceiling = ceiling::of(&trader, world, kept.as_ref(), pod);
        let permit = |declared: &ConfigHash| {
            permission::of_account(&trader)?;
            permission::of_configuration(&trader, world, ceiling.as_ref(), declared)
        };
        let revision = &trader.spec.config_revision;
        let target = Target::of(revision, &world.revision, kept.as_ref(), permit);
        let attested = pod.map(|pod| {
            let (tier, uid) = (trader.spec.tier, trader.identity.uid);
            attestation::verify(pod, tier, uid, target.configuration())
        });

        let config_map = match &target {
            Target::Declared { canonical, .. } => {
                config_map::next_step(&canonical.hash, world.config_map.as_ref())
            }
            // Without its revision a configuration cannot be rendered; what was rendered stays.
            Target::Kept { .. } | Target::Nothing { .. } => Step::Settled,
        };
        let claim = target
            .configuration()
            .map(|_| claim::state(&trader, world.claim.as_ref()));
        let ready = matches!(config_map, Step::Settled | Step::Apply)
            && claim.as_ref().is_some_and(|claim| claim.ready);
        let restart = permitted_restart(&trader, world);
        let choice = target.configuration().and_then(|configuration| {
            template::choose(
                &trader,
                restart,
                configuration,
                kept.as_ref(),
                pod.is_some(),
                ready,
            )
        });

        let stateful_set = choice
            .as_ref()
            .and_then(|choice| change(world, &placement, &trader, choice));
        let set_leaves = world
            .stateful_set
            .as_ref()
            .is_some_and(|set| set.metadata.deletion_timestamp.is_some());
        let replacement = match (pod, &choice, trader.wanted) {
            // A StatefulSet that is being deleted does not get the template that is due.
            (Some(pod), Some(choice), Wanted::Active) if !set_leaves => {
                let config_map = world
                    .config_map
                    .as_ref()
                    .filter(|_| config_map == Step::Settled);
                pod::replacement(pod, &choice.template, config_map)
            }
            _ => None,
        };
        let problem = problem(
            &trader,
            &target,
            attested.as_ref(),
            pod,
            choice.as_ref(),
            replacement,
            claim.as_ref(),
        );
        Self {
            world,
            namespace: placement.namespace,
            trader,
            target,
            config_map,
            claim,
            choice,
            stateful_set,
            pod,
            attested,
            replacement,
            ceiling,
            problem,
        }
    }

    /// The writes, in an order in which each may be the last before a crash: what a pod mounts comes
    /// before the template that mounts it, and the template before the deletion of the pod that it
    /// replaces.
    pub(super) fn actions(&self) -> Vec<Action> {
        let claim = self.claim.as_ref();
        let pod = self.pod.zip(self.replacement);
        [
            self.config_map_action(),
            claim.and_then(|claim| claim.creation.clone()),
            self.stateful_set
                .as_ref()
                .map(|change| change.action.clone()),
            pod.map(|(pod, reason)| pod::delete(&self.namespace, pod, reason)),
            claim.and_then(|claim| claim.adjustment.clone()),
        ]
        .into_iter()
        .flatten()
        .collect()
    }

    fn config_map_action(&self) -> Option<Action> {
        let Target::Declared { canonical, .. } = &self.target else {
            return None;
        };
        let namespace = &self.namespace;
        match self.config_map {
            Step::Settled | Step::Wait => None,
            Step::Apply => Some(Action::ApplyConfigMap(Box::new(config_map::render(
                namespace, canonical,
            )))),
            Step::Delete => {
                let live = self.world.config_map.as_ref()?;
                Some(config_map::delete(
                    namespace,
                    live,
                    ConfigMapDeletion::Tampered,
                ))
            }
        }
    }

    /// A running trader that did not answer is asked again, one that trades is asked for its halt,
    /// and a gate may open with time. Nothing else needs a second look: it is watched.
    pub(super) fn check_again(&self) -> Option<Duration> {
        let runs = self
            .pod
            .is_some_and(|pod| pod.container.running && !pod.deleting);
        let unanswered = matches!(self.attested, Some(Attested::Unknown(_)));
        let answer = (runs && unanswered).then_some(ASK_AGAIN);
        let halt = (runs && self.trader.station().is_some()).then_some(ASK_FOR_HALT);
        let gate = match self.target.obstacle() {
            Some(Obstacle::Held(hold)) => hold.check_again,
            _ => None,
        };
        [answer, halt, gate].into_iter().flatten().min()
    }

    /// Whether the pod is being replaced, or is about to be.
    pub(super) fn is_rolling(&self) -> bool {
        let held = self
            .choice
            .as_ref()
            .is_some_and(|choice| choice.taken == Taken::Held);
        let leaves = self.replacement.is_some() || held;
        self.pod.is_some_and(|pod| leaves || pod.deleting)
    }

    /// Whether the pod is ready and attests what it was made for.
    pub(super) fn is_attested_ready(&self) -> bool {
        self.pod.is_some_and(|pod| pod.ready) && matches!(self.attested, Some(Attested::Runs(_)))
    }

    /// Whether the pod attests the declared configuration.
    pub(super) fn runs_declared(&self) -> bool {
        let running = self.attested.as_ref().and_then(Attested::running);
        match (running, self.declared_hash()) {
            (Some(running), Some(declared)) => running.hash == declared,
            _ => false,
        }
    }

    /// Whether it does, and the other half of the mirror too.
    pub(super) fn is_in_sync(&self) -> bool {
        self.runs_declared()
            && self
                .declared_hash()
                .is_some_and(|declared| trading_report::other_half_runs(self, &declared))
    }

    /// Whether another configuration is declared and has to wait.
    pub(super) fn is_held(&self) -> bool {
        matches!(self.target.obstacle(), Some(Obstacle::Held(_)))
    }

    /// Hash of the declared revision, whether it may be taken or not.
    pub(super) fn declared_hash(&self) -> Option<String> {
        declared_hash(self.world)
    }

    /// What the newest template would change, where it was not taken.
    pub(super) fn pending_differences(&self) -> &[Difference] {
        match self.choice.as_ref().map(|choice| &choice.taken) {
            Some(Taken::Unchanged { pending }) if self.trader.wanted == Wanted::Active => pending,
            _ => &[],
        }
    }
}

pub(super) fn declared_hash(world: &InstanceWorld) -> Option<String> {
    world.revision.hash().map(ToString::to_string)
}

/// The restart that may be carried out now. W follows its mirror, and no pod of W or R is replaced
/// on request while its account would not let it come back.
fn permitted_restart<'a>(trader: &Trader<'a>, world: &InstanceWorld) -> Option<&'a str> {
    let asked = trader.spec.restart.as_deref()?;
    permission::of_account(trader).ok()?;
    let mirror_has_it = !trader.is_writer()
        || gates::evidence(world).is_some_and(|evidence| !evidence.restart_required);
    mirror_has_it.then_some(asked)
}

fn change(
    world: &InstanceWorld,
    placement: &Placement<'_>,
    trader: &Trader<'_>,
    choice: &Choice,
) -> Option<StatefulSetChange> {
    let rendered = stateful_set::render(
        placement,
        trader.replicas(),
        choice.revision.as_deref(),
        &choice.template,
    );
    let differences = match &world.stateful_set {
        None => Vec::new(),
        Some(live) if live.metadata.deletion_timestamp.is_some() => return None,
        Some(live) => {
            let differences = stateful_set::drift(live, &rendered);
            if differences.is_empty() {
                return None;
            }
            differences
        }
    };
    Some(StatefulSetChange {
        action: Action::ApplyStatefulSet(Box::new(rendered)),
        differences,
    })
}

/// The first of what is wrong: what a person has to correct in the declaration, then what the pod
/// says and does, then the volume.
fn problem(
    trader: &Trader<'_>,
    target: &Target<'_>,
    attested: Option<&Attested>,
    pod: Option<&PodView>,
    choice: Option<&Choice>,
    replacement: Option<PodDeletion>,
    claim: Option<&ClaimState>,
) -> Option<Problem> {
    let wrong_image = pod.zip(choice).filter(|(pod, choice)| {
        let template = &choice.template;
        pod.config_hash.as_deref() == stateful_set::config_hash(template)
            && !pod::has_image_of(pod, template)
    });
    // What goes wrong in a pod that is being replaced is a thing of the past.
    let staying = pod.filter(|pod| !pod.deleting && replacement.is_none());
    let obstacle = target.obstacle().and_then(Obstacle::problem);
    let running = attested.and_then(Attested::running);
    obstacle
        .or_else(|| running.and_then(|running| revoked(trader, &running.hash)))
        .or_else(|| wrong_image.map(|(pod, choice)| image_mismatch(pod, choice)))
        .or_else(|| staying.and(attested).and_then(attestation_mismatch))
        .or_else(|| staying.and_then(pod::failure))
        .or_else(|| claim.and_then(|claim| claim.problem.clone()))
}

fn revoked(trader: &Trader<'_>, hash: &str) -> Option<Problem> {
    let revocation = permission::revocation(trader, hash)?;
    let message = format!(
        "configuration {hash} runs and is revoked: {}; halt, or declare another revision",
        &*revocation.reason
    );
    let waiting_for = "a configuration that is not revoked";
    Some(Problem::new("ConfigurationRevoked", message, waiting_for))
}

fn image_mismatch(pod: &PodView, choice: &Choice) -> Problem {
    let has = pod.image.as_deref().unwrap_or("(none)");
    let expected = stateful_set::image(&choice.template).unwrap_or("(none)");
    let name = &pod.name;
    let message =
        format!("pod {name} has image {has}, its configuration names {expected}: it is replaced");
    Problem::new("ImageMismatch", message, "a pod with the right image")
}

fn attestation_mismatch(attested: &Attested) -> Option<Problem> {
    let Attested::Mismatch(contradiction) = attested else {
        return None;
    };
    let message = format!(
        "{contradiction}: its answer is not counted; set spec.restart to a new value to have the pod replaced"
    );
    Some(Problem::new(
        "AttestationMismatch",
        message,
        "a pod that attests what it is",
    ))
}
