//! Container images made of our own files: FROM scratch, one layer, the same bytes every time.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Component, Path, PathBuf};

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::digest::hexadecimal;
use crate::directory::{create_folder, write_file};
use crate::error::{Error, Result};

/// One file of an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageFile {
    /// The file on this machine.
    pub source: PathBuf,
    /// Its absolute path in the image.
    pub destination: PathBuf,
    /// Whether it can be executed.
    pub executable: bool,
}

/// What an image holds and how it starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageSpec {
    /// Repository in the registry, such as `triptych/trader`.
    pub name: String,
    /// Its files.
    pub files: Vec<ImageFile>,
    /// The command that a container runs.
    pub entrypoint: Vec<String>,
    /// User and group, such as `65532:65532`; root if empty.
    pub user: String,
    /// Environment variables as `NAME=value`.
    pub environment: Vec<String>,
}

/// An image written as an OCI layout, the standard folder form of an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrittenImage {
    /// Repository in the registry.
    pub name: String,
    /// Digest of the manifest, `sha256:` and 64 hexadecimal digits.
    pub digest: String,
    /// The layout's folder.
    pub layout: PathBuf,
}

impl ImageSpec {
    /// An image of one program, run as user and group 65532.
    pub fn of_program(name: &str, program: &Path, destination: &str) -> Self {
        Self {
            name: name.to_owned(),
            files: vec![ImageFile {
                source: program.to_owned(),
                destination: PathBuf::from(destination),
                executable: true,
            }],
            entrypoint: vec![destination.to_owned()],
            user: "65532:65532".to_owned(),
            environment: Vec::new(),
        }
    }

    /// Writes the image into a folder as an OCI layout.
    pub fn write(&self, layout: &Path) -> Result<WrittenImage> {
        let mut blobs = Blobs {
            folder: layout.join("blobs/sha256"),
        };
        create_folder(&blobs.folder)?;
        let layer = blobs.add(&self.layer()?)?;
        let configuration = blobs.add_json(&self.configuration(&layer))?;
        let manifest = blobs.add_json(&json!({
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": configuration.descriptor("application/vnd.oci.image.config.v1+json"),
            "layers": [layer.descriptor("application/vnd.oci.image.layer.v1.tar")],
        }))?;
        let index = json!({
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.index.v1+json",
            "manifests": [manifest.descriptor("application/vnd.oci.image.manifest.v1+json")],
        });
        write_file(&layout.join("index.json"), index.to_string())?;
        let version = json!({ "imageLayoutVersion": "1.0.0" });
        write_file(&layout.join("oci-layout"), version.to_string())?;
        Ok(WrittenImage {
            name: self.name.clone(),
            digest: manifest.digest,
            layout: layout.to_owned(),
        })
    }

    fn configuration(&self, layer: &Blob) -> Value {
        json!({
            "architecture": architecture(),
            "os": "linux",
            "config": {
                "User": self.user,
                "Entrypoint": self.entrypoint,
                "Env": self.environment,
                "WorkingDir": "/",
            },
            // Not compressed, so the layer's digest is that of its contents.
            "rootfs": { "type": "layers", "diff_ids": [layer.digest] },
        })
    }

    fn layer(&self) -> Result<Vec<u8>> {
        let mut files = self.files.clone();
        files.sort_by(|a, b| a.destination.cmp(&b.destination));
        let mut archive = tar::Builder::new(Vec::new());
        let mut folders = BTreeSet::new();
        for file in &files {
            let path = self.path_in_archive(&file.destination)?;
            let parents: Vec<&Path> = path.ancestors().skip(1).collect();
            for folder in parents
                .into_iter()
                .rev()
                .filter(|folder| *folder != Path::new(""))
            {
                if folders.insert(folder.to_owned()) {
                    append(&mut archive, folder, tar::EntryType::Directory, 0o755, &[])?;
                }
            }
            let contents = fs::read(&file.source).map_err(Error::file("read", &file.source))?;
            let mode = if file.executable { 0o755 } else { 0o644 };
            append(
                &mut archive,
                &path,
                tar::EntryType::Regular,
                mode,
                &contents,
            )?;
        }
        archive
            .into_inner()
            .map_err(Error::io("write an image layer"))
    }

    fn path_in_archive(&self, destination: &Path) -> Result<PathBuf> {
        let relative = destination.strip_prefix("/").ok().filter(|path| {
            path.file_name().is_some()
                && path
                    .components()
                    .all(|part| matches!(part, Component::Normal(_)))
        });
        relative.map(Path::to_owned).ok_or_else(|| Error::Image {
            name: self.name.clone(),
            reason: format!(
                "destination {:?}: expected an absolute path of a file, without '..'",
                destination.display().to_string()
            ),
        })
    }
}

