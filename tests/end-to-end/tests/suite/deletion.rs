//! Whatever is deleted first, the end is the same, and nothing that runs is destroyed by what it does not need.

use anyhow::{Result, ensure};
use k8s_openapi::api::core::v1::{ConfigMap, PersistentVolumeClaim, Pod};
use triptych_crds::hash::canonical_config;
use triptych_end_to_end::{lab::Lab, manifests, namespace::TestNamespace, objects, wait};

/// What a person may delete, in every order of three.
const ORDERS: [[&str; 3]; 6] = [
    ["revision", "instance", "statefulset"],
    ["revision", "statefulset", "instance"],
    ["instance", "revision", "statefulset"],
    ["instance", "statefulset", "revision"],
    ["statefulset", "revision", "instance"],
    ["statefulset", "instance", "revision"],
];

#[tokio::test]
async fn deletion_in_any_order_ends_the_same_and_leaves_nothing() -> Result<()> {
    let lab = Lab::get();
    let namespace = TestNamespace::create(lab, "deletion").await?;
    namespace.start_tape().await?;
    for (number, order) in (0..).zip(ORDERS) {
        let revision = format!("revision-{number}");
        let instance = format!("instance-{number}");
        let manifest = manifests::revision(&revision, &lab.images().trader, 10 + number);
        namespace.apply(&manifest).await?;
        namespace
            .apply(&manifests::observer(&instance, &revision))
            .await?;
        namespace.until_running(&instance).await?;
        for kind in order {
            match kind {
                "revision" => {
                    let revisions = namespace.revisions();
                    namespace.delete(&revisions, &revision).await?;
                }
                "instance" => {
                    let instances = namespace.instances();
                    namespace.delete(&instances, &instance).await?;
                }
                _ => {
                    let sets = namespace.stateful_sets();
                    namespace.delete(&sets, &instance).await?;
                }
            }
        }
        wait::until_gone::<Pod>(&namespace.pods(), &format!("{instance}-0")).await?;
        wait::until_gone::<PersistentVolumeClaim>(
            &namespace.claims(),
            &format!("dataset-{instance}"),
        )
        .await?;
        let config_map = canonical_config(&manifest["spec"])?.hash.config_map_name();
        wait::until_gone::<ConfigMap>(&namespace.config_maps(), &config_map).await?;
    }
    namespace.finish().await
}

#[tokio::test]
async fn a_revision_deleted_while_it_runs_stops_nothing_and_its_config_map_outlives_it()
-> Result<()> {
    let lab = Lab::get();
    let namespace = TestNamespace::create(lab, "outlives").await?;
    namespace.start_observer("intelligence").await?;
    let before = objects::uid(&namespace.pod_of("intelligence").await?);
    let name = canonical_config(&manifests::revision("first", &lab.images().trader, 0)["spec"])?
        .hash
        .config_map_name();

    namespace.delete(&namespace.revisions(), "first").await?;
    let told = namespace
        .until_status("intelligence", "RevisionNotFound", |status| {
            status
                .conditions
                .iter()
                .any(|one| one.reason == "RevisionNotFound")
        })
        .await?;
    ensure!(
        told.status.is_some_and(|status| status.running.is_some()),
        "what runs was forgotten"
    );
    ensure!(
        objects::uid(&namespace.pod_of("intelligence").await?) == before,
        "the pod was replaced"
    );
    namespace.config_maps().get(&name).await?;
    namespace.finish().await
}
