//! TradingAccounts.

use triptych_decide::account::{decide, orphans};

use super::Reached;
use crate::{
    apply, context::Context, errors::Failure, metrics::Outcome, observe, report,
    subject::NamespacedName,
};

/// Records who trades each side of an account, and takes away the trader of an instance that is gone.
pub(super) async fn reconcile(context: &Context, name: &str) -> Result<Reached, Failure> {
    let Some(entry) = context.caches.accounts.get(&NamespacedName::new("", name)) else {
        return without_account(context, name, Outcome::Gone).await;
    };
    let Ok(spec) = &entry.spec else {
        return without_account(context, name, Outcome::Unreadable).await;
    };
    let world = observe::account(context, name, &entry, spec).await?;
    let plan = decide(&world);
    apply::carry_out(context, &plan.actions).await?;
    let reported = report::account(context, name, entry.status.as_ref(), &plan.status).await?;
    Ok(Reached::after(reported || !plan.actions.is_empty(), None))
}

/// What trades on goes on, and goes with its instance.
async fn without_account(
    context: &Context,
    name: &str,
    outcome: Outcome,
) -> Result<Reached, Failure> {
    let [live, demo] = observe::sides(context, name).await?;
    apply::carry_out(context, &orphans(name, &live, &demo)).await?;
    Ok(Reached::finally(outcome))
}
