//! The tape server's life: bind, play and serve, stop.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tracing::info;
use triptych_engine::event::{DepthSnapshot, InstrumentId};

use super::faults::FaultCounter;
use super::hub::{Hub, lock};
use super::market::PlayedMarket;
use super::options::{TapeError, TapeOptions, TapeSource};
use super::request_weight::RequestWeights;
use super::{player, rest, streams};
use crate::instruments::Instruments;
use crate::recording::discover_instruments;

/// Longest time that open connections may hold up the stop.
const STOP_TIMEOUT: Duration = Duration::from_secs(5);

/// What the server counts since its start.
#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) events: AtomicU64,
    pub(super) messages: AtomicU64,
    pub(super) connections: AtomicU64,
    pub(super) slow_clients: AtomicU64,
    pub(super) silent_clients: AtomicU64,
    pub(super) dropped_on_purpose: AtomicU64,
    pub(super) depth_requests: AtomicU64,
}

/// What the server has counted since its start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TapeCounters {
    /// Events of the tape that were played.
    pub events: u64,
    /// Messages sent to clients.
    pub messages: u64,
    /// Connections opened by clients.
    pub connections: u64,
    /// Clients disconnected because they did not keep up.
    pub slow_clients: u64,
    /// Clients disconnected because they answered no ping.
    pub silent_clients: u64,
    /// Depth diffs left out as a fault on purpose.
    pub dropped_on_purpose: u64,
    /// Depth requests.
    pub depth_requests: u64,
}

/// What the player, the streams and REST share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) options: TapeOptions,
    pub(super) instruments: Instruments,
    pub(super) market: Mutex<PlayedMarket>,
    pub(super) hub: Hub,
    pub(super) weights: Mutex<RequestWeights>,
    pub(super) throttle: Mutex<FaultCounter>,
    pub(super) counters: Counters,
    pub(super) ended: AtomicBool,
    pub(super) stopping: CancellationToken,
}

/// A tape server that is bound to its address and has not begun to play.
#[derive(Debug)]
pub struct TapeServer {
    listener: TcpListener,
    address: SocketAddr,
    shared: Arc<Shared>,
}

/// Looks into a running server.
#[derive(Debug, Clone)]
pub struct TapeHandle {
    shared: Arc<Shared>,
}

impl TapeHandle {
    /// The instruments that are served.
    pub fn instruments(&self) -> &Instruments {
        &self.shared.instruments
    }

    /// The whole book of `instrument` as played so far; `None` before the tape's snapshot.
    pub fn book(&self, instrument: InstrumentId) -> Option<DepthSnapshot> {
        lock(&self.shared.market).snapshot(instrument, usize::MAX)
    }

    /// The update id of the book of `instrument`; `None` before the tape's snapshot.
    pub fn last_update_id(&self, instrument: InstrumentId) -> Option<u64> {
        lock(&self.shared.market).last_update_id(instrument)
    }

    /// Whether the tape was played to its end.
    pub fn has_ended(&self) -> bool {
        self.shared.ended.load(Ordering::Relaxed)
    }

    /// Cuts every connection without a goodbye; how many there were.
    pub fn cut_all(&self) -> usize {
        self.shared.hub.cut_all()
    }

    /// What was counted so far.
    pub fn counters(&self) -> TapeCounters {
        let counters = &self.shared.counters;
        TapeCounters {
            events: counters.events.load(Ordering::Relaxed),
            messages: counters.messages.load(Ordering::Relaxed),
            connections: counters.connections.load(Ordering::Relaxed),
            slow_clients: counters.slow_clients.load(Ordering::Relaxed),
            silent_clients: counters.silent_clients.load(Ordering::Relaxed),
            dropped_on_purpose: counters.dropped_on_purpose.load(Ordering::Relaxed),
            depth_requests: counters.depth_requests.load(Ordering::Relaxed),
        }
    }
}

impl TapeServer {
    /// Binds to the address and learns the instruments.
    pub async fn bind(options: TapeOptions) -> Result<Self, TapeError> {
        let instruments = match &options.source {
            TapeSource::Recording { path, .. } => discover_instruments(path)?,
            TapeSource::Generator { instruments, .. } => instruments.clone(),
        };
        let listen = options.listen;
        let failed = |source| TapeError::Listen {
            address: listen,
            source,
        };
        let listener = TcpListener::bind(listen).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let shared = Shared {
            market: Mutex::new(PlayedMarket::new(&instruments)),
            hub: Hub::new(options.client_queue),
            instruments,
            options,
            weights: Mutex::default(),
            throttle: Mutex::default(),
            counters: Counters::default(),
            ended: AtomicBool::new(false),
            stopping: CancellationToken::new(),
        };
        Ok(Self {
            listener,
            address,
            shared: Arc::new(shared),
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// A view that stays valid while the server runs.
    pub fn handle(&self) -> TapeHandle {
        TapeHandle {
            shared: Arc::clone(&self.shared),
        }
    }

    /// Plays and serves until `stop` is cancelled. At the tape's end connections stay open and
    /// silent and REST goes on answering.
    pub async fn run(self, stop: CancellationToken) -> Result<(), TapeError> {
        let Self {
            listener,
            address,
            shared,
        } = self;
        let instruments: Vec<&str> = shared
            .instruments
            .iter()
            .map(|(_, symbol)| symbol.as_str())
            .collect();
        info!(%address, ?instruments, pace = %shared.options.pace, "tape server is listening");
        let application = rest::routes()
            .merge(streams::routes())
            .with_state(Arc::clone(&shared))
            .into_make_service_with_connect_info::<SocketAddr>();
        let stopping = shared.stopping.clone();
        let server = axum::serve(listener, application)
            .with_graceful_shutdown(async move { stopping.cancelled().await });
        let mut server = tokio::spawn(server.into_future());
        let mut player = tokio::spawn(player::play(Arc::clone(&shared), stop.clone()));
        let result = tokio::select! {
            result = &mut player => match result {
                Ok(Ok(())) => {
                    stop.cancelled().await;
                    Ok(())
                }
                Ok(Err(error)) => Err(TapeError::Recording(error)),
                Err(panic) => std::panic::resume_unwind(panic.into_panic()),
            },
            result = &mut server => match result {
                Ok(ended) => ended.map_err(|source| TapeError::Listen { address, source }),
                Err(panic) => std::panic::resume_unwind(panic.into_panic()),
            },
        };
        player.abort();
        shared.stopping.cancel();
        if !server.is_finished() {
            let _ = tokio::time::timeout(STOP_TIMEOUT, &mut server).await;
        }
        server.abort();
        info!(counters = ?TapeHandle { shared }.counters(), "tape server stopped");
        result
    }
}

/// Binds, plays and serves until `stop` is cancelled.
pub async fn serve(options: TapeOptions, stop: CancellationToken) -> Result<(), TapeError> {
    TapeServer::bind(options).await?.run(stop).await
}

/// Binds, plays and serves until the process is asked to end (SIGTERM or SIGINT).
pub async fn serve_until_signal(options: TapeOptions) -> Result<(), TapeError> {
    let mut terminate = signal(SignalKind::terminate()).map_err(TapeError::Signal)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(TapeError::Signal)?;
    let stop = CancellationToken::new();
    let serving = serve(options, stop.clone());
    tokio::pin!(serving);
    tokio::select! {
        result = &mut serving => return result,
        _ = terminate.recv() => info!("SIGTERM: stopping"),
        _ = interrupt.recv() => info!("SIGINT: stopping"),
    }
    stop.cancel();
    serving.await
}
