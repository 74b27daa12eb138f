//! The cluster of the attacks, made once per process: without the policies each attack is shown to
//! come past admission, then the platform installs the policies.

use std::{collections::BTreeMap, io::Write, path::Path, process::Command, sync::OnceLock};

use anyhow::{Context, Result, bail, ensure};
use k8s_openapi::api::core::v1::Pod;
use kube::{Api, Client, ResourceExt, api::ListParams};
use serde_json::{Value, json};
use triptych_cluster::{cluster::Cluster, local_cluster::LocalCluster};
use triptych_end_to_end::{installation::workspace, lab::made_apart, objects, wait};

use crate::{
    account_use,
    actor::{Actor, Node, PLATFORM, Tokens, administrator, cluster_name},
    attack::{Attack, policy},
    break_glass, cluster_wide_storage, demo_pods,
    ground::{self, LIVE, SYSTEM},
    journal, key_secrets, live_pods, node_objects, operator_namespace, removal,
    request::{Answer, Request, collection, object},
    running_traders, sealed_namespace_contents, sealed_namespaces, secret_references,
    stolen_kubelets, w_nodes, workloads,
};

/// The operator's account in its namespace, and the traders' in theirs.
pub(crate) const OPERATOR_ACCOUNT: &str = "triptych-operator";
const TRADER_ACCOUNT: &str = "trader";

/// A cluster on which the policies are in force, and what the attacks did before.
pub(crate) struct Lab {
    cluster: LocalCluster,
    tokens: Tokens,
    unguarded: BTreeMap<String, Answer>,
    stolen_kubelet: stolen_kubelets::Unguarded,
}

/// Clients of one test, made when an actor makes its first request.
pub(crate) struct Clients<'a> {
    cluster: &'a LocalCluster,
    tokens: &'a Tokens,
    made: BTreeMap<Actor, Client>,
}

impl Clients<'_> {
    /// The client of an actor.
    pub(crate) async fn of(&mut self, actor: Actor) -> Result<Client> {
        if let Some(client) = self.made.get(&actor) {
            return Ok(client.clone());
        }
        let client = actor.client(self.cluster, self.tokens).await?;
        self.made.insert(actor, client.clone());
        Ok(client)
    }
}

impl Lab {
    /// The lab of this process.
    ///
    /// # Panics
    /// When it cannot be made: no attack means anything then.
    pub(crate) fn get() -> &'static Self {
        static LAB: OnceLock<Result<Lab>> = OnceLock::new();
        let lab = LAB.get_or_init(|| made_apart(Self::make));
        lab.as_ref().expect("a cluster for the attacks")
    }

    async fn make() -> Result<Self> {
        let cluster = LocalCluster::open(&cluster_name())?;
        let administrator = administrator(&cluster).await?;
        install(&cluster, cluster.kubeconfig(), false)?;
        until_the_seal_is_off(&administrator).await?;
        ground::prepare(&administrator).await?;
        let mut lab = Self {
            tokens: tokens(&cluster, &administrator).await?,
            cluster,
            unguarded: BTreeMap::new(),
            stolen_kubelet: stolen_kubelets::Unguarded::default(),
        };
        lab.attack_unguarded().await?;
        lab.stolen_kubelet = stolen_kubelets::unguarded(&lab.cluster, &mut lab.clients()).await?;
        lab.upgrade_as_platform()?;
        lab.until_every_policy_is_in_force().await?;
        Ok(lab)
    }

    /// The cluster.
    pub(crate) fn cluster(&self) -> &LocalCluster {
        &self.cluster
    }

    /// What a stolen kubelet of ABH's node achieved while no policy was in force.
    pub(crate) fn stolen_kubelet(&self) -> &stolen_kubelets::Unguarded {
        &self.stolen_kubelet
    }

    /// Clients for one test.
    pub(crate) fn clients(&self) -> Clients<'_> {
        Clients {
            cluster: &self.cluster,
            tokens: &self.tokens,
            made: BTreeMap::new(),
        }
    }

    /// Shows of each attack that it came past admission without the policies, and that the policy that
    /// it names refuses it now.
    pub(crate) async fn refuses(&self, attacks: Vec<Attack>) -> Result<()> {
        let mut clients = self.clients();
        let mut wrong = Vec::new();
        for attack in &attacks {
            let before = self.unguarded.get(&attack.what);
            let before =
                before.with_context(|| format!("never tried without policies: {}", attack.what))?;
            if let Some(refusal) = before.refusal() {
                wrong.push(format!(
                    "{}: refused without any policy: {refusal}",
                    attack.what
                ));
            }
            let answer = attack
                .request
                .send(&clients.of(attack.actor).await?)
                .await?;
            if let Err(problem) = check(attack, &answer) {
                wrong.push(format!("{}: {problem}", attack.what));
            }
        }
        ensure!(
            wrong.is_empty(),
            "{} of {} attacks:\n{}",
            wrong.len(),
            attacks.len(),
            wrong.join("\n")
        );
        println!(
            "{} attacks refused, each first shown to come past admission",
            attacks.len()
        );
        Ok(())
    }

    /// Shows of each request that it is carried out with the policies in force.
    pub(crate) async fn admits(&self, requests: Vec<(&str, Actor, Request)>) -> Result<()> {
        let mut clients = self.clients();
        let mut wrong = Vec::new();
        for (what, actor, request) in &requests {
            let answer = request.send(&clients.of(*actor).await?).await?;
            if !matches!(answer, Answer::Done(_)) {
                wrong.push(format!("{what}: {answer:?}"));
            }
        }
        ensure!(
            wrong.is_empty(),
            "{} of {} requests:\n{}",
            wrong.len(),
            requests.len(),
            wrong.join("\n")
        );
        println!("{} legitimate requests carried out", requests.len());
        Ok(())
    }

    /// Installs the policies, or upgrades the release under them, as somebody of the platform team.
    pub(crate) fn upgrade_as_platform(&self) -> Result<()> {
        let mut file = tempfile::NamedTempFile::new()?;
        file.write_all(
            self.cluster
                .user_kubeconfig("paul", &[PLATFORM])?
                .as_bytes(),
        )?;
        install(&self.cluster, file.path(), true)
    }

    async fn attack_unguarded(&mut self) -> Result<()> {
        let attacks = catalogue();
        let mut answers = BTreeMap::new();
        {
            let mut clients = self.clients();
            for name in policy::ALL {
                let first = only_against(&attacks, name)?;
                let client = clients.of(first.actor).await?;
                let what = format!(
                    "{name} is not in force, so this is let through: {}",
                    first.what
                );
                wait::until_answer(&what, async || match first.request.send(&client).await? {
                    Answer::Refused(why) => bail!("{why}"),
                    Answer::Done(_) | Answer::Failed(_) => Ok(Some(())),
                })
                .await?;
            }
            for attack in attacks {
                let answer = attack
                    .request
                    .send(&clients.of(attack.actor).await?)
                    .await?;
                let twice = answers.insert(attack.what.clone(), answer);
                ensure!(twice.is_none(), "two attacks are called {:?}", attack.what);
            }
        }
        println!("{} attacks were tried without policies", answers.len());
        self.unguarded = answers;
        Ok(())
    }

    async fn until_every_policy_is_in_force(&self) -> Result<()> {
        let attacks = catalogue();
        let mut clients = self.clients();
        for name in policy::ALL {
            let first = only_against(&attacks, name)?;
            let client = clients.of(first.actor).await?;
            wait::until_answer(&format!("{name} is in force"), async || {
                check(first, &first.request.send(&client).await?)?;
                Ok(Some(()))
            })
            .await?;
        }
        Ok(())
    }
}

