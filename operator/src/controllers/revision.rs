//! ConfigRevisions, and the rendered configurations that nobody needs any more.

use triptych_crds::ConfigRevision;
use triptych_decide::{
    plan::{Action, ConfigMapDeletion, RevisionPlan},
    revision::decide,
    world::RevisionWorld,
};

use super::Reached;
use crate::{
    apply, context::Context, errors::Failure, events, metrics::Outcome, observe, report,
    subject::NamespacedName,
};

/// Renders a ConfigRevision and says what became of it.
pub(super) async fn reconcile(
    context: &Context,
    name: &NamespacedName,
) -> Result<Reached, Failure> {
    let Some(entry) = context.caches.revisions.get(name) else {
        return Ok(Reached::finally(Outcome::Gone));
    };
    let (world, plan) = observe_and_decide(context, &name.namespace, Some(&name.name)).await?;
    let Some(status) = &plan.status else {
        return Ok(Reached::finally(Outcome::Gone));
    };

    apply::carry_out(context, &plan.actions).await?;
    let previous = world.revision.and_then(|subject| subject.status);
    let reported = report::revision(context, name, previous.as_ref(), status).await?;
    let regarding = events::reference::<ConfigRevision>(name, &entry.uid);
    context.events.publish(&regarding, &plan.events).await;
    Ok(Reached::after(reported || !plan.actions.is_empty(), None))
}

/// Collects in a namespace, also where no revision is left.
pub(super) async fn collect(context: &Context, namespace: &str) -> Result<Reached, Failure> {
    let (_, plan) = observe_and_decide(context, namespace, None).await?;
    apply::carry_out(context, &plan.actions).await?;
    Ok(Reached::after(!plan.actions.is_empty(), None))
}

/// Decides from the caches; where something would be collected, decides again on what the API
/// server says now.
async fn observe_and_decide(
    context: &Context,
    namespace: &str,
    name: Option<&str>,
) -> Result<(RevisionWorld, RevisionPlan), Failure> {
    let world = observe::revision_world(context, namespace, name, false).await?;
    let plan = decide(&world);
    if !plan.actions.iter().any(collects) {
        return Ok((world, plan));
    }
    let world = observe::revision_world(context, namespace, name, true).await?;
    let plan = decide(&world);
    Ok((world, plan))
}

fn collects(action: &Action) -> bool {
    matches!(
        action,
        Action::DeleteConfigMap {
            reason: ConfigMapDeletion::Unused,
            ..
        }
    )
}
