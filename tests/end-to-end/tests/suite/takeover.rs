//! Two operators: when the leader goes, the other is warm and takes over.

use anyhow::Result;
use triptych_end_to_end::{lab::Lab, manifests, namespace::TestNamespace};

#[tokio::test]
async fn when_the_leader_is_killed_the_follower_takes_over() -> Result<()> {
    let lab = Lab::get();
    let namespace = TestNamespace::create(lab, "takeover").await?;
    namespace.start_observer("intelligence").await?;
    let leader = lab.leader().await?;
    lab.kubectl(&[
        "delete",
        "pod",
        "-n",
        triptych_end_to_end::installation::NAMESPACE,
        &leader,
        "--grace-period=0",
        "--force",
    ])?;

    namespace
        .apply(&manifests::observer("later", "first"))
        .await?;
    namespace.until_running("later").await?;
    let successor = lab.leader().await?;
    anyhow::ensure!(successor != leader, "{leader} still leads");
    namespace.finish().await
}
