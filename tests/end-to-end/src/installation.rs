//! Building the images and installing the chart.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail, ensure};

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
    let packages = [
        "-p",
        "triptych-operator",
        "-p",
        "triptych-trader",
        "-p",
        "triptych-trader-observe",
    ];
    let mut cargo = cargo_build();
    cargo
        .args(["--release", "--target", TARGET])
        .args(packages)
        .env("RUSTFLAGS", "-C target-feature=+crt-static");
    run(cargo)?;
    let folder = target_folder().join(TARGET).join("release");
    Ok(Executables {
        operator: folder.join("triptych-operator"),
        trader: folder.join("trader"),
        trader_observe: folder.join("trader-observe"),
    })
}

/// Builds an operator that can be told to end at one of its writes. No image ever holds it.
pub fn build_operator_with_faults() -> Result<PathBuf> {
    let folder = target_folder().join("fault-injection");
    let mut cargo = cargo_build();
    cargo
        .args(["-p", "triptych-operator", "--features", "fault-injection"])
        .arg("--target-dir")
        .arg(&folder);
    run(cargo)?;
    Ok(folder.join("debug/triptych-operator"))
}

fn cargo_build() -> Command {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(workspace()).arg("build");
    cargo
}

fn run(mut cargo: Command) -> Result<()> {
    let status = cargo.status().context("start cargo")?;
    ensure!(status.success(), "{cargo:?}: {status}");
    Ok(())
}

fn target_folder() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| workspace().join("target"), PathBuf::from)
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
