//! The one REST call that the feed needs: the depth snapshot.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderMap, Request, StatusCode, Uri};
use http_body_util::{BodyExt as _, Empty, LengthLimitError, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rustls::ClientConfig;
use thiserror::Error;

use crate::instruments::Symbol;

/// Largest snapshot that is read, in bytes; 5000 levels of each side are below 500 KiB.
const LARGEST_BODY: usize = 4 * 1024 * 1024;

/// Why a snapshot could not be had.
#[derive(Debug, Error)]
pub(super) enum RestError {
    /// 429 or 418: the venue asks for a pause.
    #[error("{status}: the venue asks for a pause of {retry_after:?}")]
    Throttled {
        status: StatusCode,
        retry_after: Option<Duration>,
    },
    /// Any other status than 200.
    #[error("{status}: {body}")]
    Status { status: StatusCode, body: String },
    /// No answer in time.
    #[error("no answer within {0:?}")]
    TimedOut(Duration),
    /// The request could not be made, or the answer broke off.
    #[error("{0}")]
    Transport(String),
}

/// A snapshot's body with the weight that the venue has counted in this minute.
#[derive(Debug)]
pub(super) struct DepthResponse {
    pub(super) body: String,
    pub(super) used_weight: Option<u32>,
}

/// Asks for depth snapshots.
#[derive(Debug, Clone)]
pub(super) struct RestClient {
    client: Client<HttpsConnector<HttpConnector>, Empty<Bytes>>,
    base: String,
    timeout: Duration,
}

impl RestClient {
    pub(super) fn new(base: String, timeout: Duration, tls: &Arc<ClientConfig>) -> Self {
        let mut http = HttpConnector::new();
        http.set_connect_timeout(Some(timeout));
        http.set_nodelay(true);
        http.enforce_http(false);
        let https = HttpsConnectorBuilder::new()
            .with_tls_config(ClientConfig::clone(tls))
            .https_or_http()
            .enable_http1()
            .wrap_connector(http);
        Self {
            client: Client::builder(TokioExecutor::new()).build(https),
            base,
            timeout,
        }
    }

    /// Asks for `levels` levels of each side of `symbol`.
    pub(super) async fn depth(
        &self,
        symbol: &Symbol,
        levels: u16,
    ) -> Result<DepthResponse, RestError> {
        let uri = format!("{}/api/v3/depth?symbol={symbol}&limit={levels}", self.base);
        let uri: Uri = uri.parse().map_err(transport)?;
        tokio::time::timeout(self.timeout, self.get(uri))
            .await
            .map_err(|_| RestError::TimedOut(self.timeout))?
    }

    async fn get(&self, uri: Uri) -> Result<DepthResponse, RestError> {
        let request = Request::get(uri)
            .header("accept", "application/json")
            .body(Empty::new())
            .map_err(transport)?;
        let response = self.client.request(request).await.map_err(transport)?;
        let (head, body) = response.into_parts();
        let status = head.status;
        if matches!(status.as_u16(), 429 | 418) {
            return Err(RestError::Throttled {
                status,
                retry_after: header_number(&head.headers, RETRY_AFTER.as_str())
                    .map(Duration::from_secs),
            });
        }
        let body = Limited::new(body, LARGEST_BODY)
            .collect()
            .await
            .map_err(|error| {
                if error.is::<LengthLimitError>() {
                    RestError::Transport(format!("the answer is larger than {LARGEST_BODY} bytes"))
                } else {
                    RestError::Transport(error.to_string())
                }
            })?
            .to_bytes();
        let body = String::from_utf8(body.to_vec()).map_err(transport)?;
        if status != StatusCode::OK {
            return Err(RestError::Status {
                status,
                body: body.chars().take(200).collect(),
            });
        }
        Ok(DepthResponse {
            body,
            used_weight: header_number(&head.headers, "x-mbx-used-weight-1m")
                .and_then(|weight| u32::try_from(weight).ok()),
        })
    }
}

fn header_number(headers: &HeaderMap, name: &str) -> Option<u64> {
    headers.get(name)?.to_str().ok()?.trim().parse().ok()
}

/// An error with its causes on one line: the cause says what the network did.
fn transport(error: impl std::error::Error) -> RestError {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    RestError::Transport(text)
}
