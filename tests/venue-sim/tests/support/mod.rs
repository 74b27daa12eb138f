//! A venue in this process and a client without a library.

#![allow(dead_code, reason = "each test takes what it needs")]

use std::net::SocketAddr;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use axum::body::Body;
use futures::{SinkExt, StreamExt};
use http_body_util::BodyExt;
use hyper_util::client::legacy::Client as HttpClient;
use hyper_util::rt::TokioExecutor;
use ring::hmac;
use serde_json::Value;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};
use triptych_engine::event::{Level, Levels};
use triptych_market_data::generator::{DEFAULT_START, Generator};
use triptych_market_data::instruments::Instruments;
use triptych_market_data::recording::{Pace, Passes};
use triptych_market_data::wire::recorded_line;
use triptych_venue_sim::{
    AccountSettings, Addresses, Crowd, CrowdSettings, Personas, RunningVenue, start,
};

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: String,
    headers: Vec<(String, String)>,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_default()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }
}

/// Sends one request on a connection of its own; `None` where no whole answer came.
async fn request(
    address: SocketAddr,
    verb: &str,
    path: &str,
    key: &str,
    body: &str,
) -> Option<Answer> {
    let client: HttpClient<_, Body> = HttpClient::builder(TokioExecutor::new()).build_http();
    let request = axum::http::Request::builder()
        .method(verb)
        .uri(format!("http://{address}{path}"))
        .header("x-mbx-apikey", key)
        .header(
            "content-type",
            if body.starts_with('{') {
                "application/json"
            } else {
                "application/x-www-form-urlencoded"
            },
        )
        .body(Body::from(body.to_owned()))
        .unwrap();
    let response = client.request(request).await.ok()?;
    let status = response.status().as_u16();
    let headers = response
        .headers()
        .iter()
        .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
        .collect();
    let bytes = response.into_body().collect().await.ok()?.to_bytes();
    Some(Answer {
        status,
        body: String::from_utf8(bytes.to_vec()).unwrap(),
        headers,
    })
}

/// One account's client.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    pub(crate) address: SocketAddr,
    pub(crate) key: String,
    pub(crate) secret: String,
}

fn now() -> u128 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_millis()
}

impl Client {
    fn new(address: SocketAddr, account: &AccountSettings) -> Self {
        Self {
            address,
            key: account.api_key.clone(),
            secret: account.secret.clone(),
        }
    }

    fn signature(&self, payload: &str) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA256, self.secret.as_bytes());
        let tag = hmac::sign(&key, payload.as_bytes());
        tag.as_ref()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect()
    }

    pub(crate) async fn send(&self, verb: &str, path: &str, body: &str) -> Option<Answer> {
        request(self.address, verb, path, &self.key, body).await
    }

    pub(crate) async fn signed(&self, verb: &str, path: &str, query: &str) -> Option<Answer> {
        self.signed_then(verb, path, query, "").await
    }

    /// Signs the query and adds something to it afterwards.
    pub(crate) async fn signed_then(
        &self,
        verb: &str,
        path: &str,
        query: &str,
        added: &str,
    ) -> Option<Answer> {
        let payload = stamped(query);
        let signature = self.signature(&payload);
        let path = format!("{path}?{payload}{added}&signature={signature}");
        self.send(verb, &path, "").await
    }

    pub(crate) async fn signed_in_body(
        &self,
        verb: &str,
        path: &str,
        body: &str,
    ) -> Option<Answer> {
        let payload = stamped(body);
        let signature = self.signature(&payload);
        self.send(verb, path, &format!("{payload}&signature={signature}"))
            .await
    }

    /// Parameters of the WebSocket API with key, time and signature.
    pub(crate) fn signed_params(&self, params: Value) -> Value {
        let mut params = params;
        params["apiKey"] = self.key.clone().into();
        params["timestamp"] = i64::try_from(now()).unwrap().into();
        let mut pairs: Vec<String> = params
            .as_object()
            .unwrap()
            .iter()
            .map(|(name, value)| {
                let text = value
                    .as_str()
                    .map_or_else(|| value.to_string(), str::to_owned);
                format!("{name}={text}")
            })
            .collect();
        pairs.sort_unstable();
        params["signature"] = self.signature(&pairs.join("&")).into();
        params
    }
}

fn stamped(query: &str) -> String {
    let separator = if query.is_empty() { "" } else { "&" };
    format!("{query}{separator}timestamp={}", now())
}

