//! Kubernetes and what it stands on, built from source by the go command into a cache.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};
use tokio::process::Command;

use crate::command::{output_of, run_words};
use crate::digest::hexadecimal;
use crate::directory::create_folder;
use crate::error::{Error, Result};
use crate::progress::Progress;
use crate::requirements;

/// One set of executables with a Go module of its own, because the dependencies of two would
/// conflict.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// Its name, and the folder of its `go.mod`.
    pub name: &'static str,
    /// The executables that it builds.
    pub programs: &'static [&'static str],
    /// What to build: the module's tools, or the module itself.
    target: &'static str,
    /// Whether it needs a C compiler.
    cgo: bool,
    /// Build tags.
    tags: &'static str,
    /// Version stamps for the linker.
    stamps: &'static [&'static str],
}

const TOOLS: &str = "tool";

/// How often a long build says that it is at work.
const HEARTBEAT: Duration = Duration::from_secs(30);

/// All parts, the quick ones first.
pub const PARTS: [Part; 10] = [
    Part {
        name: "pause",
        programs: &["pause"],
        target: ".",
        cgo: false,
        tags: "",
        stamps: &[],
    },
    Part {
        name: "cni-plugins",
        programs: &["host-local", "loopback", "portmap", "ptp"],
        target: TOOLS,
        cgo: false,
        tags: "",
        stamps: &[],
    },
    Part {
        name: "runc",
        programs: &["runc"],
        target: TOOLS,
        cgo: true,
        // Without it no pod with the RuntimeDefault seccomp profile could start.
        tags: "seccomp",
        stamps: &[],
    },
    Part {
        name: "registry",
        programs: &["crane"],
        target: TOOLS,
        cgo: false,
        tags: "",
        stamps: &[],
    },
    Part {
        name: "etcd",
        programs: &["server"],
        target: TOOLS,
        cgo: false,
        tags: "",
        stamps: &[],
    },
    // Not of the cluster: what datasets are pushed to in tests.
    Part {
        name: "object-store",
        programs: &["versitygw"],
        target: TOOLS,
        cgo: false,
        tags: "",
        stamps: &[],
    },
    Part {
        name: "containerd",
        programs: &["containerd", "containerd-shim-runc-v2", "ctr"],
        target: TOOLS,
        cgo: false,
        tags: "",
        stamps: &["github.com/containerd/containerd/v2/version.Version=v2.4.2"],
    },
    Part {
        name: "coredns",
        programs: &["coredns"],
        target: TOOLS,
        cgo: false,
        tags: "",
        stamps: &[],
    },
    Part {
        name: "helm",
        programs: &["helm"],
        target: TOOLS,
        cgo: false,
        tags: "",
        stamps: &["helm.sh/helm/v4/internal/version.version=v4.3.1"],
    },
    Part {
        name: "kubernetes",
        programs: &[
            "kube-apiserver",
            "kube-controller-manager",
            "kube-proxy",
            "kube-scheduler",
            "kubectl",
            "kubelet",
        ],
        target: TOOLS,
        cgo: false,
        tags: "",
        // Without them the API server reports v0.0.0 and clients misbehave.
        stamps: &[
            "k8s.io/component-base/version.gitVersion=v1.36.3",
            "k8s.io/component-base/version.gitMajor=1",
            "k8s.io/component-base/version.gitMinor=36",
        ],
    },
];

/// Folders of the built executables, by name of the part.
pub type BuiltParts = BTreeMap<String, PathBuf>;

/// The cache: `$TRIPTYCH_CACHE`, else `$XDG_CACHE_HOME/triptych`, else `~/.cache/triptych`.
pub fn cache_folder() -> PathBuf {
    let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty());
    variable("TRIPTYCH_CACHE").map_or_else(
        || {
            let user_cache = variable("XDG_CACHE_HOME").map(PathBuf::from);
            let home = || PathBuf::from(variable("HOME").unwrap_or_else(|| "/var/cache".into()));
            user_cache
                .unwrap_or_else(|| home().join(".cache"))
                .join("triptych")
        },
        PathBuf::from,
    )
}

/// Builds the parts that the cache lacks, one after the other (each uses every processor).
pub async fn build(progress: &Progress) -> Result<BuiltParts> {
    build_some(&PARTS, progress).await
}

/// Builds one part unless the cache has it.
pub async fn build_one(name: &str, progress: &Progress) -> Result<PathBuf> {
    let wanted: Vec<Part> = PARTS.into_iter().filter(|part| part.name == name).collect();
    let mut built = build_some(&wanted, progress).await?;
    built.remove(name).ok_or_else(|| Error::Unreadable {
        path: sources(),
        reason: format!("there is no part {name:?}"),
    })
}

async fn build_some(parts: &[Part], progress: &Progress) -> Result<BuiltParts> {
    let go_version = run_words("go version").await.map_err(without_go)?;
    let mut built = BuiltParts::new();
    for part in parts {
        built.insert(
            part.name.to_owned(),
            build_part(part, &go_version, progress).await?,
        );
    }
    Ok(built)
}

