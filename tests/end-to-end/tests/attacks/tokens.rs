//! Tokens of service accounts, as who has them got them.

use anyhow::{Result, bail};
use k8s_openapi::api::core::v1::Pod;
use kube::{Api, Client, ResourceExt, api::ListParams};
use serde_json::{Value, json};
use triptych_cluster::local_cluster::LocalCluster;
use triptych_end_to_end::{objects, wait};

use crate::{
    actor::{Actor, Node, Tokens},
    ground::{LIVE, SYSTEM},
    request::{Answer, Request, object},
};

/// The operator's account in its namespace, and the traders' in theirs.
pub(crate) const OPERATOR_ACCOUNT: &str = "triptych-operator";
const TRADER_ACCOUNT: &str = "trader";

/// Tokens as they are got: bound to a pod by the kubelet of its node, and without a pod by an administrator.
pub(crate) async fn all(cluster: &LocalCluster, administrator: &Client) -> Result<Tokens> {
    let kubelet = kubelet_of_w(cluster).await?;
    let traders: Api<Pod> = Api::namespaced(administrator.clone(), LIVE);
    let trader = traders.get("trader-0").await?;
    Ok(Tokens::from([
        (
            Actor::Operator,
            of_the_operators_pod(cluster, administrator).await?,
        ),
        (
            Actor::OperatorsTokenWithoutPod,
            token(administrator, SYSTEM, OPERATOR_ACCOUNT, None).await?,
        ),
        (
            Actor::Trader,
            token(&kubelet, LIVE, TRADER_ACCOUNT, Some(&trader)).await?,
        ),
        (
            Actor::TradersTokenWithoutPod,
            token(administrator, LIVE, TRADER_ACCOUNT, None).await?,
        ),
    ]))
}

/// The token of the operator's pod, which ends with the pod.
pub(crate) async fn of_the_operators_pod(
    cluster: &LocalCluster,
    administrator: &Client,
) -> Result<String> {
    let pod = operator_pod(administrator).await?;
    let kubelet = kubelet_of_w(cluster).await?;
    token(&kubelet, SYSTEM, OPERATOR_ACCOUNT, Some(&pod)).await
}

async fn kubelet_of_w(cluster: &LocalCluster) -> Result<Client> {
    let kubelet = Actor::Kubelet(Node::W);
    kubelet.client(cluster, &Tokens::new()).await
}

/// A pod of the operator that has its node.
pub(crate) async fn operator_pod(administrator: &Client) -> Result<Pod> {
    let pods: Api<Pod> = Api::namespaced(administrator.clone(), SYSTEM);
    let selector = ListParams::default().labels("app.kubernetes.io/name=triptych-operator");
    wait::until_answer("a pod of the operator has its node", async || {
        let found = pods.list(&selector).await?.items;
        Ok(found.into_iter().find(|pod| {
            let node = pod.spec.as_ref().and_then(|spec| spec.node_name.as_ref());
            node.is_some() && pod.metadata.deletion_timestamp.is_none()
        }))
    })
    .await
}

/// A token of an account, bound to a pod where there is one.
pub(crate) async fn token(
    client: &Client,
    namespace: &str,
    account: &str,
    pod: Option<&Pod>,
) -> Result<String> {
    let request = token_request(namespace, account, pod).in_earnest();
    wait::until_answer(&format!("a token of {namespace}/{account}"), async || {
        match request.send(client).await? {
            Answer::Done(answer) => Ok(answer["status"]["token"].as_str().map(str::to_owned)),
            // A kubelet may ask once its node's pod has come to the authorizer.
            Answer::Refused(why) | Answer::Failed(why) => bail!("{why}"),
        }
    })
    .await
}

/// A request for a token, bound to a pod where there is one.
pub(crate) fn token_request(namespace: &str, account: &str, pod: Option<&Pod>) -> Request {
    let bound = pod.map(|pod| {
        json!({ "apiVersion": "v1", "kind": "Pod", "name": pod.name_any(), "uid": objects::uid(pod) })
    });
    let body = json!({
        "apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest",
        "spec": { "audiences": [], "expirationSeconds": 3600, "boundObjectRef": bound.unwrap_or(Value::Null) }
    });
    Request::create(
        object(
            "core",
            namespace,
            "serviceaccounts",
            &format!("{account}/token"),
        ),
        body,
    )
}
