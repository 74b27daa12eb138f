//! What was altered behind the operator's back is refused, named and repaired.

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::{
    apps::v1::StatefulSet,
    core::v1::{ConfigMap, Pod},
};
use kube::{
    ResourceExt,
    api::{DeleteParams, Patch, PatchParams, PostParams},
};
use serde_json::json;
use triptych_crds::{ConfigHash, hash::canonical_config};
use triptych_end_to_end::{lab::Lab, manifests, namespace::TestNamespace, objects, wait};

/// The exit code of a trader whose configuration is not the declared one (sysexits: EX_CONFIG).
const HASH_MISMATCH: i32 = 78;

#[tokio::test]
async fn a_tampered_config_map_is_rendered_anew() -> Result<()> {
    let lab = Lab::get();
    let namespace = TestNamespace::create(lab, "tampered").await?;
    namespace.start_observer("intelligence").await?;
    let before = namespace.pod_of("intelligence").await?;
    let name = hash_of_first(lab)?.config_map_name();

    let original = namespace.config_maps().get(&name).await?;
    replace_with(&namespace, &original, "{\"image\":\"another\"}").await?;

    let whole = |map: &ConfigMap| map.data == original.data && map.immutable == Some(true);
    wait::until_present(
        &namespace.config_maps(),
        &name,
        "the revision's bytes again",
        whole,
    )
    .await?;
    let after = namespace.pod_of("intelligence").await?;
    ensure!(
        objects::uid(&before) == objects::uid(&after),
        "the pod that ran on the right bytes was restarted"
    );
    namespace.finish().await
}

#[tokio::test]
async fn m3_a_trader_refuses_bytes_that_are_not_the_declared_configuration() -> Result<()> {
    let lab = Lab::get();
    let namespace = TestNamespace::create(lab, "refusal").await?;
    namespace.start_observer("intelligence").await?;
    let running = namespace.pod_of("intelligence").await?;

    let tampered: ConfigMap = serde_json::from_value(json!({
        "metadata": { "name": "tampered" }, "data": { "config.json": "{\"image\":\"another\"}" }
    }))?;
    namespace
        .config_maps()
        .create(&PostParams::default(), &tampered)
        .await?;
    let mut spec = running.spec.context("a pod without a spec")?;
    spec.node_name = None;
    spec.restart_policy = Some("Never".into());
    spec.volumes
        .get_or_insert_default()
        .retain(|volume| !volume.name.starts_with("kube-api-access"));
    for volume in spec.volumes.iter_mut().flatten() {
        if let Some(source) = volume.config_map.as_mut() {
            source.name = "tampered".into();
        }
    }
    let pod = Pod {
        metadata: kube::api::ObjectMeta {
            name: Some("refuses".into()),
            ..Default::default()
        },
        spec: Some(spec),
        status: None,
    };
    namespace
        .pods()
        .create(&PostParams::default(), &pod)
        .await?;

    let ended = wait::until_present(
        &namespace.pods(),
        "refuses",
        "the trader ended",
        |pod: &Pod| terminated(pod).is_some(),
    )
    .await?;
    let (code, message) = terminated(&ended).context("no terminated state")?;
    ensure!(code == HASH_MISMATCH, "exit code {code}: {message}");
    ensure!(
        message.contains(hash_of_first(lab)?.as_str()),
        "the message names the declared hash: {message}"
    );
    namespace.finish().await
}

#[tokio::test]
async fn a_pod_whose_image_is_not_the_revisions_is_replaced() -> Result<()> {
    let lab = Lab::get();
    let namespace = TestNamespace::create(lab, "image").await?;
    namespace.start_observer("intelligence").await?;
    let pod = namespace.pod_of("intelligence").await?;

    let other =
        json!({ "spec": { "containers": [{ "name": "trader", "image": lab.images().operator }] } });
    namespace
        .pods()
        .patch(
            &pod.name_any(),
            &PatchParams::default(),
            &Patch::Strategic(&other),
        )
        .await?;

    let replaced = |now: &Pod| {
        let image = now
            .spec
            .as_ref()
            .and_then(|spec| spec.containers[0].image.as_deref());
        objects::uid(now) != objects::uid(&pod) && image == Some(lab.images().trader.as_str())
    };
    wait::until_present(
        &namespace.pods(),
        &pod.name_any(),
        "another pod with the revision's image",
        replaced,
    )
    .await?;
    namespace.until_running("intelligence").await?;
    let reasons = namespace.event_reasons("intelligence").await?;
    ensure!(
        reasons.iter().any(|reason| reason == "ImageMismatch"),
        "events: {reasons:?}"
    );
    namespace.finish().await
}

