//! Apply, run, and a dataset that grows and can be read.

use anyhow::{Result, ensure};
use serde_json::Value;
use triptych_end_to_end::{lab::Lab, namespace::TestNamespace, wait};

/// Rules that the suite's revision lists, in its order.
const RULES: [&str; 7] = [
    "precision",
    "quantityLimits",
    "notionalLimits",
    "priceCollar",
    "maxSpread",
    "staleData",
    "duplicateIntent",
];

#[tokio::test]
async fn an_applied_abh_instance_runs_and_its_dataset_grows_and_is_readable() -> Result<()> {
    let namespace = TestNamespace::create(Lab::get(), "dataset").await?;
    namespace.start_observer("intelligence").await?;

    let first = rows_beyond(&namespace, 0).await?;
    let second = rows_beyond(&namespace, first).await?;
    ensure!(second > first, "the dataset stands at {second} rows");

    let printed = namespace.exec(
        "intelligence",
        &[
            "/usr/local/bin/trader",
            "dataset",
            "show",
            "/var/lib/triptych",
            "-o",
            "json",
        ],
    )?;
    let shown: Value = serde_json::from_str(&printed)?;
    let candidates = shown.as_array().cloned().unwrap_or_default();
    ensure!(!candidates.is_empty(), "no candidate in {printed}");
    for candidate in &candidates {
        let verdicts = candidate["verdicts"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        let rules: Vec<&str> = verdicts
            .iter()
            .filter_map(|verdict| verdict["rule"].as_str())
            .collect();
        ensure!(
            rules == RULES,
            "every rule judges every candidate, in the order of the revision: {candidate}"
        );
        ensure!(candidate["tier"] == "ABH", "{candidate}");
    }
    namespace.finish().await
}

/// Waits until the published files hold more than `rows` rows, and returns how many.
pub(crate) async fn rows_beyond(namespace: &TestNamespace, rows: u64) -> Result<u64> {
    wait::until_answer(
        "the dataset grows and every published file opens",
        async || {
            let verified = namespace.dataset("intelligence")?;
            ensure!(verified["ok"] == true, "the dataset is damaged: {verified}");
            let now = verified["rows"].as_u64().unwrap_or_default();
            Ok((now > rows).then_some(now))
        },
    )
    .await
}