/// Where an earlier run left the policies, they are in force for a moment longer.
async fn until_the_seal_is_off(administrator: &Client) -> Result<()> {
    let object =
        json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "probe" } });
    let probe = Request::create(collection("core", LIVE, "configmaps"), object);
    wait::until_answer("a sealed namespace is open", async || {
        match probe.send(administrator).await? {
            Answer::Refused(why) => bail!("{why}"),
            Answer::Done(_) | Answer::Failed(_) => Ok(Some(())),
        }
    })
    .await
}

/// Every attack of every area.
fn catalogue() -> Vec<Attack> {
    [
        sealed_namespaces::attacks(),
        sealed_namespace_contents::attacks(),
        workloads::attacks(),
        live_pods::attacks(),
        demo_pods::attacks(),
        running_traders::attacks(),
        journal::attacks(),
        secret_references::attacks(),
        w_nodes::attacks(),
        node_objects::attacks(),
        key_secrets::attacks(),
        cluster_wide_storage::attacks(),
        operator_namespace::attacks(),
        stolen_kubelets::attacks(),
        account_use::attacks(),
        break_glass::attacks(),
        removal::attacks(),
    ]
    .concat()
}

/// An attack that this policy alone refuses.
fn only_against<'a>(attacks: &'a [Attack], policy: &str) -> Result<&'a Attack> {
    let first = attacks.iter().find(|attack| attack.policies == [policy]);
    first.with_context(|| format!("no attack shows {policy}"))
}

fn check(attack: &Attack, answer: &Answer) -> Result<()> {
    let Some(refusal) = answer.refusal() else {
        bail!("not refused: {answer:?}");
    };
    let named = attack.policies.iter().any(|policy| {
        refusal.contains(&format!(
            "ValidatingAdmissionPolicy '{policy}' with binding '{policy}' denied request: "
        ))
    });
    ensure!(
        named,
        "refused by something else than {:?}: {refusal}",
        attack.policies
    );
    ensure!(
        refusal.contains(attack.saying),
        "the refusal does not say {:?}: {refusal}",
        attack.saying
    );
    Ok(())
}

/// Installs the chart. The operator's image does not exist: its pods get a node and a token, and run nothing.
fn install(cluster: &LocalCluster, kubeconfig: &Path, policies: bool) -> Result<()> {
    let digest = "0".repeat(64);
    let values = [
        format!("image.repository={}/triptych/none", cluster.registry()),
        format!("image.digest=sha256:{digest}"),
        "operator.replicas=1".to_owned(),
        "policies.storageProvisioners.users={triptych:local-volumes}".to_owned(),
        format!("policies.enabled={policies}"),
    ];
    let mut helm = Command::new(cluster.helm());
    helm.current_dir(workspace())
        .env("KUBECONFIG", kubeconfig)
        .args(["upgrade", "--install", "triptych", "charts/triptych"])
        .args(["--namespace", SYSTEM, "--create-namespace"]);
    for value in values {
        helm.args(["--set", &value]);
    }
    let output = helm.output().context("start helm")?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(
        output.status.success(),
        "helm upgrade --install: {}",
        said.trim()
    );
    Ok(())
}

/// Tokens as they are got: bound to a pod by the kubelet of its node, and without a pod by an administrator.
async fn tokens(cluster: &LocalCluster, administrator: &Client) -> Result<Tokens> {
    let kubelet = Actor::Kubelet(Node::W)
        .client(cluster, &Tokens::new())
        .await?;
    let operator = operator_pod(administrator).await?;
    let traders: Api<Pod> = Api::namespaced(administrator.clone(), LIVE);
    let trader = traders.get("trader-0").await?;
    Ok(Tokens::from([
        (
            Actor::Operator,
            token(&kubelet, SYSTEM, OPERATOR_ACCOUNT, Some(&operator)).await?,
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