#[tokio::test]
async fn m3_a_pod_made_for_another_configuration_is_replaced_and_status_shows_what_runs()
-> Result<()> {
    let lab = Lab::get();
    let namespace = TestNamespace::create(lab, "other-hash").await?;
    namespace.start_observer("intelligence").await?;
    let pod = namespace.pod_of("intelligence").await?;

    // A second revision gives a ConfigMap whose bytes are whole and are not what is declared.
    let second = manifests::revision("second", &lab.images().trader, 1);
    namespace.apply(&second).await?;
    let other = canonical_config(&second["spec"])?.hash;
    wait::until_present(
        &namespace.config_maps(),
        &other.config_map_name(),
        "to be rendered",
        |_: &ConfigMap| true,
    )
    .await?;
    let edit = json!({ "spec": { "template": { "spec": {
        "volumes": [{ "name": "config", "configMap": { "name": other.config_map_name() } }],
        "containers": [{ "name": "trader", "env": [{ "name": "TRIPTYCH_CONFIG_HASH", "value": other.as_str() }] }]
    } } } });
    namespace
        .stateful_sets()
        .patch(
            "intelligence",
            &PatchParams::default(),
            &Patch::Strategic(&edit),
        )
        .await?;
    namespace
        .pods()
        .delete(&pod.name_any(), &DeleteParams::default().grace_period(1))
        .await?;

    let declared = hash_of_first(lab)?;
    let live = wait::until_answer("another pod attests the declared hash", async || {
        let live = namespace.trader_status("intelligence")?;
        let settled = live["podUid"] != objects::uid(&pod).as_str()
            && live["configHash"] == declared.as_str();
        Ok(settled.then_some(live))
    })
    .await?;
    let shown = namespace
        .until_status("intelligence", "the new pod's attestation", |status| {
            let running = status.running.as_ref();
            running.is_some_and(|running| live["podUid"] == running.pod_uid.as_str())
        })
        .await?;
    let running = shown.status.and_then(|status| status.running);
    let running = running.context("nothing attested")?;
    ensure!(running.hash == declared.as_str(), "{running:?}");
    let restored = |set: &StatefulSet| !format!("{:?}", set.spec).contains(other.as_str());
    wait::until_present(
        &namespace.stateful_sets(),
        "intelligence",
        "the operator's template again",
        restored,
    )
    .await?;
    namespace.finish().await
}

fn hash_of_first(lab: &Lab) -> Result<ConfigHash> {
    Ok(canonical_config(&manifests::revision("first", &lab.images().trader, 0)["spec"])?.hash)
}

async fn replace_with(namespace: &TestNamespace, original: &ConfigMap, text: &str) -> Result<()> {
    let name = original.name_any();
    namespace
        .config_maps()
        .delete(&name, &DeleteParams::default())
        .await?;
    let mut altered = original.clone();
    altered.metadata = kube::api::ObjectMeta {
        name: Some(name),
        labels: original.metadata.labels.clone(),
        annotations: original.metadata.annotations.clone(),
        ..Default::default()
    };
    altered.data = Some([("config.json".to_owned(), text.to_owned())].into());
    match namespace
        .config_maps()
        .create(&PostParams::default(), &altered)
        .await
    {
        // The operator was faster than the tampering: the outcome that matters is checked anyway.
        Ok(_) => Ok(()),
        Err(kube::Error::Api(status)) if status.is_already_exists() => Ok(()),
        Err(error) => Err(error.into()),
    }
}

fn terminated(pod: &Pod) -> Option<(i32, String)> {
    let statuses = pod.status.as_ref()?.container_statuses.as_ref()?;
    let end = statuses.first()?.state.as_ref()?.terminated.as_ref()?;
    Some((end.exit_code, end.message.clone().unwrap_or_default()))
}
