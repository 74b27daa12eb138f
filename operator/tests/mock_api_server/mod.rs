//! As much of an API server as faults need: objects in memory, lists, watches, patches, deletions
//! by UID, and answers that go wrong on demand. What a real API server does is shown by the
//! end-to-end tests, not here.

mod store;

use std::{
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use bytes::Bytes;
use futures::{StreamExt, stream};
use http::{Method, Request, Response, StatusCode, header::CONTENT_TYPE};
use http_body_util::{BodyExt, Full, StreamBody, combinators::UnsyncBoxBody};
use kube::client::Body;
use serde_json::{Value, json};
use tokio::sync::watch;
use tower::BoxError;

use store::{Backup, Refusal, Rule, Store};

type Answer = Result<Response<UnsyncBoxBody<Bytes, BoxError>>, BoxError>;

/// What goes wrong with a request.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fault {
    /// It is refused with this code; nothing is done.
    Code(u16),
    /// It is refused with 429 and the advice to come back after this many seconds.
    TooMany(u32),
    /// The connection is cut before it arrives.
    CutBefore,
    /// It is carried out, and the connection is cut before the answer.
    CutAfter,
    /// A watch reports that it is too old.
    TooOld,
    /// A watch's connection ends without a word.
    EndOfStream,
}

/// The server. Cheap to clone.
#[derive(Clone)]
pub(crate) struct ApiServer {
    store: Arc<Mutex<Store>>,
    changed: watch::Sender<u64>,
}

/// The parts of a path.
struct Address {
    collection: String,
    namespace: Option<String>,
    name: Option<String>,
    subresource: Option<String>,
}

impl ApiServer {
    pub(crate) fn new() -> Self {
        Self {
            store: Arc::default(),
            changed: watch::Sender::new(0),
        }
    }

    /// Creates or replaces an object, as a user would.
    pub(crate) fn put(&self, collection: &str, object: Value) {
        self.lock().put(collection, object);
        self.changed.send_modify(|count| *count += 1);
    }

    /// Takes an object away, as a user would.
    pub(crate) fn remove(&self, collection: &str, name: &str) {
        self.lock().remove(collection, &format!("team/{name}"));
        self.changed.send_modify(|count| *count += 1);
    }

    /// The next `times` requests of this method whose path contains `path` go wrong.
    pub(crate) fn fail(&self, method: Method, path: &'static str, fault: Fault, times: usize) {
        let rule = Rule {
            method,
            path,
            fault,
            times,
        };
        self.lock().rules.push(rule);
    }

    /// Everything works again.
    pub(crate) fn heal(&self) {
        self.lock().rules.clear();
    }

    /// What there is now.
    pub(crate) fn back_up(&self) -> Backup {
        self.lock().back_up()
    }

    /// Goes back to a backup, versions included, as a server does whose etcd was restored: every
    /// watch ends, and for a while (in requests) nothing answers.
    pub(crate) fn restore(&self, backup: &Backup, unanswered: usize) {
        let mut store = self.lock();
        store.restore(backup);
        let rule = Rule {
            method: Method::GET,
            path: "",
            fault: Fault::CutBefore,
            times: unanswered,
        };
        store.rules.push(rule);
        drop(store);
        self.changed.send_modify(|count| *count += 1);
    }

    /// How many requests went wrong.
    pub(crate) fn faults_met(&self) -> usize {
        self.lock().faults_met
    }

    /// Write requests that were carried out: method and path.
    pub(crate) fn writes(&self) -> Vec<String> {
        self.lock().writes.clone()
    }

    /// An object of the namespace `team`.
    pub(crate) fn get(&self, collection: &str, name: &str) -> Option<Value> {
        let key = (collection.to_owned(), format!("team/{name}"));
        self.lock().objects.get(&key).cloned()
    }

    /// All objects of a collection.
    pub(crate) fn all(&self, collection: &str) -> Vec<Value> {
        let store = self.lock();
        let of = store.objects.iter().filter(|((of, _), _)| of == collection);
        of.map(|(_, object)| object.clone()).collect()
    }

    /// Waits, in virtual time, until the server's objects are as wished.
    pub(crate) async fn until<T>(&self, what: &str, wish: impl Fn(&Self) -> Option<T>) -> T {
        let mut changes = self.changed.subscribe();
        let found = async {
            loop {
                changes.mark_unchanged();
                if let Some(found) = wish(self) {
                    return found;
                }
                changes.changed().await.expect("the server lives");
            }
        };
        tokio::time::timeout(Duration::from_hours(1), found)
            .await
            .unwrap_or_else(|_| panic!("never: {what}; writes: {:#?}", self.writes()))
    }

    /// Answers a request.
    pub(crate) async fn handle(self, request: Request<Body>) -> Answer {
        let (parts, body) = request.into_parts();
        let body = body.collect_bytes().await?;
        let path = parts.uri.path().to_owned();
        let query = parts.uri.query().unwrap_or_default().to_owned();
        let address = Address::parse(&path);
        let is_watch = query.contains("watch=true");
        let fault = self.lock().fault(&parts.method, &path, is_watch);
        match fault {
            Some(Fault::Code(code)) => return status(code, &json!({})),
            Some(Fault::TooMany(seconds)) => {
                return status(429, &json!({ "retryAfterSeconds": seconds }));
            }
            Some(Fault::CutBefore) => return Err("connection reset by peer".into()),
            Some(Fault::TooOld) => {
                let status = json!({ "kind": "Status", "code": 410, "message": "too old", "reason": "Expired" });
                return lines(vec![json!({ "type": "ERROR", "object": status })]);
            }
            Some(Fault::EndOfStream) => return lines(vec![]),
            Some(Fault::CutAfter) | None => {}
        }
        if is_watch {
            return self.watch(&address, &query);
        }
        let answer = self.carry_out(&parts.method, &parts.headers, &address, &body);
        match fault {
            Some(_) => Err("connection reset by peer".into()),
            None => answer,
        }
    }

