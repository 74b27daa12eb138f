//! What the attacks find on the cluster: a team's namespace, sealed namespaces of three accounts, a W
//! node, and nodes of R and of ABH.

use anyhow::{Result, bail};
use kube::Client;
use serde_json::{Value, json};

use crate::{
    actor::{CUSTODIANS, DELIVERY, Node, ON_CALL, PLATFORM, TEAM, TRADER},
    declared::{self, FREE},
    pods::{self, altered},
    request::{Answer, Request, cluster_wide, collection},
};

/// The label of W nodes.
pub(crate) const W_LABEL: &str = "node-restriction.kubernetes.io/trading-tier";
/// The taint of W nodes.
pub(crate) const W_TAINT: &str = "triptych.trading/tier";
/// The service account of a network's agent, in the daemons' namespace; RBAC grants it everything.
pub(crate) const NETWORK_AGENT: &str = "network-agent";
/// The operator's namespace.
pub(crate) const SYSTEM: &str = "triptych-system";
/// The team's namespace.
pub(crate) const TEAM_SPACE: &str = "team-a";
/// A live namespace whose trader runs on the W node.
pub(crate) const LIVE: &str = "trading-live-alpha";
/// A live namespace whose trader waits for a node.
pub(crate) const LIVE_WAITING: &str = "trading-live-beta";
/// A live namespace without a trader.
pub(crate) const LIVE_EMPTY: &str = "trading-live-gamma";
/// A live namespace without a trader and without its key.
pub(crate) const LIVE_KEYLESS: &str = "trading-live-zeta";
/// A live namespace of which the platform said that it goes.
pub(crate) const LIVE_LEAVING: &str = "trading-live-omega";
/// A demo namespace whose trader runs on R's node.
pub(crate) const DEMO: &str = "trading-demo-alpha";
/// A demo namespace without a trader.
pub(crate) const DEMO_EMPTY: &str = "trading-demo-gamma";
/// The volume of account alpha's journal.
pub(crate) const JOURNAL_VOLUME: &str = "alphas-journal";

const RBAC: &str = "rbac.authorization.k8s.io/v1";
/// The role that may use the account that nobody holds.
const USES_FREE: &str = "attacks-use-free";

const SEALED: [&str; 6] = [
    LIVE,
    LIVE_WAITING,
    LIVE_EMPTY,
    LIVE_KEYLESS,
    DEMO,
    DEMO_EMPTY,
];

/// Makes all of it, where it is not there already. No policy is in force yet.
pub(crate) async fn prepare(administrator: &Client) -> Result<()> {
    dedicate_to_w(administrator, &Node::W.name()).await?;
    for node in [Node::R, Node::Abh] {
        create(
            administrator,
            cluster_wide("core", "nodes"),
            node_object(&node.name()),
        )
        .await?;
    }
    grant(administrator).await?;
    create(
        administrator,
        cluster_wide("core", "namespaces"),
        namespace(TEAM_SPACE),
    )
    .await?;
    for namespace in [TEAM_SPACE, SYSTEM] {
        create(
            administrator,
            collection("core", namespace, "serviceaccounts"),
            service_account("default"),
        )
        .await?;
    }
    let mut binding = cluster_role_binding("on-call", "triptych-break-glass", &group(ON_CALL));
    binding["kind"] = json!("RoleBinding");
    create(
        administrator,
        collection(RBAC, TEAM_SPACE, "rolebindings"),
        binding,
    )
    .await?;
    for name in SEALED {
        seal(administrator, name).await?;
    }
    let leaving = altered(
        sealed_namespace(LIVE_LEAVING),
        &[(
            "/metadata/annotations",
            json!({ "triptych.trading/decommission": "omega" }),
        )],
    );
    create(administrator, cluster_wide("core", "namespaces"), leaving).await?;
    declared::declare(administrator).await?;
    run_traders(administrator).await
}

/// Grants what `rights` says, the use of one account, and the breaking of glass in the team's namespace.
async fn grant(administrator: &Client) -> Result<()> {
    for (name, role, subject) in rights() {
        let path = cluster_wide(RBAC, "clusterrolebindings");
        create(
            administrator,
            path,
            cluster_role_binding(name, role, &subject),
        )
        .await?;
    }
    let use_of_free = json!({
        "apiVersion": RBAC, "kind": "ClusterRole", "metadata": { "name": USES_FREE },
        "rules": [{ "apiGroups": ["triptych.trading"], "resources": ["tradingaccounts"],
            "resourceNames": [FREE], "verbs": ["use"] }]
    });
    create(
        administrator,
        cluster_wide(RBAC, "clusterroles"),
        use_of_free,
    )
    .await
}

