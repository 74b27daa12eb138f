//! Bringing images to a registry.

use std::fmt;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::command::run;
use crate::error::{Error, Result};
use crate::image::{ImageSpec, WrittenImage};

/// An image in a registry, named by its digest: what `image:` in a pod takes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ImageReference {
    /// Host, and port if any, of the registry.
    pub registry: String,
    /// Repository in the registry.
    pub repository: String,
    /// Digest of the manifest, with `sha256:`.
    pub digest: String,
}

impl fmt::Display for ImageReference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{}/{}@{}",
            self.registry, self.repository, self.digest
        )
    }
}

/// Builds an image and pushes it with the `crane` executable given.
pub(crate) async fn build_and_push(
    crane: &Path,
    registry: &str,
    spec: &ImageSpec,
) -> Result<ImageReference> {
    let folder = std::env::temp_dir().join(format!(
        "triptych-image-{}-{}",
        std::process::id(),
        spec.name.replace('/', "-")
    ));
    let pushed = match spec.write(&folder) {
        Ok(image) => push(crane, registry, &image).await,
        Err(error) => Err(error),
    };
    let removed = std::fs::remove_dir_all(&folder);
    let reference = pushed?;
    removed.map_err(Error::file("remove", &folder))?;
    Ok(reference)
}

async fn push(crane: &Path, registry: &str, image: &WrittenImage) -> Result<ImageReference> {
    let reference = ImageReference {
        registry: registry.to_owned(),
        repository: image.name.clone(),
        digest: image.digest.clone(),
    };
    push_layout(crane, &image.layout, &reference).await?;
    Ok(reference)
}

/// Pushes an OCI layout folder, or an archive as `docker save` writes it, under a name of a
/// registry.
pub(crate) async fn push_archive(
    crane: &Path,
    registry: &str,
    path: &Path,
    name: &str,
) -> Result<ImageReference> {
    let path = path.display().to_string();
    let target = format!("{registry}/{name}:latest");
    let pushed = run(
        crane,
        ["push", "--insecure", path.as_str(), target.as_str()],
    )
    .await?;
    let digest = pushed
        .trim()
        .rsplit_once('@')
        .map(|(_, digest)| digest.to_owned());
    digest
        .map(|digest| ImageReference {
            registry: registry.to_owned(),
            repository: name.to_owned(),
            digest,
        })
        .ok_or_else(|| Error::Image {
            name: name.to_owned(),
            reason: format!("the push answered {:?}: expected a digest", pushed.trim()),
        })
}

async fn push_layout(crane: &Path, layout: &Path, reference: &ImageReference) -> Result<()> {
    // A tag of its own, so that an image is never taken away under another's feet.
    let tag: String = reference
        .digest
        .chars()
        .filter(char::is_ascii_hexdigit)
        .take(24)
        .collect();
    let target = format!("{}/{}:{tag}", reference.registry, reference.repository);
    let layout = layout.display().to_string();
    run(
        crane,
        ["push", "--insecure", layout.as_str(), target.as_str()],
    )
    .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_names_its_image_by_digest() {
        let reference = ImageReference {
            registry: "10.77.0.1:5000".into(),
            repository: "triptych/trader".into(),
            digest: "sha256:ab".into(),
        };
        assert_eq!(
            reference.to_string(),
            "10.77.0.1:5000/triptych/trader@sha256:ab"
        );
    }
}
