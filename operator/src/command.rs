//! The command line.

use std::{net::SocketAddr, time::Duration};

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::telemetry::{DEFAULT_FILTER, LogFormat};

const EXAMPLES: &str = "\
Examples:
  In a cluster (the Helm chart does this; everything comes from the environment):
    triptych-operator

  On your machine, against the cluster of your kubeconfig:
    KUBECONFIG=~/.kube/config triptych-operator --log-format pretty --listen 127.0.0.1:8080

  Look at it:
    curl -s localhost:8080/readyz
    curl -s localhost:8080/metrics | grep reconciles

  Install the three kinds without Helm:
    triptych-operator crds | kubectl apply --server-side -f -

Several operators may run at once. One of them is the leader and writes; the others keep their
caches warm and take over within the lease duration, or at once after an orderly stop.

Exit codes: 0 orderly stop, 64 bad usage, 70 something that must not end has ended.";

/// Turns ConfigRevisions and TradingInstances into running traders.
#[derive(Debug, Parser)]
#[command(name = "triptych-operator", version, about, after_help = EXAMPLES, args_conflicts_with_subcommands = true)]
pub struct CommandLine {
    /// What to do; `run` where it is left out.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// Options of `run`.
    #[command(flatten)]
    pub run: RunArguments,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the operator until SIGTERM or Ctrl-C (the default).
    #[command(after_help = EXAMPLES)]
    Run(Box<RunArguments>),
    /// Inspect the seals of the accounts' namespaces until SIGTERM or Ctrl-C. It reads namespaces, quotas,
    /// network policies and rights, and writes nothing but the status of TradingAccounts.
    #[command(
        after_help = "Example:\n  KUBECONFIG=~/.kube/config triptych-operator inspect --log-format pretty --listen 127.0.0.1:8081"
    )]
    Inspect(InspectArguments),
    /// Print the CustomResourceDefinitions of this build as YAML.
    #[command(after_help = "Example:\n  triptych-operator crds | kubectl apply --server-side -f -")]
    Crds,
}

/// Options of `run`.
#[derive(Clone, Debug, Args)]
pub struct RunArguments {
    /// Where it is looked at.
    #[command(flatten)]
    pub endpoints: EndpointArguments,

    /// How many objects are reconciled at the same time.
    #[arg(long, env = "TRIPTYCH_CONCURRENCY", default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=64), value_name = "N")]
    pub concurrency: u16,

    /// Look at this namespace only, or at these; and at no account but those whose sealed namespaces are
    /// among them. Such an operator needs a Lease of its own, and nobody else may look after these
    /// namespaces.
    #[arg(long = "only-namespace", value_name = "NAMESPACE")]
    pub only_namespaces: Vec<String>,

    /// Profile of the installation. It decides about tiers W and R; ABH is the same in both.
    #[arg(long, env = "TRIPTYCH_PROFILE", value_enum, default_value_t = Profile::Production)]
    pub profile: Profile,

    /// Name of this process in the Lease and in events; the name of its pod.
    #[arg(long, env = "POD_NAME", value_name = "NAME")]
    pub name: Option<String>,

    /// Namespace of the Lease; that of the kubeconfig or the pod where it is left out.
    #[arg(long, env = "POD_NAMESPACE", value_name = "NAMESPACE")]
    pub lease_namespace: Option<String>,

    /// Name of the Lease.
    #[arg(
        long,
        env = "TRIPTYCH_LEASE_NAME",
        default_value = "triptych-operator",
        value_name = "NAME"
    )]
    pub lease_name: String,

    /// How long others wait after the leader's last sign of life, in whole seconds.
    #[arg(long, env = "TRIPTYCH_LEASE_SECONDS", default_value = "15", value_parser = seconds, value_name = "SECONDS")]
    pub lease_duration: Duration,

    /// How long the leader may write after its last renewal; shorter than the lease duration.
    #[arg(long, env = "TRIPTYCH_RENEW_SECONDS", default_value = "10", value_parser = seconds, value_name = "SECONDS")]
    pub renew_deadline: Duration,

    /// Pause between two attempts at the Lease; shorter than half of the renew deadline.
    #[arg(long, env = "TRIPTYCH_RETRY_SECONDS", default_value = "2", value_parser = seconds, value_name = "SECONDS")]
    pub retry_period: Duration,

    /// What it logs.
    #[command(flatten)]
    pub log: LogArguments,

    /// Tests: exit with code 99 at this write request, counted from 1 without the Lease's.
    #[cfg(feature = "fault-injection")]
    #[arg(long, hide = true, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub exit_at_write: Option<u64>,

    /// Tests: whether to exit before the request leaves or after it was carried out.
    #[cfg(feature = "fault-injection")]
    #[arg(long, hide = true, value_enum, default_value = "after")]
    pub exit_side: crate::client::Side,
}

