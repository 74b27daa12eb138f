//! M3: what counts is what a pod runs.

use std::io::Write;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use triptych_crds::hash::canonical_config;
use triptych_end_to_end::{lab::Lab, manifests, namespace::TestNamespace, objects};

/// SHA-256 as the system's own command computes it.
fn sha256sum(bytes: &[u8]) -> Result<String> {
    let mut child = Command::new("sha256sum")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    child
        .stdin
        .take()
        .context("no standard input")?
        .write_all(bytes)?;
    let output = child.wait_with_output()?;
    let line = String::from_utf8(output.stdout)?;
    line.split_whitespace()
        .next()
        .map(str::to_owned)
        .context("sha256sum printed nothing")
}

#[tokio::test]
async fn m3_the_hash_of_file_stored_object_mounted_bytes_and_running_pod_are_equal() -> Result<()> {
    let lab = Lab::get();
    let namespace = TestNamespace::create(lab, "attestation").await?;
    let instance = namespace.start_observer("intelligence").await?;
    let status = instance.status.context("no status")?;
    let running = status.running.context("nothing attested")?;

    let manifest = manifests::revision("first", &lab.images().trader, 0);
    let of_file = canonical_config(&manifest["spec"])?.hash;
    let by_command = lab.trader_hash(&manifest)?;
    let stored = objects::api_for(&namespace.client, &manifest, namespace.name())
        .await?
        .get("first")
        .await?;
    let of_stored = canonical_config(&stored.data["spec"])?.hash;
    let rendered = namespace
        .config_maps()
        .get(&of_file.config_map_name())
        .await?;
    let text = rendered
        .data
        .unwrap_or_default()
        .remove("config.json")
        .context("no config.json")?;
    let of_rendered = sha256sum(text.as_bytes())?;
    let mounted = lab.mounted_file(
        &objects::uid(&namespace.pod_of("intelligence").await?),
        "config.json",
    )?;
    let of_mounted = sha256sum(&mounted)?;

    let declared = status.declared_hash.context("no declared hash")?;
    let all = [
        by_command,
        of_stored.to_string(),
        of_rendered,
        of_mounted,
        declared,
        running.hash,
    ];
    for hash in &all {
        ensure!(
            hash == of_file.as_str(),
            "{hash} differs from {of_file}: {all:?}"
        );
    }
    ensure!(
        running.short_hash == of_file.short(),
        "{}",
        running.short_hash
    );
    namespace.finish().await
}

#[tokio::test]
async fn m3_status_ties_the_answer_to_the_pod_as_the_api_server_has_it() -> Result<()> {
    let lab = Lab::get();
    let namespace = TestNamespace::create(lab, "attestation").await?;
    let instance = namespace.start_observer("intelligence").await?;
    let running = instance
        .status
        .and_then(|status| status.running)
        .context("nothing attested")?;
    let pod = namespace.pod_of("intelligence").await?;

    ensure!(
        running.pod_uid == objects::uid(&pod),
        "{} is not the UID of the pod",
        running.pod_uid
    );
    let node = pod
        .spec
        .and_then(|spec| spec.node_name)
        .context("a pod without a node")?;
    ensure!(running.node == node, "{} is not {node}", running.node);
    let digest = lab.images().trader.rsplit('@').next().unwrap_or_default();
    ensure!(
        running.image.ends_with(digest),
        "{} has not the revision's digest {digest}",
        running.image
    );
    namespace.finish().await
}

#[tokio::test]
async fn a1_the_abh_pod_holds_no_credential_and_no_token() -> Result<()> {
    let namespace = TestNamespace::create(Lab::get(), "no-credential").await?;
    namespace.start_observer("intelligence").await?;
    let pod = namespace.pod_of("intelligence").await?;
    let spec = pod.spec.context("a pod without a spec")?;

    ensure!(
        spec.automount_service_account_token == Some(false),
        "a token is mounted"
    );
    for volume in spec.volumes.unwrap_or_default() {
        ensure!(
            volume.secret.is_none() && volume.projected.is_none(),
            "{} can carry a Secret",
            volume.name
        );
    }
    for container in spec.containers {
        ensure!(container.env_from.unwrap_or_default().is_empty(), "envFrom");
        let from_secret =
            |source: &k8s_openapi::api::core::v1::EnvVarSource| source.secret_key_ref.is_some();
        let variables = container.env.unwrap_or_default();
        ensure!(
            !variables
                .iter()
                .any(|one| one.value_from.as_ref().is_some_and(from_secret)),
            "a Secret in env"
        );
        ensure!(
            container.command == Some(vec!["/usr/local/bin/trader-observe".into()]),
            "{:?}",
            container.command
        );
    }
    namespace.finish().await
}
