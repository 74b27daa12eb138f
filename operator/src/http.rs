//! `/healthz`, `/readyz` and `/metrics`.

use std::{net::SocketAddr, sync::Arc};

use anyhow::Context as _;
use axum::{
    Router,
    extract::State,
    http::{StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
    routing::get,
};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::{
    cache::Caches,
    context::Context,
    leader_election::{Clock, Leadership},
    metrics::Metrics,
    queue::WorkQueue,
};

/// Media type of OpenMetrics text.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// What the endpoints show.
struct Shown<C: Clock> {
    caches: Arc<Caches>,
    queue: Arc<WorkQueue>,
    metrics: Arc<Metrics>,
    leadership: Leadership<C>,
}

/// Serves until `stop`.
pub async fn serve<C: Clock>(
    address: SocketAddr,
    context: &Context,
    leadership: Leadership<C>,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let listener = TcpListener::bind(address).await.with_context(|| {
        format!("--listen {address}: the address cannot be used; choose a free one")
    })?;
    axum::serve(listener, router(context, leadership))
        .with_graceful_shutdown(stop.cancelled_owned())
        .await
        .context("the HTTP endpoints ended")
}

fn router<C: Clock>(context: &Context, leadership: Leadership<C>) -> Router {
    let shown = Shown {
        caches: Arc::clone(&context.caches),
        queue: Arc::clone(&context.queue),
        metrics: Arc::clone(&context.metrics),
        leadership,
    };
    Router::new()
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(ready::<C>))
        .route("/metrics", get(metrics::<C>))
        .with_state(Arc::new(shown))
}

/// Ready with warm caches, leader or not: a follower is ready to take over.
async fn ready<C: Clock>(State(shown): State<Arc<Shown<C>>>) -> Response {
    let missing: Vec<&str> = shown
        .caches
        .synced()
        .into_iter()
        .filter(|(_, synced)| !synced)
        .map(|(kind, _)| kind)
        .collect();
    if missing.is_empty() {
        return "ok\n".into_response();
    }
    let text = format!("not listed, or the watch failed: {}\n", missing.join(", "));
    (StatusCode::SERVICE_UNAVAILABLE, text).into_response()
}

async fn metrics<C: Clock>(State(shown): State<Arc<Shown<C>>>) -> Response {
    let leader = shown.leadership.may_write();
    let text = shown.metrics.scrape(leader, &shown.queue, &shown.caches);
    ([(CONTENT_TYPE, OPEN_METRICS)], text).into_response()
}
