//! The cluster of the attacks, made once per process: without the policies each attack is shown to
//! come past admission, then the platform installs the policies.

use std::{
    collections::BTreeMap,
    io::Write,
    path::Path,
    process::Command,
    sync::{Mutex, MutexGuard, OnceLock, PoisonError},
};

use anyhow::{Context, Result, bail, ensure};
use kube::Client;
use serde_json::json;
use triptych_cluster::{cluster::Cluster, local_cluster::LocalCluster};
use triptych_end_to_end::{installation::workspace, lab::made_apart, wait};

use crate::{
    account_use,
    actor::{Actor, PLATFORM, Tokens, administrator, cluster_name},
    attack::{Attack, policy},
    break_glass, cluster_wide_storage, demo_pods,
    ground::{self, LIVE, SYSTEM},
    journal, key_secrets, live_pods, node_objects, operator_namespace, removal,
    request::{Answer, Request, collection},
    running_traders, sealed_namespace_contents, sealed_namespaces, secret_references,
    stolen_kubelets, tokens, w_nodes, workloads,
};

/// A cluster on which the policies are in force, and what the attacks did before.
pub(crate) struct Lab {
    cluster: LocalCluster,
    tokens: Mutex<Tokens>,
    unguarded: BTreeMap<String, Answer>,
    stolen_kubelet: stolen_kubelets::Unguarded,
}

/// Clients of one test, made when an actor makes its first request.
pub(crate) struct Clients<'a> {
    cluster: &'a LocalCluster,
    tokens: Tokens,
    made: BTreeMap<Actor, Client>,
}

impl Clients<'_> {
    /// The client of an actor.
    pub(crate) async fn of(&mut self, actor: Actor) -> Result<Client> {
        if let Some(client) = self.made.get(&actor) {
            return Ok(client.clone());
        }
        let client = actor.client(self.cluster, &self.tokens).await?;
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
        install(&cluster, cluster.kubeconfig(), false, &nothing(&cluster))?;
        until_the_seal_is_off(&administrator).await?;
        ground::prepare(&administrator).await?;
        let mut lab = Self {
            tokens: Mutex::new(tokens::all(&cluster, &administrator).await?),
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
            tokens: self.tokens().clone(),
            made: BTreeMap::new(),
        }
    }

    fn tokens(&self) -> MutexGuard<'_, Tokens> {
        self.tokens.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gets a new token for the operator, because its pod is another one.
    pub(crate) async fn renew_the_operators_token(&self, administrator: &Client) -> Result<()> {
        let renewed = tokens::of_the_operators_pod(&self.cluster, administrator).await?;
        self.tokens().insert(Actor::Operator, renewed);
        Ok(())
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
        self.upgrade_to(&nothing(&self.cluster))
    }

    /// The same, with an image that operator and inspector run.
    pub(crate) fn upgrade_to(&self, image: &str) -> Result<()> {
        install(&self.cluster, self.platform()?.path(), true, image)
    }

    /// The kubeconfig of somebody of the platform team.
    fn platform(&self) -> Result<tempfile::NamedTempFile> {
        let mut file = tempfile::NamedTempFile::new()?;
        let kubeconfig = self.cluster.user_kubeconfig("paul", &[PLATFORM])?;
        file.write_all(kubeconfig.as_bytes())?;
        Ok(file)
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
pub(crate) fn catalogue() -> Vec<Attack> {
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

/// An image that does not exist: pods of it get a node and a token, and run nothing.
fn nothing(cluster: &LocalCluster) -> String {
    format!(
        "{}/triptych/none@sha256:{}",
        cluster.registry(),
        "0".repeat(64)
    )
}

/// Installs the chart, or upgrades it.
fn install(cluster: &LocalCluster, kubeconfig: &Path, policies: bool, image: &str) -> Result<()> {
    let (repository, digest) = image.split_once('@').context("an image by its digest")?;
    let values = [
        format!("image.repository={repository}"),
        format!("image.digest={digest}"),
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