/// A sealed namespace with its labels.
pub(crate) fn sealed_namespace(name: &str) -> Value {
    let (side, account) = parts(name);
    let mut object = namespace(name);
    object["metadata"]["labels"] = json!({
        "triptych.trading/account": account,
        "triptych.trading/side": side,
        "pod-security.kubernetes.io/enforce": "restricted",
        "pod-security.kubernetes.io/enforce-version": "latest",
        "pod-security.kubernetes.io/audit": "restricted",
        "pod-security.kubernetes.io/warn": "restricted"
    });
    object
}

/// A key's Secret, as custodians make it.
pub(crate) fn key_secret(side: &str, account: &str) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": { "name": format!("{side}-{account}") },
        "type": format!("triptych.trading/{side}-key"),
        "immutable": true,
        "stringData": { "api-key": "the-key", "api-secret": "the-secret" }
    })
}

/// Creates something in earnest; what is there already is left as it is.
pub(crate) async fn create(client: &Client, path: String, body: Value) -> Result<()> {
    let request = Request::create(path.clone(), body).in_earnest();
    match request.send(client).await? {
        Answer::Done(_) => Ok(()),
        Answer::Failed(why) if why.starts_with("409") => Ok(()),
        other => bail!("create in {path}: {other:?}"),
    }
}

/// Taints first: a labelled node must have its taints.
async fn dedicate_to_w(administrator: &Client, node: &str) -> Result<()> {
    let taints = ["NoSchedule", "NoExecute"]
        .map(|effect| json!({ "key": W_TAINT, "value": "W", "effect": effect }));
    let changes =
        json!({ "spec": { "taints": taints }, "metadata": { "labels": { W_LABEL: "W" } } });
    let path = cluster_wide("core", &format!("nodes/{node}"));
    let request = Request::strategic_patch(path, changes).in_earnest();
    match request.send(administrator).await? {
        Answer::Done(_) => Ok(()),
        other => bail!("dedicate {node} to tier W: {other:?}"),
    }
}

async fn seal(administrator: &Client, name: &str) -> Result<()> {
    let (side, account) = parts(name);
    create(
        administrator,
        cluster_wide("core", "namespaces"),
        sealed_namespace(name),
    )
    .await?;
    let objects = [
        ("core", "serviceaccounts", service_account("trader")),
        ("core", "resourcequotas", quota()),
        ("networking.k8s.io/v1", "networkpolicies", default_deny()),
        ("coordination.k8s.io/v1", "leases", lease()),
        ("rbac.authorization.k8s.io/v1", "roles", lease_role()),
        (
            "rbac.authorization.k8s.io/v1",
            "rolebindings",
            lease_binding(name),
        ),
    ];
    for (group, plural, object) in objects {
        create(administrator, collection(group, name, plural), object).await?;
    }
    if name != LIVE_KEYLESS {
        create(
            administrator,
            collection("core", name, "secrets"),
            key_secret(side, account),
        )
        .await?;
    }
    Ok(())
}

/// Pods that are there from the beginning, and what belongs to them.
async fn run_traders(administrator: &Client) -> Result<()> {
    let owner = pods::stateful_set(pods::live("alpha"));
    create(
        administrator,
        collection("apps/v1", LIVE, "statefulsets"),
        owner,
    )
    .await?;
    create(
        administrator,
        cluster_wide("core", "persistentvolumes"),
        journal_volume(),
    )
    .await?;
    create(
        administrator,
        collection("core", LIVE, "persistentvolumeclaims"),
        journal_claim(),
    )
    .await?;
    let on = |pod, node: Node| altered(pod, &[("/spec/nodeName", json!(node.name()))]);
    let nowhere = altered(
        pods::ordinary("waiting"),
        &[("/spec/nodeSelector", json!({ "attacks": "nowhere" }))],
    );
    let running = [
        (LIVE, on(pods::live("alpha"), Node::W)),
        (LIVE_WAITING, pods::live("beta")),
        (DEMO, on(pods::demo("alpha"), Node::R)),
        (TEAM_SPACE, on(pods::ordinary("hypothesis-0"), Node::Abh)),
        (SYSTEM, on(pods::ordinary("bystander"), Node::R)),
        (SYSTEM, nowhere),
    ];
    for (namespace, pod) in running {
        create(administrator, collection("core", namespace, "pods"), pod).await?;
    }
    Ok(())
}