async fn build_part(part: &Part, go_version: &str, progress: &Progress) -> Result<PathBuf> {
    let source = sources().join(part.name);
    let key = cache_key(part, go_version, &source)?;
    let folder = cache_folder()
        .join("parts")
        .join(format!("{}-{key}", part.name));
    if folder.exists() {
        return Ok(folder);
    }
    let lock = part_lock(part)?;
    if folder.exists() {
        return Ok(folder);
    }
    requirements::check_build()?;
    let started = Instant::now();
    progress.line(format!("building {} ...", part.name));
    let unfinished = folder.with_extension("unfinished");
    create_folder(&unfinished)?;
    let build = output_of(go_build(part, &source, &unfinished), None);
    with_heartbeat(part.name, progress, build)
        .await
        .map_err(without_packages)?;
    for program in part.programs {
        let path = unfinished.join(program);
        path.metadata()
            .map_err(Error::file("find the built", &path))?;
    }
    fs::rename(&unfinished, &folder).map_err(Error::file("create", &folder))?;
    drop(lock);
    let seconds = started.elapsed().as_secs_f64();
    progress.line(format!(
        "built {} in {seconds:.0} s: {}",
        part.name,
        part.programs.join(", ")
    ));
    Ok(folder)
}

/// Says now and then that a long build is still at work.
async fn with_heartbeat<T>(name: &str, progress: &Progress, work: impl Future<Output = T>) -> T {
    let mut work = pin!(work);
    loop {
        match tokio::time::timeout(HEARTBEAT, &mut work).await {
            Ok(done) => return done,
            Err(_) => progress.line(format!("still building {name} ...")),
        }
    }
}

fn go_build(part: &Part, source: &Path, into: &Path) -> Command {
    let mut flags = vec!["-s -w"];
    flags.extend(part.stamps.iter().flat_map(|stamp| ["-X", stamp]));
    let mut command = Command::new("go");
    command
        .current_dir(source)
        // A workspace file of somebody else must not change what is built.
        .env("GOWORK", "off")
        .env("CGO_ENABLED", if part.cgo { "1" } else { "0" })
        .args(["build", "-trimpath", "-mod=readonly", "-buildvcs=false"])
        .args(["-ldflags", &flags.join(" "), "-tags", part.tags, "-o"])
        .arg(into.join(""))
        .arg(part.target);
    command
}

/// Everything that decides what is built.
fn cache_key(part: &Part, go_version: &str, source: &Path) -> Result<String> {
    let mut hash = Sha256::new();
    hash.update(format!("{part:?}\n{go_version}\n"));
    let mut files: Vec<PathBuf> = fs::read_dir(source)
        .map_err(Error::file("read", source))?
        .flatten()
        .map(|entry| entry.path())
        .collect();
    files.sort();
    for path in files {
        hash.update(path.file_name().unwrap_or_default().as_encoded_bytes());
        let mut contents = Vec::new();
        File::open(&path)
            .and_then(|mut file| file.read_to_end(&mut contents))
            .map_err(Error::file("read", &path))?;
        hash.update(&contents);
    }
    Ok(hexadecimal(&hash.finalize()[..8]))
}

/// Held while a part is built, so that two commands do not build it twice.
fn part_lock(part: &Part) -> Result<File> {
    let folder = cache_folder().join("parts");
    create_folder(&folder)?;
    let path = folder.join(format!("{}.lock", part.name));
    let file = File::create(&path).map_err(Error::file("create", &path))?;
    file.lock().map_err(Error::file("lock", &path))?;
    Ok(file)
}

fn sources() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("parts")
}

fn without_go(error: Error) -> Error {
    match error {
        Error::Io { .. } => Error::Requirements(vec![
            "the go command is missing: install Go 1.26 or later and put it on the PATH".to_owned(),
        ]),
        other => other,
    }
}

/// Says which package is missing where the compiler only says which file.
fn without_packages(error: Error) -> Error {
    let Error::Command {
        command,
        status,
        output,
    } = error
    else {
        return error;
    };
    let advice = [
        ("libseccomp", "install the Debian package libseccomp-dev"),
        (
            "pkg-config\": executable file not found",
            "install the Debian package pkg-config",
        ),
        ("C compiler", "install the Debian package gcc"),
    ];
    let hints: Vec<&str> = advice
        .iter()
        .filter(|(sign, _)| output.contains(sign))
        .map(|(_, what)| *what)
        .collect();
    let output = if hints.is_empty() {
        output
    } else {
        format!("{output}\n{}", hints.join("\n"))
    };
    Error::Command {
        command,
        status,
        output,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_has_a_module_and_every_module_is_a_part() {
        let mut folders: Vec<String> = fs::read_dir(sources())
            .unwrap()
            .flatten()
            .map(|entry| entry.file_name().into_string().unwrap())
            .collect();
        folders.sort();
        let mut names: Vec<&str> = PARTS.iter().map(|part| part.name).collect();
        names.sort_unstable();
        assert_eq!(folders, names);
    }

    #[test]
    fn the_cache_key_changes_with_the_compiler_and_the_sources() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("go.mod");
        fs::write(&file, "module a").unwrap();
        let key = |go: &str| cache_key(&PARTS[0], go, folder.path()).unwrap();
        let first = key("go1");
        assert_eq!(first, key("go1"));
        assert_ne!(first, key("go2"));
        fs::write(&file, "module b").unwrap();
        assert_ne!(first, key("go1"));
    }

    #[test]
    fn stamped_versions_are_those_of_the_modules() {
        for part in PARTS {
            let module = fs::read_to_string(sources().join(part.name).join("go.mod")).unwrap();
            for stamp in part.stamps.iter().filter(|stamp| stamp.contains("=v")) {
                let (_, version) = stamp.split_once('=').unwrap();
                assert!(
                    module.contains(version),
                    "{}: {stamp} is not in go.mod",
                    part.name
                );
            }
        }
    }

    #[test]
    fn a_missing_library_is_named_as_a_debian_package() {
        let error = without_packages(Error::Command {
            command: "go build".into(),
            status: "exit status: 1".into(),
            output: "Package libseccomp was not found".into(),
        });
        assert!(error.to_string().contains("libseccomp-dev"), "{error}");
    }
}
