//! Who may do what, who did what, and what one cluster has of another.

use serde_json::json;
use triptych_cluster::audit::{AuditFilter, read_audit_log};
use triptych_cluster::cluster::Cluster;

use crate::support::{Clusters, Outcome, equal, eventually, holds, text};

pub(crate) async fn who_wrote_what_is_in_the_audit_log(clusters: &Clusters) -> Outcome {
    let namespace = clusters.first.namespace("audit").await?;
    namespace
        .kubectl(&["create", "configmap", "written"])
        .await?;
    namespace.kubectl(&["get", "configmap", "written"]).await?;
    let log = clusters.first.cluster.audit_log().map_err(text)?;
    let filter = AuditFilter {
        user: Some("kubernetes-admin".to_owned()),
        verb: None,
        resource: Some("configmaps".to_owned()),
    };
    eventually("the write is in the log", || async {
        let written = |entry: &triptych_cluster::audit::AuditEntry| {
            entry
                .object_ref
                .as_ref()
                .is_some_and(|object| object.namespace == "audit")
        };
        let entries = read_audit_log(&log).map_err(text)?;
        let verbs: Vec<String> = entries
            .into_iter()
            .filter(|entry| filter.matches(entry) && written(entry))
            .map(|entry| entry.verb)
            .collect();
        equal(&verbs, &vec!["create".to_owned()])
    })
    .await
}

pub(crate) async fn a_user_has_the_rights_that_were_granted_and_no_others(
    clusters: &Clusters,
) -> Outcome {
    let namespace = clusters.first.namespace("users").await?;
    let user = clusters
        .first
        .cluster
        .user_kubeconfig("alice", &["team"])
        .map_err(text)?;
    let folder = tempfile::tempdir().map_err(text)?;
    let kubeconfig = folder.path().join("alice.yaml");
    std::fs::write(&kubeconfig, user).map_err(text)?;
    let list = ["--namespace", "users", "get", "configmaps"];
    let refused = clusters.first.kubectl_as(&kubeconfig, &list, "").await;
    holds(&refused.err().unwrap_or_default(), "forbidden")?;
    namespace
        .kubectl(&[
            "create",
            "rolebinding",
            "team",
            "--clusterrole=view",
            "--group=team",
        ])
        .await?;
    eventually("the group's right is in force", || async {
        clusters
            .first
            .kubectl_as(&kubeconfig, &list, "")
            .await
            .map(drop)
    })
    .await?;
    let secrets = ["--namespace", "users", "get", "secrets"];
    let refused = clusters.first.kubectl_as(&kubeconfig, &secrets, "").await;
    holds(&refused.err().unwrap_or_default(), "forbidden")
}

pub(crate) async fn a_node_of_tier_w_takes_only_pods_that_tolerate_it(
    clusters: &Clusters,
) -> Outcome {
    let namespace = clusters.second.namespace("tier-w").await?;
    let tier = "node-restriction.kubernetes.io/trading-tier";
    namespace
        .create_pod("refused", &["listen", "8080"], |pod| {
            pod["spec"]["nodeSelector"] = json!({ tier: "W" });
        })
        .await?;
    namespace
        .server("tolerant", |pod| {
            pod["spec"]["nodeSelector"] = json!({ tier: "W" });
            pod["spec"]["tolerations"] = json!([{ "key": tier, "operator": "Exists" }]);
        })
        .await?;
    let node = namespace.field("pod/tolerant", ".spec.nodeName").await?;
    equal(&node, &clusters.second.cluster.record().name.node(1))?;
    let message = namespace
        .field("pod/refused", ".status.conditions[0].message")
        .await?;
    holds(&message, "untolerated taint")
}

pub(crate) async fn two_clusters_live_side_by_side(clusters: &Clusters) -> Outcome {
    let first = clusters.first.namespace("beside").await?;
    let second = clusters.second.namespace("beside").await?;
    first.server("first", |_| ()).await?;
    second.server("second", |_| ()).await?;
    equal(
        &first
            .kubectl(&["get", "pods", "--output=name"])
            .await?
            .as_str(),
        &"pod/first",
    )?;
    equal(
        &second
            .kubectl(&["get", "pods", "--output=name"])
            .await?
            .as_str(),
        &"pod/second",
    )?;
    let octet = |address: String| address.split('.').nth(1).map(ToOwned::to_owned);
    let octets = (
        octet(first.address("first").await?),
        octet(second.address("second").await?),
    );
    if octets.0 == octets.1 {
        return Err(format!(
            "both clusters use 10.{}.0.0/16",
            octets.0.unwrap_or_default()
        ));
    }
    Ok(())
}