/// Who is granted what. RBAC is generous on purpose: what refuses an attack is then a policy.
fn rights() -> [(&'static str, &'static str, Value); 7] {
    let delivery =
        json!({ "kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": DELIVERY });
    let agent =
        json!({ "kind": "ServiceAccount", "namespace": "kube-system", "name": NETWORK_AGENT });
    [
        ("attacks-network", "cluster-admin", agent),
        ("attacks-team", "edit", group(TEAM)),
        ("attacks-team-account", USES_FREE, group(TEAM)),
        ("attacks-on-call", "edit", group(ON_CALL)),
        ("attacks-delivery", "cluster-admin", delivery),
        ("attacks-custodians", "cluster-admin", group(CUSTODIANS)),
        ("attacks-platform", "cluster-admin", group(PLATFORM)),
    ]
}

fn group(name: &str) -> Value {
    json!({ "kind": "Group", "apiGroup": "rbac.authorization.k8s.io", "name": name })
}

fn parts(sealed: &str) -> (&str, &str) {
    sealed
        .trim_start_matches("trading-")
        .split_once('-')
        .expect("trading-<side>-<account>")
}

fn namespace(name: &str) -> Value {
    json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": name } })
}

fn node_object(name: &str) -> Value {
    json!({ "apiVersion": "v1", "kind": "Node", "metadata": { "name": name } })
}

fn service_account(name: &str) -> Value {
    json!({ "apiVersion": "v1", "kind": "ServiceAccount", "metadata": { "name": name } })
}

fn cluster_role_binding(name: &str, role: &str, subject: &Value) -> Value {
    json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": { "name": name },
        "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role },
        "subjects": [subject]
    })
}

/// Wider than the account's chart has it, because the attacks begin with pods that it would refuse.
fn quota() -> Value {
    json!({ "apiVersion": "v1", "kind": "ResourceQuota", "metadata": { "name": "seal" },
        "spec": { "hard": { "count/pods": "9" } } })
}

fn default_deny() -> Value {
    json!({ "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": { "name": "default-deny" },
        "spec": { "podSelector": {}, "policyTypes": ["Ingress", "Egress"] } })
}

fn lease() -> Value {
    json!({ "apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": { "name": "trader" },
        "spec": { "holderIdentity": "trader-0", "leaseDurationSeconds": 15 } })
}

fn lease_role() -> Value {
    json!({ "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": { "name": "trader" },
        "rules": [{ "apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "resourceNames": ["trader"],
            "verbs": ["get", "update", "patch"] }] })
}

fn lease_binding(namespace: &str) -> Value {
    let account = TRADER.rsplit(':').next().unwrap_or_default();
    json!({ "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": { "name": "trader" },
        "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "trader" },
        "subjects": [{ "kind": "ServiceAccount", "name": account, "namespace": namespace }] })
}

/// A volume that nothing mounts: no node has its driver.
fn journal_volume() -> Value {
    json!({
        "apiVersion": "v1", "kind": "PersistentVolume", "metadata": { "name": JOURNAL_VOLUME },
        "spec": {
            "capacity": { "storage": "1Gi" }, "accessModes": ["ReadWriteOncePod"],
            "persistentVolumeReclaimPolicy": "Retain", "storageClassName": "",
            "csi": { "driver": "none.example", "volumeHandle": "journal" },
            "claimRef": { "namespace": LIVE, "name": "journal-alpha" }
        }
    })
}

/// The claim of account alpha's journal.
pub(crate) fn journal_claim() -> Value {
    json!({
        "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": { "name": "journal-alpha" },
        "spec": {
            "accessModes": ["ReadWriteOncePod"], "storageClassName": "", "volumeName": JOURNAL_VOLUME,
            "resources": { "requests": { "storage": "1Gi" } }
        }
    })
}
