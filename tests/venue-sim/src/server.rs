//! The venue as a whole: bind, move the market, serve, stop.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request};
use axum::response::Response;
use axum::routing::get;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use thiserror::Error;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tower::{ServiceExt, service_fn};
use tracing::info;
use triptych_market_data::recording::RecordingError;

use crate::persona::Persona;
use crate::rest::CutConnection;
use crate::settings::{CrowdSettings, PersonaName, Personas, SettingsError};
use crate::{admin, crowd, rest, streams};

/// Where a venue listens; port 0 takes a free one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Addresses {
    /// The live persona.
    pub live: SocketAddr,
    /// The demo persona.
    pub demo: SocketAddr,
    /// The admin port.
    pub admin: SocketAddr,
}

impl Addresses {
    /// Free ports of this machine alone.
    pub fn local() -> Self {
        let free = SocketAddr::from(([127, 0, 0, 1], 0));
        Self {
            live: free,
            demo: free,
            admin: free,
        }
    }
}

/// Why a venue cannot start.
#[derive(Debug, Error)]
pub enum VenueError {
    /// An address cannot be listened on.
    #[error("{part} at {address}: {source}")]
    Listen {
        /// Which part.
        part: &'static str,
        /// The address asked for.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// The recording cannot be played.
    #[error(transparent)]
    Recording(#[from] RecordingError),
    /// The accounts are not as they must be.
    #[error(transparent)]
    Settings(#[from] SettingsError),
}

/// A venue that runs in the background; it ends when this is dropped.
#[derive(Debug)]
pub struct RunningVenue {
    addresses: Addresses,
    stop: CancellationToken,
}

impl RunningVenue {
    /// Where it listens.
    pub fn addresses(&self) -> Addresses {
        self.addresses
    }
}

impl Drop for RunningVenue {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// Binds and begins to move the market; inside a tokio runtime.
pub async fn start(
    addresses: Addresses,
    personas: &Personas,
    settings: &CrowdSettings,
) -> Result<RunningVenue, VenueError> {
    let instruments = crowd::instruments(settings)?;
    let events = crowd::open(settings, &instruments)?;
    let open = |name| Persona::new(personas.of(name), name, &instruments).map(Arc::new);
    let personas = Arc::new([open(PersonaName::Live)?, open(PersonaName::Demo)?]);
    let stop = CancellationToken::new();
    let (live, live_address) = bind("the live persona", addresses.live).await?;
    let (demo, demo_address) = bind("the demo persona", addresses.demo).await?;
    let (admin, admin_address) = bind("the admin port", addresses.admin).await?;
    let listeners = [
        (live, routes(Arc::clone(&personas[0]))),
        (demo, routes(Arc::clone(&personas[1]))),
        (admin, admin::routes(Arc::clone(&personas))),
    ];
    for (listener, router) in listeners {
        tokio::spawn(until(stop.clone(), serve(listener, router, stop.clone())));
    }
    let play = crowd::play(Arc::clone(&personas), events, settings.pace);
    tokio::spawn(until(stop.clone(), play));
    tokio::spawn(until(stop.clone(), crowd::publish(personas)));
    let addresses = Addresses {
        live: live_address,
        demo: demo_address,
        admin: admin_address,
    };
    info!(?addresses, "the venue is open");
    Ok(RunningVenue { addresses, stop })
}

async fn until(stop: CancellationToken, task: impl Future<Output = ()>) {
    tokio::select! {
        () = task => {}
        () = stop.cancelled() => {}
    }
}

async fn bind(
    part: &'static str,
    address: SocketAddr,
) -> Result<(TcpListener, SocketAddr), VenueError> {
    let failed = |source| VenueError::Listen {
        part,
        address,
        source,
    };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let bound = listener.local_addr().map_err(failed)?;
    Ok((listener, bound))
}

fn routes(persona: Arc<Persona>) -> Router {
    Router::new()
        .route("/ws-api/v3", get(streams::api))
        .route("/stream", get(streams::combined))
        .route("/ws", get(streams::raw_without_stream))
        .route("/ws/{*streams}", get(streams::raw))
        .fallback(rest::handle)
        .with_state(persona)
}

/// Serves connections one by one rather than with `axum::serve`, because a fault may cut one without
/// an answer.
async fn serve(listener: TcpListener, router: Router, stop: CancellationToken) {
    loop {
        // An error of accept is of one connection that has gone already.
        let Ok((socket, address)) = listener.accept().await else {
            continue;
        };
        let _ = socket.set_nodelay(true);
        let router = router.clone();
        let service = service_fn(move |request: Request<Incoming>| {
            answer(router.clone(), address, request.map(Body::new))
        });
        let connection = async move {
            let connection = http1::Builder::new()
                .serve_connection(TokioIo::new(socket), TowerToHyperService::new(service))
                .with_upgrades();
            // A client that goes away is none of the venue's business.
            let _ = connection.await;
        };
        tokio::spawn(until(stop.clone(), connection));
    }
}

async fn answer(
    router: Router,
    address: SocketAddr,
    mut request: Request<Body>,
) -> Result<Response, io::Error> {
    request.extensions_mut().insert(ConnectInfo(address));
    let response = match router.oneshot(request).await {
        Ok(response) => response,
        Err(never) => match never {},
    };
    if response.extensions().get::<CutConnection>().is_some() {
        return Err(io::Error::other("cut as a fault, on purpose"));
    }
    Ok(response)
}
