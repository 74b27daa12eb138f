//! A line to the store on which things go wrong.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Bytes;
use futures::{StreamExt, stream};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

/// What goes wrong with one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The line is cut while the request is on its way.
    CutRequest,
    /// The request arrives, and its answer is lost.
    CutAnswer,
    /// The store says that it is asked too often.
    SlowDown,
    /// The answer breaks off in the middle.
    Truncated,
    /// A byte of the request changes on its way.
    WrongRequest,
    /// A byte of an object changes on its way back.
    WrongAnswer,
    /// The answer comes drop by drop.
    Slow,
}

pub(crate) const FAULTS: [Fault; 7] = [
    Fault::CutRequest,
    Fault::CutAnswer,
    Fault::SlowDown,
    Fault::Truncated,
    Fault::WrongRequest,
    Fault::WrongAnswer,
    Fault::Slow,
];

type Answer = Response<BoxBody<Bytes, io::Error>>;
type Requests = Client<HttpConnector, Full<Bytes>>;

/// The line.
pub(crate) struct Line {
    pub(crate) address: SocketAddr,
    shared: Arc<Shared>,
    _runtime: Runtime,
}

struct Shared {
    store: SocketAddr,
    client: Requests,
    /// One request of so many goes wrong; none at 0.
    every: usize,
    asked: AtomicUsize,
    next: AtomicUsize,
    happened: Mutex<Vec<Fault>>,
    /// Objects that the store took.
    written: Mutex<Vec<String>>,
}

impl Line {
    /// A line on which each so many requests one goes wrong, in one way after the other.
    pub(crate) fn to(store: SocketAddr, every: usize) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            store,
            client: Client::builder(TokioExecutor::new()).build_http(),
            every,
            asked: AtomicUsize::new(0),
            next: AtomicUsize::new(0),
            happened: Mutex::default(),
            written: Mutex::default(),
        });
        runtime.spawn(serve(listener, Arc::clone(&shared)));
        Self {
            address,
            shared,
            _runtime: runtime,
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Requests so far.
    pub(crate) fn asked(&self) -> usize {
        self.shared.asked.load(Ordering::SeqCst)
    }

    pub(crate) fn happened(&self) -> Vec<Fault> {
        self.shared.happened.lock().unwrap().clone()
    }

    /// The objects that the store took, each as often as it did.
    pub(crate) fn written(&self) -> Vec<String> {
        self.shared.written.lock().unwrap().clone()
    }
}

impl Shared {
    /// What goes wrong with this request: the next fault, where it is the turn of one and it can happen to it.
    fn fault(&self, method: &Method, is_file: bool) -> Option<Fault> {
        let asked = self.asked.fetch_add(1, Ordering::SeqCst) + 1;
        if self.every == 0 || !asked.is_multiple_of(self.every) {
            return None;
        }
        let fault = FAULTS[self.next.load(Ordering::SeqCst) % FAULTS.len()];
        let possible = match fault {
            Fault::WrongRequest => *method == Method::PUT,
            // Manifests and lists carry no digest: what changes them on an open line is not noticed.
            Fault::WrongAnswer | Fault::Truncated | Fault::Slow => {
                *method == Method::GET && is_file
            }
            Fault::CutRequest | Fault::CutAnswer | Fault::SlowDown => true,
        };
        if !possible {
            return None;
        }
        self.next.fetch_add(1, Ordering::SeqCst);
        self.happened.lock().unwrap().push(fault);
        Some(fault)
    }
}

async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    while let Ok((stream, _)) = listener.accept().await {
        let shared = Arc::clone(&shared);
        tokio::spawn(async move {
            let service = service_fn(|request| answer(Arc::clone(&shared), request));
            // A cut line ends it with an error, on purpose.
            let _ = http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

async fn answer(shared: Arc<Shared>, request: Request<Incoming>) -> io::Result<Answer> {
    let (head, body) = request.into_parts();
    let path = head.uri.path().to_owned();
    let is_file = path.ends_with(".parquet");
    let fault = shared.fault(&head.method, is_file);
    if fault == Some(Fault::CutRequest) {
        return Err(cut());
    }
    let mut body = body.collect().await.map_err(io::Error::other)?.to_bytes();
    if fault == Some(Fault::SlowDown) {
        return Ok(slow_down());
    }
    if fault == Some(Fault::WrongRequest) {
        body = changed(&body);
    }
    let of_object = head.method == Method::PUT;
    let query = head.uri.path_and_query().map_or("/", |path| path.as_str());
    let mut forwarded = Request::builder()
        .method(head.method)
        .uri(format!("http://{}{query}", shared.store))
        .body(Full::new(body))
        .unwrap();
    *forwarded.headers_mut() = head.headers;
    let answer = shared
        .client
        .request(forwarded)
        .await
        .map_err(io::Error::other)?;
    let (head, body) = answer.into_parts();
    let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
    if of_object && head.status.is_success() {
        shared.written.lock().unwrap().push(path);
    }
    let body = match fault {
        Some(Fault::CutAnswer) => return Err(cut()),
        Some(Fault::Truncated) => truncated(body.slice(..body.len() / 2)),
        Some(Fault::WrongAnswer) => whole(changed(&body)),
        Some(Fault::Slow) => drop_by_drop(&body),
        _ => whole(body),
    };
    Ok(Response::from_parts(head, body))
}

fn cut() -> io::Error {
    io::Error::new(io::ErrorKind::ConnectionReset, "cut on purpose")
}

fn changed(bytes: &Bytes) -> Bytes {
    let mut bytes = bytes.to_vec();
    let middle = bytes.len() / 2;
    if let Some(byte) = bytes.get_mut(middle) {
        *byte ^= 1;
    }
    bytes.into()
}

fn whole(bytes: Bytes) -> BoxBody<Bytes, io::Error> {
    let never = |never: Infallible| match never {};
    Full::new(bytes).map_err(never).boxed()
}

fn truncated(bytes: Bytes) -> BoxBody<Bytes, io::Error> {
    let pieces = [Ok(Frame::data(bytes)), Err(cut())];
    BoxBody::new(StreamBody::new(stream::iter(pieces)))
}

fn drop_by_drop(bytes: &[u8]) -> BoxBody<Bytes, io::Error> {
    let size = bytes.len().div_ceil(8).max(1);
    let pieces: Vec<Bytes> = bytes.chunks(size).map(Bytes::copy_from_slice).collect();
    let pieces = stream::iter(pieces).then(|piece| async {
        tokio::time::sleep(Duration::from_millis(5)).await;
        Ok(Frame::data(piece))
    });
    BoxBody::new(StreamBody::new(pieces))
}

fn slow_down() -> Answer {
    let text =
        "<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>";
    let mut answer = Response::new(whole(text.into()));
    *answer.status_mut() = hyper::StatusCode::SERVICE_UNAVAILABLE;
    answer
}
