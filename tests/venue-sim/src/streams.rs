//! One client's WebSocket: market streams (`/ws`, `/stream`) or the WebSocket API (`/ws-api/v3`).

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade, close_code};
use axum::extract::{ConnectInfo, Path, Query, State};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior};

use crate::persona::Persona;
use crate::publisher::{ConnectionId, Outgoing};
use crate::socket_api::{Reply, Session};

/// Streams that one connection may subscribe to.
const MOST_STREAMS: usize = 1_024;

/// How often the venue pings, and how long it waits for a pong.
const PING_INTERVAL: Duration = Duration::from_secs(20);
const PONG_TIMEOUT: Duration = Duration::from_mins(1);

/// What a connection's requests are.
enum Dialogue {
    Streams,
    Api(Box<Session>),
}

#[derive(Debug, Deserialize)]
pub(crate) struct CombinedQuery {
    #[serde(default)]
    streams: String,
}

/// `/stream?streams=a/b`.
pub(crate) async fn combined(
    State(persona): State<Arc<Persona>>,
    Query(query): Query<CombinedQuery>,
    upgrade: WebSocketUpgrade,
) -> Response {
    open_streams(persona, &query.streams, true, upgrade)
}

/// `/ws`.
pub(crate) async fn raw_without_stream(
    State(persona): State<Arc<Persona>>,
    upgrade: WebSocketUpgrade,
) -> Response {
    open_streams(persona, "", false, upgrade)
}

/// `/ws/a/b`.
pub(crate) async fn raw(
    State(persona): State<Arc<Persona>>,
    Path(streams): Path<String>,
    upgrade: WebSocketUpgrade,
) -> Response {
    open_streams(persona, &streams, false, upgrade)
}