/// Options of `inspect`.
#[derive(Clone, Debug, Args)]
pub struct InspectArguments {
    /// Where it is looked at.
    #[command(flatten)]
    pub endpoints: EndpointArguments,

    /// What it logs.
    #[command(flatten)]
    pub log: LogArguments,
}

/// Where a process is looked at.
#[derive(Clone, Debug, Args)]
pub struct EndpointArguments {
    /// Address of /healthz and /readyz, and of the operator's /metrics.
    #[arg(
        long,
        env = "TRIPTYCH_LISTEN",
        default_value = "0.0.0.0:8080",
        value_name = "ADDRESS"
    )]
    pub listen: SocketAddr,
}

/// What a process logs.
#[derive(Clone, Debug, Args)]
pub struct LogArguments {
    /// Form of log lines.
    #[arg(long, env = "TRIPTYCH_LOG_FORMAT", value_enum, default_value_t = LogFormat::Json)]
    pub log_format: LogFormat,

    /// What is logged: a level, or levels by module.
    #[arg(long = "log", env = "TRIPTYCH_LOG", default_value = DEFAULT_FILTER, value_name = "FILTER")]
    pub log_filter: String,
}

/// Profile of an installation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Profile {
    /// Tiers are isolated from each other.
    Production,
    /// One node, no isolation, no live keys.
    Dev,
}

impl Profile {
    /// As metrics and logs name it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Production => "production",
            Self::Dev => "dev",
        }
    }
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.parse().ok();
    seconds
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .ok_or_else(|| format!("'{text}' is not a number of seconds"))
}

impl CommandLine {
    /// The command, with `run` as the default.
    pub fn chosen(self) -> Command {
        self.command
            .unwrap_or_else(|| Command::Run(Box::new(self.run)))
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    fn parse(arguments: &[&str]) -> Result<CommandLine, clap::Error> {
        CommandLine::try_parse_from([&["triptych-operator"], arguments].concat())
    }

    #[test]
    fn the_command_line_is_sound() {
        CommandLine::command().debug_assert();
    }

    #[test]
    fn run_is_the_default_with_or_without_its_name() {
        for arguments in [
            &["--concurrency", "3"][..],
            &["run", "--concurrency", "3"][..],
        ] {
            match parse(arguments).expect("valid").chosen() {
                Command::Run(run) => assert_eq!(run.concurrency, 3),
                other => panic!("{arguments:?}: {other:?}"),
            }
        }
    }

    #[test]
    fn the_definitions_are_printed_by_a_command() {
        let command = parse(&["crds"]).expect("valid").chosen();
        assert!(matches!(command, Command::Crds));
    }

    #[test]
    fn wrong_values_are_refused_with_their_option() {
        for (option, value) in [
            ("--concurrency", "0"),
            ("--listen", "everywhere"),
            ("--lease-duration", "soon"),
            ("--profile", "staging"),
        ] {
            let error = parse(&[option, value]).expect_err("refused").to_string();
            assert!(error.contains(option) && error.contains(value), "{error}");
        }
    }

    #[test]
    fn help_shows_how_to_start() {
        let help = CommandLine::command().render_long_help().to_string();
        for part in ["Examples:", "KUBECONFIG=", "TRIPTYCH_LISTEN", "Exit codes:"] {
            assert!(help.contains(part), "{part} is missing in\n{help}");
        }
    }
}
