//! The life of the process: market data -> decisions -> dataset, until it is asked to stop.
//!
//! Three stages with a bounded queue between each two: the network on the asynchronous runtime, the
//! engine on a thread, the dataset on another. Stopping closes the first queue and lets what is in
//! flight run through to the final flush.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::SyncSender;
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};
use triptych_crds::config_revision::ConfigRevisionSpec;
use triptych_dataset::background::{OfWriter, Record, ToWriter, Writing, queues};
use triptych_dataset::run::RunId;
use triptych_dataset::{DatasetWriter, Options, RunContext};
use triptych_engine::Engine;
use triptych_engine::strategies::custom::Algorithms;
use triptych_market_data::feed::{self, FeedConfig, FeedStatus};

use crate::configuration::{self, Configuration};
use crate::environment::Environment;
use crate::exit::Failure;
use crate::identity::Identity;
use crate::recorder::DatasetStatus;
use crate::status::Observed;
use crate::tier::{Deciding, TierPart};
use crate::{decisions, http, recorder};

/// Market events that may wait for the engine.
const EVENT_QUEUE: usize = 65_536;

/// Candidates that may wait for the dataset.
const CANDIDATE_QUEUE: usize = 8_192;

/// Longest time that open HTTP connections may hold up the end.
const HTTP_STOP_TIMEOUT: Duration = Duration::from_secs(2);

/// A trader that has read its configuration and holds its dataset, and does nothing yet.
pub struct Prepared {
    environment: Environment,
    configuration: Configuration,
    identity: Identity,
    writer: DatasetWriter,
    to_recorder: ToWriter,
    of_recorder: OfWriter,
}

impl Prepared {
    /// Loads the configuration, which may name these algorithms besides the engine's own, and becomes
    /// the only writer of the data directory.
    pub fn open(environment: Environment, algorithms: &Algorithms) -> Result<Self, Failure> {
        let configuration = configuration::load(&environment, algorithms)?;
        let identity = Identity::establish()?;
        let writer = open_dataset(&environment, &configuration, &identity)?;
        let (to_recorder, of_recorder) = queues(CANDIDATE_QUEUE);
        Ok(Self {
            environment,
            configuration,
            identity,
            writer,
            to_recorder,
            of_recorder,
        })
    }

    /// What the environment says.
    pub fn environment(&self) -> &Environment {
        &self.environment
    }

    /// The engine that will decide.
    pub fn engine(&self) -> &Engine {
        &self.configuration.engine
    }

    /// The revision that it runs.
    pub fn revision(&self) -> &ConfigRevisionSpec {
        &self.configuration.revision
    }

    /// Name of this run in the dataset.
    pub fn run_id(&self) -> &str {
        &self.identity.run_id
    }

    /// Where rows for the dataset go. The dataset is closed when nobody has this any more.
    pub fn records(&self) -> SyncSender<Record> {
        self.to_recorder.records.clone()
    }

    /// Runs until SIGTERM or SIGINT, or until a stage fails.
    pub async fn run(
        self,
        part: Arc<dyn TierPart>,
        deciding: Box<dyn Deciding>,
    ) -> Result<(), Failure> {
        let listen = self.environment.listen;
        let unusable = |error| Failure::Internal(format!("listen on {listen}: {error}"));
        let listener = TcpListener::bind(listen).await.map_err(unusable)?;
        let address = listener.local_addr().map_err(unusable)?;
        let observed = Arc::new(Observed {
            config_hash: self.configuration.hash.clone(),
            feed: Arc::new(FeedStatus::new(&self.configuration.instruments)),
            decisions: Arc::default(),
            dataset: Arc::new(DatasetStatus::default()),
            stopping: AtomicBool::new(false),
            identity: self.identity,
            environment: self.environment,
            part,
        });
        info!(
            tier = observed.environment.tier.as_str(),
            namespace = observed.environment.namespace,
            instance = observed.environment.instance,
            pod = observed.environment.pod_name,
            node = observed.environment.node_name,
            run = observed.identity.run_id,
            config_hash = %observed.config_hash,
            source = observed.environment.market_data.stream(),
            %address,
            "running"
        );
        let serving = Serving::start(listener, &observed);
        let stages = Stages {
            configuration: self.configuration,
            writer: self.writer,
            to_recorder: self.to_recorder,
            of_recorder: self.of_recorder,
            deciding,
        };
        let result = stages.run_until_stopped(&observed).await;
        serving.stop().await;
        result
    }
}

/// Runs a trader's main task on an asynchronous runtime of its own.
pub fn block_on(trader: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| Failure::Internal(format!("asynchronous runtime: {error}")))?
        .block_on(trader)
}

