//! The helm executable, and a chart as it renders.

use std::{
    env,
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::OnceLock,
};

use triptych_cluster::{parts, progress::Progress};

use crate::{ApiServer, Manifests, in_repository};

/// The namespace that charts are rendered for.
pub const NAMESPACE: &str = "triptych-system";

/// What helm said when it refused to render a chart.
#[derive(Debug)]
pub struct Refusal(pub String);

/// One of the project's charts, and the release that it is rendered as.
#[derive(Clone, Debug)]
pub struct Chart {
    folder: PathBuf,
    release: String,
    cluster: Option<ApiServer>,
}

impl Chart {
    /// The chart in `charts/<name>`, as the release `triptych` and without a cluster to ask.
    pub fn named(name: &str) -> Self {
        Self {
            folder: in_repository("charts").join(name),
            release: "triptych".into(),
            cluster: None,
        }
    }

    /// The same chart as another release.
    #[must_use]
    pub fn released_as(mut self, release: &str) -> Self {
        release.clone_into(&mut self.release);
        self
    }

    /// The same chart, whose templates look objects up in a cluster.
    #[must_use]
    pub fn on(mut self, cluster: &ApiServer) -> Self {
        self.cluster = Some(cluster.clone());
        self
    }

    /// The folder of the chart.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Renders the chart with `--set` of each of `values`, or `--set-json` where one is a JSON object.
    pub fn render(&self, values: &[&str]) -> Result<Manifests, Refusal> {
        let template = self.command("template", values);
        Ok(Manifests::parse(&answer(template)?))
    }

    /// What `helm install` would tell the person who runs it.
    ///
    /// # Panics
    /// When helm prints no notes.
    pub fn notes(&self, values: &[&str]) -> Result<String, Refusal> {
        let install = self.command("install", values);
        let text = answer(install)?;
        let (_, notes) = text
            .split_once("NOTES:\n")
            .expect("helm install prints the notes");
        Ok(notes.to_owned())
    }

    /// What `helm lint --strict` says of the chart.
    pub fn lint(&self, values: &[&str]) -> Result<String, Refusal> {
        let mut lint = helm();
        lint.args(["lint", "--strict"]).arg(&self.folder);
        answer(with_values(lint, values))
    }

    fn command(&self, verb: &str, values: &[&str]) -> Command {
        let mut command = helm();
        command
            .args([verb, &self.release])
            .arg(&self.folder)
            .args(["--namespace", NAMESPACE]);
        match &self.cluster {
            None => command.arg("--dry-run=client"),
            Some(cluster) => command
                .args(["--dry-run=server", "--disable-openapi-validation"])
                .args(["--kube-apiserver", &cluster.url()]),
        };
        with_values(command, values)
    }
}

fn with_values(mut command: Command, values: &[&str]) -> Command {
    for value in values {
        let flag = if value.starts_with('{') {
            "--set-json"
        } else {
            "--set"
        };
        command.args([flag, value]);
    }
    command
}

fn answer(mut command: Command) -> Result<String, Refusal> {
    let Output {
        status,
        stdout,
        stderr,
    } = command
        .output()
        .unwrap_or_else(|error| panic!("cannot run {command:?}: {error}"));
    if status.success() {
        Ok(String::from_utf8(stdout).expect("helm prints UTF-8"))
    } else {
        Err(Refusal(String::from_utf8_lossy(&stderr).into_owned()))
    }
}

/// The helm command, which reaches no cluster and reads no setting of the person who runs it.
fn helm() -> Command {
    static EXECUTABLE: OnceLock<PathBuf> = OnceLock::new();
    let mut command = Command::new(EXECUTABLE.get_or_init(find_helm));
    for (name, _) in env::vars_os() {
        if name.to_str().is_some_and(|name| name.starts_with("HELM")) {
            command.env_remove(name);
        }
    }
    command.env("KUBECONFIG", "/dev/null");
    command
}

/// `$HELM`, else the one of the local cluster's parts, which is built where the cache lacks it.
fn find_helm() -> PathBuf {
    if let Some(named) = env::var_os("HELM").filter(|named| !named.is_empty()) {
        let named = PathBuf::from(named);
        assert!(
            named.is_file(),
            "HELM names {}, which is not a file",
            named.display()
        );
        return named;
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime for one build");
    let part = runtime
        .block_on(parts::build_one("helm", &Progress::new()))
        .unwrap_or_else(|error| {
            panic!("these tests need helm. Name it in HELM, or let it be built: {error}")
        });
    part.join("helm")
}
