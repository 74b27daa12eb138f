//! The quickstart example with the digests of the images that were just built.

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::market::Market;
use crate::{installation::workspace, objects};

/// The example's files, in the order in which they are applied.
const FILES: [&str; 4] = [
    "namespace.yaml",
    "tape.yaml",
    "revisions.yaml",
    "instance.yaml",
];

/// The example's manifests, with the images replaced.
pub(super) fn quickstart(trader: &str, tape: &str, market: &Market) -> Result<Vec<Value>> {
    let folder = workspace().join("examples/quickstart");
    let mut manifests = Vec::new();
    for file in FILES {
        let path = folder.join(file);
        let yaml = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        manifests.extend(objects::documents(&yaml).with_context(|| path.display().to_string())?);
    }
    for manifest in &mut manifests {
        match manifest["kind"].as_str() {
            Some("ConfigRevision") => manifest["spec"]["image"] = trader.into(),
            Some("Deployment") => {
                let container = &mut manifest["spec"]["template"]["spec"]["containers"][0];
                container["image"] = tape.into();
                container["args"] = json!(market.arguments());
            }
            _ => {}
        }
    }
    Ok(manifests)
}
