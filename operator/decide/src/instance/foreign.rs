//! Objects of others in the place of the instance's own: nothing of others is taken over.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use crate::{names, objects::stateful_set, view, world::InstanceWorld};

use super::{problem::Problem, subject::Observer};

/// What stands in the way of the instance's objects.
pub(super) fn object_in_the_way(world: &InstanceWorld, observer: &Observer<'_>) -> Option<Problem> {
    let name = observer.identity.instance;
    if let Some(live) = &world.stateful_set {
        if belongs_to_another(&live.metadata, observer) {
            return Some(name_taken("StatefulSet", name));
        }
        if live.metadata.deletion_timestamp.is_none() && stateful_set::is_unusable(live, name) {
            return Some(unusable(name));
        }
    }
    let claim = world
        .claim
        .as_ref()
        .filter(|claim| belongs_to_another(&claim.metadata, observer))?;
    Some(name_taken(
        "PersistentVolumeClaim",
        claim.metadata.name.as_deref().unwrap_or_default(),
    ))
}

/// An object is the instance's own where the instance controls it, or where the operator made it and
/// nobody controls it: an earlier instance of the same name left it behind.
fn belongs_to_another(metadata: &ObjectMeta, observer: &Observer<'_>) -> bool {
    match view::controller(metadata) {
        Some(owner) => owner != observer.identity.uid,
        None => !names::is_managed(metadata.labels.as_ref()),
    }
}

fn name_taken(kind: &str, name: &str) -> Problem {
    let message = format!(
        "{kind} '{name}' exists and belongs to something else: remove or rename it, or, to have it taken over, label it {}={} when nothing controls it",
        names::label::MANAGED_BY,
        names::MANAGER,
    );
    Problem::new("NameTaken", message, format!("the name of {kind} {name}"))
}

fn unusable(name: &str) -> Problem {
    let message = format!(
        "StatefulSet '{name}' has a selector, a pod management policy or claim templates that cannot be changed and are not the operator's: delete it with --cascade=orphan, and it is made anew around its pod"
    );
    Problem::new(
        "StatefulSetUnusable",
        message,
        format!("the removal of StatefulSet {name}"),
    )
}
