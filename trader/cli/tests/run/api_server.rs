//! As much of an API server as faults need: one TradingInstance over real HTTP, a watch of it, and
//! answers that go wrong on demand. What a real API server does is shown by the end-to-end tests.

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Query, State};
use axum::http::{StatusCode, header::CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use futures::stream;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::runtime::Runtime;
use tokio::sync::watch;

const COLLECTION: &str = "/apis/triptych.trading/v1alpha1/namespaces/desk/tradinginstances";
const NAME: &str = "live";
pub(crate) const UID: &str = "11-22";

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Every request is refused with 500.
    InternalError,
    /// Every request is refused with 403.
    Forbidden,
    /// Every answer is 200 and nonsense.
    Garbage,
    /// Every answer is another object.
    OtherObject,
    /// No request is ever answered.
    Silence,
    /// The path is unknown, as it may be while an API server starts.
    UnknownPath,
    /// Watches are refused with 500; readings work.
    NoWatch,
    /// Watches report 410 at once; readings work.
    WatchTooOld,
    /// Watches send nonsense; readings work.
    WatchGarbage,
    /// Watches begin and never tell anything; readings work.
    WatchSilence,
    /// Watches never begin; readings work.
    WatchHangs,
}

struct Store {
    object: Option<Value>,
    version: u64,
    /// Version and event.
    history: Vec<(u64, Value)>,
    fault: Option<Fault>,
    /// Watches that began before it grew are cut.
    cuts: u64,
    watches: usize,
    readings: usize,
}

/// The server. It goes away when it is dropped.
pub(crate) struct ApiServer {
    shared: Arc<Shared>,
    address: SocketAddr,
    runtime: Option<Runtime>,
}

struct Shared {
    store: Mutex<Store>,
    changed: watch::Sender<u64>,
}

impl Shared {
    fn store(&self) -> MutexGuard<'_, Store> {
        self.store.lock().unwrap()
    }

    fn tell(&self) {
        self.changed.send_modify(|count| *count += 1);
    }
}

impl ApiServer {
    /// With a TradingInstance of tier W that asks for nothing.
    pub(crate) fn start() -> Self {
        Self::start_on(listener())
    }

    pub(crate) fn start_on(listener: TcpListener) -> Self {
        let shared = Arc::new(Shared {
            store: Mutex::new(Store {
                object: None,
                version: 100,
                history: Vec::new(),
                fault: None,
                cuts: 0,
                watches: 0,
                readings: 0,
            }),
            changed: watch::Sender::new(0),
        });
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let address = listener.local_addr().unwrap();
        listener.set_nonblocking(true).unwrap();
        let context = runtime.enter();
        let listener = tokio::net::TcpListener::from_std(listener).unwrap();
        drop(context);
        let routes = Router::new()
            .route(COLLECTION, get(watch_collection))
            .route(&format!("{COLLECTION}/{NAME}"), get(read))
            .with_state(Arc::clone(&shared));
        runtime.spawn(axum::serve(listener, routes).into_future());
        let server = Self {
            shared,
            address,
            runtime: Some(runtime),
        };
        server.apply(&json!({}));
        server
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Replaces the `spec` beside tier and ratio, as `kubectl apply` of a manifest would.
    pub(crate) fn apply(&self, spec: &Value) {
        let mut object = json!({
            "apiVersion": "triptych.trading/v1alpha1", "kind": "TradingInstance",
            "metadata": { "name": NAME, "namespace": "desk", "uid": UID },
            "spec": { "tier": "W", "account": "alpha", "configRevision": "one", "liveRatio": "0.25" }
        });
        for (field, value) in spec.as_object().unwrap() {
            object["spec"][field] = value.clone();
        }
        let before = self.shared.store().object.clone();
        if let Some(status) = before.and_then(|before| before.get("status").cloned()) {
            object["status"] = status;
        }
        self.put(object);
    }

    /// Replaces the status, as the operator does.
    pub(crate) fn apply_status(&self, status: &Value) {
        let mut object = self.object();
        object["status"] = status.clone();
        self.put(object);
    }

    pub(crate) fn put(&self, mut object: Value) {
        let mut store = self.shared.store();
        store.version += 1;
        let version = store.version;
        object["metadata"]["resourceVersion"] = json!(version.to_string());
        let event = json!({ "type": "MODIFIED", "object": object.clone() });
        store.history.push((version, event));
        store.object = Some(object);
        drop(store);
        self.shared.tell();
    }

    pub(crate) fn object(&self) -> Value {
        self.shared.store().object.clone().unwrap()
    }

    pub(crate) fn delete(&self) {
        let mut store = self.shared.store();
        store.version += 1;
        let version = store.version;
        let mut object = store.object.take().unwrap();
        object["metadata"]["resourceVersion"] = json!(version.to_string());
        let event = json!({ "type": "DELETED", "object": object });
        store.history.push((version, event));
        drop(store);
        self.shared.tell();
    }

    /// Goes back to an earlier object with its version, as a restored store does.
    pub(crate) fn restore(&self, object: Value) {
        let version = object["metadata"]["resourceVersion"].as_str().unwrap();
        let mut store = self.shared.store();
        store.version = version.parse().unwrap();
        store.history.clear();
        store.object = Some(object);
        drop(store);
        self.cut_watches();
    }

    /// From now on something goes wrong, or nothing does; watches so far are cut.
    pub(crate) fn fail(&self, fault: Option<Fault>) {
        self.shared.store().fault = fault;
        self.cut_watches();
    }

    pub(crate) fn cut_watches(&self) {
        self.shared.store().cuts += 1;
        self.shared.tell();
    }

    /// How many watches began.
    pub(crate) fn watches(&self) -> usize {
        self.shared.store().watches
    }

    /// How many readings were asked for.
    pub(crate) fn readings(&self) -> usize {
        self.shared.store().readings
    }
}

/// Where an API server will answer: until it is started, connections wait for an answer.
pub(crate) fn listener() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").unwrap()
}

