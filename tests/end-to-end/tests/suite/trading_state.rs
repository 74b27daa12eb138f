//! Halted takes the pod away and loses no row; Active brings it back as a new run.

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::core::v1::Pod;
use serde_json::json;
use triptych_crds::{TradingState, trading_instance::Phase};
use triptych_end_to_end::{lab::Lab, namespace::TestNamespace, wait};

use crate::dataset::rows_beyond;

#[tokio::test]
async fn halted_scales_to_zero_and_loses_no_row_and_active_is_a_new_run() -> Result<()> {
    let namespace = TestNamespace::create(Lab::get(), "halted").await?;
    let before = namespace.start_observer("intelligence").await?;
    let first_run = before
        .status
        .and_then(|status| status.running)
        .context("nothing attested")?
        .run_id;
    rows_beyond(&namespace, 0).await?;
    // The trader's own count, taken while it runs: what it has decided so far must be there afterwards.
    let decided = rows_written(&namespace)?;

    namespace
        .patch_spec("intelligence", json!({ "tradingState": "Halted" }))
        .await?;
    let halted = namespace
        .until_status(
            "intelligence",
            "phase Halted without a running pod",
            |status| status.phase == Some(Phase::Halted) && status.running.is_none(),
        )
        .await?;
    let state = halted.status.and_then(|status| status.trading_state);
    ensure!(
        state == Some(TradingState::Halted),
        "state in force: {state:?}"
    );
    wait::until(
        &namespace.pods(),
        "intelligence-0",
        "to be gone",
        |pod: Option<&Pod>| pod.is_none(),
    )
    .await?;

    namespace
        .patch_spec("intelligence", json!({ "tradingState": "Active" }))
        .await?;
    let after = namespace.until_running("intelligence").await?;
    let second_run = after
        .status
        .and_then(|status| status.running)
        .context("nothing attested")?
        .run_id;
    ensure!(
        first_run != second_run,
        "the same run {first_run} came back"
    );

    let verified = namespace.dataset("intelligence")?;
    ensure!(verified["ok"] == true, "{verified}");
    ensure!(verified["rowsLost"] == 0, "{verified}");
    let kept = verified["rows"].as_u64().unwrap_or_default();
    ensure!(
        kept >= decided,
        "{decided} rows were decided before the halt, {kept} are in the files"
    );
    namespace.finish().await
}

#[tokio::test]
async fn reducing_is_refused_on_abh_at_the_api_server() -> Result<()> {
    let namespace = TestNamespace::create(Lab::get(), "reducing").await?;
    namespace.start_observer("intelligence").await?;
    let refused = namespace
        .patch_spec("intelligence", json!({ "tradingState": "Reducing" }))
        .await;
    let message = format!(
        "{:#}",
        refused.err().context("Reducing was accepted on ABH")?
    );
    ensure!(
        message.contains("spec.tradingState") && message.contains("Reducing is refused on ABH"),
        "{message}"
    );
    namespace.finish().await
}

/// Rows that the running trader says it has decided: in files, or on their way into one.
fn rows_written(namespace: &TestNamespace) -> Result<u64> {
    let status = namespace.trader_status("intelligence")?;
    status["dataset"]["rowsWritten"]
        .as_u64()
        .with_context(|| format!("no rowsWritten in {status}"))
}
