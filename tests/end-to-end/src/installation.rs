//! Building the images and installing the chart.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};

use crate::manifests::Images;

/// Where the chart puts the operator.
pub const NAMESPACE: &str = "triptych-system";
/// Name of the Helm release.
pub const RELEASE: &str = "triptych";

/// The target for which executables are linked statically: a host target, named so that build
/// scripts and macros are not.
const TARGET: &str = "x86_64-unknown-linux-gnu";

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
}

/// Builds the executables that go into images. Cargo says how far it is.
pub fn build_executables() -> Result<Executables> {
    let workspace = workspace();
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo
        .current_dir(&workspace)
        .args(["build", "--release", "--target", TARGET])
        .args([
            "-p",
            "triptych-operator",
            "-p",
            "triptych-trader",
            "-p",
            "triptych-trader-observe",
        ])
        .env("RUSTFLAGS", "-C target-feature=+crt-static");
    let status = cargo.status().context("start cargo")?;
    if !status.success() {
        bail!("cargo build of the images' executables: {status}");
    }
    let target = std::env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| workspace.join("target"), PathBuf::from);
    let folder = target.join(TARGET).join("release");
    Ok(Executables {
        operator: folder.join("triptych-operator"),
        trader: folder.join("trader"),
        trader_observe: folder.join("trader-observe"),
    })
}

/// Installs or upgrades the chart and waits until the operator is available.
pub fn install_chart(helm: &Path, kubeconfig: &Path, images: &Images) -> Result<()> {
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
        ]);
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
