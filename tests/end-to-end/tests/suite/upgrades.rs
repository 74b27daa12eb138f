//! U1: upgrades do not trade. And a new revision rolls.

use anyhow::{Context, Result, ensure};
use serde_json::json;
use triptych_crds::hash::canonical_config;
use triptych_end_to_end::{conditions, lab::Lab, manifests, namespace::TestNamespace, objects};

#[tokio::test]
async fn u1_an_edited_knob_restarts_nothing_and_is_taken_by_spec_restart() -> Result<()> {
    let namespace = TestNamespace::create(Lab::get(), "knob").await?;
    namespace.start_observer("intelligence").await?;
    let before = objects::uid(&namespace.pod_of("intelligence").await?);

    namespace
        .patch_spec("intelligence", json!({ "logLevel": "Debug" }))
        .await?;
    let waiting = namespace
        .until_status("intelligence", "RestartRequired", |status| {
            conditions::find(status, "RestartRequired").is_some_and(|one| one.status == "True")
        })
        .await?;
    let status = waiting.status.context("no status")?;
    let message = conditions::message(&status, "RestartRequired");
    ensure!(
        message.contains("TRIPTYCH_LOG"),
        "the message names the difference: {message}"
    );
    ensure!(
        objects::uid(&namespace.pod_of("intelligence").await?) == before,
        "the knob restarted the pod"
    );

    namespace
        .patch_spec("intelligence", json!({ "restart": "now" }))
        .await?;
    namespace
        .until_status("intelligence", "the restart to be carried out", |status| {
            status.restarted.as_deref() == Some("now")
                && conditions::find(status, "RestartRequired")
                    .is_some_and(|one| one.status == "False")
                && status.in_sync.as_deref() == Some("True")
        })
        .await?;
    ensure!(
        objects::uid(&namespace.pod_of("intelligence").await?) != before,
        "spec.restart did not replace the pod"
    );
    namespace.finish().await
}

#[tokio::test]
async fn u1_a_restarted_operator_restarts_no_trader() -> Result<()> {
    let lab = Lab::get();
    let namespace = TestNamespace::create(lab, "operator-restart").await?;
    namespace.start_observer("intelligence").await?;
    let before = objects::uid(&namespace.pod_of("intelligence").await?);

    lab.restart_operator()?;

    // A second instance that reaches Running shows that the new operator has looked at everything.
    namespace
        .apply(&manifests::observer("later", "first"))
        .await?;
    namespace.until_running("later").await?;
    namespace.until_running("intelligence").await?;
    ensure!(
        objects::uid(&namespace.pod_of("intelligence").await?) == before,
        "the operator's restart replaced the pod"
    );
    namespace.finish().await
}

#[tokio::test]
async fn another_revision_rolls_the_pod_and_status_shows_the_new_hash() -> Result<()> {
    let lab = Lab::get();
    let namespace = TestNamespace::create(lab, "roll").await?;
    namespace.start_observer("intelligence").await?;
    let second = manifests::revision("second", &lab.images().trader, 1);
    namespace.apply(&second).await?;
    namespace
        .patch_spec("intelligence", json!({ "configRevision": "second" }))
        .await?;

    let expected = canonical_config(&second["spec"])?.hash.to_string();
    namespace
        .until_status("intelligence", "the second revision runs", |status| {
            status
                .running
                .as_ref()
                .is_some_and(|running| running.hash == expected)
                && status.in_sync.as_deref() == Some("True")
        })
        .await?;
    namespace.finish().await
}

#[tokio::test]
async fn a_revision_that_comes_back_under_its_name_with_another_hash_rolls_nobody() -> Result<()> {
    let lab = Lab::get();
    let namespace = TestNamespace::create(lab, "replaced").await?;
    let before = namespace.start_observer("intelligence").await?;
    let uid = objects::uid(&namespace.pod_of("intelligence").await?);
    let hash = before
        .status
        .and_then(|status| status.running)
        .context("nothing attested")?
        .hash;

    namespace.delete(&namespace.revisions(), "first").await?;
    namespace
        .apply(&manifests::revision("first", &lab.images().trader, 9))
        .await?;

    let told = namespace
        .until_status("intelligence", "RevisionReplaced", |status| {
            status
                .conditions
                .iter()
                .any(|one| one.reason == "RevisionReplaced")
        })
        .await?;
    let running = told
        .status
        .and_then(|status| status.running)
        .context("what runs was forgotten")?;
    ensure!(
        running.hash == hash,
        "{} runs instead of {hash}",
        running.hash
    );
    ensure!(
        objects::uid(&namespace.pod_of("intelligence").await?) == uid,
        "the pod was replaced"
    );
    namespace.finish().await
}
