//! Everything that is decided about an ABH, part by part: which configuration it may run, what its
//! objects need, which template is due, and whether its pod is to be replaced.

use std::time::Duration;

use crate::{
    attestation::{self, Attested},
    objects::{
        config_map::{self, Step},
        stateful_set::{self, Kept},
    },
    plan::{Action, ConfigMapDeletion, PodDeletion},
    template_difference::Difference,
    world::{InstanceWorld, PodView},
};

use super::{
    claim::{self, ClaimState},
    pod,
    problem::Problem,
    subject::{Observer, Wanted},
    target::{Obstacle, Target},
    template::{self, Choice, Taken},
};

/// How soon a running trader that did not answer is asked again.
const ASK_AGAIN: Duration = Duration::from_secs(5);

pub(super) struct Situation<'a> {
    pub(super) world: &'a InstanceWorld,
    pub(super) observer: Observer<'a>,
    pub(super) target: Target<'a>,
    pub(super) config_map: Step,
    pub(super) claim: Option<ClaimState>,
    pub(super) choice: Option<Choice>,
    pub(super) stateful_set: Option<StatefulSetChange>,
    pub(super) pod: Option<&'a PodView>,
    pub(super) attested: Option<Attested>,
    pub(super) replacement: Option<PodDeletion>,
    pub(super) problem: Option<Problem>,
}

/// What is written to the StatefulSet, and which fields that changes.
pub(super) struct StatefulSetChange {
    pub(super) action: Action,
    /// Empty for the first one.
    pub(super) differences: Vec<Difference>,
}

impl<'a> Situation<'a> {
    pub(super) fn of(world: &'a InstanceWorld, observer: Observer<'a>) -> Self {
        let instance = observer.identity.instance;
        let kept = world.stateful_set.as_ref().and_then(Kept::of);
        let target = Target::of(
            &observer.spec.config_revision,
            &world.revision,
            kept.as_ref(),
        );
        let set_uid = world
            .stateful_set
            .as_ref()
            .and_then(|set| set.metadata.uid.as_deref());
        let pod = pod::of_trader(&world.pods, instance, set_uid);
        let attested = pod.map(|pod| {
            let (tier, uid) = (observer.spec.tier, observer.identity.uid);
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
            .map(|_| claim::state(&observer, world.claim.as_ref()));
        let ready = matches!(config_map, Step::Settled | Step::Apply)
            && claim.as_ref().is_some_and(|claim| claim.ready);
        let choice = target.configuration().and_then(|configuration| {
            template::choose(
                &observer,
                configuration,
                kept.as_ref(),
                pod.is_some(),
                ready,
            )
        });

        let stateful_set = choice
            .as_ref()
            .and_then(|choice| change(world, &observer, choice));
        let set_leaves = world
            .stateful_set
            .as_ref()
            .is_some_and(|set| set.metadata.deletion_timestamp.is_some());
        let replacement = match (pod, &choice, observer.wanted) {
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
            &target,
            attested.as_ref(),
            pod,
            choice.as_ref(),
            replacement,
            claim.as_ref(),
        );
        Self {
            world,
            observer,
            target,
            config_map,
            claim,
            choice,
            stateful_set,
            pod,
            attested,
            replacement,
            problem,
        }
    }

    /// The writes, in an order in which each may be the last before a crash: what a pod mounts comes
    /// before the template that mounts it, and the template before the deletion of the pod that it
    /// replaces.
    pub(super) fn actions(&self) -> Vec<Action> {
        let namespace = self.observer.identity.namespace;
        let claim = self.claim.as_ref();
        let pod = self.pod.zip(self.replacement);
        [
            self.config_map_action(),
            claim.and_then(|claim| claim.creation.clone()),
            self.stateful_set
                .as_ref()
                .map(|change| change.action.clone()),
            pod.map(|(pod, reason)| pod::delete(namespace, pod, reason)),
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
        let namespace = self.observer.identity.namespace;
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

    /// A running trader that did not answer is asked again; nothing else needs a second look,
    /// because everything else is watched.
    pub(super) fn check_again(&self) -> Option<Duration> {
        let runs = self
            .pod
            .is_some_and(|pod| pod.container.running && !pod.deleting);
        (runs && matches!(self.attested, Some(Attested::Unknown(_)))).then_some(ASK_AGAIN)
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
    pub(super) fn is_in_sync(&self) -> bool {
        let running = self.attested.as_ref().and_then(Attested::running);
        match (running, self.declared_hash()) {
            (Some(running), Some(declared)) => running.hash == declared,
            _ => false,
        }
    }

    /// Hash of the declared revision, whether it may be taken or not.
    pub(super) fn declared_hash(&self) -> Option<String> {
        declared_hash(self.world)
    }

    /// What the newest template would change, where it was not taken.
    pub(super) fn pending_differences(&self) -> &[Difference] {
        match self.choice.as_ref().map(|choice| &choice.taken) {
            Some(Taken::Unchanged { pending }) if self.observer.wanted == Wanted::Active => pending,
            _ => &[],
        }
    }
}

pub(super) fn declared_hash(world: &InstanceWorld) -> Option<String> {
    match &world.revision {
        crate::world::Revision::Found(found) => Some(found.canonical.hash.to_string()),
        _ => None,
    }
}

fn change(
    world: &InstanceWorld,
    observer: &Observer<'_>,
    choice: &Choice,
) -> Option<StatefulSetChange> {
    let rendered = stateful_set::render(
        &observer.identity,
        observer.spec.tier,
        observer.owner(true),
        observer.replicas(),
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
    obstacle
        .or_else(|| wrong_image.map(|(pod, choice)| image_mismatch(pod, choice)))
        .or_else(|| staying.and(attested).and_then(attestation_mismatch))
        .or_else(|| staying.and_then(pod::failure))
        .or_else(|| claim.and_then(|claim| claim.problem.clone()))
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