    fn carry_out(
        &self,
        method: &Method,
        headers: &http::HeaderMap,
        address: &Address,
        body: &[u8],
    ) -> Answer {
        let mut store = self.lock();
        let body: Value = serde_json::from_slice(body).unwrap_or_default();
        if *method == Method::GET {
            return match address.key() {
                None => json_answer(
                    200,
                    &store.list(&address.collection, address.namespace.as_deref()),
                ),
                Some(key) => found(store.objects.get(&key)),
            };
        }
        let sub = address.subresource.as_deref().unwrap_or_default();
        let line = format!(
            "{method} {} {} {sub}",
            address.collection,
            address.full_name()
        );
        store.writes.push(line.trim_end().to_owned());
        let answer = match *method {
            Method::DELETE => answer(address, |key| store.delete(key, &body)),
            Method::POST => {
                let created = store.put(&address.collection, body);
                json_answer(201, &created)
            }
            _ => {
                let content = headers
                    .get(CONTENT_TYPE)
                    .and_then(|text| text.to_str().ok());
                let creates = content.is_some_and(|text| text.contains("apply"));
                answer(address, |key| store.patch(key, body, creates))
            }
        };
        drop(store);
        self.changed.send_modify(|count| *count += 1);
        answer
    }

    /// Everything that happened to a collection since a version, and then whatever happens.
    fn watch(&self, address: &Address, query: &str) -> Answer {
        let since = query
            .split('&')
            .find_map(|pair| pair.strip_prefix("resourceVersion="))
            .and_then(|version| version.parse().ok())
            .unwrap_or_default();
        let collection = address.collection.clone();
        let (restores, changes) = (self.lock().restores, self.changed.subscribe());
        let state = (self.clone(), since, changes);
        let events = stream::unfold(state, move |(server, since, mut changes)| {
            let collection = collection.clone();
            async move {
                loop {
                    changes.mark_unchanged();
                    let (next, now) = {
                        let store = server.lock();
                        (store.next_event(&collection, since), store.restores)
                    };
                    if now != restores {
                        return None;
                    }
                    if let Some((version, event)) = next {
                        return Some((line(&event), (server, version, changes)));
                    }
                    changes.changed().await.ok()?;
                }
            }
        });
        body(200, StreamBody::new(events).boxed_unsync())
    }

    fn lock(&self) -> MutexGuard<'_, Store> {
        self.store.lock().expect("no test thread panicked with it")
    }
}

impl Address {
    fn parse(path: &str) -> Self {
        let mut segments = path.split('/').filter(|segment| !segment.is_empty());
        let skipped = if segments.next() == Some("api") { 1 } else { 2 };
        let mut rest = segments.skip(skipped).map(str::to_owned).peekable();
        let namespaced = rest.peek().is_some_and(|segment| segment == "namespaces");
        let namespace = namespaced.then(|| rest.nth(1)).flatten();
        Self {
            namespace,
            collection: rest.next().unwrap_or_default(),
            name: rest.next(),
            subresource: rest.next(),
        }
    }

    fn full_name(&self) -> String {
        let text = |part: &Option<String>| part.clone().unwrap_or_default();
        format!("{}/{}", text(&self.namespace), text(&self.name))
    }

    fn key(&self) -> Option<(String, String)> {
        let named = self.name.is_some();
        named.then(|| (self.collection.clone(), self.full_name()))
    }
}

fn answer(
    address: &Address,
    change: impl FnOnce(&(String, String)) -> Result<Value, Refusal>,
) -> Answer {
    let Some(key) = address.key() else {
        return status(405, &json!({}));
    };
    match change(&key) {
        Ok(object) => json_answer(200, &object),
        Err(refusal) => status(refusal.0, &json!({})),
    }
}

fn found(object: Option<&Value>) -> Answer {
    match object {
        Some(object) => json_answer(200, object),
        None => status(404, &json!({})),
    }
}

fn status(code: u16, details: &Value) -> Answer {
    let reason = if code == 404 { "NotFound" } else { "Fault" };
    let status = json!({
        "apiVersion": "v1", "kind": "Status", "status": "Failure", "code": code,
        "message": format!("a fault with code {code}"), "reason": reason, "details": details,
    });
    json_answer(code, &status)
}

fn json_answer(code: u16, value: &Value) -> Answer {
    let bytes = Bytes::from(value.to_string());
    body(
        code,
        Full::new(bytes)
            .map_err(|never| match never {})
            .boxed_unsync(),
    )
}

fn lines(events: Vec<Value>) -> Answer {
    let events = stream::iter(events).map(|event| line(&event));
    body(200, StreamBody::new(events).boxed_unsync())
}

#[allow(
    clippy::unnecessary_wraps,
    reason = "what the body's stream is made of"
)]
fn line(event: &Value) -> Result<http_body::Frame<Bytes>, BoxError> {
    Ok(http_body::Frame::data(Bytes::from(format!("{event}\n"))))
}

fn body(code: u16, body: UnsyncBoxBody<Bytes, BoxError>) -> Answer {
    let response = Response::builder().status(StatusCode::from_u16(code)?);
    Ok(response
        .header(CONTENT_TYPE, "application/json")
        .body(body)?)
}
