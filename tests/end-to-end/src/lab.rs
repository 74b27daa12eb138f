//! The cluster that the suite runs on, with Triptych installed: made once per process.

use std::{
    fmt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{Mutex, OnceLock, PoisonError},
};

use anyhow::{Context, Result, bail, ensure};
use k8s_openapi::api::coordination::v1::Lease;
use kube::{
    Api, Client, Config,
    config::{KubeConfigOptions, Kubeconfig},
};
use serde_json::Value;
use triptych_cluster::{
    audit::{AuditEntry, AuditLog},
    cluster::{Cluster, from_environment},
    image::{ImageFile, ImageSpec},
    local_cluster::LocalCluster,
};

use crate::{
    installation::{self, Executables, NAMESPACE, Profile},
    manifests::Images,
};

/// Name of the operator's Lease.
pub const LEASE: &str = "triptych-operator";
/// The user as whom the operator speaks to the API server.
pub const OPERATOR: &str = "system:serviceaccount:triptych-system:triptych-operator";

/// A cluster with Triptych's images at hand.
pub struct Lab {
    cluster: Box<dyn Cluster>,
    tools: Tools,
    executables: Executables,
    images: Images,
    w_nodes: Vec<String>,
    audit: Mutex<Option<Heard>>,
}

/// The audit log as far as it was read.
struct Heard {
    log: AuditLog,
    entries: Vec<AuditEntry>,
}

/// Command-line programs of a cluster.
#[derive(Clone, Debug)]
pub struct Tools {
    /// `kubectl`.
    pub kubectl: PathBuf,
    /// `helm`.
    pub helm: PathBuf,
    /// Where a local cluster keeps its files.
    pub directory: Option<PathBuf>,
}

impl Tools {
    /// Those that were built with a local cluster.
    pub fn of_local(cluster: &LocalCluster) -> Self {
        Self {
            kubectl: cluster.kubectl(),
            helm: cluster.helm(),
            directory: Some(cluster.directory().root().to_owned()),
        }
    }

    /// Those on the `PATH`.
    pub fn on_path() -> Self {
        Self {
            kubectl: "kubectl".into(),
            helm: "helm".into(),
            directory: None,
        }
    }
}

/// A write of the operator, as the audit log has it.
#[derive(Clone, Debug)]
pub struct Write {
    /// `create`, `patch`, `delete`, ...
    pub verb: String,
    /// Plural name of the resource, with its subresource.
    pub resource: String,
    /// Namespace.
    pub namespace: String,
    /// Name.
    pub name: String,
    /// What was sent, of the kinds that are logged with bodies.
    pub sent: Option<Value>,
}

impl fmt::Display for Write {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            verb,
            resource,
            namespace,
            name,
            sent,
        } = self;
        write!(f, "{verb} {resource} {namespace}/{name}")?;
        sent.iter().try_for_each(|sent| write!(f, " {sent}"))
    }
}

