//! The arguments of the command `cluster`.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use triptych_cluster::name::ClusterName;

/// A real Kubernetes cluster on this machine, for tests and demonstrations.
///
/// etcd, API server, controllers, kubelets with containerd, kube-proxy, DNS, an image registry,
/// network policies and local volumes, built from source and started as plain processes. Needs
/// root, Go 1.26 and a few Debian packages; an error names what is missing.
#[derive(Debug, Parser)]
#[command(name = "cluster", version, after_help = EXAMPLES)]
pub(crate) struct CommandLine {
    /// Name of the cluster; several live side by side.
    #[arg(
        long,
        global = true,
        env = "TRIPTYCH_CLUSTER",
        default_value = "triptych"
    )]
    pub(crate) name: ClusterName,

    #[command(subcommand)]
    pub(crate) command: Command,
}

const EXAMPLES: &str = "\
Examples:
  cluster up                                     bring the cluster up (the first time builds it)
  eval \"$(cluster shell-env)\" && kubectl get nodes
  cluster build-image --image triptych/probe --binary target/probe=/probe --entrypoint /probe
  cluster fail-node triptych-node-2              end its kubelet and containerd
  cluster heal-node triptych-node-2              bring it back
  cluster down                                   end all of it and remove its files";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Bring the cluster up, unless it is.
    Up(UpArguments),
    /// End everything that belongs to the cluster and remove its files.
    Down,
    /// Say how the cluster fares.
    Status {
        #[command(flatten)]
        output: Output,
    },
    /// Print the administrator's kubeconfig.
    Kubeconfig {
        /// Print its path instead.
        #[arg(long)]
        path: bool,
    },
    /// Print a kubeconfig for a user of one's own, with a certificate of the cluster.
    UserKubeconfig {
        /// Name of the user.
        #[arg(long)]
        user: String,
        /// A group of the user; at most two.
        #[arg(long = "group")]
        groups: Vec<String>,
    },
    /// Build an image from static executables and push it to the cluster's registry.
    BuildImage(BuildImageArguments),
    /// Push an OCI layout folder, or an archive as `docker save` writes it, to the registry.
    LoadImage {
        /// The folder or archive.
        path: PathBuf,
        /// Repository in the registry, such as triptych/trader.
        #[arg(long)]
        image: String,
        #[command(flatten)]
        output: Output,
    },
    /// Make a node fail: its kubelet and containerd end, its containers live on.
    FailNode {
        /// Name of the node.
        node: String,
        /// Also take its link down.
        #[arg(long)]
        partition: bool,
        /// End everything on it at once, containers too.
        #[arg(long, conflicts_with = "partition")]
        power_off: bool,
    },
    /// Take a node's link down; everything on it lives on.
    Partition {
        /// Name of the node.
        node: String,
    },
    /// End every failure of a node.
    HealNode {
        /// Name of the node.
        node: String,
    },
    /// Print the log of a process, or the names of all logs.
    Logs {
        /// Name of the process, such as apiserver or node-1-kubelet.
        process: Option<String>,
    },
    /// Print the audit log: who wrote what.
    Audit(AuditArguments),
    /// Build the parts that the cache lacks.
    BuildParts,
    /// Run kubectl on the cluster.
    Kubectl(Passthrough),
    /// Run helm on the cluster.
    Helm(Passthrough),
    /// Print the exports that make kubectl and the tests use the cluster.
    ShellEnv,
    /// Enforce network policies on a node (started by `up` in the node's network namespace).
    #[command(hide = true)]
    EnforceNetworkPolicy {
        /// Name of the node.
        #[arg(long)]
        node: String,
        /// Kubeconfig to watch with.
        #[arg(long)]
        kubeconfig: PathBuf,
        /// Socket at which new pods announce themselves.
        #[arg(long)]
        socket: PathBuf,
    },
    /// Provide local persistent volumes (started by `up`).
    #[command(hide = true)]
    ProvideLocalVolumes {
        /// Kubeconfig to watch and write with.
        #[arg(long)]
        kubeconfig: PathBuf,
        /// Folder with one folder a node.
        #[arg(long)]
        folder: PathBuf,
    },
}

#[derive(Debug, Args)]
pub(crate) struct UpArguments {
    /// Number of nodes, 1 to 9.
    #[arg(long, default_value_t = 3)]
    pub(crate) nodes: u8,
    /// Label and taint the first node for tier W.
    #[arg(long)]
    pub(crate) w_node: bool,
}

#[derive(Debug, Args)]
pub(crate) struct BuildImageArguments {
    /// Repository in the registry, such as triptych/trader.
    #[arg(long)]
    pub(crate) image: String,
    /// An executable as PATH=DESTINATION; it must be static, as the image holds nothing else.
    #[arg(long = "binary", required = true, value_name = "PATH=DESTINATION")]
    pub(crate) binaries: Vec<String>,
    /// A further file as PATH=DESTINATION.
    #[arg(long = "file", value_name = "PATH=DESTINATION")]
    pub(crate) files: Vec<String>,
    /// A word of the command that a container runs; the first binary if none is given.
    #[arg(long = "entrypoint", value_name = "WORD")]
    pub(crate) entrypoint: Vec<String>,
    /// User and group.
    #[arg(long, default_value = "65532:65532")]
    pub(crate) user: String,
    /// An environment variable as NAME=VALUE.
    #[arg(long = "env", value_name = "NAME=VALUE")]
    pub(crate) environment: Vec<String>,
    #[command(flatten)]
    pub(crate) output: Output,
}

#[derive(Debug, Args)]
pub(crate) struct AuditArguments {
    /// Print the path of the log instead.
    #[arg(long)]
    pub(crate) path: bool,
    /// Only what this user did.
    #[arg(long)]
    pub(crate) user: Option<String>,
    /// Only this verb.
    #[arg(long)]
    pub(crate) verb: Option<String>,
    /// Only objects of this resource, such as pods.
    #[arg(long)]
    pub(crate) resource: Option<String>,
    #[command(flatten)]
    pub(crate) output: Output,
}

#[derive(Debug, Args)]
pub(crate) struct Passthrough {
    /// Arguments of the program.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    pub(crate) arguments: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Output {
    /// Form of the output.
    #[arg(short, long = "output", value_enum, default_value_t = OutputForm::Text)]
    pub(crate) form: OutputForm,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum OutputForm {
    /// For people.
    Text,
    /// For programs.
    Json,
}
