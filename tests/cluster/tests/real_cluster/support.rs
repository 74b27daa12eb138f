//! The clusters under test, namespaces and pods for one test each, and waiting.

use std::future::Future;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::process::Command;
use triptych_cluster::cluster::Cluster;
use triptych_cluster::local_cluster::LocalCluster;
use triptych_cluster::name::ClusterName;
use triptych_cluster::probe;
use triptych_cluster::progress::Progress;
use triptych_cluster::up::{UpOptions, up};

/// What a test comes to: nothing, or why it failed.
pub(crate) type Outcome<T = ()> = Result<T, String>;

/// The cluster that most tests use.
pub(crate) const FIRST: &str = "ctest-1";

/// The one beside it, whose first node is for tier W.
pub(crate) const SECOND: &str = "ctest-2";

/// Both clusters.
pub(crate) struct Clusters {
    pub(crate) first: TestCluster,
    pub(crate) second: TestCluster,
}

impl Clusters {
    /// Brings both up, after removing what an earlier run left.
    pub(crate) async fn up() -> Outcome<Self> {
        Ok(Self {
            first: TestCluster::up(FIRST, 3, false).await?,
            second: TestCluster::up(SECOND, 2, true).await?,
        })
    }
}

/// The command under test.
pub(crate) fn command() -> PathBuf {
    PathBuf::from(env!("CARGO_BIN_EXE_cluster"))
}

/// A name of ours, which is valid.
pub(crate) fn named(name: &str) -> ClusterName {
    name.parse().unwrap_or_default()
}

/// A cluster with the probe's image in its registry.
pub(crate) struct TestCluster {
    pub(crate) cluster: LocalCluster,
    pub(crate) image: String,
}

impl TestCluster {
    async fn up(name: &str, nodes: u8, w_node: bool) -> Outcome<Self> {
        let options = UpOptions {
            name: named(name),
            nodes,
            w_node,
            agent: command(),
        };
        up(&options, &Progress::new()).await.map_err(text)?;
        let cluster = LocalCluster::open(&named(name)).map_err(text)?;
        let probe = probe::image().await.map_err(text)?;
        let image = cluster.push_image(&probe).await.map_err(text)?.to_string();
        Ok(Self { cluster, image })
    }

    /// A new namespace for one test.
    pub(crate) async fn namespace(&self, name: &str) -> Outcome<Namespace<'_>> {
        let namespace = Namespace {
            cluster: self,
            name: name.to_owned(),
        };
        self.kubectl(&["create", "namespace", name]).await?;
        let enforce = "pod-security.kubernetes.io/enforce=restricted";
        self.kubectl(&["label", "namespace", name, enforce]).await?;
        Ok(namespace)
    }

    /// Runs kubectl as the administrator.
    pub(crate) async fn kubectl(&self, arguments: &[&str]) -> Outcome<String> {
        self.kubectl_as(self.cluster.kubeconfig(), arguments, "")
            .await
    }

    /// Runs kubectl with a kubeconfig and standard input.
    pub(crate) async fn kubectl_as(
        &self,
        kubeconfig: &Path,
        arguments: &[&str],
        input: &str,
    ) -> Outcome<String> {
        let mut child = Command::new(self.cluster.kubectl())
            .args(arguments)
            .env("KUBECONFIG", kubeconfig)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(text)?;
        if let Some(mut pipe) = child.stdin.take() {
            pipe.write_all(input.as_bytes()).await.map_err(text)?;
        }
        let output = child.wait_with_output().await.map_err(text)?;
        let said = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        if output.status.success() {
            return Ok(said);
        }
        let errors = String::from_utf8_lossy(&output.stderr);
        Err(format!("kubectl {}: {said} {errors}", arguments.join(" ")))
    }
}

/// A namespace of one test.
pub(crate) struct Namespace<'a> {
    pub(crate) cluster: &'a TestCluster,
    pub(crate) name: String,
}

