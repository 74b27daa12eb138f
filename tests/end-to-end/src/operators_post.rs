//! The place of the operator that the chart installed, for those that a test starts: its token, its
//! rights and its network address. What is installed never leads, because somebody holds its Lease.

use std::{
    fs,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result};
use k8s_openapi::api::{
    authentication::v1::TokenRequest,
    coordination::v1::Lease,
    core::v1::{Namespace, Pod, ServiceAccount},
};
use kube::{
    Api, Client, ResourceExt,
    api::{ListParams, Patch, PatchParams, PostParams},
    config::Kubeconfig,
};
use serde_json::json;
use triptych_cluster::{cluster::Cluster, local_cluster::LocalCluster};

use crate::{
    installation::NAMESPACE,
    lab::{LEASE, client_of},
    objects, wait,
};

/// The operator's account.
const ACCOUNT: &str = "triptych-operator";
/// How long the Lease is held: longer than any test runs.
const HELD_SECONDS: i32 = 86_400;

/// The place.
#[derive(Debug)]
pub(crate) struct Post {
    kubeconfig: PathBuf,
    pod_uid: String,
}

impl Post {
    /// Takes the Lease before anything is installed: whoever finds it held follows.
    pub(crate) async fn hold_lease(client: &Client) -> Result<()> {
        let namespace: Namespace =
            serde_json::from_value(json!({ "metadata": { "name": NAMESPACE } }))?;
        let lease: Lease = serde_json::from_value(json!({
            "metadata": { "name": LEASE },
            "spec": { "holderIdentity": "a-test", "leaseDurationSeconds": HELD_SECONDS }
        }))?;
        let parameters = PatchParams::apply(objects::MANAGER).force();
        Api::<Namespace>::all(client.clone())
            .patch(NAMESPACE, &parameters, &Patch::Apply(&namespace))
            .await?;
        Api::<Lease>::namespaced(client.clone(), NAMESPACE)
            .patch(LEASE, &parameters, &Patch::Apply(&lease))
            .await?;
        Ok(())
    }

    /// Takes the place of the operator that is installed, with a kubeconfig in a folder.
    pub(crate) async fn take(cluster: &LocalCluster, folder: &Path) -> Result<Self> {
        let client = client_of(cluster.kubeconfig()).await?;
        let pod = installed(&client).await?;
        let spec = pod.spec.as_ref();
        let node = spec.and_then(|spec| spec.node_name.clone());
        let node = node.context("the operator's pod is on no node")?;
        let token = token(cluster, &node, &pod).await?;
        let mut kubeconfig = Kubeconfig::read_from(cluster.kubeconfig())?;
        for named in &mut kubeconfig.auth_infos {
            named.auth_info = Some(serde_json::from_value(json!({ "token": token }))?);
        }
        let path = folder.join("operator.kubeconfig");
        let mut options = fs::File::options();
        let file = options.write(true).create(true).truncate(true).mode(0o600);
        serde_json::to_writer(file.open(&path)?, &kubeconfig)?;
        allow_leases(&client).await?;
        Ok(Self {
            kubeconfig: path,
            pod_uid: objects::uid(&pod),
        })
    }

    /// A command that runs a program with the operator's identity and address.
    pub(crate) fn command(&self, program: &Path) -> Result<Command> {
        let process = process_of(&self.pod_uid)?;
        let mut command = Command::new("nsenter");
        command
            .args(["--net", "--target", &process, "--"])
            .arg(program)
            .env("KUBECONFIG", &self.kubeconfig);
        Ok(command)
    }
}

async fn installed(client: &Client) -> Result<Pod> {
    let pods: Api<Pod> = Api::namespaced(client.clone(), NAMESPACE);
    let selector = ListParams::default().labels(&format!("app.kubernetes.io/name={ACCOUNT}"));
    wait::until_answer("the operator that is installed follows", async || {
        let found = pods.list(&selector).await?.items;
        Ok(found.into_iter().find(crate::namespace::is_ready))
    })
    .await
}

/// Asks as the kubelet of the pod's node does: a token without a pod is not the operator's.
async fn token(cluster: &LocalCluster, node: &str, pod: &Pod) -> Result<String> {
    let kubelet = cluster.user_kubeconfig(&format!("system:node:{node}"), &["system:nodes"])?;
    let file = tempfile::NamedTempFile::new()?;
    fs::write(file.path(), kubelet)?;
    let accounts: Api<ServiceAccount> = Api::namespaced(client_of(file.path()).await?, NAMESPACE);
    let request: TokenRequest = serde_json::from_value(json!({ "spec": {
        "audiences": [], "expirationSeconds": 7200,
        "boundObjectRef": { "apiVersion": "v1", "kind": "Pod", "name": pod.name_any(), "uid": pod.uid() }
    } }))?;
    let parameters = PostParams::default();
    let answer = accounts
        .create_token_request(ACCOUNT, &parameters, &request)
        .await?;
    let status = answer.status.context("no token was given")?;
    status.token.context("an empty token was given")
}

/// Each operator of a test has a Lease of its own; the chart allows one name.
async fn allow_leases(client: &Client) -> Result<()> {
    let name = "operators-of-tests";
    let role = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": { "name": name },
        "rules": [{ "apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": ["get", "patch"] }]
    });
    let binding = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": { "name": name },
        "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name },
        "subjects": [{ "kind": "ServiceAccount", "name": ACCOUNT, "namespace": NAMESPACE }]
    });
    for manifest in [role, binding] {
        objects::apply(client, "", &manifest).await?;
    }
    Ok(())
}

/// A process of a pod: all of them share the pod's network.
fn process_of(pod_uid: &str) -> Result<String> {
    let group = format!("/pod{pod_uid}/");
    let is_of_pod = |process: &fs::DirEntry| {
        let groups = fs::read_to_string(process.path().join("cgroup"));
        groups.is_ok_and(|groups| groups.contains(&group))
    };
    let found = fs::read_dir("/proc")?.flatten().find(is_of_pod);
    let process = found.with_context(|| format!("no process of pod {pod_uid} on this machine"))?;
    Ok(process.file_name().to_string_lossy().into_owned())
}
