//! Objects of others in the place of the instance's own: nothing of others is taken over.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use crate::{
    names::{self, annotation},
    objects::stateful_set,
    view,
    world::InstanceWorld,
};

use super::{permission, problem::Problem, subject::Trader};

/// What stands in the way of the instance's objects.
pub(super) fn object_in_the_way(world: &InstanceWorld, trader: &Trader<'_>) -> Option<Problem> {
    let placement = trader.placement();
    let name = &placement.name;
    if let Some(live) = &world.stateful_set {
        if placement.owner.is_none() && is_of_a_former_trader(&live.metadata, trader) {
            // Who may not have the side learns that first.
            return Some(match permission::of_account(trader) {
                Err(hold) => hold.why,
                Ok(()) => former_trader(&placement.namespace),
            });
        }
        if belongs_to_another(&live.metadata, trader) {
            return Some(name_taken("StatefulSet", name));
        }
        let leaves = live.metadata.deletion_timestamp.is_some();
        if !leaves && stateful_set::is_unusable(live, trader.identity.instance) {
            return Some(unusable(name));
        }
    }
    let claim = world
        .claim
        .as_ref()
        .filter(|claim| belongs_to_another(&claim.metadata, trader))?;
    Some(name_taken(
        "PersistentVolumeClaim",
        claim.metadata.name.as_deref().unwrap_or_default(),
    ))
}

/// An object is the instance's own where the instance controls it, or where the operator made it and
/// nobody controls it: an earlier instance of the same name left it behind.
fn belongs_to_another(metadata: &ObjectMeta, trader: &Trader<'_>) -> bool {
    match view::controller(metadata) {
        Some(owner) => owner != trader.identity.uid,
        None => !names::is_managed(metadata.labels.as_ref()),
    }
}

/// The operator made it for another instance that traded this side of the account before.
fn is_of_a_former_trader(metadata: &ObjectMeta, trader: &Trader<'_>) -> bool {
    let annotations = metadata.annotations.as_ref();
    let of = annotations.and_then(|annotations| annotations.get(annotation::INSTANCE_UID));
    names::is_managed(metadata.labels.as_ref()) && of.is_some_and(|uid| uid != trader.identity.uid)
}

fn former_trader(namespace: &str) -> Problem {
    let message = format!(
        "the trader of a former instance is still in namespace {namespace}: it is taken away once that instance is gone"
    );
    Problem::new("FormerTrader", message, "the former trader's orderly stop")
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
