//! Network policies, shown by real connections.

use serde_json::{Value, json};

use crate::support::{Clusters, Namespace, Outcome, eventually, holds};

async fn policy(namespace: &Namespace<'_>, name: &str, pod: &str, rest: Value) -> Outcome {
    let mut spec = json!({ "podSelector": { "matchLabels": { "app": pod } } });
    if let (Value::Object(spec), Value::Object(rest)) = (&mut spec, rest) {
        spec.extend(rest);
    }
    let object = json!({
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": { "name": name },
        "spec": spec,
    });
    namespace.apply(&object).await.map(drop)
}

/// A server, and a client on its node and on another.
async fn server_and_clients(namespace: &Namespace<'_>) -> Outcome<String> {
    let on = |number| {
        let node = namespace.cluster.cluster.record().name.node(number);
        move |pod: &mut Value| pod["spec"]["nodeName"] = node.into()
    };
    futures::try_join!(
        namespace.server("server", on(1)),
        namespace.server("near", on(1)),
        namespace.server("far", on(2)),
    )?;
    namespace.address("server").await
}

pub(crate) async fn default_deny_lets_nothing_in(clusters: &Clusters) -> Outcome {
    let namespace = clusters.first.namespace("deny-in").await?;
    let server = server_and_clients(&namespace).await?;
    let target = format!("{server}:8080");
    for client in ["near", "far"] {
        namespace.connects(client, &target).await?;
    }
    policy(
        &namespace,
        "deny",
        "server",
        json!({ "policyTypes": ["Ingress"] }),
    )
    .await?;
    for client in ["near", "far"] {
        namespace.is_cut_off(client, &target).await?;
    }
    let near = format!("{}:8080", namespace.address("near").await?);
    namespace.connects("server", &near).await?;
    namespace
        .kubectl(&["delete", "networkpolicy", "deny"])
        .await?;
    namespace.connects("far", &target).await
}

pub(crate) async fn allowed_peers_get_in_by_pod_namespace_block_and_port(
    clusters: &Clusters,
) -> Outcome {
    let namespace = clusters.first.namespace("allow-in").await?;
    let other = clusters.first.namespace("allow-in-other").await?;
    let server = server_and_clients(&namespace).await?;
    other.server("stranger", |_| ()).await?;
    let (greeting, second) = (format!("{server}:8080"), format!("{server}:8090"));

    let near = json!({ "podSelector": { "matchLabels": { "app": "near" } } });
    let rules = json!([{ "from": [near], "ports": [{ "port": "greeting" }] }]);
    policy(&namespace, "rules", "server", json!({ "ingress": rules })).await?;
    namespace.is_cut_off("far", &greeting).await?;
    namespace.connects("near", &greeting).await?;
    namespace.is_cut_off("near", &second).await?;
    other.is_cut_off("stranger", &greeting).await?;

    let labels = json!({ "kubernetes.io/metadata.name": "allow-in-other" });
    let rules = json!([{
        "from": [{ "namespaceSelector": { "matchLabels": labels } }],
        "ports": [{ "port": 8085, "endPort": 8095 }],
    }]);
    policy(&namespace, "rules", "server", json!({ "ingress": rules })).await?;
    other.connects("stranger", &second).await?;
    other.is_cut_off("stranger", &greeting).await?;
    namespace.is_cut_off("near", &greeting).await?;

    let block = json!({
        "cidr": "10.0.0.0/8",
        "except": [format!("{}/32", namespace.address("near").await?)],
    });
    let rules = json!([{ "from": [{ "ipBlock": block }] }]);
    policy(&namespace, "rules", "server", json!({ "ingress": rules })).await?;
    namespace.connects("far", &greeting).await?;
    namespace.is_cut_off("near", &greeting).await
}

pub(crate) async fn default_deny_lets_nothing_out_but_what_is_allowed(
    clusters: &Clusters,
) -> Outcome {
    let namespace = clusters.first.namespace("deny-out").await?;
    let server = server_and_clients(&namespace).await?;
    let target = format!("{server}:8080");
    let name = "kubernetes.default.svc.cluster.local.";
    policy(
        &namespace,
        "out",
        "far",
        json!({ "policyTypes": ["Egress"] }),
    )
    .await?;
    namespace.is_cut_off("far", &target).await?;
    let refused = namespace.probe("far", &["resolve", name]).await;
    holds(&refused.err().unwrap_or_default(), "failed to lookup")?;

    let dns = json!({
        "to": [{
            "namespaceSelector": {
                "matchLabels": { "kubernetes.io/metadata.name": "kube-system" },
            },
            "podSelector": { "matchLabels": { "k8s-app": "kube-dns" } },
        }],
        "ports": [{ "port": 53, "protocol": "UDP" }, { "port": 53, "protocol": "TCP" }],
    });
    let allowed = json!({ "policyTypes": ["Egress"], "egress": [dns] });
    policy(&namespace, "out", "far", allowed).await?;
    eventually("names resolve again", || async {
        namespace.probe("far", &["resolve", name]).await.map(drop)
    })
    .await?;
    namespace.is_cut_off("far", &target).await
}

pub(crate) async fn a_policy_ends_a_live_connection(clusters: &Clusters) -> Outcome {
    let namespace = clusters.first.namespace("live").await?;
    let server = server_and_clients(&namespace).await?;
    let target = format!("{server}:8080");
    namespace
        .create_pod("holder", &["hold", &target], |pod| {
            pod["spec"]["restartPolicy"] = "Never".into();
        })
        .await?;
    eventually("the connection is held", || async {
        holds(&namespace.kubectl(&["logs", "holder"]).await?, "echo")
    })
    .await?;
    policy(
        &namespace,
        "deny",
        "server",
        json!({ "policyTypes": ["Ingress"] }),
    )
    .await?;
    eventually("the connection ends", || async {
        holds(
            &namespace.field("pod/holder", ".status.phase").await?,
            "Failed",
        )
    })
    .await
}

pub(crate) async fn a_changed_label_changes_what_is_allowed(clusters: &Clusters) -> Outcome {
    let namespace = clusters.first.namespace("labels").await?;
    let server = server_and_clients(&namespace).await?;
    let target = format!("{server}:8080");
    let friend = json!({ "podSelector": { "matchLabels": { "friend": "yes" } } });
    let rules = json!({ "ingress": [{ "from": [friend] }] });
    policy(&namespace, "friends", "server", rules).await?;
    namespace.is_cut_off("far", &target).await?;
    namespace
        .kubectl(&["label", "pod", "far", "friend=yes"])
        .await?;
    namespace.connects("far", &target).await?;
    namespace
        .kubectl(&["label", "pod", "far", "friend-"])
        .await?;
    namespace.is_cut_off("far", &target).await
}
