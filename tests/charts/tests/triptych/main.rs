//! What `charts/triptych` promises, each promise a test.

#![allow(
    clippy::unwrap_used,
    reason = "a test fails by panicking, its helpers too"
)]

mod definitions;
mod deployment;
mod documentation;
mod manifests;
mod network;
mod policies;
mod rights;
mod values;

use triptych_chart_tests::{Chart, Manifests};

/// A digest as an image has it.
const DIGEST: &str = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

/// Renders the chart with an image by digest and further values.
fn rendered(values: &[&str]) -> Manifests {
    let digest = format!("image.digest={DIGEST}");
    let mut all = vec![
        "image.repository=registry.example/triptych-operator",
        &digest,
    ];
    all.extend_from_slice(values);
    Chart::named("triptych")
        .render(&all)
        .unwrap_or_else(|refusal| panic!("refused with {all:?}: {}", refusal.0))
}

/// Values that between them render every branch of every template.
const PROFILES: [&[&str]; 4] = [
    &[],
    &["profile=dev"],
    &[
        "serviceMonitor.enabled=true",
        "operator.replicas=1",
        "image.pullSecrets={registry}",
    ],
    &[
        "crds.install=false",
        "networkPolicy.enabled=false",
        "operator.nodeSelector.zone=a",
    ],
];
