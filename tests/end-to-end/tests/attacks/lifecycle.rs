//! A live trader's whole life under the policies, by the real controllers, scheduler, provisioner and
//! kubelet.

use anyhow::{Result, bail, ensure};
use k8s_openapi::api::core::v1::{Namespace, PersistentVolumeClaim, Pod};
use kube::{Api, ResourceExt};
use serde_json::{Value, json};
use triptych_end_to_end::{objects, wait};

use crate::{
    actor::{
        Actor::{self, Custodian, Operator, Platform},
        Node, administrator,
    },
    ground::{key_secret, sealed_namespace},
    lab::{Clients, Lab},
    pods::{self, altered},
    request::{Answer, Request, cluster_wide, collection, object},
};

const ACCOUNT: &str = "epsilon";
const NAMESPACE: &str = "trading-live-epsilon";

#[tokio::test]
async fn a_live_trader_is_made_scheduled_evicted_replaced_and_removed_under_the_policies()
-> Result<()> {
    let lab = Lab::get();
    let mut clients = lab.clients();
    for (actor, path, body) in parts(&lab.cluster().registry()) {
        in_earnest(&mut clients, actor, Request::create(path, body)).await?;
    }
    let administrator = administrator(lab.cluster()).await?;
    let traders: Api<Pod> = Api::namespaced(administrator.clone(), NAMESPACE);
    let claims: Api<PersistentVolumeClaim> = Api::namespaced(administrator.clone(), NAMESPACE);

    let first = until_placed(&traders, "").await?;
    let node = first
        .spec
        .as_ref()
        .and_then(|spec| spec.node_name.as_deref());
    ensure!(
        node == Some(Node::W.name().as_str()),
        "a live trader is on {node:?}"
    );
    let bound = |claim: &PersistentVolumeClaim| {
        claim
            .status
            .as_ref()
            .and_then(|status| status.phase.as_deref())
            == Some("Bound")
    };
    wait::until_present(&claims, "journal-epsilon", "to have its volume", bound).await?;

    let trader = object("core", NAMESPACE, "pods", "trader-0");
    let eviction = json!({ "apiVersion": "policy/v1", "kind": "Eviction", "metadata": { "name": "trader-0" } });
    in_earnest(
        &mut clients,
        Platform,
        Request::create(format!("{trader}/eviction"), eviction),
    )
    .await?;
    let second = until_placed(&traders, &objects::uid(&first)).await?;
    in_earnest(&mut clients, Operator, Request::delete(trader)).await?;
    until_placed(&traders, &objects::uid(&second)).await?;

    let namespaces: Api<Namespace> = Api::all(administrator);
    let namespace = cluster_wide("core", &format!("namespaces/{NAMESPACE}"));
    let meant =
        json!({ "metadata": { "annotations": { "triptych.trading/decommission": ACCOUNT } } });
    let announce = Request::patch(namespace.clone(), meant);
    in_earnest(&mut clients, Platform, announce).await?;
    in_earnest(&mut clients, Platform, Request::delete(namespace)).await?;
    wait::until_gone(&namespaces, NAMESPACE).await
}

/// What each of them makes, in the order in which it is needed.
fn parts(registry: &str) -> Vec<(Actor, String, Value)> {
    let image = format!("{registry}/triptych/none@sha256:{}", "0".repeat(64));
    let pod = altered(
        pods::live(ACCOUNT),
        &[("/spec/containers/0/image", json!(image))],
    );
    let configuration = json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": pods::configuration().hash.config_map_name() },
        "immutable": true, "data": { "config.json": "{}" }
    });
    let claim = json!({
        "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": { "name": "journal-epsilon" },
        "spec": { "accessModes": ["ReadWriteOncePod"], "resources": { "requests": { "storage": "16Mi" } } }
    });
    let account =
        json!({ "apiVersion": "v1", "kind": "ServiceAccount", "metadata": { "name": "trader" } });
    let quota = json!({
        "apiVersion": "v1", "kind": "ResourceQuota", "metadata": { "name": "seal" }, "spec": { "hard": { "count/pods": "1" } }
    });
    let in_it = |group, plural| collection(group, NAMESPACE, plural);
    vec![
        (
            Platform,
            cluster_wide("core", "namespaces"),
            sealed_namespace(NAMESPACE),
        ),
        (Platform, in_it("core", "serviceaccounts"), account),
        (Platform, in_it("core", "resourcequotas"), quota),
        (
            Custodian,
            in_it("core", "secrets"),
            key_secret("live", ACCOUNT),
        ),
        (Operator, in_it("core", "configmaps"), configuration),
        (Operator, in_it("core", "persistentvolumeclaims"), claim),
        (
            Operator,
            in_it("apps/v1", "statefulsets"),
            pods::stateful_set(pod),
        ),
    ]
}

async fn in_earnest(clients: &mut Clients<'_>, actor: Actor, request: Request) -> Result<()> {
    match request.in_earnest().send(&clients.of(actor).await?).await? {
        Answer::Done(_) => Ok(()),
        other => bail!("{actor:?}: {other:?}"),
    }
}

/// Waits for a pod that is not the one with this UID and has its node.
async fn until_placed(traders: &Api<Pod>, before: &str) -> Result<Pod> {
    wait::until_present(
        traders,
        "trader-0",
        "a new pod with its node",
        |pod: &Pod| {
            let placed = pod
                .spec
                .as_ref()
                .is_some_and(|spec| spec.node_name.is_some());
            placed
                && pod.uid().is_some_and(|uid| uid != before)
                && pod.metadata.deletion_timestamp.is_none()
        },
    )
    .await
}