fn open_dataset(
    environment: &Environment,
    configuration: &Configuration,
    identity: &Identity,
) -> Result<DatasetWriter, Failure> {
    let run = RunContext {
        run_id: RunId::parse(&identity.run_id)
            .map_err(|error| Failure::Internal(error.to_string()))?,
        tier: environment.tier.as_str().to_owned(),
        instance: format!("{}/{}", environment.namespace, environment.instance),
        binary_sha256: identity.binary_sha256.clone(),
        config_hash: configuration.hash.to_string(),
    };
    let options = Options {
        queued_rows: CANDIDATE_QUEUE,
        ..Options::new(&environment.data_directory)
    };
    let writer = DatasetWriter::open(options, run)?;
    info!(recovery = ?writer.recovery(), "dataset opened");
    Ok(writer)
}

/// What the stages work with.
struct Stages {
    configuration: Configuration,
    writer: DatasetWriter,
    to_recorder: ToWriter,
    of_recorder: OfWriter,
    deciding: Box<dyn Deciding>,
}

impl Stages {
    async fn run_until_stopped(self, observed: &Arc<Observed>) -> Result<(), Failure> {
        let Self {
            configuration,
            writer,
            to_recorder,
            of_recorder,
            deciding,
        } = self;
        let (event_sender, events) = mpsc::channel(EVENT_QUEUE);
        let (resync_sender, resync) = mpsc::unbounded_channel();
        let stop = CancellationToken::new();

        let dataset = recorder::start(writer, of_recorder, Arc::clone(&observed.dataset))?;
        let decisions = decisions::start(
            configuration.engine,
            events,
            to_recorder,
            resync_sender,
            deciding,
            Arc::clone(&observed.decisions),
        )?;
        let config = FeedConfig::new(
            observed.environment.market_data.clone(),
            configuration.instruments,
        );
        let status = Arc::clone(&observed.feed);
        let mut feed = tokio::spawn(feed::run(
            config,
            status,
            event_sender,
            resync,
            stop.clone(),
        ));

        let ended_by_itself = tokio::select! {
            asked = asked_to_stop() => {
                info!(signal = asked?, "stopping");
                None
            }
            ended = &mut feed => Some(ended),
        };
        observed.stopping.store(true, Ordering::Relaxed);
        stop.cancel();
        let feed_result = match ended_by_itself {
            Some(ended) => Err(Failure::Internal(match ended {
                Ok(Ok(())) => "the engine ended".to_owned(),
                Ok(Err(error)) => format!("TLS: {error}"),
                Err(panic) => format!("feed handler: {panic}"),
            })),
            None => feed
                .await
                .map(|_| ())
                .map_err(|panic| Failure::Internal(format!("feed handler: {panic}"))),
        };
        let flushed = wait_for_stages(decisions, dataset).await;
        // A stage that failed is the cause of what the feed handler saw.
        flushed.and(feed_result)
    }
}

/// The name of the signal.
async fn asked_to_stop() -> Result<&'static str, Failure> {
    let failed = |error| Failure::Internal(format!("signals: {error}"));
    let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
    Ok(tokio::select! {
        _ = terminate.recv() => "SIGTERM",
        _ = interrupt.recv() => "SIGINT",
    })
}

/// The engine takes what is in its queue, then the dataset takes what is in its own and closes.
async fn wait_for_stages(deciding: JoinHandle<()>, dataset: Writing) -> Result<(), Failure> {
    let joined = tokio::task::spawn_blocking(move || (deciding.join(), dataset.join()))
        .await
        .map_err(|error| Failure::Internal(error.to_string()))?;
    match joined {
        (Err(_), _) => Err(Failure::Internal("the decision thread panicked".to_owned())),
        (_, Err(_)) => Err(Failure::Internal("the dataset thread panicked".to_owned())),
        (Ok(()), Ok(closed)) => {
            recorder::say_closed(&closed?);
            Ok(())
        }
    }
}

/// The HTTP server while it runs.
struct Serving {
    stop: CancellationToken,
    task: tokio::task::JoinHandle<std::io::Result<()>>,
}

impl Serving {
    fn start(listener: TcpListener, observed: &Arc<Observed>) -> Self {
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        let server = axum::serve(listener, http::routes(Arc::clone(observed)))
            .with_graceful_shutdown(async move { stopped.cancelled().await });
        Self {
            stop,
            task: tokio::spawn(server.into_future()),
        }
    }

    async fn stop(self) {
        self.stop.cancel();
        match tokio::time::timeout(HTTP_STOP_TIMEOUT, self.task).await {
            Ok(Ok(Err(error))) => warn!(%error, "status server"),
            Ok(Err(error)) => warn!(%error, "status server"),
            Ok(Ok(Ok(()))) | Err(_) => {}
        }
    }
}
