//! Building the images and installing the chart.

use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::{Mutex, MutexGuard, PoisonError},
};

use anyhow::{Context, Result, bail, ensure};

use crate::manifests::Images;

/// Where the chart puts the operator.
pub const NAMESPACE: &str = "triptych-system";
/// Name of the Helm release.
pub const RELEASE: &str = "triptych";

/// Selects the operator's pods there.
pub const OPERATOR_PODS: &str = "app.kubernetes.io/name=triptych-operator";

/// What `make demo` builds; the same packages each time, because others would mean other features of
/// their dependencies and so another compilation.
const RELEASED: [&str; 12] = [
    "-p",
    "triptych-operator",
    "-p",
    "triptych-trader",
    "-p",
    "triptych-trader-observe",
    "-p",
    "triptych-venue-sim",
    "-p",
    "triptych-cluster",
    "-p",
    "triptych-end-to-end",
];

/// The root of the checkout.
pub fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .components()
        .collect()
}

/// Executables without a dependency on any shared library.
#[derive(Clone, Debug)]
pub struct Executables {
    /// `triptych-operator`.
    pub operator: PathBuf,
    /// `trader`.
    pub trader: PathBuf,
    /// `trader-observe`.
    pub trader_observe: PathBuf,
    /// `venue-sim`.
    pub venue: PathBuf,
}

/// How the executables of images are compiled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    /// As a release is: optimised.
    Release,
    /// As tests are, so that a test run compiles every dependency once.
    Dev,
}

impl Profile {
    /// `dev` where the variable `TRIPTYCH_IMAGE_PROFILE` says so, else `release`.
    pub fn from_environment() -> Self {
        if std::env::var("TRIPTYCH_IMAGE_PROFILE").is_ok_and(|name| name == "dev") {
            Self::Dev
        } else {
            Self::Release
        }
    }
}

/// Builds the executables that go into images. Cargo says how far it is.
pub fn build_executables(profile: Profile) -> Result<Executables> {
    let mut builder = Builder::take(profile)?;
    builder.build(&[])?;
    Ok(Executables {
        operator: builder.keep("triptych-operator", "images")?,
        trader: builder.keep("trader", "images")?,
        trader_observe: builder.keep("trader-observe", "images")?,
        venue: builder.keep("venue-sim", "images")?,
    })
}

/// Builds an operator that can be told to end at one of its writes. No image ever holds it.
pub fn build_operator_with_faults(profile: Profile) -> Result<PathBuf> {
    let mut builder = Builder::take(profile)?;
    builder.build(&["--features", "triptych-operator/fault-injection"])?;
    builder.keep("triptych-operator", "fault-injection")
}

/// Builds executables without a dependency on any shared library, one after the other.
struct Builder {
    target: String,
    profile: Profile,
    folder: PathBuf,
    _alone: MutexGuard<'static, ()>,
}

impl Builder {
    fn take(profile: Profile) -> Result<Self> {
        static ONE: Mutex<()> = Mutex::new(());
        let alone = ONE.lock().unwrap_or_else(PoisonError::into_inner);
        let folder = std::env::var_os("CARGO_TARGET_DIR")
            .map_or_else(|| workspace().join("target"), PathBuf::from);
        Ok(Self {
            target: host()?,
            profile,
            folder,
            _alone: alone,
        })
    }

    fn build(&mut self, further: &[&str]) -> Result<()> {
        let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        // A named target keeps the linking of build scripts and macros as it is.
        cargo
            .current_dir(workspace())
            .args(["build", "--target", &self.target])
            .args(further);
        match self.profile {
            Profile::Dev => cargo.args(["--workspace", "--bins", "--tests", "--quiet"]),
            Profile::Release => cargo.args(["--release", "--bins"]).args(RELEASED),
        };
        // What cargo told this test of its package would make build scripts run again, and with them half of
        // all dependencies compile anew.
        for (name, _) in std::env::vars_os() {
            let text = name.to_string_lossy();
            if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
                cargo.env_remove(&name);
            }
        }
        let status = cargo
            .env("RUSTFLAGS", "-C target-feature=+crt-static")
            .status()
            .context("start cargo")?;
        ensure!(status.success(), "{cargo:?}: {status}");
        Ok(())
    }

    /// Copies an executable away from where the next build would replace it.
    fn keep(&self, program: &str, purpose: &str) -> Result<PathBuf> {
        let profile = match self.profile {
            Profile::Dev => "debug",
            Profile::Release => "release",
        };
        let built = self.folder.join(&self.target).join(profile).join(program);
        let kept = self.folder.join(purpose).join(profile);
        std::fs::create_dir_all(&kept).with_context(|| kept.display().to_string())?;
        let kept = kept.join(program);
        // A running executable cannot be written to, but it can be replaced.
        let fresh = kept.with_extension("new");
        std::fs::copy(&built, &fresh).with_context(|| built.display().to_string())?;
        std::fs::rename(&fresh, &kept).with_context(|| kept.display().to_string())?;
        Ok(kept)
    }
}

/// The target triple of this machine.
fn host() -> Result<String> {
    let output = Command::new("rustc")
        .arg("-vV")
        .output()
        .context("start rustc")?;
    let said = String::from_utf8(output.stdout)?;
    let host = said.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).context("rustc -vV names no host")
}

/// Installs or upgrades the chart, with further values, and waits until the operator is available.
pub fn install_chart(
    helm: &Path,
    kubeconfig: &Path,
    images: &Images,
    values: &[&str],
) -> Result<()> {
    let (repository, digest) = images
        .operator
        .split_once('@')
        .with_context(|| format!("{} has no digest", images.operator))?;
    let mut command = Command::new(helm);
    command
        .current_dir(workspace())
        .env("KUBECONFIG", kubeconfig)
        .args(["upgrade", "--install", RELEASE, "charts/triptych"])
        .args([
            "--namespace",
            NAMESPACE,
            "--create-namespace",
            "--wait",
            "--timeout",
            "3m",
        ])
        .args([
            "--set",
            &format!("image.repository={repository}"),
            "--set",
            &format!("image.digest={digest}"),
            // The local cluster's provisioner is a process of the host; kind's is in a namespace of its own.
            "--set",
            "policies.storageProvisioners.users={triptych:local-volumes}",
            "--set",
            "policies.storageProvisioners.groups={system:serviceaccounts:local-path-storage}",
            // kind's administrator is none of system:masters.
            "--set",
            "policies.platform.groups={triptych:platform,system:masters,kubeadm:cluster-admins}",
        ]);
    for value in values {
        command.args(["--set", value]);
    }
    let output = command
        .output()
        .with_context(|| format!("start {}", helm.display()))?;
    if !output.status.success() {
        bail!(
            "helm upgrade --install: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    Ok(())
}
