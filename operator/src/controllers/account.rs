//! TradingAccounts.

use triptych_decide::account::decide;

use super::Reached;
use crate::{
    apply, context::Context, errors::Failure, metrics::Outcome, observe, report,
    subject::NamespacedName,
};

/// Records who trades each side of an account, and takes away the trader of an instance that is gone.
pub(super) async fn reconcile(context: &Context, name: &str) -> Result<Reached, Failure> {
    let Some(entry) = context.caches.accounts.get(&NamespacedName::new("", name)) else {
        return Ok(Reached::finally(Outcome::Gone));
    };
    let Ok(spec) = &entry.spec else {
        return Ok(Reached::finally(Outcome::Unreadable));
    };
    let world = observe::account(context, name, &entry, spec).await?;
    let plan = decide(&world);
    apply::carry_out(context, &plan.actions).await?;
    let reported = report::account(context, name, entry.status.as_ref(), &plan.status).await?;
    Ok(Reached::after(reported || !plan.actions.is_empty(), None))
}
