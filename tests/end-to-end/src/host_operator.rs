//! The operator as a process of this machine, on a cluster of its own, in the place of the one that is
//! installed there, and made to end at a write.

use std::{
    fs::File,
    path::PathBuf,
    process::{Child, Command, ExitStatus, Stdio},
    sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};
use k8s_openapi::api::coordination::v1::Lease;
use kube::{Api, Client, api::PostParams};
use serde_json::json;
use triptych_cluster::{cluster::Cluster, local_cluster::LocalCluster};

use crate::{
    installation::{self, Profile},
    lab::{self, Lab, Tools},
    manifests::Images,
    operators_post::Post,
};

/// Exit code of an operator that ended at the write that it was told to end at.
pub const ENDED_AT_WRITE: i32 = 99;
/// Longest time that an operator may take to end by itself or after a signal.
const END_PATIENCE: Duration = Duration::from_mins(4);

/// A cluster on which no operator leads but those that a test starts.
pub struct FaultsLab {
    lab: Lab,
    post: Post,
    operator: PathBuf,
    logs: PathBuf,
}

impl FaultsLab {
    /// The lab on the local cluster that `TRIPTYCH_FAULTS_CLUSTER` names, or `faults`.
    ///
    /// # Panics
    /// When it cannot be made: no test that needs it means anything then.
    pub fn get() -> &'static Self {
        static LAB: OnceLock<FaultsLab> = OnceLock::new();
        LAB.get_or_init(|| {
            lab::made_apart(Self::make).expect("a cluster of its own for operators that crash")
        })
    }

    async fn make() -> Result<Self> {
        let name = std::env::var("TRIPTYCH_FAULTS_CLUSTER").unwrap_or_else(|_| "faults".to_owned());
        let cluster = LocalCluster::open(&name.parse()?)?;
        let operator = installation::build_operator_with_faults(Profile::from_environment())?;
        let client = lab::client_of(cluster.kubeconfig()).await?;
        Post::hold_lease(&client).await?;
        let tools = Tools::of_local(&cluster);
        let lab = Lab::on(Box::new(cluster.clone()), tools, &["operator.replicas=1"]).await?;
        let logs = cluster.directory().root().join("operators");
        std::fs::create_dir_all(&logs)?;
        Ok(Self {
            lab,
            post: Post::take(&cluster, &logs).await?,
            operator,
            logs,
        })
    }

    /// The cluster and what is installed on it.
    pub fn lab(&self) -> &Lab {
        &self.lab
    }

    /// A client of an administrator.
    pub async fn client(&self) -> Result<Client> {
        self.lab.client().await
    }

    /// The images that were pushed.
    pub fn images(&self) -> &Images {
        self.lab.images()
    }

    /// Starts an operator that looks at these namespaces, with its Lease in the first; with `end_at_write`
    /// it ends right after the write with that number, counted from 1, reached the API server, and before
    /// its answer is looked at.
    pub async fn start_operator(
        &self,
        namespaces: &[&str],
        end_at_write: Option<u32>,
    ) -> Result<HostOperator> {
        static STARTED: AtomicU32 = AtomicU32::new(0);
        let [namespace, ..] = namespaces else {
            bail!("an operator without a namespace to look at");
        };
        let log = self.logs.join(format!(
            "{namespace}-{}.log",
            end_at_write.unwrap_or_default()
        ));
        let output = File::options().create(true).append(true).open(&log)?;
        let lease = format!("operator-{}", STARTED.fetch_add(1, Ordering::Relaxed));
        self.create_free_lease(namespace, &lease).await?;
        let mut command = self.post.command(&self.operator)?;
        command.arg("run");
        for namespace in namespaces {
            command.args(["--only-namespace", namespace]);
        }
        command
            .args([
                "--lease-namespace",
                namespace,
                "--lease-name",
                &lease,
                "--listen",
                "127.0.0.1:0",
            ])
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output);
        if let Some(number) = end_at_write {
            command.args(["--exit-at-write", &number.to_string()]);
        }
        let child = command
            .spawn()
            .with_context(|| format!("start {}", self.operator.display()))?;
        Ok(HostOperator { child, log })
    }

    /// Creates a Lease as its last holder gave it back. Each operator has one of its own: whoever held
    /// the one before is known to be dead, and need not be waited out.
    async fn create_free_lease(&self, namespace: &str, name: &str) -> Result<()> {
        let lease: Lease = serde_json::from_value(json!({
            "metadata": { "name": name },
            "spec": { "holderIdentity": "", "leaseDurationSeconds": 1, "leaseTransitions": 1 }
        }))?;
        let leases: Api<Lease> = Api::namespaced(self.client().await?, namespace);
        let created = leases.create(&PostParams::default(), &lease).await;
        created
            .map(|_| ())
            .with_context(|| format!("create Lease {namespace}/{name}"))
    }
}

/// A running operator; it is ended when this is dropped.
pub struct HostOperator {
    child: Child,
    log: PathBuf,
}

impl HostOperator {
    /// Whether it has ended, and how.
    pub fn ended(&mut self) -> Result<Option<ExitStatus>> {
        Ok(self.child.try_wait()?)
    }

    /// Asks it to stop and waits until it has given its Lease back.
    pub async fn stop(mut self) -> Result<()> {
        let status = self.stopped().await?;
        ensure!(
            status.success(),
            "the operator stopped with {status}: {}",
            self.log.display()
        );
        Ok(())
    }

    /// Asks it to stop and waits until it has ended, in whatever way.
    pub async fn stopped(&mut self) -> Result<ExitStatus> {
        let pid = self.child.id().to_string();
        let asked = Command::new("kill").args(["-TERM", &pid]).status()?;
        ensure!(
            asked.success(),
            "the operator with process id {pid} is gone already: {}",
            self.log.display()
        );
        self.wait_for_end().await
    }

    /// Waits until it ends by itself.
    pub async fn wait_for_end(&mut self) -> Result<ExitStatus> {
        let mut ticks = tokio::time::interval(Duration::from_millis(20));
        let deadline = tokio::time::Instant::now() + END_PATIENCE;
        while tokio::time::Instant::now() < deadline {
            ticks.tick().await;
            if let Some(status) = self.ended()? {
                return Ok(status);
            }
        }
        bail!(
            "the operator did not end within {END_PATIENCE:?}: {}",
            self.log.display()
        )
    }
}

impl Drop for HostOperator {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            let killed = self.child.kill();
            drop((killed, self.child.wait()));
        }
    }
}
