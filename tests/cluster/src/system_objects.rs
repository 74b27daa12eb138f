//! What every cluster has before anybody uses it: rights, DNS, a storage class.

use k8s_openapi::api::core::v1::Node;
use kube::api::{Patch, PatchParams};
use kube::{Api, Client};
use serde_json::json;
use tokio::process::Command;

use crate::command::output_of;
use crate::directory::{ClusterDirectory, ClusterRecord};
use crate::error::{Error, Result};
use crate::registry::ImageReference;

const MANIFEST: &str = include_str!("../manifests/system.yaml");

/// Creates the objects.
pub(crate) async fn apply(
    directory: &ClusterDirectory,
    record: &ClusterRecord,
    dns_image: &ImageReference,
) -> Result<()> {
    let dns_address = record.addresses.dns_service().to_string();
    let manifest = MANIFEST
        .replace("${DNS_IMAGE}", &dns_image.to_string())
        .replace("${DNS_ADDRESS}", &dns_address);
    let mut kubectl = Command::new(record.executable("kubernetes", "kubectl"));
    kubectl
        .env("KUBECONFIG", directory.admin_kubeconfig())
        .args([
            "apply",
            "--server-side",
            "--field-manager=triptych-cluster",
            "--filename=-",
        ]);
    output_of(kubectl, Some(manifest.as_bytes()))
        .await
        .map(drop)
}

/// Labels and taints a node so that only pods of tier W go there.
pub(crate) async fn dedicate_to_w(client: &Client, node: &str) -> Result<()> {
    let nodes: Api<Node> = Api::all(client.clone());
    let tier = "node-restriction.kubernetes.io/trading-tier";
    let patch = json!({
        "metadata": { "labels": { tier: "W" } },
        "spec": { "taints": [
            { "key": tier, "value": "W", "effect": "NoSchedule" },
            { "key": tier, "value": "W", "effect": "NoExecute" },
        ] },
    });
    nodes
        .patch(node, &PatchParams::default(), &Patch::Merge(patch))
        .await
        .map(drop)
        .map_err(Error::kubernetes(format!("label node {node}")))
}
