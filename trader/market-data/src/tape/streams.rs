//! One client's WebSocket: its subscriptions, its messages and its signs of life.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket, WebSocketUpgrade, close_code};
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::{Instant, MissedTickBehavior};

use super::hub::{Registration, StreamMessage, lock};
use super::server::Shared;

/// Streams that one connection may subscribe to.
const MOST_STREAMS: usize = 1024;

/// Largest request that a client may send, in bytes.
const LARGEST_REQUEST: usize = 64 * 1024;

/// Longest time that sending one message may take.
const SEND_TIMEOUT: Duration = Duration::from_secs(10);

pub(super) fn routes() -> Router<Arc<Shared>> {
    Router::new()
        .route("/stream", get(combined))
        .route("/ws", get(raw_without_stream))
        .route("/ws/{stream}", get(raw))
}

/// How a client wants its messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Raw,
    Combined,
}

#[derive(Debug, Deserialize)]
struct CombinedQuery {
    #[serde(default)]
    streams: String,
}

async fn combined(
    State(shared): State<Arc<Shared>>,
    Query(query): Query<CombinedQuery>,
    upgrade: WebSocketUpgrade,
) -> Response {
    let streams = query.streams.split('/').filter(|name| !name.is_empty());
    open(
        shared,
        streams.map(str::to_owned).collect(),
        Form::Combined,
        upgrade,
    )
}

async fn raw_without_stream(
    State(shared): State<Arc<Shared>>,
    upgrade: WebSocketUpgrade,
) -> Response {
    open(shared, BTreeSet::new(), Form::Raw, upgrade)
}

async fn raw(
    State(shared): State<Arc<Shared>>,
    Path(stream): Path<String>,
    upgrade: WebSocketUpgrade,
) -> Response {
    open(shared, BTreeSet::from([stream]), Form::Raw, upgrade)
}

fn open(
    shared: Arc<Shared>,
    streams: BTreeSet<String>,
    form: Form,
    upgrade: WebSocketUpgrade,
) -> Response {
    if streams.len() > MOST_STREAMS {
        return (StatusCode::BAD_REQUEST, "more than 1024 streams").into_response();
    }
    upgrade
        .max_message_size(LARGEST_REQUEST)
        .on_upgrade(move |socket| async move {
            let registration = shared.hub.register(streams);
            let id = registration.id;
            shared.counters.connections.fetch_add(1, Ordering::Relaxed);
            let mut client = Client {
                shared: Arc::clone(&shared),
                socket,
                registration,
                form,
                last_pong: Instant::now(),
            };
            client.serve().await;
            shared.hub.unregister(id);
        })
}

struct Client {
    shared: Arc<Shared>,
    socket: WebSocket,
    registration: Registration,
    form: Form,
    last_pong: Instant,
}

/// The connection is over.
struct Over;

impl Client {
    async fn serve(&mut self) {
        let mut pings = tokio::time::interval_at(
            Instant::now() + self.shared.options.ping_interval,
            self.shared.options.ping_interval,
        );
        pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let cut = self.registration.end.cut.clone();
            let step = tokio::select! {
                biased;
                () = cut.cancelled() => return,
                () = self.shared.stopping.cancelled() => {
                    self.say_goodbye().await;
                    return;
                }
                request = self.socket.recv() => match request {
                    Some(Ok(request)) => self.on_message(request).await,
                    Some(Err(_)) | None => Err(Over),
                },
                _ = pings.tick() => self.ping().await,
                message = self.registration.messages.recv() => match message {
                    Some(message) => self.send_message(&message).await,
                    None => Err(Over),
                },
            };
            if step.is_err() {
                return;
            }
        }
    }

    async fn send_message(&mut self, message: &StreamMessage) -> Result<(), Over> {
        let text = match self.form {
            Form::Raw => message.raw.clone(),
            Form::Combined => message.combined.clone(),
        };
        self.shared
            .counters
            .messages
            .fetch_add(1, Ordering::Relaxed);
        self.send(Message::Text(text)).await
    }

    async fn send(&mut self, message: Message) -> Result<(), Over> {
        let cut = self.registration.end.cut.clone();
        tokio::select! {
            sent = tokio::time::timeout(SEND_TIMEOUT, self.socket.send(message)) => match sent {
                Ok(Ok(())) => Ok(()),
                Ok(Err(_)) => Err(Over),
                Err(_) => {
                    self.shared.counters.slow_clients.fetch_add(1, Ordering::Relaxed);
                    Err(Over)
                }
            },
            () = cut.cancelled() => Err(Over),
        }
    }

    async fn ping(&mut self) -> Result<(), Over> {
        if self.last_pong.elapsed() > self.shared.options.pong_timeout {
            self.shared
                .counters
                .silent_clients
                .fetch_add(1, Ordering::Relaxed);
            return Err(Over);
        }
        self.send(Message::Ping(Bytes::from_static(b"tape"))).await
    }

    async fn on_message(&mut self, message: Message) -> Result<(), Over> {
        match message {
            Message::Text(text) => {
                let reply = self.reply_to(&text);
                self.send(Message::Text(reply)).await
            }
            Message::Pong(_) => {
                self.last_pong = Instant::now();
                Ok(())
            }
            Message::Close(_) => Err(Over),
            Message::Ping(_) | Message::Binary(_) => Ok(()),
        }
    }

    fn reply_to(&mut self, text: &str) -> Utf8Bytes {
        let reply = match serde_json::from_str::<Request>(text) {
            Ok(request) => match self.carry_out(&request) {
                Ok(result) => json!({ "result": result, "id": request.id }),
                Err(problem) => error_reply(&problem, &request.id),
            },
            Err(problem) => error_reply(&problem.to_string(), &Value::Null),
        };
        reply.to_string().into()
    }

    fn carry_out(&mut self, request: &Request) -> Result<Value, String> {
        let mut subscriptions = lock(&self.registration.subscriptions);
        match request.method.as_str() {
            "SUBSCRIBE" => {
                if subscriptions.len() + request.params.len() > MOST_STREAMS {
                    return Err(format!("more than {MOST_STREAMS} streams"));
                }
                subscriptions.extend(request.params.iter().cloned());
                Ok(Value::Null)
            }
            "UNSUBSCRIBE" => {
                for stream in &request.params {
                    subscriptions.remove(stream);
                }
                Ok(Value::Null)
            }
            "LIST_SUBSCRIPTIONS" => Ok(json!(*subscriptions)),
            other => Err(format!("unknown method {other:?}")),
        }
    }

    async fn say_goodbye(&mut self) {
        let close = Message::Close(Some(CloseFrame {
            code: close_code::AWAY,
            reason: "tape server is stopping".into(),
        }));
        let _ = tokio::time::timeout(Duration::from_secs(1), self.socket.send(close)).await;
    }
}

#[derive(Debug, Deserialize)]
struct Request {
    method: String,
    #[serde(default)]
    params: Vec<String>,
    #[serde(default)]
    id: Value,
}

fn error_reply(problem: &str, id: &Value) -> Value {
    json!({ "error": { "code": 2, "msg": format!("Invalid request: {problem}") }, "id": id })
}
