//! The operator as a process: starts its parts in order, and stops them in the opposite one.

use std::{process, sync::Arc, time::Duration};

use anyhow::{Context as _, bail};
use kube::Config;
use tokio::{
    signal::unix::{SignalKind, signal},
    task::{JoinHandle, JoinSet},
};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::{
    client,
    command::RunArguments,
    context::Context,
    controllers, http,
    leader_election::{Elector, Leadership, LeaseLock, SystemClock, Timing},
    metrics::Metrics,
    scope::Scope,
    telemetry, watch,
};

/// Longest time that the Lease gets to be given back.
const RELEASE_PATIENCE: Duration = Duration::from_secs(5);

/// Runs until SIGTERM or Ctrl-C.
pub async fn run(arguments: RunArguments) -> anyhow::Result<()> {
    telemetry::start(&arguments.log)?;
    let timing = Timing::new(
        arguments.lease_duration,
        arguments.renew_deadline,
        arguments.retry_period,
    )?;
    let config = Config::infer()
        .await
        .context("no cluster: set KUBECONFIG, or run in a pod with a ServiceAccount")?;
    info!(
        version = env!("CARGO_PKG_VERSION"),
        profile = arguments.profile.as_str(),
        server = %config.cluster_url,
        "starting"
    );
    let parts = Parts::start(&arguments, timing, config)?;
    parts.until_stopped().await
}

/// What runs, each part with its own end.
struct Parts {
    elector: JoinHandle<()>,
    controllers: JoinHandle<()>,
    endpoints: JoinHandle<anyhow::Result<()>>,
    watches: JoinSet<()>,
    stop_controllers: CancellationToken,
    stop_elector: CancellationToken,
    stop_endpoints: CancellationToken,
}

impl Parts {
    fn start(arguments: &RunArguments, timing: Timing, config: Config) -> anyhow::Result<Self> {
        let name = name(arguments);
        let metrics = Arc::new(Metrics::new(arguments.profile.as_str()));
        let elector = elector(arguments, &name, timing, &config, &metrics)?;
        let leadership = elector.leadership();
        let context = context(arguments, &name, config, metrics, &leadership)?;
        let stop_controllers = CancellationToken::new();
        let stop_elector = CancellationToken::new();
        let stop_endpoints = CancellationToken::new();
        Ok(Self {
            watches: watch::follow_all(&context, &Scope::of(&arguments.only_namespaces)),
            elector: tokio::spawn(elector.run(stop_elector.clone())),
            endpoints: tokio::spawn({
                let (address, context) = (arguments.endpoints.listen, context.clone());
                let (leadership, stop) = (leadership.clone(), stop_endpoints.clone());
                async move { http::serve(address, &context, leadership, stop).await }
            }),
            controllers: tokio::spawn(controllers::run(
                context,
                leadership,
                usize::from(arguments.concurrency),
                stop_controllers.clone(),
            )),
            stop_controllers,
            stop_elector,
            stop_endpoints,
        })
    }

    /// Waits for a signal, then stops: first those who write, then the Lease is given back, then the
    /// rest. Whatever ends before that ends the process: another replica takes over.
    async fn until_stopped(mut self) -> anyhow::Result<()> {
        let mut terminate = signal(SignalKind::terminate()).context("SIGTERM")?;
        let mut interrupt = signal(SignalKind::interrupt()).context("SIGINT")?;
        tokio::select! {
            _ = terminate.recv() => info!("SIGTERM: stopping"),
            _ = interrupt.recv() => info!("Ctrl-C: stopping"),
            ended = &mut self.elector => bail!("leader election ended: {ended:?}"),
            ended = &mut self.controllers => bail!("the controllers ended: {ended:?}"),
            ended = &mut self.endpoints => {
                ended.context("the HTTP endpoints panicked")??;
                bail!("the HTTP endpoints ended");
            }
            ended = self.watches.join_next() => bail!("a watch ended: {ended:?}"),
        }
        self.stop_controllers.cancel();
        self.controllers.await.context("the controllers panicked")?;
        self.stop_elector.cancel();
        if tokio::time::timeout(RELEASE_PATIENCE, self.elector)
            .await
            .is_err()
        {
            warn!("the Lease was not given back in time: it expires by itself");
        }
        self.watches.shutdown().await;
        self.stop_endpoints.cancel();
        info!("stopped");
        Ok(())
    }
}

fn elector(
    arguments: &RunArguments,
    name: &str,
    timing: Timing,
    config: &Config,
    metrics: &Arc<Metrics>,
) -> anyhow::Result<Elector<SystemClock, LeaseLock>> {
    let namespace = arguments
        .lease_namespace
        .as_deref()
        .unwrap_or(&config.default_namespace);
    let client = client::for_lease(config.clone(), Arc::clone(metrics))?;
    let lock = LeaseLock::new(client, namespace, &arguments.lease_name);
    // A restarted process is another candidate than the one before it.
    let identity = format!("{name}_{:016x}", fastrand::u64(..));
    Ok(Elector::new(identity, timing, SystemClock, lock))
}

fn context(
    arguments: &RunArguments,
    name: &str,
    config: Config,
    metrics: Arc<Metrics>,
    leadership: &Leadership,
) -> anyhow::Result<Context> {
    let faults = faults(arguments);
    let client = client::for_work(config, Arc::clone(&metrics), leadership.clone(), &faults)?;
    Ok(Context::new(client, metrics, name.to_owned()))
}

#[cfg(not(feature = "fault-injection"))]
fn faults(_: &RunArguments) -> client::Faults {
    client::Faults
}

#[cfg(feature = "fault-injection")]
fn faults(arguments: &RunArguments) -> client::Faults {
    let exit = arguments.exit_at_write.map(|number| client::ExitAtWrite {
        number,
        side: arguments.exit_side,
    });
    client::Faults::new(exit)
}

fn name(arguments: &RunArguments) -> String {
    arguments.name.clone().unwrap_or_else(|| {
        let host = rustix::system::uname();
        let host = host.nodename().to_string_lossy().into_owned();
        format!("{host}-{}", process::id())
    })
}
