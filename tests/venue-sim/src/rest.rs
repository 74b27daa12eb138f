//! REST: `/api/v3`, and of `/sapi` what clients ask for at their start.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, Query, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::api::{ApiError, Endpoint, Parameters, find_route, has_path};
use crate::core::{AccountId, Refusal};
use crate::faults::FaultKind;
use crate::limits::Admission;
use crate::persona::Persona;
use crate::signature::{BAD_SIGNATURE, check_time, without_signature};

/// Marks an answer in whose place the connection is to be cut.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CutConnection;

/// What became of the request is not known.
pub(crate) const TIMEOUT: Refusal = Refusal::new(
    -1007,
    "Timeout waiting for response from backend server. Send status unknown; execution status unknown.",
);
/// The venue is being worked on.
pub(crate) const MAINTENANCE: Refusal = Refusal::new(
    -1001,
    "Internal error; unable to process your request. Please try again.",
);
/// A retired call.
const GONE: Refusal = Refusal::new(-1016, "This service is no longer available.");

/// A request as it was sent.
struct Request<'a> {
    persona: &'a Persona,
    address: SocketAddr,
    verb: &'a str,
    uri: &'a Uri,
    headers: &'a HeaderMap,
    body: &'a str,
}

/// Answers every request that is no WebSocket.
pub(crate) async fn handle(
    State(persona): State<Arc<Persona>>,
    ConnectInfo(address): ConnectInfo<SocketAddr>,
    verb: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let Ok(body) = std::str::from_utf8(&body) else {
        let refusal = Refusal::new(-1100, "Illegal characters found in a parameter.");
        return refuse(&refusal.into());
    };
    let request = Request {
        persona: &persona,
        address,
        verb: verb.as_str(),
        uri: &uri,
        headers: &headers,
        body,
    };
    let name = format!("{verb} {}", uri.path());
    match persona.faults.on_request(&name) {
        None | Some(FaultKind::Drop | FaultKind::Duplicate | FaultKind::Reorder) => {
            request.answer()
        }
        Some(FaultKind::Delay { milliseconds }) => {
            tokio::time::sleep(Duration::from_millis(milliseconds)).await;
            request.answer()
        }
        Some(FaultKind::Cut { carried_out }) => {
            if carried_out {
                request.answer();
            }
            let mut response = ().into_response();
            response.extensions_mut().insert(CutConnection);
            response
        }
        Some(FaultKind::Truncate) => truncated(request.answer()).await,
        Some(FaultKind::Timeout { carried_out }) => {
            if carried_out {
                request.answer();
            }
            refuse(&TIMEOUT.into())
        }
        Some(FaultKind::TooManyRequests { retry_after }) => too_much(429, retry_after),
        Some(FaultKind::Banned { retry_after }) => too_much(418, retry_after),
    }
}

impl Request<'_> {
    fn answer(&self) -> Response {
        if self.persona.is_in_maintenance() {
            return refuse(&MAINTENANCE.into());
        }
        let path = self.uri.path();
        if is_retired(path) {
            return refuse(&ApiError {
                status: 410,
                refusal: GONE,
                data: None,
            });
        }
        let Some(endpoint) = find_route(self.verb, path) else {
            let status = if has_path(path) {
                StatusCode::METHOD_NOT_ALLOWED
            } else {
                StatusCode::NOT_FOUND
            };
            return (status, format!("{} {path} is not simulated", self.verb)).into_response();
        };
        let parameters = match self.parameters() {
            Ok(parameters) => parameters,
            Err(refusal) => return refuse(&refusal.into()),
        };
        let weight = Persona::weight_of(endpoint, &parameters);
        let used = match self.persona.admit(self.address.ip(), weight) {
            Admission::Granted { used } => used,
            Admission::TooMuch { retry_after } => return too_much(429, retry_after.unsigned_abs()),
            Admission::Banned { retry_after } => return too_much(418, retry_after.unsigned_abs()),
        };
        let mut response = self.answer_known(endpoint, &parameters);
        set_header(&mut response, "x-mbx-used-weight", used);
        set_header(&mut response, "x-mbx-used-weight-1m", used);
        response
    }

    fn answer_known(&self, endpoint: &Endpoint, parameters: &Parameters) -> Response {
        let account = match self.account(endpoint, parameters) {
            Ok(account) => account,
            Err(refusal) => return refuse(&refusal.into()),
        };
        let answered = self.persona.answer(endpoint, account, parameters);
        let is_success = answered.is_ok();
        let mut response = match answered {
            Ok(value) => json_response(StatusCode::OK, &value),
            Err(error) => refuse(&error),
        };
        if let Some(account) = account.filter(|_| endpoint.places_order && is_success) {
            let counts: Vec<_> = self
                .persona
                .lock()
                .orders
                .headers(account, self.persona.now())
                .collect();
            for (name, count) in counts {
                set_header(&mut response, name, count);
            }
        }
        response
    }

    /// Whose request it is, where it has to be somebody's.
    fn account(
        &self,
        endpoint: &Endpoint,
        parameters: &Parameters,
    ) -> Result<Option<AccountId>, Refusal> {
        if !endpoint.is_signed {
            return Ok(None);
        }
        let key = self
            .headers
            .get("x-mbx-apikey")
            .and_then(|key| key.to_str().ok())
            .unwrap_or_default();
        let key = self.persona.key(key)?;
        let signature = parameters.needed("signature")?;
        check_time(parameters, self.persona.now())?;
        let query = without_signature(self.uri.query().unwrap_or_default());
        let payload = format!("{query}{}", without_signature(self.body));
        if key.verifies(&payload, signature) {
            Ok(Some(key.account))
        } else {
            Err(BAD_SIGNATURE)
        }
    }

    /// Parameters of the query and of the body; those of the query count where both have one.
    fn parameters(&self) -> Result<Parameters, Refusal> {
        let mut pairs = decoded(self.uri.query().unwrap_or_default())?;
        for (name, value) in decoded(self.body)? {
            if !pairs.iter().any(|(known, _)| *known == name) {
                pairs.push((name, value));
            }
        }
        Parameters::new(pairs)
    }
}

