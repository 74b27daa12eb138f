//! L2: with nothing to do the operator writes nothing but its Lease.

use anyhow::{Result, ensure};
use triptych_end_to_end::{lab::Lab, namespace::TestNamespace, wait};

/// Renewals of the Lease that are waited for: they are the clock of this test.
const RENEWALS: usize = 6;

#[tokio::test]
async fn l2_an_idle_instance_costs_no_write() -> Result<()> {
    let lab = Lab::get();
    let namespace = TestNamespace::create(lab, "quiet").await?;
    namespace.start_observer("intelligence").await?;

    // The last writes about this instance may still be on their way: the first renewal closes that time.
    let from = until_renewals(lab, 0, 1).await?;
    let until = until_renewals(lab, from, RENEWALS).await?;
    let written: Vec<String> = lab.operator_writes()?[from..until]
        .iter()
        .filter(|write| write.namespace == namespace.name())
        .map(|write| format!("{} {}/{}", write.verb, write.resource, write.name))
        .collect();
    ensure!(
        written.is_empty(),
        "during {RENEWALS} renewals of the Lease the operator wrote {written:?}"
    );
    namespace.finish().await
}

/// Waits until the audit log has `renewals` renewals of the Lease behind position `from`, and returns the
/// position behind the last.
async fn until_renewals(lab: &Lab, from: usize, renewals: usize) -> Result<usize> {
    let from = if from == 0 {
        lab.operator_writes()?.len()
    } else {
        from
    };
    wait::until_answer("the operator renews its Lease", async || {
        let writes = lab.operator_writes()?;
        let leases = (from..writes.len()).filter(|&at| writes[at].resource == "leases");
        Ok(leases.skip(renewals - 1).map(|at| at + 1).next())
    })
    .await
}
