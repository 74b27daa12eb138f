//! Log lines: JSON for machines, pretty for people.

use anyhow::Context;
use clap::ValueEnum;
use tracing_subscriber::{EnvFilter, fmt, layer::SubscriberExt, util::SubscriberInitExt};

use crate::command::LogArguments;

/// What is logged without a filter: the operator's own lines, and warnings of everything else. The
/// client's own errors are left out, as the operator reports each of them with its context.
pub const DEFAULT_FILTER: &str = "warn,triptych_operator=info,kube_client=off,kube_runtime=off";

/// Form of log lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// One JSON object a line.
    Json,
    /// Text with colours where the terminal has them.
    Pretty,
}

/// Logs to standard error from now on.
pub fn start(arguments: &LogArguments) -> anyhow::Result<()> {
    let filter = &arguments.log_filter;
    let filter = EnvFilter::try_new(filter).with_context(|| {
        format!("--log {filter}: not a filter; expected something like 'info' or 'warn,triptych_operator=debug'")
    })?;
    let registry = tracing_subscriber::registry().with(filter);
    match arguments.log_format {
        LogFormat::Json => registry
            .with(
                fmt::layer()
                    .json()
                    .flatten_event(true)
                    .with_current_span(true)
                    .with_span_list(false)
                    .with_writer(std::io::stderr),
            )
            .try_init(),
        LogFormat::Pretty => registry
            .with(fmt::layer().with_target(false).with_writer(std::io::stderr))
            .try_init(),
    }
    .context("a logger was started before")
}
