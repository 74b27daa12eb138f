//! Status, health, readiness and metrics over HTTP. Nothing here changes anything; a tier may add
//! routes of its own.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};

use crate::metrics;
use crate::status::Observed;

/// Content type of OpenMetrics text.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Every route.
pub(crate) fn routes(observed: Arc<Observed>) -> Router {
    let of_tier = Arc::clone(&observed.part).routes();
    Router::new()
        .route("/healthz", get(async || "ok"))
        .route("/readyz", get(readiness))
        .route("/v1/status", get(status))
        .route("/metrics", get(scrape))
        .with_state(observed)
        .merge(of_tier)
}

async fn readiness(State(observed): State<Arc<Observed>>) -> Response {
    match observed.not_ready_reason() {
        None => "ok".into_response(),
        Some(reason) => (StatusCode::SERVICE_UNAVAILABLE, reason).into_response(),
    }
}

async fn status(State(observed): State<Arc<Observed>>) -> Response {
    Json(observed.status()).into_response()
}

async fn scrape(State(observed): State<Arc<Observed>>) -> Response {
    match metrics::text(&observed) {
        Ok(text) => ([(header::CONTENT_TYPE, OPEN_METRICS)], text).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}
