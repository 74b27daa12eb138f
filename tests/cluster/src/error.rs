//! What can go wrong, and what to do about it.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Result with this crate's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong with a cluster.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Something that this machine lacks, one line each with what to do.
    #[error("this machine cannot run the local cluster:\n{}", bullet_list(.0))]
    Requirements(Vec<String>),

    /// A cluster's name that could not be used.
    #[error(
        "cluster name {0:?}: expected 1 to 12 characters of a-z, 0-9 and '-', starting with a \
         letter and not ending in '-'"
    )]
    InvalidName(String),

    /// A number of nodes that could not be used.
    #[error("--nodes {0}: expected 1 to 9")]
    InvalidNodeCount(u8),

    /// Ended by Ctrl-C or a termination signal.
    #[error("interrupted; what was started has been ended")]
    Interrupted,

    /// Every network that clusters may use is taken.
    #[error("all networks from 10.77.0.0/16 on are in use; end a cluster with `cluster down`")]
    NoFreeNetwork,

    /// No cluster of this name is up.
    #[error("cluster {0} is not up; start it with `cluster up --name {0}`")]
    NotUp(String),

    /// The cluster has no such node.
    #[error("no node {node:?}; the nodes are {}", .known.join(", "))]
    UnknownNode {
        /// The node asked for.
        node: String,
        /// The nodes there are.
        known: Vec<String>,
    },

    /// A cluster without the capability that was asked for.
    #[error("{cluster} cannot {capability}; use the local cluster (`cluster up`) for this")]
    Unsupported {
        /// The cluster, in words.
        cluster: String,
        /// What it lacks, as a verb phrase.
        capability: &'static str,
    },

    /// An environment variable that is needed and not set.
    #[error("{variable} is not set: {expected}")]
    Environment {
        /// Its name.
        variable: &'static str,
        /// What it should hold.
        expected: &'static str,
    },

    /// A file or system call.
    #[error("{doing}: {source}")]
    Io {
        /// What was being done.
        doing: String,
        /// The system's answer.
        source: io::Error,
    },

    /// A command that ended with an error.
    #[error("`{command}` failed ({status}): {output}")]
    Command {
        /// The command line.
        command: String,
        /// Its exit status.
        status: String,
        /// What it wrote to its standard error, or output if that is empty.
        output: String,
    },

    /// Something that did not become ready in time.
    #[error("{what} was not ready after {} s: {reason}\n{log}", .waited.as_secs())]
    NotReady {
        /// What was waited for.
        what: String,
        /// How long.
        waited: Duration,
        /// The last reason seen.
        reason: String,
        /// The end of its log, or nothing.
        log: String,
    },

    /// The API server's answer, or none.
    #[error("{doing}: {source}")]
    Kubernetes {
        /// What was being done.
        doing: String,
        /// The client's error.
        source: Box<kube::Error>,
    },

    /// A certificate or key.
    #[error("certificate {subject}: {source}")]
    Certificate {
        /// Whose.
        subject: String,
        /// The library's error.
        source: rcgen::Error,
    },

    /// More groups than a certificate of ours can name.
    #[error("user {user:?} with {groups} groups: expected at most 2")]
    TooManyGroups {
        /// The user.
        user: String,
        /// How many groups were asked for.
        groups: usize,
    },

    /// A file that does not hold what it should.
    #[error("{}: {reason}; `cluster down` removes it", .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why it cannot be used.
        reason: String,
    },

    /// An image that cannot be built as asked.
    #[error("image {name}: {reason}")]
    Image {
        /// Name of the image.
        name: String,
        /// What is wrong and what was expected.
        reason: String,
    },
}

impl Error {
    /// An I/O error with what was being done.
    pub(crate) fn io(doing: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let doing = doing.into();
        move |source| Self::Io { doing, source }
    }

    /// An I/O error on a file.
    pub(crate) fn file(doing: &str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        Self::io(format!("{doing} {}", path.display()))
    }

    /// A client error with what was being done.
    pub(crate) fn kubernetes(doing: impl Into<String>) -> impl FnOnce(kube::Error) -> Self {
        let doing = doing.into();
        move |source| Self::Kubernetes {
            doing,
            source: Box::new(source),
        }
    }
}

fn bullet_list(lines: &[String]) -> String {
    lines
        .iter()
        .map(|line| format!("  - {line}"))
        .collect::<Vec<_>>()
        .join("\n")
}