fn open_streams(
    persona: Arc<Persona>,
    names: &str,
    is_combined: bool,
    upgrade: WebSocketUpgrade,
) -> Response {
    let names: BTreeSet<String> = names
        .split('/')
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
        .collect();
    if persona.is_in_maintenance() {
        return axum::http::StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    upgrade.on_upgrade(move |socket| async move {
        serve(persona, socket, names, is_combined, Dialogue::Streams).await;
    })
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ApiQuery {
    return_rate_limits: Option<bool>,
}

/// `/ws-api/v3`.
pub(crate) async fn api(
    State(persona): State<Arc<Persona>>,
    ConnectInfo(address): ConnectInfo<SocketAddr>,
    Query(query): Query<ApiQuery>,
    upgrade: WebSocketUpgrade,
) -> Response {
    if persona.is_in_maintenance() {
        return axum::http::StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    let shows_limits = query.return_rate_limits.unwrap_or(true);
    upgrade.on_upgrade(move |socket| async move {
        let session = Session::new(address.ip(), persona.now(), shows_limits);
        let dialogue = Dialogue::Api(Box::new(session));
        serve(persona, socket, BTreeSet::new(), false, dialogue).await;
    })
}

async fn serve(
    persona: Arc<Persona>,
    socket: WebSocket,
    streams: BTreeSet<String>,
    is_combined: bool,
    dialogue: Dialogue,
) {
    let (id, outgoing) = persona.lock().publisher.connect(streams, is_combined);
    let mut client = Client {
        persona: Arc::clone(&persona),
        socket,
        id,
        outgoing,
        dialogue,
        last_pong: Instant::now(),
    };
    // How it ended changes nothing.
    let _ = client.serve().await;
    persona.lock().publisher.disconnect(id);
}

struct Client {
    persona: Arc<Persona>,
    socket: WebSocket,
    id: ConnectionId,
    outgoing: mpsc::Receiver<Outgoing>,
    dialogue: Dialogue,
    last_pong: Instant,
}

/// The connection is over.
struct Over;

impl Client {
    async fn serve(&mut self) -> Result<(), Over> {
        let mut pings = tokio::time::interval_at(Instant::now() + PING_INTERVAL, PING_INTERVAL);
        pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                request = self.socket.recv() => match request {
                    Some(Ok(message)) => self.on_message(message).await?,
                    Some(Err(_)) | None => return Err(Over),
                },
                message = self.outgoing.recv() => match message {
                    Some(message) => self.carry_out(message).await?,
                    None => return Err(Over),
                },
                _ = pings.tick() => {
                    if self.last_pong.elapsed() > PONG_TIMEOUT {
                        return Err(Over);
                    }
                    let time = self.persona.now().nanoseconds() / 1_000_000;
                    self.send(Message::Ping(Bytes::from(time.to_string()))).await?;
                }
            }
        }
    }

    async fn carry_out(&mut self, message: Outgoing) -> Result<(), Over> {
        match message {
            Outgoing::Text(text) => self.send(Message::Text(text.into())).await,
            Outgoing::Late(late, text) => {
                tokio::time::sleep(late).await;
                self.send(Message::Text(text.into())).await
            }
            Outgoing::Close => {
                let frame = CloseFrame {
                    code: close_code::AWAY,
                    reason: "disconnected after 24 hours".into(),
                };
                self.send(Message::Close(Some(frame))).await?;
                Err(Over)
            }
            Outgoing::Cut => Err(Over),
        }
    }

    async fn on_message(&mut self, message: Message) -> Result<(), Over> {
        match message {
            Message::Text(text) => self.on_request(&text).await,
            Message::Pong(_) => {
                self.last_pong = Instant::now();
                Ok(())
            }
            Message::Close(_) => Err(Over),
            Message::Ping(_) | Message::Binary(_) => Ok(()),
        }
    }

    async fn on_request(&mut self, text: &str) -> Result<(), Over> {
        match &mut self.dialogue {
            Dialogue::Streams => {
                let reply = self.on_stream_request(text).to_string();
                self.send(Message::Text(reply.into())).await
            }
            Dialogue::Api(session) => match session.on_request(&self.persona, self.id, text) {
                Reply::Now(text) => self.send(Message::Text(text.into())).await,
                Reply::Late(late, request) => {
                    tokio::time::sleep(late).await;
                    let text = session.answer(&self.persona, self.id, &request);
                    self.send(Message::Text(text.into())).await
                }
                Reply::Cut => Err(Over),
            },
        }
    }

    fn on_stream_request(&self, text: &str) -> Value {
        let value: Value = match serde_json::from_str(text) {
            Ok(value) => value,
            Err(problem) => {
                let message = format!("Invalid JSON: {problem}");
                return json!({ "code": 3, "msg": message });
            }
        };
        let id = value.get("id").cloned().unwrap_or(Value::Null);
        match serde_json::from_value::<StreamRequest>(value) {
            Ok(request) => match self.change_streams(&request) {
                Ok(result) => json!({ "result": result, "id": id }),
                Err((code, message)) => json!({ "code": code, "msg": message, "id": id }),
            },
            Err(problem) => {
                let message = format!("Invalid request: {problem}");
                json!({ "code": 2, "msg": message, "id": id })
            }
        }
    }

    fn change_streams(&self, request: &StreamRequest) -> Result<Value, (i32, String)> {
        let mut state = self.persona.lock();
        let publisher = &mut state.publisher;
        if matches!(
            request.method,
            StreamMethod::SetProperty | StreamMethod::GetProperty
        ) {
            let Some(combined) = publisher.combined(self.id) else {
                return Ok(Value::Null);
            };
            return match (request.params.first(), request.params.get(1)) {
                (Some(Value::String(name)), None) if name == "combined" => Ok(json!(*combined)),
                (Some(Value::String(name)), Some(Value::Bool(value))) if name == "combined" => {
                    *combined = *value;
                    Ok(Value::Null)
                }
                (Some(Value::String(name)), _) if name == "combined" => {
                    Err((1, "Invalid value type: expected Boolean".to_owned()))
                }
                _ => Err((0, "Unknown property".to_owned())),
            };
        }
        let Some(streams) = publisher.streams(self.id) else {
            return Ok(Value::Null);
        };
        let named: Vec<String> = request
            .params
            .iter()
            .filter_map(|name| name.as_str().map(str::to_owned))
            .collect();
        match request.method {
            StreamMethod::Subscribe if streams.len() + named.len() > MOST_STREAMS => Err((
                2,
                format!("Invalid request: more than {MOST_STREAMS} streams"),
            )),
            StreamMethod::Subscribe => {
                streams.extend(named);
                Ok(Value::Null)
            }
            StreamMethod::Unsubscribe => {
                streams.retain(|stream| !named.contains(stream));
                Ok(Value::Null)
            }
            _ => Ok(json!(*streams)),
        }
    }

    async fn send(&mut self, message: Message) -> Result<(), Over> {
        self.socket.send(message).await.map_err(|_| Over)
    }
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum StreamMethod {
    Subscribe,
    Unsubscribe,
    ListSubscriptions,
    SetProperty,
    GetProperty,
}

#[derive(Debug, Deserialize)]
struct StreamRequest {
    method: StreamMethod,
    #[serde(default)]
    params: Vec<Value>,
}