fn append(
    archive: &mut tar::Builder<Vec<u8>>,
    path: &Path,
    kind: tar::EntryType,
    mode: u32,
    contents: &[u8],
) -> Result<()> {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_size(contents.len() as u64);
    // Neither time nor owner of the building machine may change the digest.
    header.set_mtime(0);
    header.set_uid(0);
    header.set_gid(0);
    archive
        .append_data(&mut header, path, contents)
        .map_err(Error::file("add to an image layer", path))
}

struct Blobs {
    folder: PathBuf,
}

struct Blob {
    digest: String,
    size: usize,
}

impl Blobs {
    fn add(&mut self, contents: &[u8]) -> Result<Blob> {
        let hash = hexadecimal(&Sha256::digest(contents));
        write_file(&self.folder.join(&hash), contents)?;
        Ok(Blob {
            digest: format!("sha256:{hash}"),
            size: contents.len(),
        })
    }

    fn add_json(&mut self, value: &Value) -> Result<Blob> {
        self.add(value.to_string().as_bytes())
    }
}

impl Blob {
    fn descriptor(&self, media_type: &str) -> Value {
        json!({ "mediaType": media_type, "digest": self.digest, "size": self.size })
    }
}

/// This machine's architecture in Go's words, which images use.
fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(source: &Path, destination: &str) -> ImageSpec {
        ImageSpec::of_program("triptych/probe", source, destination)
    }

    fn program(folder: &Path) -> PathBuf {
        let path = folder.join("probe");
        fs::write(&path, b"not really a program").unwrap();
        path
    }

    #[test]
    fn the_same_files_give_the_same_digest_wherever_and_whenever_they_are_built() {
        let first = tempfile::tempdir().unwrap();
        let second = tempfile::tempdir().unwrap();
        let digest = |folder: &Path| {
            let source = program(folder);
            spec(&source, "/usr/local/bin/probe")
                .write(&folder.join("image"))
                .unwrap()
                .digest
        };
        assert_eq!(digest(first.path()), digest(second.path()));
    }

    #[test]
    fn the_layout_is_one_manifest_with_one_layer_whose_digests_are_true() {
        let folder = tempfile::tempdir().unwrap();
        let source = program(folder.path());
        let layout = folder.path().join("image");
        let image = spec(&source, "/usr/local/bin/probe")
            .write(&layout)
            .unwrap();
        let blob = |digest: &str| {
            let bytes = fs::read(layout.join("blobs").join(digest.replace(':', "/"))).unwrap();
            let hash = hexadecimal(&Sha256::digest(&bytes));
            assert_eq!(format!("sha256:{hash}"), digest);
            bytes
        };
        let index: Value =
            serde_json::from_slice(&fs::read(layout.join("index.json")).unwrap()).unwrap();
        assert_eq!(index["manifests"][0]["digest"], image.digest.as_str());
        let manifest: Value = serde_json::from_slice(&blob(&image.digest)).unwrap();
        let configuration: Value =
            serde_json::from_slice(&blob(manifest["config"]["digest"].as_str().unwrap())).unwrap();
        assert_eq!(configuration["config"]["User"], "65532:65532");
        assert_eq!(
            configuration["rootfs"]["diff_ids"][0],
            manifest["layers"][0]["digest"],
        );
        let layer = blob(manifest["layers"][0]["digest"].as_str().unwrap());
        let mut archive = tar::Archive::new(layer.as_slice());
        let entries: Vec<(String, u32)> = archive
            .entries()
            .unwrap()
            .map(|entry| {
                let entry = entry.unwrap();
                let path = entry.path().unwrap().display().to_string();
                (path, entry.header().mode().unwrap())
            })
            .collect();
        let expected = ["usr", "usr/local", "usr/local/bin", "usr/local/bin/probe"];
        assert_eq!(entries, expected.map(|path| (path.to_owned(), 0o755)));
    }

    #[test]
    fn a_destination_outside_the_image_is_refused_with_what_was_expected() {
        let folder = tempfile::tempdir().unwrap();
        let source = program(folder.path());
        for bad in ["bin/probe", "/", "/usr/../../etc/passwd", ""] {
            let error = spec(&source, bad)
                .write(&folder.path().join("image"))
                .unwrap_err();
            assert!(
                error.to_string().contains("expected an absolute path"),
                "{bad}: {error}"
            );
        }
    }
}
