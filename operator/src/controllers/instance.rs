//! TradingInstances.

use triptych_crds::TradingInstance;
use triptych_decide::instance::decide;

use super::Reached;
use crate::{
    apply, context::Context, errors::Failure, events, metrics::Outcome, observe, report,
    subject::NamespacedName,
};

/// Brings a TradingInstance one step towards what it declares, from wherever it is.
pub(super) async fn reconcile(
    context: &Context,
    name: &NamespacedName,
) -> Result<Reached, Failure> {
    let Some(entry) = context.caches.instances.get(name) else {
        return Ok(Reached::finally(Outcome::Gone));
    };
    let instance = match &entry.content {
        Ok(instance) => instance,
        Err(unreadable) => {
            report::unreadable(context, name, unreadable).await?;
            return Ok(Reached::finally(Outcome::Unreadable));
        }
    };

    let world = observe::instance(context, instance).await?;
    let mut plan = decide(&world);
    let applied = apply::carry_out(context, &plan.actions).await;
    match &applied {
        Ok(()) => {}
        Err(failure @ Failure::Refused { .. }) => {
            let previous = instance.status.as_ref();
            let news = report::refused(&mut plan.status, previous, failure);
            plan.events = news.into_iter().collect();
        }
        Err(_) => return applied.map(|()| Reached::finally(Outcome::Failed)),
    }
    let reported = report::instance(context, instance, &plan.status).await?;
    let uid = instance.metadata.uid.as_deref().unwrap_or_default();
    let regarding = events::reference::<TradingInstance>(name, uid);
    context.events.publish(&regarding, &plan.events).await;

    applied?;
    let wrote = reported || !plan.actions.is_empty();
    Ok(Reached::after(wrote, plan.check_again))
}
