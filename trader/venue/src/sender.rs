//! One request, once.
//!
//! Connections are kept, but a request is given to one of them alone. The connection is chosen first, and
//! what happens to the request afterwards is told and never tried again.

use std::io;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::header::{ACCEPT, HOST};
use http::{HeaderMap, Method, Request};
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;

use crate::connect::connect;
use crate::endpoints::TradingEndpoints;
use crate::outcome::text_of;

/// Largest answer that is read, in bytes. A thousand fills are below 400 KiB.
const LARGEST_BODY: usize = 4 * 1024 * 1024;

/// Age at which an unused connection is not used again: the venue may be about to close it.
const IDLE: Duration = Duration::from_secs(20);

/// Most connections that are kept.
const MOST_KEPT: usize = 8;

/// What became of a request.
#[derive(Debug)]
pub(crate) enum Attempt {
    /// A whole answer.
    Answered(Answer),
    /// Not one byte of it was written.
    NotWritten(String),
    /// It was given to a connection, and no whole answer came.
    Lost(Loss),
}

/// A whole answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// Why there is no whole answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Loss {
    TimedOut(Duration),
    CutOff(String),
}

/// A request without what every request has.
#[derive(Debug)]
pub(crate) struct Message {
    pub(crate) method: Method,
    pub(crate) path_and_query: String,
    pub(crate) headers: HeaderMap,
    /// Empty where there is none.
    pub(crate) body: Bytes,
}

type Connection = SendRequest<Full<Bytes>>;

pub(crate) struct Sender {
    endpoints: TradingEndpoints,
    tls: TlsConnector,
    connect_timeout: Duration,
    answer_timeout: Duration,
    kept: Mutex<Vec<(Connection, Instant)>>,
}

impl Sender {
    pub(crate) fn new(
        endpoints: TradingEndpoints,
        tls: TlsConnector,
        connect_timeout: Duration,
        answer_timeout: Duration,
    ) -> Self {
        Self {
            endpoints,
            tls,
            connect_timeout,
            answer_timeout,
            kept: Mutex::default(),
        }
    }

    pub(crate) const fn endpoints(&self) -> &TradingEndpoints {
        &self.endpoints
    }

    /// Sends it on one connection, once.
    pub(crate) async fn send(&self, message: Message) -> Attempt {
        let request = match self.request(message) {
            Ok(request) => request,
            Err(error) => return Attempt::NotWritten(error.to_string()),
        };
        let mut connection = match self.connection().await {
            Ok(connection) => connection,
            Err(error) => return Attempt::NotWritten(error.to_string()),
        };
        let exchange = exchange(&mut connection, request);
        let Ok(attempt) = tokio::time::timeout(self.answer_timeout, exchange).await else {
            return Attempt::Lost(Loss::TimedOut(self.answer_timeout));
        };
        if matches!(attempt, Attempt::Answered(_)) {
            self.keep(connection);
        }
        attempt
    }

    fn request(&self, message: Message) -> Result<Request<Full<Bytes>>, http::Error> {
        let mut request = Request::builder()
            .method(message.method)
            .uri(message.path_and_query)
            .header(HOST, self.endpoints.rest().host_header())
            .header(ACCEPT, "application/json")
            .body(Full::new(message.body))?;
        request.headers_mut().extend(message.headers);
        Ok(request)
    }

    /// A kept connection that is still open and not old, else a new one.
    async fn connection(&self) -> io::Result<Connection> {
        let usable = {
            let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
            kept.retain(|(connection, since)| connection.is_ready() && since.elapsed() < IDLE);
            kept.pop()
        };
        if let Some((connection, _)) = usable {
            return Ok(connection);
        }
        tokio::time::timeout(self.connect_timeout, self.open())
            .await
            .unwrap_or_else(|_| {
                Err(io::Error::other(format!(
                    "no connection within {:?}",
                    self.connect_timeout
                )))
            })
    }

    fn keep(&self, connection: Connection) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() < MOST_KEPT && !connection.is_closed() {
            kept.push((connection, Instant::now()));
        }
    }

    async fn open(&self) -> io::Result<Connection> {
        let endpoint = self.endpoints.rest();
        let stream = connect(&self.endpoints, endpoint).await?;
        if !endpoint.is_encrypted() {
            return speak(stream).await;
        }
        let name = ServerName::try_from(endpoint.host().to_owned()).map_err(io::Error::other)?;
        speak(self.tls.connect(name, stream).await?).await
    }
}

async fn speak<S>(stream: S) -> io::Result<Connection>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let (sender, connection) = http1::handshake(TokioIo::new(stream))
        .await
        .map_err(io::Error::other)?;
    // What ends the connection ends the request on it, which tells.
    tokio::spawn(connection);
    Ok(sender)
}

async fn exchange(connection: &mut Connection, request: Request<Full<Bytes>>) -> Attempt {
    let response = match connection.try_send_request(request).await {
        Ok(response) => response,
        Err(mut error) => {
            let why = text_of(error.error());
            // hyper gives a request back where it wrote nothing of it.
            return match error.take_message() {
                Some(_) => Attempt::NotWritten(why),
                None => Attempt::Lost(Loss::CutOff(why)),
            };
        }
    };
    let (head, body) = response.into_parts();
    match Limited::new(body, LARGEST_BODY).collect().await {
        Ok(body) => Attempt::Answered(Answer {
            status: head.status.as_u16(),
            headers: head.headers,
            body: body.to_bytes(),
        }),
        Err(error) if error.is::<LengthLimitError>() => Attempt::Lost(Loss::CutOff(format!(
            "it is larger than {LARGEST_BODY} bytes"
        ))),
        Err(error) => Attempt::Lost(Loss::CutOff(text_of(&*error))),
    }
}

#[cfg(test)]
mod tests;
