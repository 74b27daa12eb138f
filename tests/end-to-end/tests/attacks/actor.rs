//! Who makes requests, and with which credentials.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use kube::{
    Client, Config,
    config::{KubeConfigOptions, Kubeconfig},
};
use serde_json::json;
use triptych_cluster::{cluster::Cluster, local_cluster::LocalCluster, name::ClusterName};

/// Group of the team, to which RBAC grants `edit` in the whole cluster: what refuses it is a policy.
pub(crate) const TEAM: &str = "team-a";
/// Group of those who may break glass in the team's namespace, and edit.
pub(crate) const ON_CALL: &str = "on-call";
/// Group of the key custodians, as the chart has it by default.
pub(crate) const CUSTODIANS: &str = "triptych:key-custodians";
/// Group of the platform team, as the chart has it by default.
pub(crate) const PLATFORM: &str = "triptych:platform";
/// The user as whom a continuous-delivery tool works: an administrator by RBAC, not of the platform.
pub(crate) const DELIVERY: &str = "delivery";
/// The operator's user.
pub(crate) const OPERATOR: &str = "system:serviceaccount:triptych-system:triptych-operator";
/// The trader's user on account alpha's live side.
pub(crate) const TRADER: &str = "system:serviceaccount:trading-live-alpha:trader";

/// Who makes a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Actor {
    /// Somebody of a team, with `edit`; a certificate.
    TeamEditor,
    /// Somebody of a team who may break glass besides; a certificate.
    OnCall,
    /// An administrator of the cluster that is not of the platform, such as Argo CD; a certificate.
    Delivery,
    /// A key custodian; a certificate.
    Custodian,
    /// Somebody of the platform team; a certificate.
    Platform,
    /// The scheduler; a certificate.
    Scheduler,
    /// Who has the kubelet's certificate of a node.
    Kubelet(Node),
    /// One of Kubernetes' controllers, impersonated: admission sees the same user and groups.
    Controller(&'static str),
    /// The operator, with the token that the kubelet got for its pod.
    Operator,
    /// Who asked for a token of the operator's account, without a pod.
    OperatorsTokenWithoutPod,
    /// An administrator that says it is the operator.
    ImpersonatedOperator,
    /// The live trader of account alpha, with the token that the kubelet got for its pod.
    Trader,
    /// Who asked for a token of the trader's account, without a pod.
    TradersTokenWithoutPod,
    /// Who makes volumes on the local cluster; a certificate.
    Provisioner,
}

/// The nodes of the attacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Node {
    /// The cluster's real node, a W node.
    W,
    /// A node where R runs: an object and a certificate, no machine.
    R,
    /// A node where ABH and teams run: an object and a certificate, no machine.
    Abh,
}

/// Service account tokens by who holds them.
pub(crate) type Tokens = BTreeMap<Actor, String>;

/// The local cluster of the attacks: the one that `TRIPTYCH_ATTACKS_CLUSTER` names, or `attacks`.
///
/// # Panics
/// When no cluster can have the name.
pub(crate) fn cluster_name() -> ClusterName {
    let name = std::env::var("TRIPTYCH_ATTACKS_CLUSTER").unwrap_or_else(|_| "attacks".to_owned());
    name.parse()
        .expect("TRIPTYCH_ATTACKS_CLUSTER names a cluster")
}

impl Node {
    /// Its name on the cluster.
    pub(crate) fn name(self) -> String {
        match self {
            Self::W => cluster_name().node(1),
            Self::R => "r-node".to_owned(),
            Self::Abh => "abh-node".to_owned(),
        }
    }
}

impl Actor {
    /// A client with the credentials of this actor. Tokens are those that were got for it.
    pub(crate) async fn client(self, cluster: &LocalCluster, tokens: &Tokens) -> Result<Client> {
        match self {
            Self::TeamEditor => by_certificate(cluster, "eve", &[TEAM]).await,
            Self::OnCall => by_certificate(cluster, "olga", &[ON_CALL]).await,
            Self::Delivery => by_certificate(cluster, DELIVERY, &[]).await,
            Self::Custodian => by_certificate(cluster, "carol", &[CUSTODIANS]).await,
            Self::Platform => by_certificate(cluster, "paul", &[PLATFORM]).await,
            Self::Scheduler => by_certificate(cluster, "system:kube-scheduler", &[]).await,
            Self::Provisioner => by_certificate(cluster, "triptych:local-volumes", &[]).await,
            Self::Kubelet(node) => {
                let user = format!("system:node:{}", node.name());
                by_certificate(cluster, &user, &["system:nodes"]).await
            }
            Self::Controller(name) => {
                let user = format!("system:serviceaccount:kube-system:{name}");
                impersonated(cluster, &user, "system:serviceaccounts:kube-system").await
            }
            Self::ImpersonatedOperator => {
                impersonated(cluster, OPERATOR, "system:serviceaccounts:triptych-system").await
            }
            Self::Operator
            | Self::OperatorsTokenWithoutPod
            | Self::Trader
            | Self::TradersTokenWithoutPod => {
                let token = tokens
                    .get(&self)
                    .with_context(|| format!("nobody got a token for {self:?}"))?;
                by_token(cluster, token).await
            }
        }
    }
}

/// A client of the cluster's administrator.
pub(crate) async fn administrator(cluster: &LocalCluster) -> Result<Client> {
    client_of(Kubeconfig::read_from(cluster.kubeconfig())?).await
}

async fn by_certificate(cluster: &LocalCluster, user: &str, groups: &[&str]) -> Result<Client> {
    let text = cluster.user_kubeconfig(user, groups)?;
    client_of(Kubeconfig::from_yaml(&text)?).await
}

async fn impersonated(cluster: &LocalCluster, user: &str, group: &str) -> Result<Client> {
    let mut kubeconfig = Kubeconfig::read_from(cluster.kubeconfig())?;
    for named in &mut kubeconfig.auth_infos {
        let credentials = named.auth_info.get_or_insert_default();
        credentials.impersonate = Some(user.to_owned());
        credentials.impersonate_groups = Some(vec![
            group.to_owned(),
            "system:serviceaccounts".to_owned(),
            "system:authenticated".to_owned(),
        ]);
    }
    client_of(kubeconfig).await
}

/// A client of whoever holds a token.
pub(crate) async fn by_token(cluster: &LocalCluster, token: &str) -> Result<Client> {
    let mut kubeconfig = Kubeconfig::read_from(cluster.kubeconfig())?;
    for named in &mut kubeconfig.auth_infos {
        named.auth_info = Some(serde_json::from_value(json!({ "token": token }))?);
    }
    client_of(kubeconfig).await
}

async fn client_of(kubeconfig: Kubeconfig) -> Result<Client> {
    let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await?;
    Ok(Client::try_from(config)?)
}