impl Lab {
    /// The lab of this process: on the cluster that `TRIPTYCH_CLUSTER` or `KUBECONFIG` names, with
    /// the chart installed.
    ///
    /// # Panics
    /// When it cannot be made: no test of the suite means anything then.
    pub fn get() -> &'static Self {
        static LAB: OnceLock<Lab> = OnceLock::new();
        LAB.get_or_init(|| made_apart(Self::make).expect("a cluster with Triptych installed"))
    }

    async fn make() -> Result<Self> {
        Self::on(from_environment()?, tools_from_environment()?, &[]).await
    }

    /// The lab on a cluster, with the chart installed with further values.
    pub(crate) async fn on(
        cluster: Box<dyn Cluster>,
        tools: Tools,
        values: &[&str],
    ) -> Result<Self> {
        let executables = installation::build_executables(Profile::from_environment())?;
        let images = push_images(cluster.as_ref(), &executables).await?;
        let w_nodes = dedicate_w_nodes(&tools, cluster.kubeconfig())?;
        installation::install_chart(&tools.helm, cluster.kubeconfig(), &images, values)?;
        Ok(Self {
            cluster,
            tools,
            executables,
            images,
            w_nodes,
            audit: Mutex::default(),
        })
    }

    /// The nodes that may hold live keys: the last, or of four nodes and more the last two.
    pub fn w_nodes(&self) -> &[String] {
        &self.w_nodes
    }

    /// The cluster, where it is one that this machine brought up.
    pub fn local_cluster(&self) -> Result<LocalCluster> {
        ensure!(
            self.tools.directory.is_some(),
            "this test needs a local cluster: unset KUBECONFIG and REGISTRY for it"
        );
        local_cluster()
    }

    /// The cluster itself.
    pub fn cluster(&self) -> &dyn Cluster {
        self.cluster.as_ref()
    }

    /// The images that were pushed.
    pub fn images(&self) -> &Images {
        &self.images
    }

    /// Pushes the trader once more under another name, as an image of its own.
    pub async fn push_trader(&self, name: &str) -> Result<String> {
        let mark = tempfile::NamedTempFile::new()?;
        std::fs::write(&mark, name)?;
        let programs = [(&self.executables.trader, "trader")];
        let image = image(name, &programs, &[(mark.path(), "/name")]);
        Ok(self.cluster.push_image(&image).await?.to_string())
    }

    /// A client of an administrator.
    pub async fn client(&self) -> Result<Client> {
        client_of(self.cluster.kubeconfig()).await
    }

    /// Runs kubectl as an administrator and returns what it printed.
    pub fn kubectl(&self, words: &[&str]) -> Result<String> {
        kubectl(&self.tools, self.cluster.kubeconfig(), words)
    }

    /// Runs helm in the root of the checkout, as an administrator, and returns what it printed.
    pub fn helm(&self, words: &[&str]) -> Result<String> {
        let mut command = Command::new(&self.tools.helm);
        command
            .current_dir(installation::workspace())
            .env("KUBECONFIG", self.cluster.kubeconfig())
            .args(words);
        printed_by(command)
    }

    /// Runs a script of a person, with kubectl on the `PATH` and that person's kubeconfig, in a
    /// folder that may hold files for it.
    pub fn script(&self, kubeconfig: &Path, folder: &Path, script: &str) -> Result<String> {
        let path = std::env::var("PATH").unwrap_or_default();
        let kubectl = self.tools.kubectl.parent().unwrap_or(Path::new(""));
        let mut command = Command::new("bash");
        command
            .args(["-euo", "pipefail", "-c", script])
            .current_dir(folder)
            .env("KUBECONFIG", kubeconfig)
            .env("PATH", format!("{}:{path}", kubectl.display()));
        printed_by(command)
    }

    /// What `trader hash` prints for a manifest on its standard input.
    pub fn trader_hash(&self, manifest: &Value) -> Result<String> {
        let mut child = Command::new(&self.executables.trader)
            .args(["hash", "-"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("start trader hash")?;
        serde_json::to_writer(child.stdin.take().context("no standard input")?, manifest)?;
        let output = child.wait_with_output()?;
        ensure!(output.status.success(), "trader hash: {}", output.status);
        let printed = String::from_utf8(output.stdout)?;
        printed
            .split_whitespace()
            .next()
            .map(str::to_owned)
            .context("trader hash printed nothing")
    }

    /// The bytes of a file of a pod's ConfigMap volume, as the kubelet put them on its disk.
    pub fn mounted_file(&self, pod_uid: &str, file: &str) -> Result<Vec<u8>> {
        let Some(directory) = &self.tools.directory else {
            bail!(
                "only a local cluster shows its nodes' disks: unset KUBECONFIG and REGISTRY for this test"
            );
        };
        let pattern = format!("*/pods/{pod_uid}/volumes/kubernetes.io~configmap/*/{file}");
        let output = Command::new("find")
            .arg(directory)
            .args(["-path", &pattern, "-not", "-path", "*/..*"])
            .output()?;
        let found = String::from_utf8(output.stdout)?;
        let path = found
            .lines()
            .next()
            .with_context(|| format!("no {file} on any node for pod {pod_uid}"))?;
        std::fs::read(path).with_context(|| path.to_owned())
    }

    /// Everything that the API server answered so far, in order.
    pub fn audit_log(&self) -> Result<Vec<AuditEntry>> {
        self.audit(<[AuditEntry]>::to_vec)
    }

    /// Looks at everything that the API server answered so far, in order.
    pub fn audit<T>(&self, look: impl FnOnce(&[AuditEntry]) -> T) -> Result<T> {
        let mut heard = self.audit.lock().unwrap_or_else(PoisonError::into_inner);
        if heard.is_none() {
            let log = AuditLog::new(&self.cluster.audit_log()?);
            let entries = Vec::new();
            *heard = Some(Heard { log, entries });
        }
        let Heard { log, entries } = heard.as_mut().context("no audit log")?;
        entries.extend(log.read_on()?);
        Ok(look(entries))
    }

    /// Every write of the operator that the API server answered so far, in order.
    pub fn operator_writes(&self) -> Result<Vec<Write>> {
        self.audit(|entries| entries.iter().filter_map(write_of_the_operator).collect())
    }

    /// Name of the operator's pod that holds the Lease.
    pub async fn leader(&self) -> Result<String> {
        let leases: Api<Lease> = Api::namespaced(self.client().await?, NAMESPACE);
        let holder = leases
            .get(LEASE)
            .await?
            .spec
            .and_then(|spec| spec.holder_identity);
        let holder = holder
            .filter(|holder| !holder.is_empty())
            .context("nobody holds the operator's Lease")?;
        Ok(holder.split('_').next().unwrap_or_default().to_owned())
    }

    /// Restarts every operator pod and waits until the new ones are available.
    pub fn restart_operator(&self) -> Result<()> {
        self.kubectl(&["rollout", "restart", "deployment", "-n", NAMESPACE])?;
        self.kubectl(&[
            "rollout",
            "status",
            "deployment",
            "-n",
            NAMESPACE,
            "--timeout=120s",
        ])
        .map(|_| ())
    }
}

fn write_of_the_operator(entry: &AuditEntry) -> Option<Write> {
    let is_write = !matches!(entry.verb.as_str(), "get" | "list" | "watch");
    let object = entry.object_ref.as_ref()?;
    (is_write && entry.user.username == OPERATOR).then(|| Write {
        verb: entry.verb.clone(),
        resource: if object.subresource.is_empty() {
            object.resource.clone()
        } else {
            format!("{}/{}", object.resource, object.subresource)
        },
        namespace: object.namespace.clone(),
        name: object.name.clone(),
        sent: entry.request_object.clone(),
    })
}

/// Labels and taints nodes as W's own, as docs/accounts.md says.
fn dedicate_w_nodes(tools: &Tools, kubeconfig: &Path) -> Result<Vec<String>> {
    let printed = kubectl(tools, kubeconfig, &["get", "nodes", "--output=name"])?;
    let nodes: Vec<&str> = printed
        .lines()
        .map(|line| line.trim_start_matches("node/"))
        .collect();
    let count = if nodes.len() < 4 { 1 } else { 2 };
    let w_nodes = &nodes[nodes.len().saturating_sub(count)..];
    let label = ["node-restriction.kubernetes.io/trading-tier=W"];
    let taints = [
        "triptych.trading/tier=W:NoSchedule",
        "triptych.trading/tier=W:NoExecute",
    ];
    for (verb, marks) in [("label", &label[..]), ("taint", &taints)] {
        let words = [&[verb, "--overwrite", "nodes"], w_nodes, marks].concat();
        kubectl(tools, kubeconfig, &words)?;
    }
    Ok(w_nodes.iter().map(|&node| node.to_owned()).collect())
}

/// Makes something on a thread and a runtime of its own, because a test's runtime may not be blocked
/// on another one.
///
/// # Panics
/// When the thread cannot be joined because making it panicked.
pub fn made_apart<T: Send + 'static>(
    make: impl AsyncFnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    let making = std::thread::spawn(|| tokio::runtime::Runtime::new()?.block_on(make()));
    making.join().expect("the thread ends in order")
}

