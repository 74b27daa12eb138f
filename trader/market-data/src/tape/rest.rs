//! The venue's public REST calls, and the server's own health.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::extract::{ConnectInfo, Query, State};
use axum::http::{HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde::Deserialize;

use super::hub::lock;
use super::request_weight::{self, Admission};
use super::server::Shared;
use crate::listing::{Listing, assets};
use crate::wire;

const USED_WEIGHT: HeaderName = HeaderName::from_static("x-mbx-used-weight-1m");

/// Levels of each side that a depth request gets without a limit of its own, and at most.
const DEFAULT_LIMIT: usize = 100;
const LARGEST_LIMIT: usize = 5_000;

pub(super) fn routes() -> Router<Arc<Shared>> {
    Router::new()
        .route("/api/v3/ping", get(async || json("{}".to_owned())))
        .route("/api/v3/time", get(time))
        .route("/api/v3/exchangeInfo", get(exchange_info))
        .route("/api/v3/depth", get(depth))
        .route("/healthz", get(async || "ok"))
        .route("/readyz", get(readiness))
}

#[derive(Debug, Deserialize)]
struct DepthQuery {
    symbol: Option<String>,
    limit: Option<usize>,
}

async fn depth(
    State(shared): State<Arc<Shared>>,
    ConnectInfo(client): ConnectInfo<SocketAddr>,
    Query(query): Query<DepthQuery>,
) -> Response {
    shared
        .counters
        .depth_requests
        .fetch_add(1, Ordering::Relaxed);
    let limit = query.limit.unwrap_or(DEFAULT_LIMIT).min(LARGEST_LIMIT);
    if lock(&shared.throttle).hits(shared.options.faults.throttle_every) {
        return too_many_requests(1);
    }
    let weight = request_weight::of_depth(limit);
    let since_epoch = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    let used = match lock(&shared.weights).admit(client.ip(), weight, since_epoch) {
        Admission::Granted { used } => used,
        Admission::Refused { retry_after } => return too_many_requests(retry_after),
    };
    let Some(symbol) = query.symbol.filter(|symbol| !symbol.is_empty()) else {
        return refusal(
            StatusCode::BAD_REQUEST,
            -1102,
            "Mandatory parameter 'symbol' was not sent, was empty/null, or malformed.",
        );
    };
    let Some(instrument) = shared.instruments.find(&symbol) else {
        return refusal(StatusCode::BAD_REQUEST, -1121, "Invalid symbol.");
    };
    let Some(snapshot) = lock(&shared.market).snapshot(instrument, limit) else {
        return refusal(
            StatusCode::SERVICE_UNAVAILABLE,
            -1000,
            "The tape has not reached a depth snapshot yet.",
        );
    };
    (
        [(USED_WEIGHT, used.to_string())],
        json(wire::snapshot(&snapshot)),
    )
        .into_response()
}

async fn time() -> Response {
    let milliseconds = crate::clock::now().nanoseconds() / 1_000_000;
    json(format!("{{\"serverTime\":{milliseconds}}}"))
}

async fn exchange_info(State(shared): State<Arc<Shared>>) -> Response {
    let milliseconds = crate::clock::now().nanoseconds() / 1_000_000;
    let mut text = format!(
        "{{\"timezone\":\"UTC\",\"serverTime\":{milliseconds},\"rateLimits\":[{{\"rateLimitType\":\
         \"REQUEST_WEIGHT\",\"interval\":\"MINUTE\",\"intervalNum\":1,\"limit\":{}}}],\
         \"exchangeFilters\":[],\"symbols\":[",
        request_weight::LIMIT
    );
    for (index, (_, symbol)) in shared.instruments.iter().enumerate() {
        let Listing { tick, lot, .. } = Listing::of(symbol);
        let (base, quote) = assets(symbol);
        let comma = if index == 0 { "" } else { "," };
        // Writing to a String has no failure.
        let _ = write!(
            text,
            "{comma}{{\"symbol\":\"{symbol}\",\"status\":\"TRADING\",\"baseAsset\":\"{base}\",\
             \"baseAssetPrecision\":8,\"quoteAsset\":\"{quote}\",\"quoteAssetPrecision\":8,\
             \"isSpotTradingAllowed\":true,\"filters\":[\
             {{\"filterType\":\"PRICE_FILTER\",\"minPrice\":\"{tick}\",\"maxPrice\":\"1000000\",\"tickSize\":\"{tick}\"}},\
             {{\"filterType\":\"LOT_SIZE\",\"minQty\":\"{lot}\",\"maxQty\":\"9000\",\"stepSize\":\"{lot}\"}},\
             {{\"filterType\":\"NOTIONAL\",\"minNotional\":\"5\",\"applyMinToMarket\":true,\"maxNotional\":\"9000000\",\"applyMaxToMarket\":false,\"avgPriceMins\":5}}]}}"
        );
    }
    text.push_str("]}");
    json(text)
}

async fn readiness(State(shared): State<Arc<Shared>>) -> Response {
    if shared.ended.load(Ordering::Relaxed) {
        return (StatusCode::SERVICE_UNAVAILABLE, "the tape has ended").into_response();
    }
    if shared.options.wait_for_clients == 0 && !lock(&shared.market).is_open() {
        return (
            StatusCode::SERVICE_UNAVAILABLE,
            "the tape has not reached a depth snapshot of every instrument yet",
        )
            .into_response();
    }
    "ok".into_response()
}

fn json(text: String) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], text).into_response()
}

fn refusal(status: StatusCode, code: i32, message: &str) -> Response {
    let body = format!("{{\"code\":{code},\"msg\":\"{message}\"}}");
    (status, json(body)).into_response()
}

fn too_many_requests(retry_after: u64) -> Response {
    let response = refusal(
        StatusCode::TOO_MANY_REQUESTS,
        -1003,
        "Too much request weight used; please wait.",
    );
    ([(header::RETRY_AFTER, retry_after.to_string())], response).into_response()
}