/// A venue of this test alone.
pub(crate) struct TestVenue {
    running: RunningVenue,
    personas: Personas,
}

fn instruments() -> Instruments {
    Instruments::parse(["BTCUSDT"]).unwrap()
}

/// Opens a venue whose market the generator moves.
pub(crate) async fn venue() -> TestVenue {
    venue_of(Crowd::Generator {
        seed: 3,
        instruments: instruments(),
    })
    .await
}

/// A recording of a minute or so, in a file that outlives the test's venue.
pub(crate) fn recording() -> Crowd {
    let symbol = "BTCUSDT".parse().unwrap();
    let lines: Vec<String> = Generator::new(5, &instruments(), DEFAULT_START)
        .take(20_000)
        .filter_map(|event| recorded_line(&event, &symbol))
        .collect();
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("venue-recording.txt");
    std::fs::write(&path, lines.join("\n")).unwrap();
    Crowd::Recording {
        path,
        passes: Passes::Forever,
    }
}

/// Opens a venue whose market this moves.
pub(crate) async fn venue_of(crowd: Crowd) -> TestVenue {
    open(crowd, None).await
}

/// Opens a venue whose market stands still after so many moves.
pub(crate) async fn venue_that_stops(events: usize) -> TestVenue {
    let crowd = Crowd::Generator {
        seed: 3,
        instruments: instruments(),
    };
    open(crowd, Some(events)).await
}

async fn open(crowd: Crowd, most_events: Option<usize>) -> TestVenue {
    let personas = Personas::documented();
    let settings = CrowdSettings {
        crowd,
        pace: Pace::RECORDED,
        most_events,
    };
    let running = start(Addresses::local(), &personas, &settings)
        .await
        .unwrap();
    TestVenue { running, personas }
}

/// The levels of a book or a diff.
pub(crate) fn levels(message: &Value, sides: [&str; 2]) -> Levels {
    let [bids, asks] = sides.map(|side| {
        let levels = message[side].as_array().unwrap().iter();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        levels
            .map(|level| Level {
                price: text(&level[0]).parse().unwrap(),
                quantity: text(&level[1]).parse().unwrap(),
            })
            .collect()
    });
    Levels { bids, asks }
}

impl TestVenue {
    /// Where the live persona's streams are.
    pub(crate) fn live_url(&self) -> String {
        format!("ws://{}", self.running.addresses().live)
    }

    pub(crate) fn live(&self) -> Client {
        Client::new(
            self.running.addresses().live,
            &self.personas.live.accounts[0],
        )
    }

    pub(crate) fn demo(&self) -> Client {
        Client::new(
            self.running.addresses().demo,
            &self.personas.demo.accounts[0],
        )
    }

    pub(crate) async fn admin(&self, verb: &str, path: &str, body: &Value) -> Value {
        let address = self.running.addresses().admin;
        let answer = request(address, verb, path, "", &body.to_string())
            .await
            .unwrap();
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        answer.json()
    }

    pub(crate) async fn stream(&self, path: &str) -> Stream {
        Stream::open(self.running.addresses().live, path).await
    }

    pub(crate) async fn demo_stream(&self, path: &str) -> Stream {
        Stream::open(self.running.addresses().demo, path).await
    }
}

/// A WebSocket.
pub(crate) struct Stream(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Stream {
    async fn open(address: SocketAddr, path: &str) -> Self {
        let (stream, _) = connect_async(format!("ws://{address}{path}"))
            .await
            .unwrap();
        Self(stream)
    }

    pub(crate) async fn send(&mut self, request: &Value) {
        let text = request.to_string();
        self.0.send(Message::text(text)).await.unwrap();
    }

    pub(crate) async fn ask(&mut self, request: &Value) -> Value {
        self.send(request).await;
        loop {
            let message = self.next().await;
            if message["id"] == request["id"] {
                return message;
            }
        }
    }

    /// The next message.
    pub(crate) async fn next(&mut self) -> Value {
        loop {
            if let Message::Text(text) = self.0.next().await.unwrap().unwrap() {
                return serde_json::from_str(&text).unwrap();
            }
        }
    }

    /// Everything that comes before the connection ends.
    pub(crate) async fn until_end(&mut self) -> Vec<Value> {
        let mut messages = Vec::new();
        while let Some(Ok(message)) = self.0.next().await {
            if let Message::Text(text) = message {
                messages.push(serde_json::from_str(&text).unwrap());
            }
        }
        messages
    }
}
