//! L2: with nothing to do the operator writes nothing but its Lease.

use anyhow::{Context, Result, ensure};
use triptych_end_to_end::{conditions, lab::Lab, namespace::TestNamespace, wait};

/// Renewals of the Lease that are waited for: they are the clock of this test.
const RENEWALS: usize = 6;

#[tokio::test]
async fn l2_an_idle_instance_costs_no_write() -> Result<()> {
    let lab = Lab::get();
    let namespace = TestNamespace::create(lab, "quiet").await?;
    namespace.start_observer("intelligence").await?;
    until_told_that_it_runs(&namespace, "intelligence").await?;

    let from = lab.operator_writes()?.len();
    let until = wait::until_renewals(lab, from, RENEWALS).await?;
    let written: Vec<String> = lab.operator_writes()?[from..until]
        .iter()
        .filter(|write| write.namespace == namespace.name())
        .map(ToString::to_string)
        .collect();
    ensure!(
        written.is_empty(),
        "during {RENEWALS} renewals of the Lease the operator wrote {written:?}"
    );
    namespace.finish().await
}

/// Waits until an instance is settled and the event that says so is published: it is the last write of a start.
async fn until_told_that_it_runs(namespace: &TestNamespace, instance: &str) -> Result<()> {
    let settled = namespace
        .until_status(instance, "settled", |status| {
            conditions::find(status, "Progressing").is_some_and(|one| one.status == "False")
                && conditions::find(status, "Ready").is_some_and(|one| one.status == "True")
        })
        .await?;
    let status = settled.status.context("a settled instance has a status")?;
    let reason = conditions::find(&status, "Ready").map(|one| one.reason.clone());
    wait::until_answer("the event that it runs is published", async || {
        let told = namespace.event_reasons(instance).await?;
        Ok(reason
            .as_ref()
            .is_some_and(|reason| told.contains(reason))
            .then_some(()))
    })
    .await
}