/// A kubeconfig that leads to an address.
pub(crate) fn kubeconfig(address: SocketAddr, folder: &Path) -> PathBuf {
    let path = folder.join("kubeconfig");
    let server = format!("http://{address}");
    let config = json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "test",
        "clusters": [{ "name": "test", "cluster": { "server": server } }],
        "users": [{ "name": "test", "user": {} }],
        "contexts": [{ "name": "test", "context": { "cluster": "test", "user": "test" } }]
    });
    std::fs::write(&path, config.to_string()).unwrap();
    path
}

impl Drop for ApiServer {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

async fn read(State(shared): State<Arc<Shared>>) -> Response {
    let (fault, object) = {
        let mut store = shared.store();
        store.readings += 1;
        (store.fault, store.object.clone())
    };
    match fault {
        Some(Fault::InternalError) => status(500, "InternalError", &json!(null)),
        Some(Fault::Forbidden) => status(403, "Forbidden", &json!(null)),
        Some(Fault::Garbage) => as_json("]{"),
        Some(Fault::OtherObject) => {
            as_json(r#"{"kind":"Secret","metadata":{"name":"other","uid":"1"}}"#)
        }
        Some(Fault::Silence) => std::future::pending().await,
        Some(Fault::UnknownPath) => (StatusCode::NOT_FOUND, "404 page not found").into_response(),
        _ => object.map_or_else(absent, |object| as_json(object.to_string())),
    }
}

fn absent() -> Response {
    let own = json!({ "name": NAME, "group": "triptych.trading", "kind": "tradinginstances" });
    status(404, "NotFound", &own)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Parameters {
    watch: Option<String>,
    field_selector: Option<String>,
    resource_version: Option<String>,
}

async fn watch_collection(
    State(shared): State<Arc<Shared>>,
    Query(parameters): Query<Parameters>,
) -> Response {
    let since = parameters.resource_version.and_then(|v| v.parse().ok());
    let (Some("true"), Some("metadata.name=live"), Some(since)) = (
        parameters.watch.as_deref(),
        parameters.field_selector.as_deref(),
        since,
    ) else {
        return status(400, "BadRequest", &json!(null));
    };
    let fault = {
        let mut store = shared.store();
        store.watches += 1;
        store.fault
    };
    match fault {
        None | Some(Fault::WatchSilence) => {}
        Some(Fault::WatchTooOld) => {
            let gone =
                json!({ "kind": "Status", "code": 410, "message": "too old", "reason": "Expired" });
            return as_json(format!("{}\n", json!({ "type": "ERROR", "object": gone })));
        }
        Some(Fault::WatchGarbage | Fault::Garbage) => return as_json("]{\n"),
        Some(Fault::WatchHangs | Fault::Silence) => std::future::pending().await,
        Some(_) => return status(500, "InternalError", &json!(null)),
    }
    let cuts = shared.store().cuts;
    let changes = shared.changed.subscribe();
    let is_silent = fault.is_some();
    let events = stream::unfold(
        (shared, since, changes),
        move |(shared, since, mut changes)| async move {
            loop {
                changes.mark_unchanged();
                {
                    let store = shared.store();
                    if store.cuts != cuts {
                        return None;
                    }
                    let next = store.history.iter().find(|(version, _)| *version > since);
                    if let (Some((version, event)), false) = (next, is_silent) {
                        let line = Bytes::from(format!("{event}\n"));
                        let version = *version;
                        drop(store);
                        return Some((Ok::<_, std::io::Error>(line), (shared, version, changes)));
                    }
                }
                changes.changed().await.ok()?;
            }
        },
    );
    as_json(Body::from_stream(events))
}

fn as_json(body: impl Into<Body>) -> Response {
    ([(CONTENT_TYPE, "application/json")], body.into()).into_response()
}

fn status(code: u16, reason: &str, details: &Value) -> Response {
    let body = json!({
        "apiVersion": "v1", "kind": "Status", "status": "Failure", "code": code,
        "message": format!("a fault with code {code}"), "reason": reason, "details": details,
    });
    let code = StatusCode::from_u16(code).unwrap();
    (code, as_json(body.to_string())).into_response()
}