/// A client with the identity of a kubeconfig.
pub async fn client_of(kubeconfig: &Path) -> Result<Client> {
    let file = Kubeconfig::read_from(kubeconfig)?;
    let mut config = Config::from_custom_kubeconfig(file, &KubeConfigOptions::default()).await?;
    // A watch is quiet for minutes on an idle cluster.
    config.read_timeout = None;
    Ok(Client::try_from(config)?)
}

/// Runs kubectl with a kubeconfig and returns what it printed.
pub fn kubectl(tools: &Tools, kubeconfig: &Path, words: &[&str]) -> Result<String> {
    let mut command = Command::new(&tools.kubectl);
    let output = command
        .arg("--kubeconfig")
        .arg(kubeconfig)
        .args(words)
        .output()
        .context("start kubectl")?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(
        output.status.success(),
        "kubectl {}: {}",
        words.join(" "),
        said.trim()
    );
    Ok(String::from_utf8(output.stdout)?)
}

fn printed_by(mut command: Command) -> Result<String> {
    let output = command
        .output()
        .with_context(|| format!("start {command:?}"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{command:?}: {}", said.trim());
    Ok(String::from_utf8(output.stdout)?)
}

/// Builds and pushes the images of the operator, the trader and the simulated venue.
pub async fn push_images(cluster: &dyn Cluster, executables: &Executables) -> Result<Images> {
    let operator = image(
        "triptych/operator",
        &[(&executables.operator, "triptych-operator")],
        &[],
    );
    let programs = [
        (&executables.trader, "trader"),
        (&executables.trader_observe, "trader-observe"),
    ];
    let trader = image("triptych/trader", &programs, &[]);
    let venue = image("triptych/venue", &[(&executables.venue, "venue-sim")], &[]);
    Ok(Images {
        operator: cluster.push_image(&operator).await?.to_string(),
        trader: cluster.push_image(&trader).await?.to_string(),
        venue: cluster.push_image(&venue).await?.to_string(),
    })
}

/// An image of static executables under `/usr/local/bin`, and of further files by destination.
pub fn image(name: &str, programs: &[(&PathBuf, &str)], files: &[(&Path, &str)]) -> ImageSpec {
    let programs_as_files = programs.iter().map(|(source, program)| ImageFile {
        source: (*source).clone(),
        destination: format!("/usr/local/bin/{program}").into(),
        executable: true,
    });
    let further = files.iter().map(|(source, destination)| ImageFile {
        source: source.to_path_buf(),
        destination: (*destination).into(),
        executable: false,
    });
    ImageSpec {
        name: name.to_owned(),
        files: programs_as_files.chain(further).collect(),
        entrypoint: vec![format!("/usr/local/bin/{}", programs[0].1)],
        user: "65532:65532".to_owned(),
        environment: Vec::new(),
    }
}

fn tools_from_environment() -> Result<Tools> {
    let existing = ["KUBECONFIG", "REGISTRY"]
        .iter()
        .all(|name| std::env::var_os(name).is_some());
    if existing && std::env::var_os("TRIPTYCH_CLUSTER").is_none() {
        return Ok(Tools::on_path());
    }
    Ok(Tools::of_local(&local_cluster()?))
}

/// The local cluster that `TRIPTYCH_CLUSTER` names.
fn local_cluster() -> Result<LocalCluster> {
    let name = std::env::var("TRIPTYCH_CLUSTER").unwrap_or_else(|_| "triptych".to_owned());
    Ok(LocalCluster::open(&name.parse()?)?)
}
