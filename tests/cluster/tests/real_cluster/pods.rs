//! Pods, Services and names.

use serde_json::json;
use triptych_cluster::probe;

use crate::support::{Clusters, Outcome, equal, eventually, holds, text};

/// Pod Security refuses the pod unless all of the standard is kept, and seccomp must work.
pub(crate) async fn a_pod_of_the_restricted_standard_runs_and_answers_exec_and_logs(
    clusters: &Clusters,
) -> Outcome {
    let namespace = clusters.first.namespace("pod-runs").await?;
    namespace.server("server", |_| ()).await?;
    // A container runtime copies what a pod prints on its own time, a ready pod's first line too.
    eventually("the pod's first line is in its log", || async {
        holds(
            &namespace.kubectl(&["logs", "server"]).await?,
            "listening on 8080",
        )
    })
    .await?;
    let greeting = namespace
        .probe("server", &["connect", "127.0.0.1:8080"])
        .await?;
    equal(&greeting.as_str(), &"hello 127.0.0.1")?;
    let status = namespace
        .probe("server", &["read", "/proc/self/status"])
        .await?;
    holds(&status, "Seccomp:\t2")
}

/// A resolver whose first packet is lost waits five seconds.
pub(crate) async fn a_new_pod_resolves_names_at_once(clusters: &Clusters) -> Outcome {
    let namespace = clusters.first.namespace("names").await?;
    let name = "kubernetes.default.svc.cluster.local";
    for pod in ["one", "two", "three"] {
        namespace
            .create_pod(pod, &["resolve-within", name, "2"], |pod| {
                pod["spec"]["restartPolicy"] = "Never".into();
            })
            .await?;
        let object = format!("pod/{pod}");
        let done = "--for=jsonpath={.status.phase}=Succeeded";
        namespace
            .kubectl(&["wait", done, &object, "--timeout=60s"])
            .await?;
        let service = clusters
            .first
            .cluster
            .record()
            .addresses
            .api_service()
            .to_string();
        eventually("the address is in the pod's log", || async {
            equal(&namespace.kubectl(&["logs", pod]).await?, &service)
        })
        .await?;
    }
    Ok(())
}

pub(crate) async fn a_service_reaches_its_pod_across_nodes(clusters: &Clusters) -> Outcome {
    let namespace = clusters.first.namespace("service").await?;
    let [first, second] = [1, 2].map(|number| clusters.first.cluster.record().name.node(number));
    namespace
        .server("server", |pod| pod["spec"]["nodeName"] = first.into())
        .await?;
    namespace
        .server("client", |pod| pod["spec"]["nodeName"] = second.into())
        .await?;
    namespace
        .apply(&json!({
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": { "name": "server" },
            "spec": {
                "selector": { "app": "server" },
                "ports": [{ "port": 80, "targetPort": "greeting" }],
            },
        }))
        .await?;
    namespace.connects("client", "server:80").await?;
    let greeting = namespace
        .probe("client", &["connect", "server.service.svc:80"])
        .await?;
    // The sender's own address: nothing between nodes hides it from policies.
    equal(
        &greeting,
        &format!("hello {}", namespace.address("client").await?),
    )?;
    // By its whole name: the short one is also the pod's own host name.
    namespace.connects("server", "server.service.svc:80").await
}

pub(crate) async fn an_image_is_pulled_by_the_digest_that_was_built(
    clusters: &Clusters,
) -> Outcome {
    let namespace = clusters.first.namespace("digest").await?;
    namespace.server("server", |_| ()).await?;
    let running = namespace
        .field("pod/server", ".status.containerStatuses[0].imageID")
        .await?;
    equal(&running, &clusters.first.image)
}

pub(crate) async fn a_loaded_layout_keeps_the_digest_it_was_written_with(
    clusters: &Clusters,
) -> Outcome {
    let folder = tempfile::tempdir().map_err(text)?;
    let layout = folder.path().join("image");
    let written = probe::image()
        .await
        .map_err(text)?
        .write(&layout)
        .map_err(text)?;
    let cluster = &clusters.first.cluster;
    let loaded = cluster
        .push_archive(&layout, "triptych/loaded")
        .await
        .map_err(text)?;
    equal(&loaded.digest, &written.digest)?;
    equal(
        &loaded.to_string(),
        &format!("{}/triptych/loaded@{}", cluster.registry(), written.digest),
    )
}
