//! `POST /v1/halt`: stops the trader without the API server. It can halt and never clear.

use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::extract::State;
use axum::http::header::{AUTHORIZATION, HeaderMap, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, Request, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::json;
use triptych_dataset::encode::trading_state_name;

use super::LONGEST_REASON;
use super::control::HaltControl;
use super::machine::Stopper;
use crate::keys::HaltToken;

/// Largest body: the longest reason with every character escaped, and room for the rest.
const LARGEST_BODY: usize = 8 * 1024;

struct Endpoint {
    control: Arc<HaltControl>,
    token: HaltToken,
}

/// The body of a request.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct HaltRequest {
    reason: String,
}

/// The route; there is none where the account has no token.
pub fn route(control: Arc<HaltControl>, token: Option<HaltToken>) -> Router {
    match token {
        None => Router::new(),
        Some(token) => Router::new()
            .route("/v1/halt", post(halt))
            .with_state(Arc::new(Endpoint { control, token })),
    }
}

async fn halt(State(endpoint): State<Arc<Endpoint>>, request: Request<Body>) -> Response {
    if !is_authentic(&endpoint.token, request.headers()) {
        let challenge = [(WWW_AUTHENTICATE, "Bearer")];
        let what = "expected the header Authorization: Bearer <halt-token>\n";
        return (StatusCode::UNAUTHORIZED, challenge, what).into_response();
    }
    let reason = match read_reason(request.into_body()).await {
        Ok(reason) => reason,
        Err(refusal) => return refusal.into_response(),
    };
    match endpoint.control.stop(Stopper::Endpoint, &reason).await {
        Ok(halt) => Json(json!({
            "state": trading_state_name(endpoint.control.state()),
            "halt": super::document(&halt),
        }))
        .into_response(),
        Err(error) => (StatusCode::SERVICE_UNAVAILABLE, format!("{error}\n")).into_response(),
    }
}

fn is_authentic(token: &HaltToken, headers: &HeaderMap) -> bool {
    headers
        .get(AUTHORIZATION)
        .map(HeaderValue::as_bytes)
        .and_then(|value| value.split_at_checked("Bearer ".len()))
        .is_some_and(|(scheme, given)| scheme.eq_ignore_ascii_case(b"Bearer ") && token.is(given))
}

async fn read_reason(body: Body) -> Result<String, (StatusCode, String)> {
    let body = to_bytes(body, LARGEST_BODY).await.map_err(|_| {
        let what = format!("body: more than {LARGEST_BODY} bytes, or cut off\n");
        (StatusCode::PAYLOAD_TOO_LARGE, what)
    })?;
    let refused = |why: String| {
        let what = format!(
            "body: {why}; expected {{\"reason\": \"…\"}} with 1 to {LONGEST_REASON} characters\n"
        );
        (StatusCode::BAD_REQUEST, what)
    };
    let request: HaltRequest =
        serde_json::from_slice(&body).map_err(|error| refused(error.to_string()))?;
    match request.reason.chars().count() {
        1..=LONGEST_REASON => Ok(request.reason),
        length => Err(refused(format!("reason has {length} characters"))),
    }
}