fn decoded(text: &str) -> Result<Vec<(String, String)>, Refusal> {
    let illegal = || Refusal::new(-1100, "Illegal characters found in a parameter.");
    let uri: Uri = format!("/?{text}").parse().map_err(|_| illegal())?;
    Query::try_from_uri(&uri)
        .map(|Query(pairs)| pairs)
        .map_err(|_| illegal())
}

fn is_retired(path: &str) -> bool {
    path.starts_with("/api/v1/") || path == "/api/v3/userDataStream"
}

fn refuse(error: &ApiError) -> Response {
    let status = StatusCode::from_u16(error.status).unwrap_or(StatusCode::BAD_REQUEST);
    json_response(status, &error_body(error))
}

/// Code and text, and what of a request with two parts went well.
pub(crate) fn error_body(error: &ApiError) -> Value {
    let mut body = json!({ "code": error.refusal.code, "msg": error.refusal.message });
    if let Some(data) = &error.data {
        body["data"] = data.clone();
    }
    body
}

/// The refusal of a request beyond a limit, or from a banned address.
pub(crate) fn beyond_limit(status: u16, retry_after: u64) -> ApiError {
    let message = if status == 418 {
        format!(
            "Way too much request weight used; IP banned for {retry_after} seconds. Please use WebSocket Streams for live updates to avoid bans."
        )
    } else {
        "Too much request weight used; current limit is 6000 request weight per 1 MINUTE. Please use WebSocket Streams for live updates to avoid polling the API.".to_owned()
    };
    ApiError {
        status,
        refusal: Refusal::with(-1003, message),
        data: None,
    }
}

fn too_much(status: u16, retry_after: u64) -> Response {
    let mut response = refuse(&beyond_limit(status, retry_after));
    set_header(&mut response, "retry-after", retry_after);
    response
}

fn json_response(status: StatusCode, body: &Value) -> Response {
    let headers = [(header::CONTENT_TYPE, "application/json;charset=UTF-8")];
    (status, headers, body.to_string()).into_response()
}

fn set_header(response: &mut Response, name: &'static str, value: impl Into<HeaderValue>) {
    response
        .headers_mut()
        .insert(HeaderName::from_static(name), value.into());
}

/// Announces the whole answer, sends half of it and cuts the connection.
async fn truncated(response: Response) -> Response {
    let (mut parts, body) = response.into_parts();
    let bytes = axum::body::to_bytes(body, usize::MAX)
        .await
        .unwrap_or_default();
    parts
        .headers
        .insert(header::CONTENT_LENGTH, HeaderValue::from(bytes.len()));
    let half = bytes.slice(..bytes.len() / 2);
    let cut = std::io::Error::other("cut as a fault, on purpose");
    let body = Body::from_stream(futures::stream::iter([Ok(half), Err(cut)]));
    Response::from_parts(parts, body)
}