impl Namespace<'_> {
    /// Runs kubectl in the namespace.
    pub(crate) async fn kubectl(&self, arguments: &[&str]) -> Outcome<String> {
        let mut all = vec!["--namespace", self.name.as_str()];
        all.extend(arguments);
        self.cluster.kubectl(&all).await
    }

    /// Creates or changes an object.
    pub(crate) async fn apply(&self, object: &Value) -> Outcome<String> {
        let arguments = [
            "--namespace",
            self.name.as_str(),
            "apply",
            "--server-side",
            "--filename=-",
        ];
        let kubeconfig = self.cluster.cluster.kubeconfig();
        self.cluster
            .kubectl_as(kubeconfig, &arguments, &object.to_string())
            .await
    }

    /// Creates a pod of the restricted standard that runs the probe, changed as the test wants.
    pub(crate) async fn create_pod(
        &self,
        name: &str,
        arguments: &[&str],
        change: impl FnOnce(&mut Value),
    ) -> Outcome {
        let mut pod = json!({
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": { "name": name, "labels": { "app": name } },
            "spec": {
                "automountServiceAccountToken": false,
                "restartPolicy": "Always",
                "terminationGracePeriodSeconds": 0,
                "securityContext": {
                    "runAsNonRoot": true,
                    "runAsUser": 65532,
                    "runAsGroup": 65532,
                    "seccompProfile": { "type": "RuntimeDefault" },
                },
                "containers": [{
                    "name": "probe",
                    "image": self.cluster.image,
                    "args": arguments,
                    "ports": [{ "name": "greeting", "containerPort": 8080 }],
                    "securityContext": {
                        "allowPrivilegeEscalation": false,
                        "readOnlyRootFilesystem": true,
                        "capabilities": { "drop": ["ALL"] },
                    },
                }],
            },
        });
        change(&mut pod);
        self.apply(&pod).await.map(drop)
    }

    /// Creates a pod that greets whoever connects to ports 8080 and 8090, and waits until it does.
    pub(crate) async fn server(&self, name: &str, change: impl FnOnce(&mut Value)) -> Outcome {
        self.create_pod(name, &["listen", "8080", "8090"], change)
            .await?;
        self.ready(name).await
    }

    /// Waits until a pod is ready.
    pub(crate) async fn ready(&self, pod: &str) -> Outcome {
        let pod = format!("pod/{pod}");
        let wait = ["wait", "--for=condition=Ready", &pod, "--timeout=90s"];
        self.kubectl(&wait).await.map(drop)
    }

    /// A field of an object, as JSON path.
    pub(crate) async fn field(&self, object: &str, path: &str) -> Outcome<String> {
        let output = format!("--output=jsonpath={{{path}}}");
        self.kubectl(&["get", object, &output]).await
    }

    /// Address of a pod.
    pub(crate) async fn address(&self, pod: &str) -> Outcome<String> {
        self.field(&format!("pod/{pod}"), ".status.podIP").await
    }

    /// Runs a mode of the probe in a pod.
    pub(crate) async fn probe(&self, pod: &str, arguments: &[&str]) -> Outcome<String> {
        let mut all = vec!["exec", pod, "--", probe::PATH];
        all.extend(arguments);
        self.kubectl(&all).await
    }

    /// Checks that a pod can connect, within the time that rules need to take effect.
    pub(crate) async fn connects(&self, pod: &str, target: &str) -> Outcome {
        eventually(&format!("{pod} connects to {target}"), || async {
            self.probe(pod, &["connect", target, "1"]).await.map(drop)
        })
        .await
    }

    /// Checks that a pod's connections are dropped, within the time that rules need.
    pub(crate) async fn is_cut_off(&self, pod: &str, target: &str) -> Outcome {
        eventually(&format!("{pod} is cut off from {target}"), || async {
            match self.probe(pod, &["connect", target, "1"]).await {
                Err(reason) if reason.contains("timed out") => Ok(()),
                other => Err(format!("{other:?}")),
            }
        })
        .await
    }
}

/// Asks until the answer is good, for 60 seconds at most.
pub(crate) async fn eventually<F, A>(what: &str, ask: F) -> Outcome
where
    F: Fn() -> A,
    A: Future<Output = Outcome>,
{
    let started = Instant::now();
    loop {
        match ask().await {
            Ok(()) => return Ok(()),
            Err(reason) if started.elapsed() > Duration::from_mins(1) => {
                return Err(format!("{what}: not after 60 s: {reason}"));
            }
            Err(_) => tokio::time::sleep(Duration::from_millis(200)).await,
        }
    }
}

/// Fails with both values unless they are equal.
pub(crate) fn equal<T: PartialEq + std::fmt::Debug>(found: &T, expected: &T) -> Outcome {
    if found == expected {
        Ok(())
    } else {
        Err(format!("found {found:?}, expected {expected:?}"))
    }
}

/// Fails with the text unless it holds the part.
pub(crate) fn holds(whole: &str, part: &str) -> Outcome {
    if whole.contains(part) {
        Ok(())
    } else {
        Err(format!("{part:?} is not in {whole:?}"))
    }
}

/// An error as text.
pub(crate) fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}
