//! Local persistent volumes.

use serde_json::{Value, json};

use crate::support::{Clusters, Namespace, Outcome, equal, eventually};

async fn claim(namespace: &Namespace<'_>) -> Outcome {
    namespace
        .apply(&json!({
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": { "name": "data" },
            "spec": {
                "accessModes": ["ReadWriteOncePod"],
                "resources": { "requests": { "storage": "1Gi" } },
            },
        }))
        .await
        .map(drop)
}

fn with_volume(pod: &mut Value) {
    pod["spec"]["securityContext"]["fsGroup"] = 65532.into();
    pod["spec"]["volumes"] =
        json!([{ "name": "data", "persistentVolumeClaim": { "claimName": "data" } }]);
    pod["spec"]["containers"][0]["volumeMounts"] =
        json!([{ "name": "data", "mountPath": "/data" }]);
}

pub(crate) async fn a_claim_is_writable_by_its_pods_group_and_outlives_the_pod(
    clusters: &Clusters,
) -> Outcome {
    let namespace = clusters.first.namespace("storage").await?;
    claim(&namespace).await?;
    namespace.server("writer", with_volume).await?;
    namespace
        .probe("writer", &["write", "/data/note", "kept"])
        .await?;
    let node = namespace.field("pod/writer", ".spec.nodeName").await?;
    namespace.kubectl(&["delete", "pod", "writer"]).await?;
    namespace.server("reader", with_volume).await?;
    equal(
        &namespace
            .probe("reader", &["read", "/data/note"])
            .await?
            .as_str(),
        &"kept",
    )?;
    equal(
        &namespace.field("pod/reader", ".spec.nodeName").await?,
        &node,
    )
}

pub(crate) async fn a_deleted_claim_leaves_no_data(clusters: &Clusters) -> Outcome {
    let namespace = clusters.first.namespace("storage-ends").await?;
    claim(&namespace).await?;
    namespace.server("writer", with_volume).await?;
    let volume = namespace.field("pvc/data", ".spec.volumeName").await?;
    let node = namespace.field("pod/writer", ".spec.nodeName").await?;
    let folder = clusters
        .first
        .cluster
        .directory()
        .volumes(&node)
        .join(&volume);
    equal(&folder.exists(), &true)?;
    namespace
        .kubectl(&["delete", "pod/writer", "pvc/data"])
        .await?;
    eventually("the volume's folder is removed", || async {
        equal(&folder.exists(), &false)
    })
    .await?;
    eventually("the volume is removed", || async {
        let left = clusters
            .first
            .kubectl(&["get", "pv", &volume, "--ignore-not-found"])
            .await?;
        equal(&left.as_str(), &"")
    })
    .await
}
